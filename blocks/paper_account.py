"""A paper account as a block."""

from prefect.blocks.core import Block
from pydantic import Field

from blocks.forms import ReadableForm
from openbell.brokers.paper import Paper
from openbell.brokers.paper.settings import PaperTerms


class PaperAccount(ReadableForm, Block):
    """A paper account kept in the openbell store; several plans may name it.

    Example:
        Save one and name it in a plan as `block = "openbell-paper-account/desk"`:
        ```python
        from blocks.paper_account import PaperAccount

        PaperAccount(terms={"cash": 50000}).save("desk")
        ```
    """

    _block_type_name = "openbell paper account"
    _block_type_slug = "openbell-paper-account"
    _description = "Pretended money at real prices: cash, fees, slippage, leverage and shorting."

    terms: PaperTerms = Field(
        PaperTerms(), title="Terms", description="Opening cash and how the account's venue fills, charges and lends."
    )

    def spec(self) -> Paper:
        """What builds the broker."""
        return Paper(**self.terms.model_dump())
