"""Settings of an installation, from environment variables with the prefix ``OPENBELL_``."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from openbell.errors import SettingsError
from openbell.plugins import explain, nearest
from openbell.values.texts import utf8

PREFIX = "OPENBELL_"
#: Read by the test suite and the benchmarks only.
TEST_PREFIX = "OPENBELL_TEST_"
#: Addresses of who is told; each is read when a plan names it.
NOTIFY_PREFIX = "OPENBELL_NOTIFY_"
#: Variables of Prefect that hold a secret.
_OF_PREFECT = ("PREFECT_API_KEY", "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING")
_WITH_PASSWORD = ("PREFECT_API_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_API_DATABASE_CONNECTION_URL")
#: Anything shorter would be found inside innocent words.
_SHORTEST = 6
_FOLDERS = ("home", "plans", "alerts", "data")
Environment = Literal["development", "staging", "production"]


def _written(name: object) -> object:
    """Who halts must not be stopped by a byte of a name that is no UTF-8."""
    return utf8(name) if isinstance(name, str) else name


class Settings(BaseSettings):
    """Where the store and the plans are, how strict the installation is, and what is logged."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    environment: Environment = Field(
        "development", description="development, staging (paper plans only) or production; see below what each asks."
    )
    home: Path = Field(Path("~/.openbell"), description="Folder of the store and of everything else that is kept.")
    database_url: SecretStr | None = Field(None, description="SQLAlchemy URL of the store; default SQLite in home.")
    plans: Path | None = Field(None, description="Folder of plan files; default deployments/plans.")
    alerts: Path | None = Field(None, description="Folder of alert files; default deployments/alerts.")
    data: Path = Field(Path("data"), description="Root folder of the files feed; nothing outside it is read.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level logged.")
    log_format: Literal["text", "json"] = Field(
        "text", description="text for people; json writes one object a line with run, plan, slot and order."
    )

    evaluate_threads: int | None = Field(
        None, ge=1, le=256, description="Threads that ask strategies; default one a core where that pays, see scale.md."
    )
    evaluate_dask: str | None = Field(
        None, min_length=1, description="Dask cluster that asks strategies instead, tcp://host:port; see scale.md."
    )

    actor: Annotated[str | None, BeforeValidator(_written)] = Field(
        None, description="Who gives a command, where the user is a service's; openbell-env names who called it."
    )

    watch_token: SecretStr | None = Field(None, description="Bearer token of the watchdog's endpoint; see health.md.")

    alpaca_key_id: SecretStr | None = Field(None, description="Key id of the Alpaca account, where no block has it.")
    alpaca_secret_key: SecretStr | None = Field(None, description="Secret key that belongs to it.")

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, given: dict[str, Any]) -> dict[str, Any]:
        """A variable that is there and empty would mean the current directory."""
        return {name: value for name, value in given.items() if name not in _FOLDERS or value != ""}

    @field_validator(*_FOLDERS)
    @classmethod
    def _of_a_user(cls, folder: Path | None) -> Path | None:
        if folder is None:
            return None
        try:
            folder.expanduser()
        except RuntimeError:
            raise ValueError(f"there is no user {folder.parts[0]}: write the path in full") from None
        return folder

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

    @property
    def archive(self) -> Path:
        """Folder of the months that were moved out of the store."""
        return self.home.expanduser().absolute() / "archive"

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret text of this process, longest first, for whoever must keep them out of what is written."""
        held = (self.alpaca_key_id, self.alpaca_secret_key, self.watch_token)
        found = {secret.get_secret_value() for secret in held if secret}
        found |= _parts(self.url, whole=False)
        for name, value in os.environ.items():
            if name.startswith(NOTIFY_PREFIX):
                found |= _parts(value)
            if name in _OF_PREFECT:
                found |= {value, value.partition(":")[2]}
            if name in _WITH_PASSWORD:
                found |= _parts(value, whole=False)
        return tuple(sorted((text for text in found if len(text) >= _SHORTEST), key=len, reverse=True))


def _parts(address: str, whole: bool = True) -> set[str]:
    """The password of an address; of one that is ``whole`` a secret, all behind its host as well."""
    try:
        parsed = urlsplit(address)
    except ValueError:
        return {address}
    found = {parsed.password or "", unquote(parsed.password or "")}
    if whole:
        values = [pair.partition("=")[2] for pair in parsed.query.split("&")]
        found |= {address, parsed.username or "", *parsed.path.split("/"), *values}
        found |= set() if parsed.scheme in ("http", "https") else {parsed.netloc}
    return found


def load_settings() -> Settings:
    """The settings of this process; a variable with our prefix that nobody reads is refused by name."""
    ours = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    return _settings(tuple(sorted(ours.items())))


@lru_cache(maxsize=4)
def _settings(variables: tuple[tuple[str, str], ...]) -> Settings:
    known = {PREFIX + name.upper(): name for name in Settings.model_fields}
    for variable, _ in variables:
        if not variable.startswith((TEST_PREFIX, NOTIFY_PREFIX)) and variable not in known:
            raise SettingsError(f"environment variable {variable} is not known{nearest(variable, known)}")
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(f"environment: {explain(error, Settings)}") from None
