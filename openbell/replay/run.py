"""A replay from request to result: the tape is laid, and one plain loop goes from slot to slot."""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from openbell.brokers.paper import Paper, PaperSettings, paper_broker
from openbell.plugins import build
from openbell.replay.ahead import Course
from openbell.replay.endings import endings_of
from openbell.replay.exits import Exits, looks_of
from openbell.replay.floor import Floor
from openbell.replay.lay import lay
from openbell.replay.leap import leap
from openbell.replay.ledger import StateLedger
from openbell.replay.request import Request
from openbell.replay.result import Curve, Fills, Replayed
from openbell.replay.state import State
from openbell.replay.sure import Sure
from openbell.replay.tape import Tape
from openbell.replay.trades import trades_of
from openbell.replay.trading import Trading
from openbell.stages.resolve import Resolved, resolve
from openbell.values.account import Account
from openbell.values.bars import FIELDS, Bars, make_bars
from openbell.values.money import cents
from openbell.values.plan import Plan
from openbell.values.time import iso

#: Money of a replay whose plan names none.
CASH = Decimal(100_000)
#: Notes on doubted prices that are written out.
NAMED = 8


def replay(request: Request) -> Replayed:
    """What the plan would have done from ``start`` to ``end``.

    InputError and CalendarError name what is wrong with the range, DataError that no symbol can be used, PlanError what
    in the plan cannot be resolved, StrategyError a strategy that breaks its contract.
    """
    desk = resolve(request.plan)
    tape = lay(request, desk)
    terms = _terms(request)
    account = Account(terms.account, "paper", terms.currency, terms.cash, {}, terms.cash * terms.leverage)
    state = State(tape, account)
    course = _course(request, desk, tape, state, terms)
    course.run(request.progress)
    return _result(request, desk, tape, state, terms, course.notes)


def _terms(request: Request) -> PaperSettings:
    """The paper account: the plan's own, or a plain one in the place of a real broker's."""
    use = request.plan.account
    params = dict(use.params) if use.broker == "paper" else {"cash": CASH}
    if request.cash is not None:
        params["cash"] = request.cash
    return PaperSettings(account=use.name, **build(Paper, params, "account.params").model_dump())


def _course(request: Request, desk: Resolved, tape: Tape, state: State, terms: PaperSettings) -> Course:
    floor = Floor(tape, request.feed)
    columns = {symbol: at for at, symbol in enumerate(tape.symbols)}
    seats = {seat.label: at for at, seat in enumerate(desk.seats)}
    ledger = StateLedger(state, columns, seats)
    broker = paper_broker(terms, desk.exchange.code, ledger, floor.quotes, lambda: floor.now)
    sure = Sure(desk, terms, broker.capabilities)
    trading = Trading(desk, tape, state, floor, broker, sure, request.keep)
    exits = Exits(trading, looks_of(desk, tape, request.start, request.end))
    jump = None if len(exits.at) else leap(desk, tape, request.feed, terms, request.keep)
    return Course(trading, exits, endings_of(desk, tape), jump)


# --- what came of it -----------------------------------------------------------------------------------------


def _result(
    request: Request, desk: Resolved, tape: Tape, state: State, terms: PaperSettings, notes: tuple[str, ...]
) -> Replayed:
    fills = _fills(state)
    record = state.record
    return Replayed(
        plan=request.plan,
        start=tape.sessions[0],
        end=tape.sessions[-1],
        symbols=tape.symbols,
        bars=_ended(tape),
        provider=tape.bars.provider,
        currency=terms.currency,
        opening_cash=terms.cash,
        closing_cash=_plain(state.cash),
        curve=Curve(
            tape.closes, record.cash, record.equity, record.gross, record.net, record.holdings, record.turnover
        ),
        fills=fills,
        trades=trades_of(fills, tape.closes[-1], record.marks[-1]),
        slots=tape.planned,
        decided=state.decided,
        marks=record.marks,
        denials=_counted(state.denials),
        clipped=_counted(state.clipped),
        skips=_counted(state.skips),
        dropped=tape.history.dropped,
        notes=(*_notes(request, desk, tape, state), *notes),
        decisions=tuple(state.decisions),
    )


def _plain(cash: Decimal) -> Decimal:
    """The same amount, in cents where it is whole cents."""
    return cents(cash) if cents(cash) == cash else cash


def _fills(state: State) -> Fills:
    kept = state.fills
    return Fills(
        times=np.array(kept.times, np.int64).astype("datetime64[ns]"),
        column=np.array(kept.column, np.intp),
        signed=np.array(kept.signed, np.float64),
        price=np.array(kept.price, np.float64),
        fee=np.array(kept.fee, np.float64),
        exits=np.array(kept.exits, np.bool_),
    )


def _ended(tape: Tape) -> Bars:
    """The panel with nothing after the last bar of a symbol whose data ends."""
    bars, newest = tape.bars, tape.history.newest
    last = newest[-1]
    if not len(bars) or bool((last == len(bars) - 1).all()):
        return bars
    gone = np.arange(len(bars))[:, None] > last[None]
    fields = {name: np.where(gone, np.nan, bars.panel(name)) for name in FIELDS}
    return make_bars(bars.symbols, bars.times, fields, bars.timeframe, bars.provider, bars.adjustment)


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    """Most often first."""
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _notes(request: Request, desk: Resolved, tape: Tape, state: State) -> tuple[str, ...]:
    """What a reader of the figures must know."""
    plan, found = request.plan, list(tape.history.notes)
    if plan.account.broker != "paper" or plan.mode == "live":
        found.append(_paper(plan))
    if not plan.enabled:
        found.append(f"plan {plan.name} is not enabled: every slot is a skip")
    if desk.exits and plan.enabled and not plan.rings("exits").enabled:
        found.append("the exits job is not enabled: no exit rule is looked at")
    if any(rule.resting_stop(Decimal(100), True, plan.mode) for rule in desk.exits):
        found.append("stops that rest at the broker are not replayed: the exits job sees a price at its next look")
    decided = int(tape.slots.row[0]) if len(tape.slots) else 0
    jumps = [one for row, one in tape.history.doubted if row >= decided]
    found += [f"{one.symbol}: {one.detail}; the slots at that bar were decided without it" for one in jumps[:NAMED]]
    more = len(jumps) - NAMED
    found += [f"{more} more jumps were left out of their slots"] if more > 0 else []
    found += [
        f"{rule} was reached at {iso(when)}: a live plan waits for a person from then on, a replay goes on"
        for rule, when in state.latched.items()
    ]
    found += [f"the paper account refused {count} orders: {code}" for code, count in sorted(state.refused.items())]
    return tuple(found)


def _paper(plan: Plan) -> str:
    real = "a live account" if plan.account.broker == "paper" else f"an account at {plan.account.broker}"
    return f"plan {plan.name} trades on {real}: it is replayed on a paper account, by the terms of that one"
