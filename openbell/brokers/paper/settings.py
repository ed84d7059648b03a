"""What a paper account is made of: its money, and how its venue fills, charges and lends."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from openbell.values.money import ZERO, cents
from openbell.values.orders import OrderType

_BPS = Decimal(10_000)
#: More cash than this is a slip of the keyboard.
MOST_CASH = Decimal(10) ** 12


class FeeTerms(BaseModel):
    """The fee of an order: the sum of its parts, at least the minimum."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    per_order: Decimal = Field(ZERO, ge=0, le=MOST_CASH, description="Fixed amount of each order that fills.")
    per_share: Decimal = Field(ZERO, ge=0, le=MOST_CASH, description="Amount for each unit of quantity.")
    bps: Decimal = Field(ZERO, ge=0, le=1000, description="Part of the notional, in hundredths of a per cent.")
    minimum: Decimal = Field(ZERO, ge=0, le=MOST_CASH, description="Least fee of an order that fills.")

    def total(self, quantity: Decimal, notional: Decimal) -> Decimal:
        """Fee of an order that has filled ``quantity`` for ``notional`` so far, rounded to the cent once."""
        summed = self.per_order + self.per_share * quantity + self.bps / _BPS * notional
        return cents(max(self.minimum, summed))


class PaperTerms(BaseModel):
    """The terms of a paper account, whatever its name."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    cash: Decimal = Field(
        Decimal(100_000), ge=0, le=MOST_CASH, description="Cash when the account is opened; later it is kept."
    )
    currency: str = Field("USD", pattern=r"^[A-Z]{3,5}$", description="Currency of cash, fees and profit.")
    slippage_bps: Decimal = Field(
        Decimal(1),
        ge=0,
        le=1000,
        description="How much worse than the touch an order fills, in hundredths of a per cent.",
    )
    fee: FeeTerms = Field(FeeTerms(), description="Fees: per_order, per_share, bps, minimum.")
    fill_share: Decimal = Field(
        Decimal(1),
        gt=0,
        le=1,
        description="Largest part of an order that one quote fills; the rest waits for newer ones.",
    )
    leverage: Decimal = Field(Decimal(1), ge=1, le=50, description="Gross exposure that one unit of equity carries.")
    maintenance: Decimal | None = Field(
        None, ge=0, le=1, description="Least equity as a fraction of gross exposure; default half of 1 / leverage."
    )
    shorting: bool = Field(False, description="Whether more may be sold than is held.")
    fractions: bool = Field(True, description="Whether quantities may have decimals, nine at most.")
    order_types: frozenset[OrderType] = Field(
        frozenset(OrderType), min_length=1, description="Order types that the venue takes; default all."
    )

    @field_validator("cash")
    @classmethod
    def _in_cents(cls, cash: Decimal) -> Decimal:
        if cash != cents(cash):
            raise ValueError(f"cash {cash} is not a whole number of cents")
        return cash

    @model_validator(mode="after")
    def _margins_agree(self) -> "PaperTerms":
        if self.maintenance is not None and self.maintenance * self.leverage > 1:
            raise ValueError(
                f"maintenance {self.maintenance} is above 1 / leverage {self.leverage}: full use is a breach"
            )
        return self

    @property
    def least_margin(self) -> Decimal:
        """Equity as a fraction of gross exposure below which nothing may be opened."""
        return 1 / (2 * self.leverage) if self.maintenance is None else self.maintenance


class PaperSettings(PaperTerms):
    """A paper account by name."""

    account: str = Field("paper", min_length=1, max_length=40, description="Name of the account in the books.")
