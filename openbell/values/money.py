"""Exact amounts: Decimal in, Decimal out, one stated rounding rule."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

from openbell.errors import InputError

CENT = Decimal("0.01")
#: Smallest step that the store keeps: nine decimals, as the finest venue takes.
STEP = Decimal("0.000000001")
ZERO = Decimal(0)


def to_decimal(value: Decimal | float | str, name: str = "amount") -> Decimal:
    """A finite Decimal; a float is taken by its shortest text, so that 0.1 means 0.1."""
    try:
        amount = value if isinstance(value, Decimal) else Decimal(str(value))
    except ArithmeticError:
        raise InputError(f"{name} {value!r} is not a number") from None
    if not amount.is_finite():
        raise InputError(f"{name} {value!r} is not finite")
    return amount


def cents(amount: Decimal) -> Decimal:
    """Rounded to the cent, half to even: the one rounding rule of the books."""
    return amount.quantize(CENT, ROUND_HALF_EVEN)


def floor_to(amount: Decimal, step: Decimal) -> Decimal:
    """Cut towards zero to a multiple of ``step``; a quantity is never rounded up."""
    return (amount / step).to_integral_value(ROUND_DOWN) * step


def text(amount: Decimal) -> str:
    """Canonical plain text: no exponent, no trailing zeros, no negative zero."""
    plain = format(amount.normalize(), "f")
    return "0" if plain in ("-0", "0") else plain
