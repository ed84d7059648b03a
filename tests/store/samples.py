"""Values that the store tests write."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from openbell.ports import OrderEvent
from openbell.ports.breaks import Look, Result
from openbell.stages.snapshot import snapshot_of
from openbell.store.archiving import archiving, utc_month
from openbell.store.breaks import SqlBreakBook
from openbell.store.snapshots import SqlSnapshotBook
from openbell.values.account import Account, Position
from openbell.values.bars import FIELDS, Timeframe, make_bars
from openbell.values.breaks import Cause, Difference
from openbell.values.message import Message, MessageState, Severity
from openbell.values.orders import Fill, OrderIntent, OrderState, Purpose, Share, Side, client_order_id
from openbell.values.record import DataSeen, Guard, Holding, Outcome, RunRecord
from openbell.values.signal import Signal
from openbell.values.slot import Slot
from openbell.values.verdict import Decision, NoTrade, Ruling, Unplaced, Verdict

START = datetime(2026, 3, 2, 14, 35, tzinfo=UTC)
HOUR = timedelta(hours=1)
D = Decimal


def PASS(exposure):
    """A last gate that lets everything through."""


def slot_at(days=0, plan="demo", job="trade"):
    planned = START + timedelta(days=days)
    return Slot(plan, job, planned, planned.date())


def intent_of(slot, symbol="AAPL", quantity="10", side=Side.BUY, shares=None, purpose=Purpose.ENTRY, leg=0):
    name = client_order_id("acct", "paper", ["sma"], slot, symbol, leg)
    amount = D(quantity)
    parts = (Share("sma", amount * side.sign),) if shares is None else shares
    return OrderIntent(name, slot.key, leg, symbol, side, amount, purpose, D("101.25"), 0.7, shares=parts)


def verdict_of(intent, decision=Decision.APPROVED, quantity=None):
    left = intent.quantity if quantity is None else D(quantity)
    rulings = (
        Ruling("min_confidence", Decision.APPROVED, "0.7", "at least 0.5", intent.quantity),
        Ruling("order_quantity", decision, f"{intent.quantity}", 'at most "9"\n', left),
        Ruling("gross", Decision.APPROVED if left else Decision.DENIED, "0.4", "at most 1", left),
    )
    return Verdict(
        intent.id, intent.symbol, decision, "order_quantity", "10", "at most 9", intent.quantity, left, rulings
    )


def deny_one(journal):
    """A frozen plan of which nothing may be sent."""
    slot = slot_at(9)
    journal.claim(slot, "denied", HOUR)
    intent = intent_of(slot)
    journal.freeze(slot, 1, "acct", [intent], [verdict_of(intent, Decision.DENIED, "0")])


def event_of(intent, state, minutes=0, detail=""):
    return OrderEvent(intent.id, state, START + timedelta(minutes=minutes), detail, "broker-1")


def fill_of(intent, number, quantity, price="100.5", fee="0.01", minutes=1):
    time = START + timedelta(minutes=minutes)
    return Fill(f"fill-{number}", intent.id, intent.symbol, intent.side, D(quantity), D(price), D(fee), time)


def frozen_order(journal, slot=None, **about):
    """A claimed slot whose plan is one approved order, marked SENDING and acknowledged; returns the intent."""
    slot = slot or slot_at()
    intent = intent_of(slot, **about)
    claim = journal.claim(slot, f"run-{slot.key}", HOUR)
    journal.freeze(slot, claim.fencing, "acct", [intent], [verdict_of(intent)])
    assert journal.begin_send(slot, claim.fencing, event_of(intent, OrderState.SENDING), False, PASS) is None
    journal.record(event_of(intent, OrderState.ACKED))
    return intent


def panel(rows=5, symbols=("AAPL", "MSFT"), seed=0):
    """A panel whose second symbol is listed one bar late."""
    rng = np.random.default_rng(seed)
    times = np.datetime64("2026-02-20T21:00:00", "ns") + np.arange(rows) * np.timedelta64(1, "D")
    fields = {name: rng.uniform(90, 110, (rows, len(symbols))) for name in FIELDS}
    for field in fields.values():
        field[0, 1:] = np.nan
    return make_bars(symbols, times, fields, Timeframe("1d"), "sample", "split")


def data_of(bars):
    last = bars.times[-1].astype("datetime64[us]").item().replace(tzinfo=UTC)
    return DataSeen(
        digest=bars.digest(),
        provider=bars.provider,
        timeframe="1d",
        adjustment=bars.adjustment,
        bars=len(bars),
        symbols=len(bars.symbols),
        last_bar=last,
    )


def record_of(slot=None, name="0123456789abcdef", outcome=Outcome.COMPLETED, **changes):
    """A record with something in every field."""
    slot = slot or slot_at()
    intents = (intent_of(slot), intent_of(slot, "MSFT", "3.5", Side.SELL), intent_of(slot, "BRK.B"))
    verdicts = (
        verdict_of(intents[2], Decision.DENIED, "0"),
        verdict_of(intents[0], Decision.CLIPPED, "9"),
        verdict_of(intents[1]),
    )
    fields = {
        "id": name,
        "plan": slot.plan,
        "job": slot.job,
        "slot": slot.key,
        "planned": slot.planned,
        "session": slot.session,
        "outcome": outcome,
        "clock": slot.planned + timedelta(microseconds=123456),
        "as_of": slot.planned + timedelta(microseconds=123456),
        "finished": slot.planned + timedelta(seconds=2),
        "account": "acct",
        "plan_hash": "aa",
        "plan_body": {"name": "demo", "weights": [0.1, 1e-7, 3]},
        "versions": {"openbell": "0.1.0"},
        "guards": (Guard(name="enabled", passed=True),),
        "inputs": {"quotes": [{"bid": "1.10", "n": 1}], "books": [], "looks": {}, "looked": ["sma", "rsi"]},
        "signals": (
            Signal("sma", "AAPL", 1.0, 0.7, 'fast is "above" slow — ünïcode'),
            Signal("rsi", "MSFT", -0.25, 0.1 + 0.2, "too high"),
            Signal("sma", "BRK.B", 1, 1, "whole numbers"),
        ),
        "intents": intents,
        "unplaced": (Unplaced("KO", NoTrade.HOLD, "no view"),),
        "verdicts": verdicts,
        "fills": (fill_of(intents[0], 1, "9"),),
        "holdings": (
            Holding(symbol="AAPL", quantity=D(9), average_price=D("100.5"), realized=D(0), mark=D("101.1")),
            Holding(symbol="MSFT", quantity=D(1), average_price=D(7), realized=D(0), mark=None),
        ),
        "cash": D("99095.49"),
        "equity": D("100005.39"),
        "counters": {"signals": 3},
        "timings": {"fetch-data": 0.1234567891234, "risk-gate": 1e-05},
    }
    return RunRecord(**fields | changes)


def reconcile_one(store):
    """A difference that was found and given to a strategy, and a snapshot after it."""
    book, snapshots, account, session = SqlBreakBook(store), SqlSnapshotBook(store), "acct", START.date()
    found = Difference(Cause.FOREIGN_TRADE, "hand-1", "NEW", "by hand", D(2), D(50), D(-100))
    book.note(Look(account, START, Result.BREAK, cash=D(1000), seen=(found.key,)), [found])
    number = book.breaks(account)[0].number
    book.adopt(number, "demo", "sma", "ann", "let it be managed")
    figures = snapshots.figures(account, session)
    held = Account(account, "paper", "USD", D(900), {"NEW": Position("NEW", D(2), D(50))}, D(0))
    taken = snapshot_of(held, {"NEW": D("51.005")}, figures, session, "run-s", START)
    snapshots.keep(taken, figures)
    return number


def deliver_one(outbox):
    """A message that was sent, for a row in the log of deliveries."""
    message = Message("runs/1", "env:OPENBELL_NOTIFY_OPS", "demo", Severity.INFO, *["text"] * 4, START, START + HOUR)
    outbox.put("demo", (), [message], HOUR, START)
    claimed = outbox.claim("demo", message.target, START, HOUR)
    outbox.settle(claimed, MessageState.SENT, START, "", START)


def archive_one(journal, folder):
    """A record of an earlier month with its own panel, sealed before any other and moved to the archive."""
    slot, bars = slot_at(-40), panel(seed=7)
    journal.seal(record_of(slot, "archived-1", data=data_of(bars)), bars)
    newer = slot_at(-20)
    journal.seal(record_of(newer, "archived-2", Outcome.SKIPPED), None)
    return list(archiving(journal.store, folder, utc_month("2026-02")))
