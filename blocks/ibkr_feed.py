"""The feed of Interactive Brokers as a block."""

from prefect.blocks.core import Block
from pydantic import Field

from blocks.forms import ReadableForm
from openbell.feeds.ibkr import IBKRData
from openbell.feeds.ibkr.terms import FeedTerms


class IBKRFeed(ReadableForm, Block):
    """Bars and quotes of the login at TWS or IB Gateway.

    Example:
        Save one and name it in a plan as `block = "openbell-ibkr-feed/desk"`:
        ```python
        from blocks.ibkr_feed import IBKRFeed

        IBKRFeed(settings={"port": 4002, "client_id": 72}).save("desk")
        ```
    """

    _block_type_name = "openbell ibkr feed"
    _block_type_slug = "openbell-ibkr-feed"
    _description = "Bars and quotes of Interactive Brokers over TWS or IB Gateway."

    settings: FeedTerms = Field(
        FeedTerms(), title="Settings", description="Machine, port and client id of the gateway, and which prices."
    )

    def spec(self) -> IBKRData:
        """What builds the feed."""
        return IBKRData(**self.settings.model_dump())
