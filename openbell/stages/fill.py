"""What one feed lacks, taken from the next: only where both agree on what they both have."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from openbell.stages.check_bars import NAMED, Wanted, check_block
from openbell.stages.panels import column_of, dense, joined
from openbell.values.bars import Bars, FloatPanel, Times
from openbell.values.market import Checked, DropCode, Dropped

#: Closes of one bar that are further apart than this part of the lower one are not the same market's.
TOLERANCE = 0.01
#: What another feed may make good: bars that are not there, and a newest one that it confirms.
OPEN = (DropCode.MISSING, DropCode.EMPTY, DropCode.STALE, DropCode.SUSPECT)


def gaps(checked: Checked) -> tuple[str, ...]:
    """Symbols that another feed may fill."""
    return tuple(drop.symbol for drop in checked.dropped if drop.code in OPEN)


def fill(base: Checked, more: Checked, wanted: Wanted) -> Checked:
    """``base`` with the gaps that ``more`` fills; what contradicts it stays out as DATA_CONFLICT.

    A symbol comes from one feed as a whole. One that ``base`` doubts is let through when ``more`` has the same newest
    bar, and is then taken from ``base``.
    """
    found = {drop.symbol: _look(drop, base, more) for drop in base.dropped if drop.code in OPEN}
    filled = [symbol for symbol, said in found.items() if said is more.bars]
    released = [symbol for symbol, said in found.items() if said is base.aside and said is not None]
    said = {symbol: drop for symbol, drop in found.items() if isinstance(drop, Dropped)}
    dropped = tuple(said.get(drop.symbol, drop) for drop in base.dropped if drop.symbol not in {*filled, *released})
    if not filled and not released:
        return replace(base, dropped=dropped)
    return _together(replace(base, dropped=dropped), more, filled, released, wanted)


def _look(drop: Dropped, base: Checked, more: Checked) -> Bars | Dropped | None:
    """The panel that the symbol can be taken from, else why it stays out."""
    if drop.code is DropCode.SUSPECT:
        return _confirmed(drop, base, more)
    if drop.symbol not in more.bars.symbols:
        return drop
    theirs = column_of(more.bars, drop.symbol)
    basis = base.bars if base.bars.symbols else base.aside
    if basis is not None and basis.adjustment != more.bars.adjustment:
        mixed = f"{more.bars.provider} has {more.bars.adjustment} prices, {basis.provider} {basis.adjustment} ones"
        return Dropped(drop.symbol, DropCode.CONFLICT, mixed)
    apart = _apart(column_of(base.aside, drop.symbol), theirs, base.bars.provider, more.bars.provider)
    return Dropped(drop.symbol, DropCode.CONFLICT, apart) if apart else more.bars


def _confirmed(drop: Dropped, base: Checked, more: Checked) -> Bars | Dropped | None:
    theirs = more.bars if drop.symbol in more.bars.symbols else more.aside
    ours, other = column_of(base.aside, drop.symbol), column_of(theirs, drop.symbol)
    newest = ours[0][-2:]
    if len(newest) < 2 or not np.isin(newest, other[0]).all():
        return replace(drop, detail=f"{drop.detail}; {more.bars.provider} does not have that bar")
    apart = _apart((newest, ours[1][-2:]), other, base.bars.provider, more.bars.provider)
    return replace(drop, detail=f"{drop.detail}; {apart}") if apart else base.aside


def _apart(ours: tuple[Times, FloatPanel], theirs: tuple[Times, FloatPanel], name: str, other: str) -> str:
    """The bar on which two feeds differ most, when that is too much; empty when they agree."""
    common, left, right = np.intersect1d(ours[0], theirs[0], return_indices=True)
    if not len(common):
        return ""
    a, b = ours[1][left], theirs[1][right]
    off = _distance(a, b)
    at = int(off.argmax())
    return _words(name, a[at], other, b[at], common[at], off[at]) if off[at] > TOLERANCE else ""


def _distance(a: FloatPanel, b: FloatPanel) -> FloatPanel:
    distance: FloatPanel = np.abs(a - b) / np.minimum(a, b)
    return distance


def _words(name: str, a: float, other: str, b: float, time: np.datetime64, off: float) -> str:
    when = f"{time.astype('datetime64[s]')}Z"
    return f"{name} has {a:g} and {other} {b:g} at {when}, {off:.2%} apart, more than {TOLERANCE:.0%}"


def _together(base: Checked, more: Checked, filled: Sequence[str], released: Sequence[str], wanted: Wanted) -> Checked:
    parts = [replace(base, aside=None)] if base.bars.symbols else []
    if released and base.aside is not None:
        parts.append(Checked(base.aside.select(released)))
    if filled:
        parts.append(_only(more, filled))
    first = parts[0].bars
    symbols = tuple(symbol for symbol in wanted.symbols if any(symbol in part.bars.symbols for part in parts))
    asked = replace(
        wanted,
        symbols=symbols,
        provider=first.provider,
        adjustment=first.adjustment,
        history=True,
        confirmed=frozenset(symbols),
    )
    whole = check_block(joined(parts, wanted.exchange), asked)
    sources = {**base.providers, **dict.fromkeys(filled, more.bars.provider)}
    return replace(
        whole,
        dropped=in_order((*base.dropped, *whole.dropped), wanted),
        notes=tuple(dict.fromkeys((*base.notes, *more.notes, *_told(base, more, filled, released)))),
        providers={symbol: name for symbol, name in sources.items() if name != first.provider},
        failures=base.failures + more.failures,
        aside=base.aside,
    )


def _only(checked: Checked, symbols: Sequence[str]) -> Checked:
    columns = [checked.bars.column(symbol) for symbol in symbols]
    carried = None if checked.carried is None else checked.carried[:, columns]
    return Checked(checked.bars.select(symbols), carried=carried)


def in_order(dropped: Iterable[Dropped], wanted: Wanted) -> tuple[Dropped, ...]:
    """One reason for each symbol left out, the first that was given, in the order asked for."""
    reasons: dict[str, Dropped] = {}
    for drop in dropped:
        reasons.setdefault(drop.symbol, drop)
    return tuple(reasons[symbol] for symbol in wanted.symbols if symbol in reasons)


def _told(base: Checked, more: Checked, filled: Sequence[str], released: Sequence[str]) -> list[str]:
    name, other = base.bars.provider, more.bars.provider
    taken = [f"bars from {other}, for want of them at {name}: {some(filled)}"] if filled else []
    return taken + ([f"a jump that {other} confirms: {some(released)}"] if released else [])


def some(symbols: Sequence[str]) -> str:
    """The first symbols by name, and how many more there are."""
    more = f" and {len(symbols) - NAMED} more" if len(symbols) > NAMED else ""
    return ", ".join(symbols[:NAMED]) + more


def held_against(base: Checked, other: Checked) -> Checked:
    """``base`` without the symbols whose newest bars another feed has at another price."""
    faults = list(_contradicted(base, other))
    out = {fault.symbol for fault in faults}
    if not out:
        return base
    left = _only(base, [symbol for symbol in base.bars.symbols if symbol not in out])
    return replace(base, bars=left.bars, carried=left.carried, dropped=(*base.dropped, *faults))


def _contradicted(base: Checked, other: Checked) -> Iterable[Dropped]:
    names = [symbol for symbol in base.bars.symbols if symbol in set(other.bars.symbols)]
    common, left, right = np.intersect1d(base.bars.times, other.bars.times, return_indices=True)
    if not names or not len(common):
        return
    close = 3
    a = dense(base)[close][left][:, [base.bars.column(name) for name in names]]
    b = dense(other)[close][right][:, [other.bars.column(name) for name in names]]
    off = np.nan_to_num(_distance(a, b))
    for at in np.flatnonzero((off > TOLERANCE).any(axis=0)).tolist():
        row = int(off[:, at].argmax())
        source = base.providers.get(names[at], base.bars.provider)
        words = _words(source, a[row, at], other.bars.provider, b[row, at], common[row], off[row, at])
        yield Dropped(names[at], DropCode.CONFLICT, words)
