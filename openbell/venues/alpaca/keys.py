"""The pair of keys of an account, and what is never accepted as one."""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

from pydantic import SecretStr

from openbell.errors import InputError, WrongAccount

_PLACEHOLDER = re.compile(
    r"^(<.*>|\$\{?\w*\}?|x+|\*+|changeme|change-me|todo|none|null|(your|my)[-_ ].*)$", re.IGNORECASE
)

#: How Alpaca begins the key ids of each mode; others, such as those of partners, say nothing.
_MODES = {"PK": "paper", "AK": "live"}


@dataclass(frozen=True, slots=True)
class Keys:
    """Key id and secret; both are masked wherever they are printed, and unwrapped in the transport alone."""

    key_id: SecretStr
    secret: SecretStr

    @property
    def budget(self) -> str:
        """The name of the account's requests: the same for all who have the key id, which it does not give away."""
        return f"alpaca/{hashlib.sha256(self.key_id.get_secret_value().encode()).hexdigest()[:16]}"


def checked(key_id: SecretStr | None, secret: SecretStr | None, block: str = "AlpacaAccount") -> Keys:
    """The keys, or an InputError that names what is wrong with which, never its value; ``block`` can hold them."""
    names = {"OPENBELL_ALPACA_KEY_ID": key_id, "OPENBELL_ALPACA_SECRET_KEY": secret}
    found = {name: _checked(name, value, block) for name, value in names.items()}
    return Keys(*found.values())


def check_mode(keys: Keys, mode: Literal["paper", "live"]) -> None:
    """Refuse keys that say by their own first letters that they are of the other mode."""
    said = _MODES.get(keys.key_id.get_secret_value()[:2])
    if said is not None and said != mode:
        words = f"mode {mode} was asked for, but the key id is of a {said} account"
        raise WrongAccount(f"{words}, by its first two letters")


def _checked(name: str, value: SecretStr | None, block: str) -> SecretStr:
    text = value.get_secret_value() if value is not None else ""
    problem = _problem(text)
    if value is None or problem:
        raise InputError(f"alpaca key {problem}; set {name} or save an {block} block with it")
    return value


def _problem(text: str) -> str:
    if not text:
        return "is missing or empty"
    if not (text.isascii() and text.isprintable()) or " " in text:
        return "holds white space, a line end or a character outside ASCII"
    return "is a placeholder" if _PLACEHOLDER.fullmatch(text) else ""
