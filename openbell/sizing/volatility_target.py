"""Positions of equal risk: the calmer the symbol, the larger its position."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pydantic import Field

from openbell.sizing.base import Sizer, SizingContext
from openbell.values.bars import Bars, FloatPanel

#: Bars whose windows are laid side by side at once, and a spread of returns that rounding alone may make.
_ROWS, _STILL = 64, 1e-7


class VolatilityTarget(Sizer):
    """weight = min(max_weight, annual_volatility / s), s the sample volatility of log returns, per year.

    After Moskowitz, Ooi and Pedersen, Time series momentum (2012), who scale each position by a target over
    the instrument's own volatility. A symbol without enough bars, or whose price never moved, has no size.
    """

    apart: ClassVar[bool] = True

    annual_volatility: float = Field(
        0.1, gt=0, le=1, description="Wanted volatility of a position per year, 0.1 is 10 %."
    )
    lookback_bars: int = Field(60, ge=5, le=5000, description="Returns that the volatility is taken from.")
    max_weight: Decimal = Field(Decimal("0.2"), gt=0, le=1, description="Most of equity in a position, as a fraction.")
    sessions_per_year: int = Field(252, ge=1, le=366, description="Trading days of a year; 365 around the clock.")
    session_hours: float = Field(6.5, gt=0, le=24, description="Hours of a trading day, for bars shorter than one.")

    @property
    def lookback(self) -> int:
        """One bar more than there are returns."""
        return self.lookback_bars + 1

    def full_sizes(self, context: SizingContext) -> Mapping[str, Decimal]:
        """Every symbol with a price and a volatility; none without equity above zero."""
        equity = context.equity
        if equity is None or not equity.is_finite() or equity <= 0:
            return {}
        weights = self._weights(context.bars)
        priced = {symbol: context.prices[symbol] for symbol in weights if symbol in context.prices}
        return {symbol: weights[symbol] * equity / price for symbol, price in priced.items()}

    def _weights(self, bars: Bars) -> dict[str, Decimal]:
        volatility = self.volatility(bars)
        usable = np.isfinite(volatility) & (volatility > 0)
        found = zip(bars.symbols, volatility.tolist(), usable.tolist(), strict=True)
        target = Decimal(repr(self.annual_volatility))
        return {symbol: min(self.max_weight, target / Decimal(repr(value))) for symbol, value, fine in found if fine}

    def volatility(self, bars: Bars) -> NDArray[np.float64]:
        """Volatility of each symbol per year, shape (N,); NaN with fewer than ``lookback_bars`` returns."""
        closes = bars.close[-self.lookback_bars - 1 :]
        if len(closes) <= self.lookback_bars:
            return np.full(len(bars.symbols), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            returns = np.diff(np.log(closes), axis=0)
            spread: NDArray[np.float64] = returns.std(axis=0, ddof=1) * np.sqrt(self._bars_per_year(bars))
        return spread

    def measured(self, bars: Bars) -> FloatPanel:
        """Weights after each bar; NaN where there is none, and where a volatility is too small to be told in floats."""
        weights = np.full(bars.close.shape, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            returns = np.diff(np.log(bars.close), axis=0)
            for start in range(self.lookback_bars, len(bars), _ROWS):
                some = returns[start - self.lookback_bars : start + _ROWS - 1]
                spread = sliding_window_view(some, self.lookback_bars, axis=0).std(axis=2, ddof=1)
                volatility = spread * np.sqrt(self._bars_per_year(bars))
                told = np.minimum(float(self.max_weight), self.annual_volatility / volatility)
                weights[start : start + len(told)] = np.where(spread > _STILL, told, np.nan)
        return weights

    def rough(self, equity: FloatPanel, prices: FloatPanel, measured: FloatPanel | None) -> FloatPanel | None:
        """The same in floats."""
        return None if measured is None else np.maximum(measured * equity / prices, 0.0)

    def _bars_per_year(self, bars: Bars) -> float:
        if bars.timeframe.daily:
            return float(self.sessions_per_year)
        return self.sessions_per_year * self.session_hours * 3600 / bars.timeframe.span.total_seconds()
