"""Numbers, times and foreign texts as people read them, safe on a terminal, in a table and on a page."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

UNKNOWN = "unknown"
#: A text from outside is cut at this many characters; the record keeps all of it.
LONGEST = 300

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
#: A spreadsheet takes these for a formula; a signed number with a unit is none.
_FORMULA = re.compile(r"^(?:[=@]|[+-](?!\d[\d,.]*(?: ?[A-Za-z%]+)*$))")
_MARKS = re.compile(r"[\\`*\[\]~$|<>&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_ENTITIES = {"|": "&#124;", "<": "&lt;", ">": "&gt;", "&": "&amp;"}


def clean(text: str) -> str:
    """One printable line: control characters shown as escapes, no tag, no link, no formula, cut when long."""
    line = " ".join(text[: 2 * LONGEST].split())
    if not line.isprintable():
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    line = _TAG.sub("< ", line).replace("](", "] (")
    line = f"'{line}" if _FORMULA.match(line) else line
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


def marked(text: str) -> str:
    """The cleaned text with everything escaped that markdown would read as markup; fit for a table cell."""
    return _MARKS.sub(lambda mark: _ENTITIES.get(mark[0], "\\" + mark[0]), clean(text))


def quantity(amount: Decimal) -> str:
    """All decimals that count, thousands separated."""
    return _trimmed(amount, 9, 0)


def price(amount: Decimal | None) -> str:
    """At least two decimals, four at most above 1 and eight below; None is unknown."""
    if amount is None or not amount.is_finite():
        return UNKNOWN
    return _trimmed(amount, 4 if abs(amount) >= 1 else 8, 2)


def money(amount: Decimal | None, currency: str = "") -> str:
    """To the cent with the currency behind it; None is unknown."""
    if amount is None or not amount.is_finite():
        return UNKNOWN
    text = f"{amount:,.2f}"
    text = text if text.strip("-0.") else "0.00"
    return f"{text} {currency}".rstrip()


def fraction(share: float | None, signed: bool = False) -> str:
    """A target or confidence with at most two decimals; not a number is ``none``."""
    if share is None or share != share:
        return "none"
    text = f"{share:+.2f}" if signed else f"{share:.2f}"
    text = text.rstrip("0").rstrip(".")
    return "0" if text in ("+0", "-0") else text


def _trimmed(amount: Decimal, places: int, least: int) -> str:
    if not amount.is_finite():
        return UNKNOWN
    whole, _, part = f"{amount:,.{places}f}".partition(".")
    part = part.rstrip("0")
    if amount and not part and whole in ("0", "-0"):
        return f"{amount:.2e}"  # what is not zero is never shown as zero
    whole, part = "0" if amount == 0 else whole, part.ljust(least, "0")
    return f"{whole}.{part}" if part else whole


def when(instant: datetime, zone: tzinfo) -> str:
    """Wall time in the zone with the zone's own short name; seconds only when there are any."""
    local = instant.astimezone(zone)
    clock = "%H:%M:%S" if local.second else "%H:%M"
    return f"{local:%Y-%m-%d} {local.strftime(clock)} {local:%Z}"


def span(length: timedelta) -> str:
    """A length of time by its two largest units, without a sign."""
    seconds = abs(length.total_seconds())
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if minutes < 60:
        return _two(minutes, "min", int(seconds % 60), "s")
    if hours < 48:
        return _two(hours, "h", minutes % 60, "min")
    return _two(days, "d", hours % 24, "h")


def _two(large: int, unit: str, small: int, subunit: str) -> str:
    return f"{large} {unit} {small} {subunit}" if small else f"{large} {unit}"


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 order``, ``2 orders``, ``no orders``."""
    return f"{f'{number:,}' if number else 'no'} {noun if number == 1 else plural or noun + 's'}"


def sentence(text: str) -> str:
    """The text with a capital first letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def listed(words: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
