"""Terms of an account at Interactive Brokers."""

from pydantic import Field

from openbell.venues.ibkr.gateway import Gateway


class Terms(Gateway):
    """What the account needs beside the way to the gateway; times are in seconds."""

    client_id: int = Field(
        71, ge=1, le=2**31 - 2, description="Id of this client; only it can cancel its orders, so keep it."
    )
    ack_timeout: float = Field(10, gt=0, le=120, description="Seconds to wait for the word about an order.")
    shorting: bool = Field(False, description="Whether sales may go beyond what is held (margin accounts).")
    reference: str = Field("AAPL", min_length=1, description="Symbol whose trading hours say whether it is open.")
