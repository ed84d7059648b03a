"""The Alpaca feed as a block."""

from typing import Literal

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.forms import ReadableForm
from openbell.feeds.alpaca import Alpaca


class AlpacaFeed(ReadableForm, Block):
    """Keys for Alpaca's market data, kept by Prefect; several plans may name it.

    Example:
        Save one and name it in a plan as `block = "openbell-alpaca-feed/desk"`:
        ```python
        from blocks.alpaca_feed import AlpacaFeed

        AlpacaFeed(key_id="PK...", secret="...").save("desk")
        ```
    """

    _block_type_name = "openbell alpaca feed"
    _block_type_slug = "openbell-alpaca-feed"
    _description = "Bars and quotes of US stocks from Alpaca, by the keys of any account, paper or live."

    key_id: SecretStr = Field(title="Key id", description="Key id that Alpaca shows beside the secret key.")
    secret: SecretStr = Field(title="Secret key", description="Secret key, shown once when the pair is made.")
    feed: Literal["iex", "sip"] = Field(
        "iex", title="Feed", description="One exchange for free, or all of them, recent data by subscription."
    )
    quotes: Literal["iex", "sip"] | None = Field(
        None, title="Quotes", description="Where quotes come from, if not from the feed of the bars."
    )
    adjustment: Literal["raw", "split", "dividend", "all"] = Field(
        "split", title="Adjustment", description="What past prices are adjusted for."
    )
    url: str = Field("", title="URL", description="A double on the worker's own machine instead of Alpaca, for tests.")
    requests_per_minute: int | None = Field(
        None,
        ge=10,
        le=10_000,
        title="Requests per minute",
        description="Requests of a data subscription of its own; else the account's are shared.",
    )

    def spec(self) -> Alpaca:
        """What builds the feed."""
        terms = Alpaca(
            feed=self.feed,
            quotes=self.quotes,
            adjustment=self.adjustment,
            url=self.url,
            requests_per_minute=self.requests_per_minute,
        )
        return terms.with_keys(self.key_id, self.secret)
