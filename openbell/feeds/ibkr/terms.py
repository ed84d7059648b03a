"""Terms of the feed of Interactive Brokers."""

from typing import Literal

from pydantic import Field

from openbell.venues.ibkr.gateway import Gateway

#: What the venue's two kinds of bars are adjusted for.
Kind = Literal["trades", "adjusted_last"]
ADJUSTMENTS: dict[Kind, str] = {"trades": "split", "adjusted_last": "all"}


class FeedTerms(Gateway):
    """What the feed needs beside the way to the gateway; times are in seconds."""

    client_id: int = Field(
        72, ge=1, le=2**31 - 2, description="Id of this client; another one than the account's and than other plans'."
    )
    kind: Kind = Field("trades", description="Bars adjusted for splits (trades), or for dividends too (adjusted_last).")
    delayed: bool = Field(
        False, description="Whether quotes may be delayed by 15 minutes or more where live ones are not subscribed."
    )
    history_timeout: float = Field(30, gt=0, le=300, description="Seconds that the bars of one symbol may take.")
    quote_timeout: float = Field(12, gt=0, le=60, description="Seconds that quotes may take.")
    at_once: int = Field(30, ge=1, le=50, description="Requests for bars or quotes that are open at the same time.")
