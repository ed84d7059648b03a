"""On which line of a TOML text each key stands; tomllib does not tell."""

import re
from collections.abc import Mapping

Key = tuple[str | int, ...]

_KEY_PART = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*""")
#: What matters in a line outside of long strings, and how each long string ends.
_MARK = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|[\[\]{}#]')
_LONG = {'"""': re.compile(r'(?:\\.|[^\\])*?"{3,5}'), "'''": re.compile(r".*?'{3,5}")}


def key_lines(text: str) -> dict[Key, int]:
    """Line of each table, array element and key of a valid TOML text; keys inside inline tables have none."""
    lines: dict[Key, int] = {}
    counts: dict[Key, int] = {}
    table: Key = ()
    depth, quote = 0, ""
    for number, line in enumerate(text.split("\n"), start=1):
        bare = line.strip()
        if not depth and not quote and bare and not bare.startswith("#"):
            if bare.startswith("["):
                table = _table(bare, counts)
                lines.setdefault(table, number)
                continue
            lines[table + _key(bare)] = number
        depth, quote = _follow(line, depth, quote)
    return lines


def _table(header: str, counts: dict[Key, int]) -> Key:
    doubled = header.startswith("[[")
    name = _key(header.lstrip("["))
    if not doubled:
        return _inside(name, counts)
    array = _inside(name[:-1], counts) + name[-1:]
    counts[array] = counts.get(array, 0) + 1
    return (*array, counts[array] - 1)


def _inside(key: Key, counts: Mapping[Key, int]) -> Key:
    """The key with the index of the latest element put in after each array of tables on its way."""
    placed: Key = ()
    for part in key:
        placed = (*placed, part)
        if placed in counts and not isinstance(part, int):
            placed = (*placed, counts[placed] - 1)
    return placed


def _key(text: str) -> Key:
    parts: list[str] = []
    position = 0
    while found := _KEY_PART.match(text, position):
        word = found[1]
        parts.append(word[1:-1] if word[0] in "\"'" else word)
        position = found.end()
        if not text.startswith(".", position):
            break
        position += 1
    return tuple(parts)


def _follow(line: str, depth: int, quote: str) -> tuple[int, str]:
    """How many brackets and which long string are open after this line."""
    position = 0
    while found := (_LONG[quote] if quote else _MARK).search(line, position):
        position, mark = found.end(), found[0]
        if quote:
            quote = ""
        elif mark == "#":
            break
        elif mark in _LONG:
            quote = mark
        elif mark in "[]{}":
            depth += 1 if mark in "[{" else -1
    return depth, quote
