"""From the name of a target to its address, which only ever stands in an environment variable."""

import os
import re
from dataclasses import dataclass

from pydantic import SecretStr

from openbell.errors import SettingsError

_PLACEHOLDER = re.compile(r"^(<.*>|\$\{?\w*\}?|x+|\*+|changeme|change-me|todo|none|null)$", re.IGNORECASE)
_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*)://[^/]")
LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Reference:
    """The address of a target; ``name`` is what errors and logs may say of it.

    ``private`` allows addresses of private networks and of this machine, ``live`` forbids anything unencrypted.
    """

    name: str
    address: SecretStr
    private: bool
    live: bool

    @property
    def scheme(self) -> str:
        """What stands before ``://``; SettingsError when the address has none."""
        found = _SCHEME.match(self.address.get_secret_value().lower())
        if found is None:
            raise SettingsError(f"{self.name} holds no address such as https://host/path or tgram://token/chat")
        return found[1]

    @property
    def plain(self) -> bool:
        """Whether this machine may be spoken to without encryption."""
        return self.private and not self.live


def secret_of(name: str, needed: bool = True) -> SecretStr:
    """The value of a variable; SettingsError names the variable and what is wrong, never the value."""
    secret = SecretStr(os.environ.get(name, ""))  # a trace that shows locals shows no value
    problem = _problem(secret.get_secret_value())
    if problem and (needed or len(secret)):
        raise SettingsError(f"environment variable {name} {problem}")
    return secret


def _problem(value: str) -> str:
    if not value:
        return "is not set, or empty"
    if len(value) > LONGEST:
        return f"holds {len(value)} characters, more than {LONGEST}"
    if not (value.isascii() and value.isprintable()) or " " in value:
        return "holds white space, a line end or a character outside ASCII"
    return "holds a placeholder" if _PLACEHOLDER.fullmatch(value) else ""
