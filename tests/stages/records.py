"""Records of runs as they come out of the journal, built by hand: one plan, one session, each way to end."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from openbell.values import canonical
from openbell.values.account import Account, Position
from openbell.values.market import DropCode, Dropped
from openbell.values.orders import Fill, Order, OrderIntent, OrderState, OrderType, Purpose, Share, Side
from openbell.values.plan import Plan
from openbell.values.quote import Quote
from openbell.values.record import DataSeen, Guard, Holding, Outcome, RunRecord
from openbell.values.signal import Signal
from openbell.values.verdict import Decision, NoTrade, Ruling, Unplaced, Verdict

SESSION = date(2026, 11, 24)
PLANNED = datetime(2026, 11, 24, 14, 35, tzinfo=UTC)
AS_OF = datetime(2026, 11, 24, 14, 35, 1, tzinfo=UTC)
LAST_BAR = datetime(2026, 11, 23, 21, 0, tzinfo=UTC)
SLOT = "demo/trade/2026-11-24T14:35:00Z"
GUARDS = ("enabled", "halted", "breaker", "slot", "window", "lateness", "broker", "account risk")
NAN = float("nan")
UNIVERSE = ("AAPL", "FB", "GOOG", "IBM", "MSFT")


def sample_plan(**changes: Any) -> Plan:
    """Two strategies on five stocks; ``rsi`` looks at three of them only."""
    strategies: tuple[dict[str, Any], ...] = (
        {"use": "sma_crossover"},
        {"use": "rsi_reversion", "name": "rsi", "universe": ("AAPL", "FB", "GOOG")},
    )
    return Plan.model_validate({"name": "demo", "universe": UNIVERSE, "strategies": strategies, **changes})


def sample_guards(blocked: str = "", code: str = "", detail: str = "") -> tuple[Guard, ...]:
    """The guards in their order; those behind the one that blocked were never asked."""
    passed = GUARDS[: GUARDS.index(blocked)] if blocked else GUARDS
    guards = tuple(Guard(name=name, passed=True) for name in passed)
    return (*guards, Guard(name=blocked, passed=False, code=code, detail=detail)) if blocked else guards


def sample_quote(symbol: str, bid: str, ask: str, age: float = 2.0) -> Quote:
    """A quote ``age`` seconds old."""
    last = (Decimal(bid) + Decimal(ask)) / 2
    return Quote(symbol, Decimal(bid), Decimal(ask), last, AS_OF - timedelta(seconds=age))


def sample_intent(symbol: str, side: Side, quantity: str, reference: str, **changes: Any) -> OrderIntent:
    """An intent with the id ``ob-<symbol>`` that ``sma_crossover`` asked for."""
    purpose = Purpose.ENTRY if side is Side.BUY else Purpose.EXIT
    values: dict[str, Any] = {"confidence": 0.8, "shares": (Share("sma_crossover", Decimal(quantity) * side.sign),)}
    values |= {"id": f"ob-{symbol.lower()}", "slot": SLOT, "leg": 0, "purpose": purpose} | changes
    return OrderIntent(symbol=symbol, side=side, quantity=Decimal(quantity), reference=Decimal(reference), **values)


def sample_verdict(intent: OrderIntent, allowed: str, rule: str = "", measured: str = "", limit: str = "") -> Verdict:
    """A verdict that ``rule`` decided, after min_confidence had nothing against it."""
    quantity = Decimal(allowed)
    decision = (
        Decision.DENIED if not quantity else Decision.CLIPPED if quantity < intent.quantity else Decision.APPROVED
    )
    rulings = [Ruling("min_confidence", Decision.APPROVED, "0.8000", "0.5000", intent.quantity)]
    if rule:
        rulings.append(Ruling(rule, decision, measured, limit, quantity))
    rule, measured, limit = rule or "min_confidence", measured or "0.8000", limit or "0.5000"
    return Verdict(intent.id, intent.symbol, decision, rule, measured, limit, intent.quantity, quantity, tuple(rulings))


def sample_order(intent: OrderIntent, quantity: str, state: OrderState, **changes: Any) -> Order:
    """The order of an intent in some state."""
    values: dict[str, Any] = {"type": intent.type, "updated": AS_OF + timedelta(seconds=1), "broker_id": "paper-1"}
    values |= {"limit_price": intent.limit_price, "stop_price": intent.stop_price, "trail": intent.trail} | changes
    return Order(intent.id, intent.symbol, intent.side, Decimal(quantity), state=state, **values)


def sample_fill(order: Order, quantity: str, price: str, fee: str = "0.35") -> Fill:
    """One execution of an order."""
    time = AS_OF + timedelta(seconds=1)
    key = f"fill-{order.client_id}-{quantity}"
    return Fill(key, order.client_id, order.symbol, order.side, Decimal(quantity), Decimal(price), Decimal(fee), time)


def sample_data(**changes: Any) -> DataSeen:
    """Sample prices of four symbols up to the last close; FB was left out."""
    values: dict[str, Any] = {
        "digest": "ab" * 32,
        "provider": "sample",
        "timeframe": "1d",
        "adjustment": "raw",
        "bars": 60,
        "symbols": 4,
        "last_bar": LAST_BAR,
        "dropped": (Dropped("FB", DropCode.STALE, "last bar 2026-11-16, wanted 2026-11-23"),),
    }
    return DataSeen(**(values | changes))


def sample_inputs() -> dict[str, Any]:
    """What the decisions took besides the panel, in canonical form."""
    held = {"IBM": Position("IBM", Decimal(20), Decimal("180.5"))}
    account = Account("demo", "paper", "USD", Decimal("96500.00"), held, Decimal("96500.00"))
    quotes = [sample_quote("AAPL", "149.98", "150.02"), sample_quote("IBM", "190.00", "190.10")]
    return {"account": canonical.plain(account), "quotes": canonical.plain(quotes), "open_orders": []}


def _base(ended: Outcome, **values: Any) -> RunRecord:
    plan = sample_plan()
    identity: dict[str, Any] = {
        "id": "0a1b2c3d",
        "plan": "demo",
        "job": "trade",
        "slot": SLOT,
        "planned": PLANNED,
        "session": SESSION,
        "outcome": ended,
        "clock": AS_OF,
        "as_of": AS_OF,
        "finished": AS_OF + timedelta(seconds=2),
        "account": "demo",
        "plan_hash": plan.hash,
        "plan_body": plan.model_dump(mode="json"),
        "versions": {"openbell": "0.1.0", "python": "3.11.9"},
        "guards": sample_guards(),
    }
    return RunRecord(**(identity | values))


def sample_signals() -> tuple[Signal, ...]:
    """``sma_crossover`` on the four symbols of the panel, ``rsi`` on two of its three."""
    return (
        Signal("sma_crossover", "AAPL", 1.0, 0.8, "fast average 151.20 above slow 148.90"),
        Signal("sma_crossover", "GOOG", 1.0, 0.8, "fast average 612.00 above slow 598.00"),
        Signal("sma_crossover", "IBM", 0.0, 0.8, "fast average 188.00 below slow 191.00"),
        Signal("sma_crossover", "MSFT", 1.0, 0.8, "fast average 31.00 above slow 30.10"),
        Signal("rsi", "AAPL", NAN, 0.0, "no opinion: what is held stays"),
        Signal("rsi", "GOOG", 0.5, 0.62, "RSI 24.1 below 30"),
    )


def sample_record(**changes: Any) -> RunRecord:
    """A run with every kind of end: AAPL bought, GOOG cut, IBM denied, MSFT at target, FB left out."""
    aapl = sample_intent("AAPL", Side.BUY, "12", "150.00")
    goog_shares = (Share("sma_crossover", Decimal(5)), Share("rsi", Decimal(3)))
    goog = sample_intent("GOOG", Side.BUY, "8", "605.25", shares=goog_shares)
    ibm = sample_intent("IBM", Side.SELL, "20", "190.05")
    bought = sample_order(aapl, "12", OrderState.FILLED, filled=Decimal(12), average_price=Decimal("150.0213"))
    cut = sample_order(goog, "3", OrderState.PARTIAL, filled=Decimal(2), average_price=Decimal("605.3"))
    values: dict[str, Any] = {
        "data": sample_data(),
        "inputs": sample_inputs(),
        "signals": sample_signals(),
        "intents": (aapl, goog, ibm),
        "unplaced": (Unplaced("MSFT", NoTrade.AT_TARGET, "holds 40, wants 40"),),
        "verdicts": (
            sample_verdict(aapl, "12"),
            sample_verdict(goog, "3", "max_order_notional", "4842.00", "2000.00"),
            sample_verdict(ibm, "0", "max_price_age", "quote unknown", "10 s"),
        ),
        "orders": (bought, cut),
        "fills": (sample_fill(bought, "12", "150.0213"), sample_fill(cut, "2", "605.3")),
        "holdings": (
            _holding("AAPL", "12", "150.0213", "150.02"),
            _holding("GOOG", "2", "605.3", "604.1"),
            _holding("IBM", "20", "180.5", "190.05"),
        ),
        "cash": Decimal("93488.44"),
        "equity": Decimal("100297.88"),
        "timings": {"fetch-data": 0.0123, "risk-gate": 0.0021},
    }
    return _base(Outcome.COMPLETED, **(values | changes))


def _holding(symbol: str, quantity: str, average: str, mark: str | None) -> Holding:
    return Holding(
        symbol=symbol,
        quantity=Decimal(quantity),
        average_price=Decimal(average),
        realized=Decimal(0),
        mark=None if mark is None else Decimal(mark),
    )


def quiet_record(**changes: Any) -> RunRecord:
    """A run that wanted nothing: every symbol is held as it should be, or nobody has an opinion."""
    signals = tuple(Signal("sma_crossover", symbol, NAN, 0.0, "no opinion") for symbol in ("AAPL", "IBM"))
    unplaced = (Unplaced("AAPL", NoTrade.HOLD, ""), Unplaced("IBM", NoTrade.AT_TARGET, "holds 20, wants 20"))
    emptied: dict[str, Any] = dict.fromkeys(("intents", "verdicts", "orders", "fills"), ())
    return sample_record(**(emptied | {"signals": signals, "unplaced": unplaced} | changes))


def dry_record(**changes: Any) -> RunRecord:
    """A dry run: decided and judged, nothing sent."""
    return sample_record(**({"dry_run": True, "orders": (), "fills": ()} | changes))


def skipped_record(
    guard: str = "window", code: str = "HOLIDAY", detail: str = "XNYS closed: Thanksgiving Day"
) -> RunRecord:
    """A run that one guard stopped."""
    blocked = sample_guards(guard, code, detail)
    return _base(Outcome.SKIPPED, code=code, message=f"{guard}: {code}: {detail}", guards=blocked)


def failed_record(**changes: Any) -> RunRecord:
    """A run whose feed did not answer."""
    return _base(Outcome.FAILED, **({"code": "DATA", "message": "sample did not answer within 60 s"} | changes))


def order_record(state: OrderState, quantity: str = "12", **changes: Any) -> RunRecord:
    """A run with one approved buy of AAPL whose order stands in ``state``."""
    intent = sample_intent("AAPL", Side.BUY, quantity, "150.00")
    order = sample_order(intent, quantity, state, **changes)
    return sample_record(
        intents=(intent,), verdicts=(sample_verdict(intent, quantity),), orders=(order,), fills=(), unplaced=()
    )


def limit_intent(symbol: str = "AAPL") -> OrderIntent:
    """A limit order."""
    return sample_intent(symbol, Side.BUY, "1", "10.00", type=OrderType.LIMIT, limit_price=Decimal("10.5"))
