"""A share of something as plans write it: 0.05, never 5."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator


def _fraction(value: Any) -> Any:
    # Before any other bound, so that a percentage is told apart from a fraction that is merely too large.
    if isinstance(value, str) and value.rstrip().endswith("%"):
        raise ValueError("this is a fraction from 0 to 1: write 5 % as 0.05")
    if isinstance(value, (int, float, Decimal)) and not 0 <= value <= 1:
        raise ValueError("this is a fraction from 0 to 1: write 5 % as 0.05")
    return value


#: The field's name ends in ``fraction``, and a percentage is refused.
Fraction = Annotated[Decimal, BeforeValidator(_fraction), AfterValidator(_fraction)]
