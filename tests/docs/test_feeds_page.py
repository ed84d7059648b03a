"""The page on feeds: its table is the code's, and the feed that it shows keeps the contract of feeds."""

import re
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

import openbell
from openbell.values.bars import Timeframe
from openbell.values.market import REASONS, DropCode
from tests.contracts.feed_contract import Case, FeedContract
from tests.docs.test_docs import module

PAGE = Path(openbell.__file__).parent.parent / "docs" / "feeds.md"


def test_every_code_has_its_reason_and_the_page_has_them_all() -> None:
    assert set(REASONS) == set(DropCode)
    assert module(PAGE.with_suffix(".py")).page() == PAGE.read_text(), "run `make docs`"


def shown(folder: Path) -> ModuleType:
    (body,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (folder / "levels.py").write_text(body)
    return module(folder / "levels.py")


class TestTheFeedShown(FeedContract):
    @pytest.fixture
    def case(self, tmp_path: Path) -> Case:
        feed = shown(tmp_path).LevelsFeed({"AAA": 10.0, "BBB": 20.0}, "XNYS")
        return Case(feed, ("AAA", "BBB"), Timeframe("1d"), datetime(2026, 11, 20, 15, tzinfo=UTC))
