"""The sample feed as a block."""

from prefect.blocks.core import Block
from pydantic import Field

from blocks.forms import ReadableForm
from openbell.feeds.sample import Sample


class SampleFeed(ReadableForm, Block):
    """Real daily bars of five US stocks, 2000 to 2013, shown under recent dates.

    Example:
        Save one and name it in a plan as `block = "openbell-sample-feed/sample"`:
        ```python
        from blocks.sample_feed import SampleFeed

        SampleFeed().save("sample")
        ```
    """

    _block_type_name = "openbell sample feed"
    _block_type_slug = "openbell-sample-feed"
    _description = "Sample prices to try things on: real bars of 2000 to 2013, re-dated."

    settings: Sample = Field(Sample(), title="Settings", description="Adjustment and spread of the sample prices.")

    def spec(self) -> Sample:
        """What builds the feed."""
        return self.settings
