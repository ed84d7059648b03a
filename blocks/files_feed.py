"""The feed of files as a block."""

from prefect.blocks.core import Block
from pydantic import Field

from blocks.forms import ReadableForm
from openbell.feeds.files import Files


class FilesFeed(ReadableForm, Block):
    """Bars from CSV or Parquet files below the data folder of the worker.

    Example:
        Save one and name it in a plan as `block = "openbell-files-feed/us-daily"`:
        ```python
        from blocks.files_feed import FilesFeed

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
