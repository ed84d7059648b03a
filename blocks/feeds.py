"""Feeds as blocks."""

from prefect.blocks.core import Block
from pydantic import Field

from openbell.feeds.files import Files
from openbell.feeds.sample import Sample


class SampleFeed(Block):
    """Real daily bars of five US stocks, 2000 to 2013, shown under recent dates.

    Example:
        ```python
        from blocks.feeds import SampleFeed

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


class FilesFeed(Block):
    """Bars from CSV or Parquet files below the data folder of the worker.

    Example:
        ```python
        from blocks.feeds import FilesFeed

        FilesFeed(settings={"path": "us-daily.parquet", "stamp": "session"}).save("us-daily")
        ```
    """

    _block_type_name = "openbell files feed"
    _block_type_slug = "openbell-files-feed"
    _description = "Bars from CSV or Parquet files, long or one file per symbol."

    settings: Files = Field(title="Settings", description="Where the files are and what their columns mean.")

    def spec(self) -> Files:
        """What builds the feed."""
        return self.settings
