"""An Interactive Brokers account as a block."""

from prefect.blocks.core import Block
from pydantic import Field

from blocks.forms import ReadableForm
from openbell.brokers.ibkr import IBKR
from openbell.brokers.ibkr.terms import Terms


class IBKRAccount(ReadableForm, Block):
    """The way to TWS or IB Gateway, kept by Prefect; several plans may name it.

    Example:
        Save one and name it in a plan as `block = "openbell-ibkr-account/desk"`:
        ```python
        from blocks.ibkr_account import IBKRAccount

        IBKRAccount(terms={"port": 4002, "client_id": 71}).save("desk")
        ```
    """

    _block_type_name = "openbell ibkr account"
    _block_type_slug = "openbell-ibkr-account"
    _description = "An account at Interactive Brokers, paper or live: stocks over TWS or IB Gateway."

    terms: Terms = Field(
        Terms(), title="Terms", description="Machine, port and client id of the gateway, and what the account may do."
    )

    def spec(self) -> IBKR:
        """What builds the broker."""
        return IBKR(**self.terms.model_dump())
