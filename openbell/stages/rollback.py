"""Orders of ours that the store knows nothing of: it is an old copy of itself, or another store trades there too.

Whoever finds one halts everything: the next order could be one that was sent already.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from openbell.ports import Broker, History, Journal, Level
from openbell.values.time import iso

STATE_ROLLBACK = "STATE_ROLLBACK"
#: Ids of ours begin like this.
PREFIX = "ob-"
#: Executions are looked at from this long before the newest that the store has; the farthest where it has none.
MARGIN, FARTHEST = timedelta(hours=1), timedelta(days=30)
#: What came to the broker so soon after a person was told belongs to what the person was told of.
SAME = timedelta(minutes=1)
#: Breaks that are looked through for those that a person knows of.
_MANY = 5000


@dataclass(frozen=True, slots=True)
class _Stranger:
    client_id: str
    time: datetime
    words: str


def rolled_back(journal: Journal, history: History, broker: Broker, now: datetime) -> str:
    """Why nothing may be sent, after a person was told and everything was halted; empty when every order is known.

    What a person was told of before is accepted once the switch was moved on. A BrokerError when nobody can tell.
    """
    found = _strangers(journal, history, broker, now)
    told = _told(history, broker.account_id) if found else None
    fresh = [stranger for stranger in found if told is None or stranger.time > told]
    if not fresh:
        return ""
    last = max(fresh, key=lambda stranger: (stranger.time, stranger.client_id))
    why = (
        f"account {broker.account_id} has {len(fresh)} orders of ours that this store never had, "
        f"the newest {last.client_id} ({last.words} at {iso(last.time)}): is this an old copy of the store?"
    )
    journal.open_break(broker.account_id, STATE_ROLLBACK, last.client_id, why)
    journal.alert(STATE_ROLLBACK, last.client_id, why)
    journal.set_switch(Level.HALTED, "openbell", f"{STATE_ROLLBACK}: {why}")
    return why


def _strangers(journal: Journal, history: History, broker: Broker, now: datetime) -> list[_Stranger]:
    newest = next(iter(history.fills(broker.account_id, limit=1)), None)
    since = now - FARTHEST if newest is None else max(newest.time - MARGIN, now - FARTHEST)
    seen = [_Stranger(o.client_id, o.updated, f"{o.side} {o.quantity} {o.symbol}") for o in broker.open_orders()]
    seen += [_Stranger(f.client_id, f.time, f"{f.side} {f.quantity} {f.symbol}") for f in broker.fills(since)]
    unknown = frozenset(unplanned(journal, (stranger.client_id for stranger in seen)))
    return [stranger for stranger in seen if stranger.client_id in unknown]


def unplanned(journal: Journal, client_ids: Iterable[str]) -> tuple[str, ...]:
    """Those that are written as ours and stand in no plan of the store."""
    ours = sorted({name for name in client_ids if name.startswith(PREFIX)})
    return journal.unplanned(ours) if ours else ()


def _told(history: History, account: str) -> datetime | None:
    """Up to when what the store does not know was told to a person before."""
    breaks = history.breaks(open_only=False, limit=_MANY)
    times = [found.time for found in breaks if (found.kind, found.account) == (STATE_ROLLBACK, account)]
    return max(times) + SAME if times else None
