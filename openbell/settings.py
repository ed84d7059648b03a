"""Settings of an installation, from environment variables with the prefix ``OPENBELL_``."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from openbell.errors import SettingsError
from openbell.plugins import explain, nearest

PREFIX = "OPENBELL_"
#: Read by the test suite and the benchmarks only.
_TEST_PREFIX = "OPENBELL_TEST_"
#: Addresses of who is told; each is read when a plan names it.
NOTIFY_PREFIX = "OPENBELL_NOTIFY_"


class Settings(BaseSettings):
    """Where the store and the plans are, and how much is logged."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    home: Path = Field(Path("~/.openbell"), description="Folder of the store and of everything else that is kept.")
    database_url: SecretStr | None = Field(None, description="SQLAlchemy URL of the store; default SQLite in home.")
    plans: Path | None = Field(None, description="Folder of plan files; default deployments/plans.")
    alerts: Path | None = Field(None, description="Folder of alert files; default deployments/alerts.")
    data: Path = Field(Path("data"), description="Root folder of the files feed; nothing outside it is read.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level logged.")

    alpaca_key_id: SecretStr | None = Field(None, description="Key id of the Alpaca account, where no block has it.")
    alpaca_secret_key: SecretStr | None = Field(None, description="Secret key that belongs to it.")

    @property
    def url(self) -> str:
        """URL of the store; it may hold a password and is never printed."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home.expanduser().absolute() / 'openbell.db'}"

    @property
    def halt_file(self) -> Path:
        """The kill switch's second channel: while this file exists, everything is halted."""
        return self.home.expanduser() / "HALT"


def load_settings() -> Settings:
    """The settings of this process; a variable with our prefix that nobody reads is refused by name."""
    ours = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    return _settings(tuple(sorted(ours.items())))


@lru_cache(maxsize=4)
def _settings(variables: tuple[tuple[str, str], ...]) -> Settings:
    known = {PREFIX + name.upper(): name for name in Settings.model_fields}
    for variable, _ in variables:
        if not variable.startswith((_TEST_PREFIX, NOTIFY_PREFIX)) and variable not in known:
            raise SettingsError(f"environment variable {variable} is not known{nearest(variable, known)}")
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(f"environment: {explain(error, Settings)}") from None
