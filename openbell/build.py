"""Which code this is: the release, and a digest of every source of the package that is running."""

import hashlib
from functools import cache
from pathlib import Path

import openbell

#: Characters of the digest; enough to tell two deployments apart.
SHOWN = 12


@cache
def build() -> str:
    """The running code, as in ``0.1.0+3f2a9c81d04e``; two workers with different sources have different ones."""
    return f"{openbell.__version__}+{digest(Path(__file__).parent)}"


def digest(folder: Path) -> str:
    """Of every Python source below a folder, by its place there and its bytes."""
    told = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        told.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        told.update(path.read_bytes())
    return told.hexdigest()[:SHOWN]
