"""The plan: what an operator reviews and signs off. One model that forbids unknown keys."""

import re
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from openbell.errors import OpenbellError
from openbell.values import canonical
from openbell.values.bars import Timeframe
from openbell.values.instrument import check_symbol
from openbell.values.notify import Notify
from openbell.values.part import Duration, Part, told
from openbell.values.schedule import CADENCE, Schedule, Zone, check_zone
from openbell.values.time import duration_text

_NAME = re.compile(r"^[a-z][a-z0-9-]{0,39}$")
MAX_SYMBOLS = 10_000
#: Of data that is used at all.
OLDEST = timedelta(days=366)


class Window(Part):
    """When the plan may trade; the intersection with the exchange's own session counts."""

    exchange: str = Field("XNYS", description="exchange-calendars code, or 24/7.")
    open_offset: Duration = Field(timedelta(0), description="Start this long after the open (negative: before).")
    close_offset: Duration = Field(timedelta(0), description="End this long after the close (negative: before).")
    start: time | None = Field(None, description="Not before this wall time in the zone.")
    end: time | None = Field(None, description="Not at or after this wall time in the zone.")
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(
        ("mon", "tue", "wed", "thu", "fri", "sat", "sun"), description="Days of the week, in the zone."
    )
    closures: tuple[date, ...] = Field((), description="Further session dates on which the plan stays out.")
    zone: Zone | None = Field(None, description="IANA zone of start, end and weekdays; default the exchange's.")
    grace: Duration | None = Field(
        None, description="How late a run may start; default half the interval, at most 60s."
    )

    @field_validator("zone")
    @classmethod
    def _zone(cls, zone: str | None) -> str | None:
        return None if zone is None else check_zone(zone)

    @model_validator(mode="after")
    def _ordered(self) -> "Window":
        if self.start and self.end and self.start >= self.end:
            raise ValueError(f"start {self.start} is not before end {self.end}")
        if not self.weekdays:
            raise ValueError("weekdays is empty: the window never opens")
        if self.grace is not None and self.grace < timedelta(0):
            raise ValueError(f"grace {self.grace} is below 0")
        return self


class StrategyUse(Part):
    """One strategy of the plan; ``params`` go to its typed fields."""

    use: str = Field(description="Name of a strategy, or the dotted path of one's class.")
    name: str = Field("", max_length=64, description="Name in signals and books; default the strategy's own.")
    enabled: bool = Field(True, description="False: it is not asked.")
    universe: tuple[str, ...] = Field((), description="Symbols; default the plan's.")
    weight: float = Field(1.0, gt=0, le=1, description="Share of the sizing that this strategy gets.")
    every: Duration | None = Field(None, description="Look no more often than this, 30s to 30d; default each slot.")
    params: dict[str, Any] = Field(default_factory=dict, description="Fields of the strategy.")

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError(f"name {name!r} has characters that cannot be printed")
        return name

    @field_validator("every")
    @classmethod
    def _every(cls, every: timedelta | None) -> timedelta | None:
        if every is not None and not timedelta(seconds=30) <= every <= timedelta(days=30):
            raise ValueError(f"every {every} is not between 30s and 30d")
        return every

    @property
    def label(self) -> str:
        """Name in signals, books and ids."""
        return self.name or self.use.replace(":", ".").rpartition(".")[2]


class Adaptive(Part):
    """Look less often while the market is calm: the most restless symbol decides."""

    volatility: float = Field(gt=0, description="Standard deviation of log returns from which on each slot counts.")
    calm: Duration = Field(description="While it is calmer than that, a look this often is enough; 30s to 30d.")
    window: int = Field(20, ge=2, le=1000, description="Bars that the volatility is measured over.")

    @field_validator("calm")
    @classmethod
    def _calm(cls, calm: timedelta) -> timedelta:
        if not timedelta(seconds=30) <= calm <= timedelta(days=30):
            raise ValueError(f"calm {calm} is not between 30s and 30d")
        return calm


class Sizing(Part):
    """From a signal to a quantity."""

    use: str = Field("weight_of_equity", description="Name of a sizer, or the dotted path of one's class.")
    params: dict[str, Any] = Field(default_factory=dict, description="Fields of the sizer.")
    min_trade: Decimal = Field(Decimal(5), ge=0, description="Smallest order notional in the account's currency.")
    max_trade: Decimal = Field(Decimal(1000), gt=0, description="Largest order notional in the account's currency.")

    @model_validator(mode="after")
    def _ordered(self) -> "Sizing":
        if self.min_trade > self.max_trade:
            raise ValueError(f"min_trade {self.min_trade} is above max_trade {self.max_trade}")
        return self


class AccountUse(Part):
    """The account that the plan trades on."""

    broker: str = Field("paper", description="Kind of broker: paper, alpaca, ibkr.")
    name: str = Field("paper", description="Name of the account in the books.")
    block: str = Field("", description="Name of its block in Prefect; empty: built from params alone.")
    params: dict[str, Any] = Field(default_factory=dict, description="Its settings; keys never stand here.")

    @field_validator("name")
    @classmethod
    def _name(cls, name: str) -> str:
        return _slug(name)


class ProviderUse(Part):
    """One source of prices."""

    provider: str = Field(description="Kind of feed: files, alpaca.")
    block: str = Field("", description="Name of its block in Prefect; empty: built from params alone.")
    params: dict[str, Any] = Field(default_factory=dict, description="Its settings; keys never stand here.")


class FeedUse(ProviderUse):
    """Where prices come from."""

    provider: str = Field("sample", description="Kind of feed: sample, files, alpaca, ibkr.")
    fallback: tuple[ProviderUse, ...] = Field(
        (), max_length=4, description="Further feeds, asked in this order where the one before has no answer."
    )
    compare: bool = Field(
        False, description="Hold the newest bars of each run against the next feed: over 1 % apart is DATA_CONFLICT."
    )
    cache: bool | None = Field(
        None, description="Keep closed bars on disk and fetch the missing end only; default for feeds over a network."
    )

    @model_validator(mode="after")
    def _consistent(self) -> "FeedUse":
        if self.fallback and "sample" in (self.provider, *(use.provider for use in self.fallback)):
            raise ValueError("sample prices are not of today's market: they stand in for no feed, and no feed for them")
        if self.compare and not self.fallback:
            raise ValueError("compare needs a fallback to compare with")
        return self


class Freshness(Part):
    """How old data may be when it is used."""

    bars: Duration | None = Field(
        None, description="Default one bar interval + 60s; a session for daily bars; at most 366d."
    )
    quotes: Duration = Field(
        timedelta(seconds=10), description="Age limit of the quote behind a market order, at most 366d."
    )

    @field_validator("bars", "quotes")
    @classmethod
    def _bounded(cls, age: timedelta | None, info: ValidationInfo) -> timedelta | None:
        if age is not None and not timedelta(0) < age <= OLDEST:
            side = "not above 0" if age <= timedelta(0) else f"above {duration_text(OLDEST)}"
            raise ValueError(f"{info.field_name} {duration_text(age)} is {side}")
        return age


def _slug(name: str) -> str:
    if not _NAME.match(name):
        raise ValueError(f"{name[:60]!r} is not 1 to 40 of a-z, 0-9 and -, starting with a letter")
    return name


class Plan(Part):
    """Universe, strategies, limits, window and broker of one book of business."""

    name: str = Field(description="Name of the plan and of its file: a-z, 0-9 and -, at most 40.")
    description: str = Field("", description="What it is for, in a few words.")
    mode: Literal["paper", "live"] = Field("paper", description="Live: real money, and nothing goes out unarmed.")
    enabled: bool = Field(True, description="False: every run of it is a skip.")
    universe: tuple[str, ...] = Field(min_length=1, max_length=MAX_SYMBOLS, description="Symbols that it may trade.")
    timeframe: str = Field("1d", description="Length of the bars that strategies see: 1d, or 1s up to a day.")
    lookback: int | None = Field(None, ge=1, le=10_000, description="Least bars to fetch; default what the plan needs.")
    account: AccountUse = AccountUse()
    feed: FeedUse = FeedUse()
    window: Window = Window()
    schedule: dict[str, Schedule] = Field(default_factory=dict, description="By job; default each job's cadence.")
    strategies: tuple[StrategyUse, ...] = Field(min_length=1, description="Who says what to hold.")
    adaptive: Adaptive | None = Field(None, description="Look less often while the market is calm.")
    sizing: Sizing = Sizing()
    risk: dict[str, Any] = Field(default_factory=dict, description="Limits by rule; the rest keep their defaults.")
    exits: dict[str, Any] = Field(
        default_factory=dict, description="When positions are closed, by rule; the two that are always on keep theirs."
    )
    freshness: Freshness = Freshness()
    notify: Notify = Notify()

    @field_validator("name")
    @classmethod
    def _named(cls, name: str) -> str:
        return _slug(name)

    @field_validator("schedule")
    @classmethod
    def _jobs(cls, schedule: dict[str, Schedule]) -> dict[str, Schedule]:
        for job in schedule:
            if job not in CADENCE:
                raise ValueError(f"{job[:40]!r} is not a job: {', '.join(CADENCE)}")
        return schedule

    def rings(self, job: str) -> Schedule:
        """When the job's bell rings: as the plan says, else its usual cadence; the job must be one of CADENCE."""
        said, usual = self.schedule.get(job), CADENCE[job]
        if said is None:
            return usual
        return said if said.cron or said.every or said.at else usual.model_copy(update={"enabled": said.enabled})

    @field_validator("timeframe")
    @classmethod
    def _timeframe(cls, text: str) -> str:
        try:
            return Timeframe(text).text
        except OpenbellError as error:
            raise ValueError(str(error)) from None

    @field_validator("universe")
    @classmethod
    def _universe(cls, universe: tuple[str, ...]) -> tuple[str, ...]:
        return _symbols(universe)

    @model_validator(mode="after")
    def _consistent(self) -> "Plan":
        labels = [strategy.label for strategy in self.strategies]
        for label in labels:
            if labels.count(label) > 1:
                raise ValueError(f"strategy name {label!r} stands twice; give each its own name")
        known = set(self.universe)
        for strategy in self.strategies:
            for symbol in _symbols(strategy.universe):
                if symbol not in known:
                    raise ValueError(f"{symbol} of strategy {strategy.label!r} is not in the plan's universe")
        return self

    @property
    def hash(self) -> str:
        """SHA-256 of the plan's content, in hex; comments and layout of the file do not count."""
        return canonical.digest(self.model_dump(mode="json"))


def _symbols(symbols: tuple[str, ...]) -> tuple[str, ...]:
    for symbol in symbols:
        told(check_symbol, symbol)
    doubled = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1}) if len(symbols) < 500 else []
    if doubled or len(set(symbols)) != len(symbols):
        raise ValueError(f"symbols stand twice: {', '.join(doubled) or 'some'}")
    return symbols
