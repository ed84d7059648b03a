"""Colours of the charts: fixed ones for a picture, those of the page's theme for the page."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """A colour for each role, as hex."""

    ink: str
    faint: str
    grid: str
    line: str
    gain: str
    loss: str
    ground: str


#: For a picture on white.
LIGHT = Palette("#1f2933", "#667788", "#e3e8ee", "#2563a8", "#15803d", "#c2362b", "#ffffff")
#: Stand-ins that ``themed`` turns into the colours of the page.
ROLES = Palette("#010101", "#010102", "#010103", "#010104", "#010105", "#010106", "#010107")

_NAMES = {getattr(ROLES, name): f"var(--{name})" for name in Palette.__slots__}
_STANDS = re.compile("|".join(_NAMES))
_SIZE = re.compile(r'<svg [^>]*?viewBox="([^"]+)"[^>]*>')
_NOISE = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->|<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_EMPTY = re.compile(r'<g id="[^"]*"/>')
_GROUP = re.compile(r'<g id="[^"]*">')
_TYPE = re.compile(r"font-family: [^;\"]+;? ?")
_LONG = re.compile(r"(\d\.\d\d)\d+")
_SPACE = re.compile(r"\s*\n\s*")


def themed(svg: str, title: str) -> str:
    """A drawn SVG for inside a page: in the page's colours and type, as wide as its place, with a name for readers."""
    drawing = _NOISE.sub("", svg[svg.index("<svg") :])
    drawing = _SIZE.sub(rf'<svg role="img" aria-label="{title}" viewBox="\1">', drawing, count=1)
    for pattern, instead in ((_EMPTY, ""), (_GROUP, "<g>"), (_TYPE, ""), (_LONG, r"\1"), (_SPACE, " ")):
        drawing = pattern.sub(instead, drawing)
    return _STANDS.sub(lambda found: _NAMES[found[0]], drawing).replace("> <", "><").strip()
