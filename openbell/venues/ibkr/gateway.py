"""Where TWS or IB Gateway listens, who we are there, and how long we wait for what."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Mode = Literal["paper", "live"]
#: What the ports of a fresh installation are for: of TWS, and of IB Gateway.
PORTS: dict[int, Mode] = {7497: "paper", 4002: "paper", 7496: "live", 4001: "live"}


class Gateway(BaseModel):
    """Fields that account and feed have in common; times are in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    host: str = Field("127.0.0.1", min_length=1, max_length=253, description="Machine that TWS or IB Gateway runs on.")
    port: int = Field(4002, ge=1, le=65535, description="API port: TWS 7497 paper, 7496 live; Gateway 4002, 4001.")
    mode: Mode = Field("paper", description="Paper or live; port and account number must agree.")
    account: str = Field("", description="Account number; needed only where the login has several.")
    currency: str = Field("USD", pattern="^[A-Z]{3}$", description="Currency of the account and of what it trades.")
    primary_exchange: dict[str, str] = Field(
        default_factory=dict, description="Listing exchange of a symbol that several contracts bear."
    )
    connect_timeout: float = Field(10, gt=0, le=120, description="Seconds until the gateway must have answered.")
    request_timeout: float = Field(10, gt=0, le=120, description="Seconds that one answer may take.")
    heartbeat: float = Field(15, gt=0, le=600, description="Seconds of silence after which the line is tried first.")
    id_patience: float = Field(5, ge=0, le=120, description="Seconds to wait for a client id that is still in use.")

    @field_validator("host", "account")
    @classmethod
    def _plain(cls, text: str) -> str:
        if text != text.strip() or not text.isprintable():
            raise ValueError(f"{text!r} has white space at an end, or something that cannot be printed")
        return text

    @model_validator(mode="after")
    def _port_and_account_agree(self) -> "Gateway":
        usual = PORTS.get(self.port, self.mode)
        if usual != self.mode:
            raise ValueError(f"port {self.port} is that of a {usual} login, but mode is {self.mode}")
        if self.account and environment_of(self.account) != self.mode:
            there = environment_of(self.account)
            raise ValueError(f"account ...{self.account[-4:]} is a {there} one by its number, but mode is {self.mode}")
        return self


def environment_of(account: str) -> Mode:
    """Paper accounts are numbered D...; whatever is not certainly paper is live."""
    return "paper" if account.startswith("D") else "live"


def identify(gateway: Gateway, managed: list[str]) -> tuple[str, str]:
    """The account to work with among those of the login, or why there is none."""
    ends = ", ".join(f"...{each[-4:]}" for each in managed)
    if gateway.account and gateway.account not in managed:
        return "", f"account ...{gateway.account[-4:]} is not of this login, which has {ends or 'none'}"
    if not gateway.account and len(managed) != 1:
        return "", f"this login has {len(managed)} accounts ({ends}); name one in account"
    account = gateway.account or managed[0]
    there = environment_of(account)
    if there != gateway.mode:
        return "", f"mode {gateway.mode} was asked for, but account ...{account[-4:]} is a {there} one"
    return account, ""
