"""The alerts job from its files to what people are told, on a real store."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

import openbell.jobs.run
from openbell import store
from openbell.alerts.judge import judge
from openbell.errors import FeedUnavailable
from openbell.jobs import alerting
from openbell.ports import Level
from openbell.store.verify import verify
from openbell.values.bars import FIELDS, make_bars
from openbell.values.job import ALERTS
from openbell.values.market import Checked, DropCode, Dropped
from openbell.values.record import Outcome
from tests.orders.desks import Tape, Wire, open_desk, outlive_lease

FILE = """\
plan = "demo"

[[above]]
name = "up"
symbol = "S1"
price = 105

[[rule]]
name = "high"
when = "close > 110 and sma(3) > 0"
symbols = ["S2", "S3"]
note = "look at it"
"""


class Market(Tape):
    """A tape on which single closes and quotes can be set; counts its questions."""

    def __init__(self):
        super().__init__()
        self.closes = {}
        self.asked = []
        self.gone = ()
        self.failure = None

    def bars(self, symbols, timeframe, count, as_of):
        self.asked.append(("bars", len(symbols), count))
        if self.failure:
            raise self.failure
        left = [symbol for symbol in symbols if symbol not in self.gone]
        flat = super().bars(left, timeframe, count, as_of).bars
        panels = {name: np.array(flat.panel(name)) for name in FIELDS}
        for symbol, close in self.closes.items():
            if symbol in left:
                panels["close"][-1, left.index(symbol)] = panels["high"][-1, left.index(symbol)] = close
        dropped = tuple(Dropped(symbol, DropCode.MISSING, "not in the answer") for symbol in self.gone)
        return Checked(make_bars(left, flat.times, panels, flat.timeframe, "tape"), dropped)

    def quotes(self, symbols, as_of):
        self.asked.append(("quotes", len(symbols), 1))
        return super().quotes(symbols, as_of)


@pytest.fixture
def folder(home):
    place = home / "alerts"
    place.mkdir()
    (place / "mine.toml").write_text(FILE)
    return place


@pytest.fixture
def market():
    return Market()


@pytest.fixture
def desk(folder, market):
    return open_desk(folder, Wire(market), schedule={"alerts": {"every": "1m"}})


def begun(desk, name="run", planned=None):
    run = openbell.jobs.run.begin(desk, ALERTS, name, planned)
    assert not run.blocked, run.story.guards[-1]
    return run


def work(run):
    listed = alerting.watchlist(run.desk)
    return alerting.judge_and_tell(run, listed, alerting.fetch_prices(run, listed))


def told(desk):
    return [(alert.kind, alert.subject, alert.detail) for alert in reversed(desk.history.alerts(open_only=False))]


def events(desk):
    return store.open_alert_book(desk.settings.url).events()


def test_K01_K02_what_fires_is_kept_told_and_sealed(desk, market):
    market.closes = {"S2": 120.0, "S4": 120.0}
    market.price = Decimal(106)
    run = begun(desk)
    record = openbell.jobs.run.complete(run, work(run))
    assert (record.outcome, record.message) == (Outcome.COMPLETED, "alerts: 2 fired (up, high), 3 checked")
    assert record.counters == {"checked": 3, "fired": 2, "rearmed": 0, "unknown": 0, "problems": 0}
    assert told(desk) == [
        ("PRICE_ALERT", "up: S1", "S1: price 106.005, level 105"),
        ("RULE_ALERT", "high: S2", "look at it; close > 110 and sma(3) > 0; S2: close = 120, sma(3) = 110.667"),
    ]
    assert desk.history.alerts() == ()
    assert desk.history.run("run").details["fired"][0] == "up S1: price 106.005, level 105"
    assert all(check.ok for check in verify(desk.settings.url))


def test_one_question_for_bars_and_one_for_quotes_of_no_more_than_is_watched(desk, market):
    work(begun(desk))
    assert market.asked == [("bars", 2, 200), ("quotes", 1, 1)]


def test_S06_a_slot_that_is_done_again_after_a_death_fires_and_tells_nothing_twice(desk, market):
    market.closes = {"S2": 120.0}
    first = begun(desk)
    assert work(first).counters["fired"] == 1
    outlive_lease(desk)
    again = begun(desk, "again", first.ring.slot.planned)
    assert again.ring.slot == first.ring.slot
    done = work(again)
    assert (done.counters["fired"], done.message) == (1, "alerts: 1 fired (high), 3 checked")
    assert len(events(desk)) == len(told(desk)) == 1


def test_a_second_start_of_a_slot_that_is_done_is_a_skip(desk):
    first, second = alerting.alerts(desk, "one"), alerting.alerts(desk, "two")
    assert first.outcome is Outcome.COMPLETED
    # A new minute may have begun between the two.
    assert second.code == "DUPLICATE_RUN" or second.slot != first.slot


def test_K02_the_next_look_at_the_same_bar_fires_nothing(desk, market):
    market.closes = {"S2": 120.0}
    book = store.open_alert_book(desk.settings.url)
    run = begun(desk)
    openbell.jobs.run.complete(run, work(run))
    look = alerting.look_at(desk, alerting.watchlist(desk).alerts, datetime.now(UTC) + timedelta(seconds=1)).look
    assert look.standings == book.standings("demo")
    assert judge(alerting.watchlist(desk).alerts, look).events == ()


def test_a_file_with_a_problem_is_left_out_and_told_and_the_others_go_on(desk, folder, market):
    (folder / "other.toml").write_text('plan = "demo"\n[[rule]]\nname = "bad"\nwhen = "rsj(14) < 30"\n')
    (folder / "broken.toml").write_text("plan = ")
    (folder / "theirs.toml").write_text('plan = "else"\n[[above]]\nname = "x"\nsymbol = "NOT-OURS"\nprice = 1\n')
    market.closes = {"S2": 120.0}
    done = work(begun(desk))
    assert (done.counters["fired"], done.counters["problems"]) == (1, 2)
    assert "2 problems in alert files" in done.message
    assert sorted(alert.kind for alert in desk.history.alerts()) == ["ALERT_FILE", "ALERT_FILE"]
    said = {alert.subject: alert.detail for alert in desk.history.alerts()}
    assert said[f"{folder}/other.toml:4"].startswith("rule.0.when: unknown function 'rsj'; did you mean 'rsi'?")


def test_a_file_that_is_in_order_again_is_told_no_more_by_the_plan_that_it_is_of(desk, folder, market):
    (folder / "other.toml").write_text('plan = "demo"\n[[rule]]\nname = "bad"\nwhen = "rsj(14) < 30"\n')
    (folder / "theirs.toml").write_text('plan = "else"\n[[above]]\nname = "x"\nsymbol = "GONE"\nprice = 1\n')
    desk.journal.alert("ALERT_FILE", f"{folder}/theirs.toml:4", "said by the other plan")
    work(begun(desk))
    assert len(desk.history.alerts()) == 2
    (folder / "other.toml").unlink()
    listed = alerting.watchlist(desk)
    alerting._tell_problems(desk, listed)
    assert [alert.subject for alert in desk.history.alerts()] == [f"{folder}/theirs.toml:4"]


def test_a_symbol_without_bars_is_unknown_and_its_reason_is_kept(desk, market):
    market.gone = ("S3",)
    done = work(begun(desk))
    assert done.counters["unknown"] == 1
    assert done.details["unknown"] == ["high: S3: no usable bars"]
    assert done.details["dropped"] == ["S3: DATA_MISSING: not in the answer"]


def test_D08_a_frozen_quote_fires_nothing(desk, market):
    market.price = Decimal(106)
    market.stopped = datetime.now(UTC) - timedelta(minutes=5)
    done = work(begun(desk))
    assert (done.counters["fired"], done.counters["unknown"]) == (0, 1)
    (unknown,) = done.details["unknown"]
    assert unknown.startswith("up: S1: the quote is of ")
    assert unknown.endswith("older than 10 s")


def test_a_feed_that_does_not_answer_fails_the_run_and_fires_nothing(desk, market):
    market.failure = FeedUnavailable("no prices")
    record = alerting.alerts(desk, "run")
    assert (record.outcome, record.code) == (Outcome.FAILED, "DATA")
    assert events(desk) == ()


def test_without_alerts_nobody_is_asked_anything(desk, folder, market):
    (folder / "mine.toml").unlink()
    done = work(begun(desk))
    assert (done.message, market.asked) == ("alerts: none fired, 0 checked", [])


def test_a_halt_does_not_stop_alerts(desk, market):
    desk.journal.set_switch(Level.HALTED, "ops", "drill")
    market.closes = {"S2": 120.0}
    assert work(begun(desk)).counters["fired"] == 1


def test_rules_that_are_not_judged_in_time_fail_the_run_and_say_so(desk, market, monkeypatch):
    monkeypatch.setattr("openbell.jobs.alerting.TIME_LIMIT", timedelta(0))
    market.price = Decimal(106)
    run = begun(desk)
    record = openbell.jobs.run.complete(run, work(run))
    assert (record.outcome, record.code) == (Outcome.FAILED, "TIME_LIMIT")
    assert record.message == "1 of 2 alerts were not judged within 120 s"
    assert [event.alert for event in events(desk)] == ["up"]
