"""The page on Alpaca: its plan trades at the fault broker as it stands, and its blocks are what it says."""

import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import openbell
from blocks.alpaca_account import AlpacaAccount
from blocks.alpaca_feed import AlpacaFeed
from openbell import store
from openbell.desk import open_desk
from openbell.jobs import trading
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from tests.faultbroker.process import FaultBroker

PAGE = (Path(openbell.__file__).parent.parent / "docs" / "alpaca.md").read_text()
KEYS = {"OPENBELL_ALPACA_KEY_ID": "PKPAGE7Q2W", "OPENBELL_ALPACA_SECRET_KEY": "page/secret"}


def shown(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def double(tmp_path):
    with FaultBroker(tmp_path / "ledger.jsonl") as double:
        yield double


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name, value in {"OPENBELL_HOME": tmp_path, "OPENBELL_PLANS": tmp_path, **KEYS}.items():
        monkeypatch.setenv(name, str(value))
    (tmp_path / "alpaca.toml").write_text(shown("toml")[0])
    return tmp_path


def rising(days: int) -> list[dict]:
    """Daily bars up to the last day that is over round the clock, stamped at midnight in New York."""
    zone, today = ZoneInfo("America/New_York"), datetime.now(UTC).date()
    found = []
    for back in range(days, 0, -1):
        midnight = datetime.combine(today - timedelta(days=back), datetime.min.time(), zone)
        price = 100 - back / 10
        row = {"t": midnight.astimezone(UTC).isoformat(), "o": price, "h": price, "l": price, "c": price, "v": 1000}
        found.append(row)
    return found


def at(double: FaultBroker, **changes: str) -> str:
    """The plan shown, spoken to the double instead of Alpaca, with further lines changed."""
    text = shown("toml")[0].replace("params = { mode", f'params = {{ url = "{double.url}", mode')
    text = text.replace("params = { feed", f'params = {{ url = "{double.url}", feed')
    assert text.count(double.url) == 2
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


def test_the_plan_shown_opens_its_account_and_its_feed_with_keys_of_the_environment(home, double):
    double.keys(*KEYS.values())
    (home / "alpaca.toml").write_text(at(double))
    desk = open_desk("alpaca")
    assert (desk.broker().environment, desk.broker().clock().is_open) == ("paper", True)
    assert set(desk.feed.quotes(desk.plan.universe, datetime.now(UTC))) == set(desk.plan.universe)


def test_the_plan_shown_trades_and_asks_no_more_than_it_must(home, double):
    always = {'"XNYS"': '"24/7"', 'open_offset = "5m"': 'grace = "24h"', 'cron = "35 9 * * 1-5"': 'every = "24h"'}
    quiet = {"[freshness]": "[exits]\nstop_loss = false\ntake_profit = false\n\n[freshness]"}
    (home / "alpaca.toml").write_text(at(double, **always, **quiet))
    store.ensure(f"sqlite:///{home / 'openbell.db'}")
    desk = open_desk("alpaca")
    double.bars({symbol: rising(60) for symbol in desk.plan.universe})
    for symbol in desk.plan.universe:
        double.quote(symbol, "99.99", "100.01")
    record = trading.trade(desk, "one")
    assert record.outcome is Outcome.COMPLETED, (record.code, record.message)
    assert not record.data.dropped, record.data
    assert {order.state for order in record.orders} == {OrderState.FILLED}
    assert desk.broker().account().quantity("IBM") > 0
    asked = double.requests()
    assert asked.count("GET /v2/stocks/bars") == 1
    assert asked.count("POST /v2/orders") == len(record.orders) > 0


def test_the_blocks_shown_build_the_account_and_the_feed():
    (code,) = shown("python")
    made = [
        eval(line.removesuffix('.save("desk")'), {"AlpacaAccount": AlpacaAccount, "AlpacaFeed": AlpacaFeed})
        for line in code.splitlines()
        if ".save(" in line
    ]
    assert [block.spec().name for block in made] == ["alpaca", "alpaca"]
    slugs = {f"{block.get_block_type_slug()}/desk" for block in made}
    assert {tomllib.loads(body)[part]["block"] for body in shown("toml")[1:2] for part in ("account", "feed")} == slugs


def test_every_variable_shown_is_one_that_is_read():
    assert set(re.findall(r"OPENBELL_[A-Z_]+", PAGE)) == set(KEYS)
