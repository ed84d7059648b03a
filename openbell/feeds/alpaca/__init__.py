"""Alpaca: bars and quotes of US stocks and coins over its market data API."""

from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from openbell.errors import InputError
from openbell.feeds.alpaca.feed import AlpacaFeed
from openbell.feeds.alpaca.questions import MarketData
from openbell.ports import MarketFeed
from openbell.settings import load_settings
from openbell.specs import FeedSpec, Surroundings
from openbell.venues.allowance import Allowance
from openbell.venues.alpaca.endpoints import endpoint, usual
from openbell.venues.alpaca.keys import Keys, checked

__all__ = ["Alpaca", "AlpacaFeed"]

Tape = Literal["iex", "sip"]


class Alpaca(FeedSpec):
    """Terms of the Alpaca feed, as ``[feed.params]`` of a plan has them; keys never stand in a plan."""

    asks_again: ClassVar[bool] = True

    feed: Tape = Field("iex", description="iex: one exchange, free; sip: all of them, recent data by subscription.")
    quotes: Tape | None = Field(None, description="Where quotes come from, if not from feed.")
    adjustment: Literal["raw", "split", "dividend", "all"] = Field(
        "split", description="What past prices are adjusted for; the newest are what is traded at in any case."
    )
    url: str = Field("", description="A double on this machine instead of Alpaca, for tests.")
    requests_per_minute: int | None = Field(
        None, ge=10, le=10_000, description="Requests of a data subscription of its own; else the account's are shared."
    )

    _key_id: SecretStr | None = PrivateAttr(None)
    _secret: SecretStr | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _endpoint_is_known(self) -> "Alpaca":
        try:
            endpoint("data", self.url)
        except InputError as error:
            raise ValueError(str(error)) from None
        return self

    def with_keys(self, key_id: SecretStr, secret: SecretStr) -> "Alpaca":
        """The same terms with keys of their own, as a block has them, instead of the environment's."""
        keyed = self.model_copy()
        keyed._key_id, keyed._secret = key_id, secret  # noqa: SLF001  # our own copy
        return keyed

    def open(self, around: Surroundings) -> MarketFeed:
        """The feed on the plan's exchange; keys of either mode will do, and missing ones are an InputError."""
        settings = load_settings()
        found = self._key_id or settings.alpaca_key_id, self._secret or settings.alpaca_secret_key
        keys = checked(*found, block="AlpacaFeed")
        data = MarketData(endpoint("data", self.url), keys, around.wait, self._allowance(keys, around))
        return AlpacaFeed(
            data=data,
            tape=self.feed,
            quote_tape=self.quotes or self.feed,
            adjustment=self.adjustment,
            exchange=around.exchange,
            max_age=around.max_age,
        )

    def _allowance(self, keys: Keys, around: Surroundings) -> Allowance:
        own = self.requests_per_minute
        budget = around.budget(f"{keys.budget}/data", own) if own else around.budget(keys.budget, usual(self.url))
        return Allowance(budget, around.urgent, around.wait, around.patience)
