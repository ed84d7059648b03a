"""Alpaca's feed: keys, addresses and the terms of a plan."""

import pytest
from pydantic import SecretStr

import openbell.feeds
from blocks.alpaca_feed import AlpacaFeed
from openbell.errors import BrokerError, InputError, PlanError
from openbell.feeds.alpaca import Alpaca
from openbell.plugins import build, find
from openbell.specs import FeedSpec, Surroundings
from tests.feeds.alpaca.rows import KEY_ID, SECRET, Waits, opened
from tests.feeds.frames import AS_OF, DAY, SYMBOLS, XNYS


def test_a_plan_finds_it_by_name():
    assert find(openbell.feeds, FeedSpec, "alpaca", "feed") is Alpaca


@pytest.mark.parametrize("url", ["https://data.alpaca.markets", "http://data.alpaca.markets", "http://10.0.0.1:80"])
def test_I17_no_other_address_is_spoken_to(url):
    with pytest.raises(PlanError, match=r"feed\.params: .*is not http://127\.0\.0\.1:PORT on this machine"):
        build(Alpaca, {"url": url}, "feed.params")


@pytest.mark.parametrize("params", [{"feed": "sipp"}, {"adjustment": "splits"}, {"secret": SECRET}])
def test_terms_that_do_not_exist_are_refused_by_name(params):
    with pytest.raises(PlanError, match=next(iter(params))) as caught:
        build(Alpaca, params, "feed.params")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", ["", "PKREAL7Q2\n", "changeme", "<key>"])
def test_F04_keys_that_are_none_are_refused_before_anything_is_asked(double, monkeypatch, value):
    monkeypatch.setenv("OPENBELL_ALPACA_KEY_ID", value)
    monkeypatch.setenv("OPENBELL_ALPACA_SECRET_KEY", SECRET)
    with pytest.raises(InputError, match="set OPENBELL_ALPACA_KEY_ID or save an AlpacaFeed block"):
        build(Alpaca, {"url": double.url}, "feed.params").open(Surroundings(None, XNYS, lambda: None))
    assert double.requests() == []


def test_F04_keys_come_from_the_environment_or_from_a_block(double, monkeypatch):
    double.keys(KEY_ID, SECRET)
    around = Surroundings(None, XNYS, lambda: None, wait=Waits())
    monkeypatch.setenv("OPENBELL_ALPACA_KEY_ID", KEY_ID)
    monkeypatch.setenv("OPENBELL_ALPACA_SECRET_KEY", SECRET)
    by_plan = build(Alpaca, {"url": double.url}, "feed.params").open(around)
    monkeypatch.setenv("OPENBELL_ALPACA_SECRET_KEY", "wrong/secret")
    by_block = AlpacaFeed(key_id=KEY_ID, secret=SECRET, url=double.url).spec().open(around)
    for feed in (by_plan, by_block):
        assert feed.bars(SYMBOLS, DAY, 10, AS_OF).bars.symbols == SYMBOLS


def test_X01_no_key_is_shown_by_feed_spec_block_or_error(double):
    double.keys("other", "keys")
    double.script({"path": "/v2/stocks/bars", "status": 401, "body": f"bad keys {KEY_ID}:{SECRET}"})
    feed, block = opened(double.url), AlpacaFeed(key_id=KEY_ID, secret=SECRET, url=double.url)
    with pytest.raises(BrokerError) as caught:
        feed.bars(SYMBOLS, DAY, 10, AS_OF)
    spec = Alpaca().with_keys(SecretStr(KEY_ID), SecretStr(SECRET))
    texts = [str(caught.value), repr(feed), repr(feed.data), repr(spec), repr(block), spec.model_dump_json()]
    assert not [text for text in texts if KEY_ID in text or SECRET in text]


def test_every_field_of_the_block_is_described():
    fields = AlpacaFeed.model_fields
    assert all(field.description.endswith(".") for field in fields.values())
    assert {name for name, field in fields.items() if field.is_required()} == {"key_id", "secret"}
