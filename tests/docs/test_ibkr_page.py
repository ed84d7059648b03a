"""The page on Interactive Brokers: its plan reaches account and prices at the gateway double as it stands."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import openbell
from blocks.ibkr_account import IBKRAccount
from openbell import store
from openbell.desk import open_desk
from openbell.settings import load_settings
from openbell.venues.ibkr import words
from openbell.venues.ibkr.gateway import PORTS
from tests.twsdouble.process import TwsDouble

PAGE = (Path(openbell.__file__).parent.parent / "docs" / "ibkr.md").read_text()


@pytest.fixture
def double(tmp_path: Path) -> Iterator[TwsDouble]:
    with TwsDouble(tmp_path / "ledger.jsonl") as double:
        yield double


def test_the_plan_shown_opens_its_account_and_its_feed(double, tmp_path, monkeypatch):
    shown = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]
    assert shown.count("port = 4002") == 2
    (tmp_path / "gateway.toml").write_text(shown.replace("port = 4002", f"port = {double.port}"))
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path))
    monkeypatch.setenv("OPENBELL_PLANS", str(tmp_path))
    for symbol in ("AAPL", "IBM", "MSFT"):
        double.quote(symbol, "99.99", "100.01")
    desk = open_desk("gateway")
    assert set(desk.feed.quotes(desk.plan.universe, datetime.now(UTC))) == set(desk.plan.universe)
    broker = desk.broker()
    assert (broker.account_id, broker.environment, broker.account().cash) == ("DU1234567", desk.plan.mode, 100_000)
    assert sorted(double.clients()) == [71, 72]
    store.close(load_settings().url)


def test_the_ports_and_the_block_are_what_the_page_says():
    assert {int(port) for port in re.findall(r"\b(?:749\d|400\d)\b", PAGE)} == set(PORTS)
    assert f"{IBKRAccount._block_type_slug}/" in PAGE


def test_every_message_shown_is_one_that_is_said():
    beginning = (words.refused(), words.hanging(1, True, False), words.hanging(1, True, True), words.closed_early())
    said = " ".join((*beginning, words.id_in_use(71), words.read_only(), words.severed(1100)))
    for part in (
        "the connection is refused",
        "the port is open, but nobody answers",
        "greeted and then did not start the session",
        "closed the connection before the session began",
        "client id 71 is in use",
        "the API is read-only (321)",
        "lost Interactive Brokers' servers (1100)",
    ):
        assert part in said
        assert part in PAGE
