"""What a walk leaves in the state of a replay, for the slots that are certain: as if each had been taken alone."""

from dataclasses import replace
from decimal import Decimal

import numpy as np

from openbell.replay.leap_gate import Worth
from openbell.replay.leap_walk import Walk
from openbell.replay.state import Sent, State
from openbell.replay.tape import Flags, Indices, Tape
from openbell.replay.trading import BLIND
from openbell.stages.resolve import Resolved
from openbell.values.account import Position
from openbell.values.money import ZERO
from openbell.values.orders import Fill, Side
from openbell.values.touches import UNIT, Ticks

#: Orders stay in mind for a day.
_DAY = np.timedelta64(1, "D")


def book(desk: Resolved, tape: Tape, state: State, seen: tuple[Walk, Worth], sure: int) -> None:
    """Take the first ``sure`` slots of the walk."""
    walk, worth = seen
    taken = walk.orders.slot < sure
    _curve(tape, state, walk, worth, sure)
    _fills(tape, state, walk, taken)
    _positions(tape, state, walk, taken, sure)
    _books(desk, tape, state, walk, sure)
    _valued(tape, state, walk, worth, sure)
    state.account = replace(state.account, cash=_cash(walk, int(worth.cash[sure - 1])))
    blind = int(np.count_nonzero(walk.blind[:sure]))
    state.decided += sure - blind
    if blind:
        state.skips[BLIND] += blind
    state.slot += sure


def _cash(walk: Walk, money: int) -> Decimal:
    """What was there, and what came and went since, exactly."""
    scale = walk.scale
    moved = money - int(scale.cash * scale.money // 1)
    cents, rest = divmod(moved, scale.money // 100)
    change = Decimal(cents).scaleb(-2) if not rest else Decimal(moved) / scale.money
    return scale.cash + change


def _curve(tape: Tape, state: State, walk: Walk, worth: Worth, sure: int) -> None:
    """The closes of the sessions that end before the last slot that is taken."""
    record, scale = state.record, walk.scale
    session = tape.slots.session[walk.start : walk.start + sure]
    first, last = record.done, int(session[-1])
    spent = _spent(tape, state, walk, sure)
    state.spent = float(spent[last - first])
    if last == first:
        return
    part = slice(first, last)
    newest = np.searchsorted(session, np.arange(first, last), side="right") - 1
    held = np.where((newest >= 0)[:, None], walk.after[np.maximum(newest, 0)], scale.held) / scale.units
    marks = tape.marks(part)
    value = np.where(held == 0, 0.0, held * np.nan_to_num(marks))
    record.marks[part] = marks
    record.cash[part] = _floats(walk, worth, newest)
    record.net[part] = value.sum(axis=1)
    record.equity[part] = record.cash[part] + record.net[part]
    record.gross[part] = np.abs(value).sum(axis=1)
    record.holdings[part] = np.count_nonzero(held, axis=1)
    record.turnover[part] = spent[: last - first]
    record.done = last


def _floats(walk: Walk, worth: Worth, slots: Indices) -> list[float]:
    """Cash after some slots, -1 for before the first, rounded once."""
    if worth.rest:
        return [float(_cash(walk, int(worth.cash[at])) if at >= 0 else walk.scale.cash) for at in slots.tolist()]
    # Python divides whole numbers of any size with one rounding.
    after, unit = worth.cash.tolist(), walk.scale.money
    return [after[at] / unit if at >= 0 else float(walk.scale.cash) for at in slots.tolist()]


def _spent(tape: Tape, state: State, walk: Walk, sure: int) -> np.ndarray:
    """Bought and sold by session, from the first that is not written to that of the last slot, one after the other."""
    taken = walk.orders.slot < sure
    first = state.record.done
    last = int(tape.slots.session[walk.start + sure - 1])
    session = tape.slots.session[walk.start + walk.orders.slot[taken]] - first
    value = walk.orders.quantity[taken] / walk.scale.units * (walk.orders.price[taken] / UNIT)
    at, worth = np.concatenate(([0], session)), np.concatenate(([state.spent], value))
    return np.bincount(at, worth, last - first + 1)


def _fills(tape: Tape, state: State, walk: Walk, taken: Flags) -> None:
    orders, kept, scale = walk.orders, state.fills, walk.scale
    slot = orders.slot[taken]
    times = tape.slots.times[walk.start + slot].astype("datetime64[ns]").astype(np.int64)
    kept.times += times.tolist()
    kept.column += orders.column[taken].tolist()
    kept.signed += (orders.sign[taken] * orders.quantity[taken] / scale.units).tolist()
    kept.price += (orders.price[taken] / UNIT).tolist()
    kept.fee += (orders.fee[taken] / scale.money).tolist()
    kept.exits += [False] * len(slot)
    state.sent.extend(_sent(tape, walk, taken))


def _sent(tape: Tape, walk: Walk, taken: Flags) -> list[Sent]:
    """The orders of the last day before the next slot."""
    slots, orders = tape.slots, walk.orders
    numbers = walk.start + orders.slot[taken]
    if not len(numbers):
        return []
    late = slots.times[numbers] >= slots.times[numbers[-1]] - _DAY
    columns, signs = orders.column[taken][late].tolist(), orders.sign[taken][late].tolist()
    return [
        Sent(slots.when[number], int(slots.session[number]), tape.symbols[column], "buy" if sign > 0 else "sell")
        for number, column, sign in zip(numbers[late].tolist(), columns, signs, strict=True)
    ]


def _positions(tape: Tape, state: State, walk: Walk, taken: Flags, sure: int) -> None:
    """Each position from the fills since nothing was held last."""
    orders, positions = walk.orders, dict(state.account.positions)
    final = walk.after[sure - 1]
    moved = np.unique(orders.column[taken])
    for column in moved[final[moved] == 0].tolist():
        positions.pop(tape.symbols[column], None)
        state.opened.pop(tape.symbols[column], None)
    held = moved[final[moved] != 0]
    mine = np.flatnonzero(taken & np.isin(orders.column, held))
    by_column = mine[np.argsort(orders.column[mine], kind="stable")]
    begins, ends = (np.searchsorted(orders.column[by_column], held, side=side) for side in ("left", "right"))
    newest = by_column[ends - 1]
    _opened(tape, state, walk, newest[orders.flat[newest]], positions)
    for at in np.flatnonzero(~orders.flat[newest]).tolist():
        _grown(tape, state, walk, int(held[at]), by_column[begins[at] : ends[at]], positions)
    state.account = replace(state.account, positions=positions)
    state.held = final / walk.scale.units
    state.high[moved] = state.low[moved] = np.nan


def _opened(tape: Tape, state: State, walk: Walk, rows: Indices, positions: dict[str, Position]) -> None:
    """Positions of one fill each."""
    orders, digits = walk.orders, walk.scale.digits
    signed = (orders.sign[rows] * orders.quantity[rows]).tolist()
    cells = orders.column[rows].tolist(), signed, orders.price[rows].tolist(), orders.slot[rows].tolist()
    for column, quantity, price, slot in zip(*cells, strict=True):
        symbol = tape.symbols[column]
        positions[symbol] = Position(symbol, Decimal(quantity).scaleb(-digits), Decimal(price // 100).scaleb(-2))
        state.opened[symbol] = tape.slots.when[walk.start + slot]
        state.first.pop(symbol, None)


def _grown(tape: Tape, state: State, walk: Walk, column: int, rows: Indices, positions: dict[str, Position]) -> None:
    """A position of several fills, some of them perhaps from before."""
    orders, symbol = walk.orders, tape.symbols[column]
    flat = rows[orders.flat[rows]]
    since = rows if not len(flat) else rows[rows >= flat[-1]]
    if len(flat):
        positions[symbol] = Position(symbol, ZERO, ZERO)
        state.opened[symbol] = tape.slots.when[walk.start + int(orders.slot[since[0]])]
        state.first.pop(symbol, None)
    for row in since.tolist():
        positions[symbol] = positions[symbol].apply(_fill(tape, walk, row))


def _fill(tape: Tape, walk: Walk, row: int) -> Fill:
    orders, scale = walk.orders, walk.scale
    return Fill(
        id=str(row),
        client_id="",
        symbol=tape.symbols[int(orders.column[row])],
        side=Side.BUY if orders.sign[row] > 0 else Side.SELL,
        quantity=Decimal(int(orders.quantity[row])).scaleb(-scale.digits),
        price=Decimal(int(orders.price[row]) // 100).scaleb(-2),
        fee=ZERO,
        time=tape.slots.when[walk.start + int(orders.slot[row])],
    )


def _books(desk: Resolved, tape: Tape, state: State, walk: Walk, sure: int) -> None:
    """One strategy, so that its book is what is held."""
    label, final = desk.seats[0].label, walk.after[sure - 1]
    state.booked[0] = state.held
    held = np.flatnonzero(final).tolist()
    state.books = {(label, tape.symbols[at]): Decimal(int(final[at])).scaleb(-walk.scale.digits) for at in held}


def _valued(tape: Tape, state: State, walk: Walk, worth: Worth, sure: int) -> None:
    """The ends of sessions, the highest, and the first of all: all that later losses are measured from."""
    seen = np.flatnonzero(~walk.blind[:sure])
    if not len(seen):
        return
    session, after = tape.slots.session[walk.start + seen], worth.after[seen]
    ends = np.append(np.flatnonzero(np.diff(session)), len(seen) - 1)[-2:]
    first = {0} if state.latest is None else set()
    for at in sorted({int(after.argmax()), *ends.tolist(), *first}):
        state.valued(int(session[at]), _equity(walk, after[at]))


def _equity(walk: Walk, money: Ticks) -> Decimal:
    return Decimal(int(money) // (walk.scale.money // 100)).scaleb(-2)
