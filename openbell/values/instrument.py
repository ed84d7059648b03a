"""What can be traded, and in which steps."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from openbell.errors import InputError
from openbell.values.money import STEP

#: Letters and digits in capitals, with at most one inner separator: AAPL, BRK.B, BTC/USD, 0700.
SYMBOL = re.compile(r"^[A-Z0-9]{1,12}(?:[./-][A-Z0-9]{1,8})?$")

AssetClass = Literal["equity", "crypto", "future"]


def check_symbol(symbol: str) -> str:
    """The symbol itself, or an error that says what a symbol looks like."""
    if SYMBOL.match(symbol) and symbol.isascii():
        return symbol
    hint = f"; did you mean {symbol.upper()}?" if SYMBOL.match(symbol.upper()) and symbol.isascii() else ""
    raise InputError(
        f"symbol {symbol[:40]!r} is not 1 to 12 capital letters or digits, "
        f"with at most one of . / - and up to 8 more{hint}"
    )


def is_coin(symbol: str) -> bool:
    """Whether a symbol is that of a pair such as BTC/USD."""
    return "/" in symbol


@dataclass(frozen=True, slots=True)
class Instrument:
    """Facts of a venue about one symbol; prices step by ``tick``, below 1 by ``fine_tick``, quantities by ``lot``.

    No order is of less than ``least``.
    """

    symbol: str
    asset_class: AssetClass = "equity"
    venue: str = ""
    currency: str = "USD"
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal(1)
    fractionable: bool = False
    tradable: bool = True
    shortable: bool = True
    max_leverage: Decimal = Decimal(1)
    fine_tick: Decimal | None = None
    least: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        check_symbol(self.symbol)
        for name in ("tick", "lot", "max_leverage"):
            value: Decimal = getattr(self, name)
            if not (value.is_finite() and value > 0):
                raise InputError(f"{name} {value} of {self.symbol} is not above 0")

    def tick_at(self, price: Decimal) -> Decimal:
        """The step of prices such as this one."""
        return self.fine_tick if self.fine_tick is not None and price < 1 else self.tick

    @property
    def step(self) -> Decimal:
        """The smallest quantity that may be ordered."""
        return STEP if self.fractionable else self.lot
