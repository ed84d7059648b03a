"""The Broker port over Alpaca's trading API."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from openbell.brokers.alpaca import activities, assets, lists, outcomes, rows
from openbell.brokers.alpaca.days import once, session_of
from openbell.brokers.alpaca.legs import Names
from openbell.brokers.alpaca.questions import Trading
from openbell.brokers.alpaca.rows import Row
from openbell.errors import BrokerError, BrokerUnavailable, WrongAccount
from openbell.ports import Accepted, BrokerClock, Capabilities, Rejected, Submission, Unknown, VenueDays
from openbell.values.account import Account
from openbell.values.breaks import Activity
from openbell.values.instrument import Instrument
from openbell.values.legs import parent_of
from openbell.values.orders import Bust, Fill, Order, OrderClass, OrderIntent, OrderType, Purpose, TimeInForce

#: From this many symbols or orders on, one list is cheaper than a question for each.
MANY = 20
#: Part of the gross value by which positions may differ from the account's own word, since prices move in between.
TOLERANCE = 10
#: Coins take neither orders for the day nor legs, and nothing is taken that costs less than a dollar.
COIN_TERMS, MIN_NOTIONAL = frozenset({TimeInForce.GTC, TimeInForce.IOC}), Decimal(1)
#: Seconds for the list of all assets, some megabytes.
LONG = 30.0
NO_WAIT = timedelta(0)
#: A fill reaches positions and account a moment apart: the pauses before they are asked for again.
SETTLING = (timedelta(milliseconds=100), timedelta(milliseconds=400))
_DAY = timedelta(days=1)


class AlpacaBroker:
    """One account; who it is was asked when it was opened, so that nothing is ever sent to another one.

    Paper accounts are numbered PA...; an account whose number is of the other mode is a WrongAccount.
    """

    def __init__(
        self, transport: Trading, mode: Literal["paper", "live"], unique_ids: bool = True, kept: Path | None = None
    ) -> None:
        self._transport = transport
        self._day = None if kept is None else kept / "alpaca.day"
        row = transport.row("/account")
        self._number = rows.text_of(row, "account_number")
        self._environment = "paper" if self._number.startswith("PA") else "live"
        if self._environment != mode:
            raise WrongAccount(
                f"mode {mode} was asked for, but account ...{self._number[-4:]} is a {self._environment} one"
            )
        shorting = row.get("shorting_enabled") is True
        self._capabilities = Capabilities(
            unique_client_ids=unique_ids,
            fractions=True,
            shorting=shorting,
            order_types=frozenset(OrderType),
            order_classes=frozenset(OrderClass),
            coin_terms=COIN_TERMS,
            extended_hours=True,
            min_notional=MIN_NOTIONAL,
        )
        self._names = Names()
        self._assets: dict[str, Instrument | None] = {}
        #: The close that the venue named when it was last asked whether it is open.
        self._until: datetime | None = None

    def __repr__(self) -> str:
        return f"AlpacaBroker({self._environment} {self._number})"

    @property
    def account_id(self) -> str:
        """Alpaca's account number."""
        return self._number

    @property
    def environment(self) -> str:
        """``paper`` or ``live``, by the class of the account's number."""
        return self._environment

    @property
    def capabilities(self) -> Capabilities:
        """All order types, legs too; client ids are unique for ever."""
        return self._capabilities

    def clock(self) -> BrokerClock:
        """Alpaca's clock; it knows US stock hours only, and coins trade at any."""
        row = self._transport.row("/clock")
        if not isinstance(row.get("is_open"), bool):
            raise BrokerError("alpaca: the clock does not say whether the market is open")
        return BrokerClock(rows.instant_of(row, "timestamp"), row["is_open"], coins=True)

    def sessions(self, first: date, last: date) -> VenueDays:
        """Alpaca's calendar of US stocks: every day from first to last; a single one is asked for once a session."""

        def ask() -> dict[date, tuple[datetime, datetime]]:
            days = self._transport.rows("/calendar", {"start": first.isoformat(), "end": last.isoformat()})
            return dict(map(session_of, days))

        told = once(self._day, first, ask) if first == last else ask()
        whole = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return {day: told.get(day) for day in whole}

    def account(self) -> Account:
        """Account and positions; BrokerUnavailable while the two do not agree, since flat is never assumed."""
        for pause in (NO_WAIT, *SETTLING):
            self._transport.pause(pause)
            row, positions = self._transport.row("/account"), self._transport.rows("/positions")
            held, said, slack = rows.worth(row, positions)
            if abs(said - held) * TOLERANCE <= abs(said) + slack:
                return rows.account_of(row, positions, self._environment)
        raise BrokerUnavailable(f"alpaca: positions are worth {held}, the account says {said}")

    def open_orders(self) -> tuple[Order, ...]:
        """Every open order of the account, whoever placed it, oldest first; all pages."""
        listed = lists.orders(self._transport, status="open")
        self._names.learn(listed, self._nested)
        found = (self._names.order_of(row) for row in listed)
        return tuple(order for order in found if not order.state.terminal)

    def order(self, client_id: str) -> Order | None:
        """The order with our id; None only on Alpaca's own 404 and when no page of the last day's orders has it."""
        if parent := parent_of(client_id):
            return self._leg(parent, client_id)
        path = "/orders:by_client_order_id"
        answer = self._transport.call("GET", path, {"client_order_id": client_id}, urgent=True)
        if outcomes.absent(answer):
            listed = lists.orders(self._transport, status="all", after=lists.stamp(datetime.now(UTC) - _DAY))
            return next((rows.order_of(row) for row in listed if row.get("client_order_id") == client_id), None)
        return outcomes.read(self._transport.clean(answer, path), client_id)

    def submit(self, intent: OrderIntent) -> Submission:
        """One POST and never a second; what is not clear is Unknown.

        It waits for no request to come free, since it was judged for this very moment.
        """
        leaving = intent.purpose is not Purpose.ENTRY
        answer = self._transport.call("POST", "/orders", outcomes.request(intent), urgent=leaving, patience=NO_WAIT)
        outcome = outcomes.submitted(answer, intent)
        if outcomes.maybe_duplicate(answer):
            return self._recovered(intent, outcome)
        if not isinstance(outcome, Accepted):
            return outcome
        if intent.order_class is not OrderClass.SIMPLE:
            outcome = replace(outcome, legs=self._legs_told(answer.body))
        return self._in_session(outcome) if outcomes.queued(answer, intent) else outcome

    def cancel(self, client_id: str) -> Submission:
        """Ask for a cancel; the order may still fill, and stays PENDING_CANCEL until the venue says more."""
        try:
            order = self.order(client_id)
        except BrokerError as error:
            return Unknown(f"nothing was canceled, the order was not found out: {error}")
        if order is None:
            return Rejected("UNKNOWN_ORDER", f"no order has the client id {client_id}")
        outcome = outcomes.canceled(
            self._transport.call("DELETE", f"/orders/{quote(order.broker_id)}", urgent=True), order
        )
        return outcome if isinstance(outcome, (Rejected, Unknown)) else self._after_cancel(outcome.order)

    def fills(self, since: datetime) -> tuple[Fill, ...]:
        """Executions of the account at or after ``since`` that stand, oldest first; all pages."""
        read = lists.activities(self._transport, ["FILL"], since)
        gone = rows.taken_back(read)
        found = [row for row in read if rows.executed(row) and row.get("id") not in gone and _since(row, since)]
        self._learn({rows.text_of(row, "order_id") for row in found}, since)
        made = [rows.fill_of(row, self._ours(row)) for row in found]
        return tuple(sorted({fill.id: fill for fill in made}.values(), key=lambda fill: fill.time))

    def busts(self, since: datetime) -> tuple[Bust, ...]:
        """Executions that were taken back at or after ``since``, oldest first."""
        gone = {
            fill: row
            for fill, row in rows.taken_back(lists.activities(self._transport, ["FILL"], since)).items()
            if _since(row, since)
        }
        self._learn({rows.text_of(row, "order_id") for row in gone.values()}, since)
        made = [Bust(fill, self._ours(row), rows.instant_of(row, "transaction_time")) for fill, row in gone.items()]
        return tuple(sorted(made, key=lambda bust: bust.time))

    def activities(self, since: datetime) -> tuple[Activity, ...]:
        """Fees, dividends, interest and money that came or went, on the day of ``since`` or later; oldest first."""
        midnight = since.replace(hour=0, minute=0, second=0, microsecond=0)
        read = map(activities.activity_of, lists.activities(self._transport, list(activities.KINDS), midnight))
        return tuple(sorted((one for one in read if one is not None), key=lambda one: (one.time, one.id)))

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        """Facts of each symbol, asked for once in the life of this object."""
        missing = [symbol for symbol in symbols if symbol not in self._assets]
        if len(missing) > MANY:
            listed = self._transport.patient(LONG).rows("/assets", {"status": "active"})
            wanted = set(missing)
            self._assets |= {row["symbol"]: assets.listed(row) for row in listed if row.get("symbol") in wanted}
            self._assets |= {symbol: self._assets.get(symbol) for symbol in missing}
        else:
            self._assets |= {symbol: self._asset(symbol) for symbol in missing}
        return {symbol: found for symbol in symbols if (found := self._assets[symbol]) is not None}

    # --- behind the doors ------------------------------------------------------------------------------------

    def _asset(self, symbol: str) -> Instrument | None:
        path = f"/assets/{quote(symbol, safe='')}"
        answer = self._transport.call("GET", path)
        if outcomes.absent(answer):
            return None
        return assets.instrument_of(self._transport.single(self._transport.clean(answer, path), path))

    def _recovered(self, intent: OrderIntent, refused: Submission) -> Submission:
        """The id is known already: an earlier POST of ours may have come through, so ask before judging."""
        try:
            return outcomes.duplicate(self.order(intent.id), intent, refused)
        except BrokerError as error:
            return Unknown(f"the id was used before and the look-up failed: {error}")

    def _in_session(self, taken: Accepted) -> Accepted:
        """As it is; one that was taken after the close is called back, since nobody decided for the next session.

        Within one session of the venue it is asked once.
        """
        if self._until is not None and taken.order.updated < self._until:
            return taken
        try:
            row = self._transport.row("/clock")
            self._until = rows.instant_of(row, "next_close") if row.get("is_open") is True else None
        except BrokerError as error:
            return replace(taken, concern=f"whether the venue was open when it took the order is not known: {error}")
        return taken if self._until else self._called_off(taken)

    def _called_off(self, taken: Accepted) -> Accepted:
        told = "taken while the venue is closed, and called back: it would have waited for the next session"
        outcome = self.cancel(taken.order.client_id)
        if isinstance(outcome, Accepted):
            return replace(taken, order=replace(outcome.order, reason=told), concern=told)
        why = outcome.message if isinstance(outcome, Rejected) else outcome.reason
        return replace(taken, concern=f"{told}; whether it is gone is not known: {why}")

    def _after_cancel(self, order: Order) -> Submission:
        try:
            now = self.order(order.client_id)
        except BrokerUnavailable:
            now = None
        return outcomes.cancel_taken(now or order)

    def _learn(self, order_ids: Iterable[str], since: datetime) -> None:
        """Executions name only Alpaca's id of the order; ours comes from the order itself."""
        missing = {order_id for order_id in order_ids if self._names.ours(order_id) is None}
        if len(missing) > MANY:
            self._names.learn(
                lists.orders(self._transport, status="all", after=lists.stamp(since - _DAY)), self._nested
            )
            missing = {order_id for order_id in missing if self._names.ours(order_id) is None}
        self._names.learn([self._transport.row(f"/orders/{quote(order_id)}") for order_id in missing], self._nested)

    def _ours(self, execution: Row) -> str:
        return self._names.ours(str(execution.get("order_id"))) or ""

    def _nested(self, symbols: Sequence[str], after: datetime, until: datetime) -> list[Row]:
        about = {"symbols": ",".join(symbols), "after": lists.stamp(after), "until": lists.stamp(until)}
        return lists.orders(self._transport, status="all", nested="true", **about)

    def _leg(self, parent: str, client_id: str) -> Order | None:
        """A leg by Alpaca's id of it, which its order tells."""
        if self._names.theirs(client_id) is None:
            order = self.order(parent)
            if order is None:
                return None
            told = self._transport.row(f"/orders/{quote(order.broker_id)}", {"nested": "true"})
            self._names.learn_nested([told])
        their = self._names.theirs(client_id)
        return None if their is None else self._names.order_of(self._transport.row(f"/orders/{quote(their)}"))

    def _legs_told(self, body: Any) -> tuple[Order, ...]:
        """The legs in the answer to a POST; none when they cannot be read, since they can be asked for."""
        try:
            self._names.learn_nested([body])
            return tuple(self._names.order_of(leg) for leg in body.get("legs") or ())
        except BrokerError:
            return ()


def _since(row: Row, since: datetime) -> bool:
    return rows.instant_of(row, "transaction_time") >= since
