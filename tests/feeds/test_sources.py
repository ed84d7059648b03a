"""From what a plan says of its feed to the feed that answers."""

from datetime import UTC, datetime, timedelta

import pytest

from openbell import sources
from openbell.errors import PlanError
from openbell.feeds.cache import CachedFeed
from openbell.feeds.failover import FailoverFeed
from openbell.feeds.files import FilesFeed
from openbell.feeds.sample import SampleFeed
from openbell.planfiles import load
from openbell.ports import MarketFeed
from openbell.sources import check_feed, feed_spec
from openbell.specs import FeedSpec, Surroundings
from openbell.values.plan import Plan

BASE = {"name": "shown", "universe": ["AAPL", "IBM"], "strategies": [{"use": "sma_crossover"}]}
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)
ONE, TWO = ({"provider": "files", "params": {"path": f"{name}.parquet"}} for name in ("one", "two"))


class Remote(FeedSpec):
    """A feed over a network, as a user writes one."""

    host: str = "a"

    def open(self, around: Surroundings) -> MarketFeed:
        return SampleFeed(around.exchange, max_age=around.max_age)


REMOTE = f"{__name__}.Remote"


def plan(**feed) -> Plan:
    return Plan.model_validate({**BASE, "feed": feed})


def around(folder, **more) -> Surroundings:
    return Surroundings(folder, "XNYS", lambda: NOW, **more)


def opened(folder, **feed):
    return feed_spec(plan(**feed)).open(around(folder, max_age=timedelta(days=2)))


def test_one_feed_of_this_machine_is_opened_as_it_is(tmp_path):
    feed = opened(tmp_path, **ONE)
    assert isinstance(feed, FilesFeed)
    assert feed.max_age == timedelta(days=2)
    assert opened(tmp_path, provider="sample") == SampleFeed(max_age=timedelta(days=2))


def test_fallbacks_are_asked_in_the_order_of_the_plan(tmp_path):
    feed = opened(tmp_path, **ONE, fallback=[TWO], compare=True)
    assert isinstance(feed, FailoverFeed)
    assert [part.path for part in feed.feeds] == ["one.parquet", "two.parquet"]
    assert (feed.compare, feed.max_age, feed.exchange.code) == (True, timedelta(days=2), "XNYS")


def test_C03_feeds_over_a_network_are_kept_unless_the_plan_says_otherwise(tmp_path):
    assert isinstance(opened(tmp_path, provider=REMOTE), CachedFeed)
    assert isinstance(opened(tmp_path, provider=REMOTE, cache=False), SampleFeed)
    assert isinstance(opened(tmp_path, **ONE, cache=True), CachedFeed)
    mixed = opened(tmp_path, provider=REMOTE, fallback=[ONE])
    assert [type(part) for part in mixed.feeds] == [CachedFeed, FilesFeed]


def test_C03_each_feed_with_its_settings_has_a_folder_of_its_own(tmp_path):
    folders = {opened(tmp_path, provider=REMOTE, params=params).folder for params in ({}, {"host": "a"}, {"host": "b"})}
    elsewhere = feed_spec(plan(provider=REMOTE)).open(Surroundings(tmp_path, "XLON", lambda: NOW))
    assert len(folders) == 2
    assert elsewhere.folder not in folders
    assert {folder.parent for folder in folders} == {tmp_path / sources.CACHE}


def test_blocks_are_asked_for_by_name():
    asked = []

    def blocks(name):
        asked.append(name)
        return Remote(host=name)

    named = plan(provider=REMOTE, block="mine", fallback=[{**TWO, "block": "other"}])
    spec = feed_spec(named, blocks)
    assert (asked, spec.parts) == (["mine", "other"], (Remote(host="mine"), Remote(host="other")))
    with pytest.raises(PlanError, match=r"feed.fallback.0.block 'other' of plan shown is known to Prefect only"):
        feed_spec(plan(**ONE, fallback=[{**TWO, "block": "other"}]))
    check_feed(named)


@pytest.mark.parametrize(
    ("feed", "words"),
    [
        ({"provider": "file"}, r"feed.provider: feed 'file' is not known; did you mean 'files'"),
        ({**ONE, "fallback": [{"provider": "fils"}]}, r"feed.fallback.0.provider: .* did you mean 'files'"),
        ({**ONE, "fallback": [{"provider": "files", "params": {"pth": "a.csv"}}]}, r"feed.fallback.0.params: .*'path'"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_key(feed, words):
    for check in (feed_spec, check_feed):
        with pytest.raises(PlanError, match=words):
            check(plan(**feed))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (
            "[[feed.fallback]]\nprovidr = 'files'",
            r"toml:9: feed.fallback.0.providr: unknown key; did you mean 'provider'",
        ),
        ("[[feed.fallback]]\nblock = 'files'", r"feed.fallback.0.provider: a required key is missing"),
        ("[[feed.fallback]]\nprovider = 'sample'", r"sample prices are not of today's market"),
        ("cache = 'yes'", r"feed.cache: Input should be a valid boolean"),
        ("compare = true", r"compare needs a fallback"),
        ("fallbacks = []", r"unknown key; did you mean 'fallback'"),
    ],
)
def test_a_plan_file_says_line_key_and_nearest(tmp_path, table, words):
    path = tmp_path / "shown.toml"
    path.write_text(
        "name = 'shown'\nuniverse = ['AAPL']\n[[strategies]]\nuse = 'sma_crossover'\n"
        f"[feed]\nprovider = 'files'\nparams = {{ path = 'a.csv' }}\n{table}\n"
    )
    with pytest.raises(PlanError, match=words):
        load(path)
