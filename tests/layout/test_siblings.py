"""Plug-ins of one kind never import each other, so that each can be read, added and removed alone."""

import ast
from pathlib import Path

import pytest

import openbell

ROOT = Path(openbell.__file__).parent
FAMILIES = ["strategies", "sizing", "risk/rules", "exits/rules", "feeds", "brokers"]


def plugins(family: str) -> list[Path]:
    return [
        path
        for path in sorted((ROOT / family).glob("*"))
        if not path.name.startswith("_") and path.stem != "base" and (path.suffix == ".py" or path.is_dir())
    ]


def imported(path: Path) -> set[str]:
    files = path.rglob("*.py") if path.is_dir() else [path]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text()))]
    named = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return named | {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}


@pytest.mark.parametrize("family", FAMILIES)
def test_siblings_never_import_each_other(family: str) -> None:
    package = f"openbell.{family.replace('/', '.')}"
    found = plugins(family)
    assert found
    for path in found:
        others = {f"{package}.{other.stem}" for other in found if other != path}
        crossed = {name for name in imported(path) if any(name == o or name.startswith(f"{o}.") for o in others)}
        assert not crossed, f"{path.relative_to(ROOT)} imports {crossed}"
