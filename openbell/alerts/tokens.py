"""An expression's text as tokens, and how a place in it is shown."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from openbell.errors import ExpressionError

#: A rule that a person can still review is far below this.
MAX_LENGTH = 2_000
#: Longest run of digits: more than a float64 can tell apart.
_MAX_NUMBER = 24
_EXCERPT = 72
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><=|>=|==|!=|[-+*/()<>,]))"
)
WORDS = frozenset({"and", "or", "not"})


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text from ``start`` up to ``stop``.

    ``kind`` is ``number``, ``name``, ``sign`` (words such as ``and`` too), ``strange`` for what can be none of these,
    or ``end``.
    """

    kind: str
    text: str
    start: int
    stop: int


def tokens(text: str) -> list[Token]:
    """The tokens of a text, with one of kind ``end`` after them."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression has {len(text)} characters, above the limit of {MAX_LENGTH}")
    return list(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    position, stop = 0, len(text.rstrip())
    while position < stop:
        found = _TOKEN.match(text, position)
        if found is None:
            position += len(text[position:]) - len(text[position:].lstrip()) + 1
            yield Token("strange", text[position - 1], position - 1, position)
            continue
        kind = str(found.lastgroup)
        word, start, position = found[kind], found.start(kind), found.end()
        if kind == "number" and (len(word) > _MAX_NUMBER or text[position : position + 1].isalpha()):
            raise wrong(text, start, f"{text[start : position + 1][:30]!r} is not a number")
        yield Token("sign" if word in WORDS else kind, word, start, position)
    yield Token("end", "", stop, stop)


def wrong(text: str, position: int, what: str) -> ExpressionError:
    """An error that names the place and shows it under the text."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line, column = text[start : end if end >= 0 else len(text)], position - start
    cut = max(0, column - _EXCERPT // 2)
    shown = "".join(letter if letter.isprintable() else "?" for letter in line[cut : cut + _EXCERPT])
    place = (
        f"line {text.count(chr(10), 0, position) + 1} column {column + 1}" if "\n" in text else f"column {column + 1}"
    )
    return ExpressionError(f"{what}, at {place}\n  {shown}\n  {' ' * (column - cut)}^")
