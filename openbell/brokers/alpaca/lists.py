"""Lists that come in pages: every row of them, or an error."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from openbell.brokers.alpaca import rows
from openbell.brokers.alpaca.questions import Trading
from openbell.brokers.alpaca.rows import Row
from openbell.errors import BrokerError

#: Rows of a page of orders and of activities: the most that Alpaca gives.
ORDERS_PAGE, ACTIVITIES_PAGE = 500, 100
_MICROSECOND = timedelta(microseconds=1)


def orders(trading: Trading, **query: str) -> list[Row]:
    """Every row of a list of orders, oldest first.

    Pages go back in time: what comes in meanwhile is newer and disturbs nothing. Each page takes the instant of the
    last row once more, because several orders may share it.
    """
    found: dict[str, Row] = {}
    params = {"limit": str(ORDERS_PAGE), "direction": "desc", "nested": "false"} | query
    while True:
        page = trading.rows("/orders", params)
        fresh = {str(row.get("id")): row for row in page if row.get("id") not in found}
        found |= fresh
        if len(page) < ORDERS_PAGE:
            return list(reversed(found.values()))
        if not fresh:
            raise BrokerError(f"alpaca: {ORDERS_PAGE} orders share one instant, the rest cannot be read")
        last = min(rows.instant_of(row, "submitted_at") for row in page)
        params["until"] = stamp(last + _MICROSECOND)


def activities(trading: Trading, kinds: Sequence[str], since: datetime) -> list[Row]:
    """Every row of some kinds of the account's activities since an instant, oldest first."""
    found: dict[str, Row] = {}
    # One second more than asked for: whether "after" includes its instant is not documented.
    params = {"after": stamp(since - timedelta(seconds=1)), "direction": "asc", "page_size": str(ACTIVITIES_PAGE)}
    one = f"/{kinds[0]}" if len(kinds) == 1 else ""
    params |= {} if one else {"activity_types": ",".join(kinds)}
    while True:
        page = trading.rows(f"/account/activities{one}", params)
        fresh = {str(row.get("id")): row for row in page if row.get("id") not in found}
        found |= fresh
        if len(page) < ACTIVITIES_PAGE or not fresh:
            return list(found.values())
        params["page_token"] = str(page[-1].get("id"))


def stamp(instant: datetime) -> str:
    """An instant as Alpaca writes it."""
    return instant.isoformat().replace("+00:00", "Z")
