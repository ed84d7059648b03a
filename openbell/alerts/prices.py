"""Alerts on prices: each look takes a fresh quote; an old or missing one is unknown."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from openbell.alerts.definitions import Watch
from openbell.alerts.look import Found, Look, Unjudged
from openbell.values.alert import AlertEvent, AlertStep


def judge_prices(watches: Sequence[Watch], look: Look) -> Iterator[Found]:
    """The next step of each alert, if there is one."""
    for watch in watches:
        value = value_of(watch, look)
        if isinstance(value, str):
            yield Unjudged(watch.name, (watch.symbol,), value)
        elif event := _step(watch, value, look):
            yield event


def value_of(watch: Watch, look: Look) -> Decimal | str:
    """The price, or its change in percent; else why it is not known."""
    price = look.prices.get(watch.symbol)
    if price is None:
        return look.unpriced.get(watch.symbol, "no quote")
    if not watch.since:
        return price
    close = _close(watch.symbol, watch.since, look)
    return f"no close {watch.since} bars ago" if close is None else 100 * (price / close - 1)


def _close(symbol: str, bars: int, look: Look) -> Decimal | None:
    if symbol not in look.bars.symbols or len(look.bars) < bars:
        return None
    close = float(look.bars.close[-bars, look.bars.column(symbol)])
    return Decimal(repr(close)) if close > 0 else None


def _step(watch: Watch, value: Decimal, look: Look) -> AlertEvent | None:
    standing = look.standing(watch, watch.symbol)
    if standing is not None and standing.since >= look.as_of:
        return None
    if standing is None or standing.armed:
        taken = AlertStep.FIRED if watch.reached(value) else None
    else:
        taken = AlertStep.REARMED if watch.returned(value) else None
    return look.event(watch, watch.symbol, taken, look.as_of, watch.says(value)) if taken else None
