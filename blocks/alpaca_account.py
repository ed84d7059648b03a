"""An Alpaca account as a block."""

from typing import Literal

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.forms import ReadableForm
from openbell.brokers.alpaca import Alpaca


class AlpacaAccount(ReadableForm, Block):
    """Keys of an Alpaca account, kept by Prefect; several plans may name it.

    Example:
        Save one and name it in a plan as `block = "openbell-alpaca-account/desk"`:
        ```python
        from blocks.alpaca_account import AlpacaAccount

        AlpacaAccount(key_id="PK...", secret="...").save("desk")
        ```
    """

    _block_type_name = "openbell alpaca account"
    _block_type_slug = "openbell-alpaca-account"
    _description = "An account at Alpaca, paper or live: stocks and crypto over its trading API."

    key_id: SecretStr = Field(title="Key id", description="Key id that Alpaca shows beside the secret key.")
    secret: SecretStr = Field(title="Secret key", description="Secret key, shown once when the pair is made.")
    mode: Literal["paper", "live"] = Field(
        "paper", title="Mode", description="Environment that the keys belong to; the account's number must agree."
    )
    url: str = Field("", title="URL", description="A double on the worker's own machine instead of Alpaca, for tests.")
    requests_per_minute: int | None = Field(
        None,
        ge=10,
        le=10_000,
        title="Requests per minute",
        description="The account's requests, all its plans together; 200 unless said.",
    )

    def spec(self) -> Alpaca:
        """What builds the broker."""
        terms = Alpaca(mode=self.mode, url=self.url, requests_per_minute=self.requests_per_minute)
        return terms.with_keys(self.key_id, self.secret)
