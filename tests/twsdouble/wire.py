"""The frame of the protocol: a length of four bytes, then fields that each end with a NUL."""

from collections.abc import Iterator
from decimal import Decimal

#: The versions that the double speaks; a client names a range of its own when it connects.
VERSION, OLDEST = 176, 157
#: What an absent number looks like inside a message of the server, besides the empty text.
UNSET = str(2**31 - 1)


def frame(*fields: object) -> bytes:
    """One message as it goes over the wire."""
    body = "".join(f"{text(field)}\0" for field in fields).encode()
    return len(body).to_bytes(4, "big") + body


def text(field: object) -> str:
    """One field: truth is 1 or 0, nothing is the empty text, amounts are plain."""
    if field is None:
        return ""
    if isinstance(field, bool):
        return "1" if field else "0"
    return format(field, "f") if isinstance(field, Decimal) else str(field)


class Fields:
    """The fields of a message of the client, read one after the other."""

    def __init__(self, body: bytes) -> None:
        self.all = body.decode(errors="backslashreplace").split("\0")[:-1]
        self._next: Iterator[str] = iter(self.all)

    def word(self) -> str:
        """The next field; the empty text once there is none left, as TWS reads short messages."""
        return next(self._next, "")

    def number(self) -> int:
        """The next field as a whole number, 0 when it is empty."""
        return int(float(self.word() or 0))

    def flag(self) -> bool:
        """The next field as truth."""
        return self.word() not in ("", "0", "false")

    def amount(self) -> Decimal | None:
        """The next field as an amount, None when it is unset."""
        found = self.word()
        return None if found in ("", UNSET) or float(found) > 1e300 else Decimal(found)

    def skip(self, count: int) -> None:
        """Leave out some fields."""
        for _ in range(count):
            self.word()

    def contract(self) -> dict[str, str]:
        """The twelve fields of a contract."""
        names = ("con_id", "symbol", "kind", "expiry", "strike", "right", "multiplier", "exchange", "primary")
        return {name: self.word() for name in (*names, "currency", "local", "trading_class")}
