"""Alpaca: stocks and crypto over its trading API, paper or live."""

from typing import Literal

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from openbell.brokers.alpaca.broker import AlpacaBroker
from openbell.brokers.alpaca.questions import Trading
from openbell.errors import InputError
from openbell.ports import Broker, MarketFeed, PaperLedger
from openbell.settings import load_settings
from openbell.specs import BrokerSpec, Surroundings
from openbell.venues.allowance import Allowance
from openbell.venues.alpaca.endpoints import endpoint, usual
from openbell.venues.alpaca.keys import check_mode, checked

__all__ = ["Alpaca", "AlpacaBroker"]

Mode = Literal["paper", "live"]


class Alpaca(BrokerSpec):
    """Terms of an Alpaca account, as ``[account.params]`` of a plan has them; keys never stand in a plan."""

    mode: Mode = Field("paper", description="Which of Alpaca's two environments; the account's number must agree.")
    url: str = Field("", description="A double on this machine instead of Alpaca, for tests; only with mode paper.")
    unique_ids: bool = Field(True, description="False only for a double that takes a client order id twice.")
    requests_per_minute: int | None = Field(
        None,
        ge=10,
        le=10_000,
        description="The account's requests, all its plans together; default 200, of a double 10000.",
    )

    _key_id: SecretStr | None = PrivateAttr(None)
    _secret: SecretStr | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _endpoint_is_known(self) -> "Alpaca":
        try:
            endpoint(self.mode, self.url)
        except InputError as error:
            raise ValueError(str(error)) from None
        if not self.unique_ids and not self.url:
            raise ValueError("unique_ids: Alpaca's ids are unique; false is for a double named by url")
        return self

    def with_keys(self, key_id: SecretStr, secret: SecretStr) -> "Alpaca":
        """The same terms with keys of their own, as a block has them, instead of the environment's."""
        keyed = self.model_copy()
        keyed._key_id, keyed._secret = key_id, secret  # noqa: SLF001  # our own copy
        return keyed

    @property
    def environment(self) -> str:
        """As the terms have it; the account's number must bear it out."""
        return self.mode

    def open(self, account: str, around: Surroundings, feed: MarketFeed, ledger: PaperLedger) -> Broker:  # noqa: ARG002
        """The account behind the keys, asked once who it is; InputError when it is not of this mode."""
        settings = load_settings()
        keys = checked(self._key_id or settings.alpaca_key_id, self._secret or settings.alpaca_secret_key)
        check_mode(keys, self.mode)
        budget = around.budget(keys.budget, self.requests_per_minute or usual(self.url))
        allowance = Allowance(budget, around.urgent, around.wait, around.patience)
        trading = Trading(endpoint(self.mode, self.url), keys, allowance=allowance)
        return AlpacaBroker(trading, self.mode, self.unique_ids, around.kept)
