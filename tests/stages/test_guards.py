"""The preconditions: their order, their codes, and that nothing is asked for after the first that blocks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from openbell.calendar.exchange import exchange
from openbell.errors import BrokerUnavailable, InputError, KeysRefused, WrongAccount
from openbell.ports import Breaker, Broker, BrokerClock, Claim, ClaimKind, Level, Switch
from openbell.ports.permits import Act, Standing, Word
from openbell.stages.guards import check
from openbell.values.account import Account, Position
from openbell.values.job import EXITS, RECOVER
from tests.stages.situations import LIVE, NOW, OPEN, PLAN, Counted, Stub, armed, broker, situation

BLOCKING = {
    "enabled": ({"plan": PLAN.model_copy(update={"enabled": False})}, "DISABLED"),
    "halted": ({"switch": Switch(Level.HALTED, 3, "ops", "fire drill")}, "HALTED"),
    "breaker": ({"breaker": Breaker(True, 10, "10 failures in a row")}, "BREAKER"),
    "slot": ({"claim": Claim(ClaimKind.DONE, "other", 1)}, "DUPLICATE_RUN"),
    "window": ({"window": replace(OPEN, open=False, code="HOLIDAY", detail="Thanksgiving")}, "HOLIDAY"),
    "lateness": ({"late_by": timedelta(seconds=61)}, "LATE"),
    "broker": ({"broker": Counted(broker(is_open=False))}, "CALENDAR_DISAGREE"),
    "books": ({"rolled_back": lambda _broker: "5 orders that this store never had"}, "STATE_ROLLBACK"),
    "account risk": ({"account_limits": lambda _account: "daily_loss_halt: 0.05 against 0.02"}, "ACCOUNT_RISK"),
}


def test_B04_all_pass_in_the_fixed_order() -> None:
    passed = check(situation())
    assert [guard.name for guard in passed] == list(BLOCKING)
    assert all(guard.passed for guard in passed)


@pytest.mark.parametrize("name", BLOCKING)
def test_B04_the_first_that_blocks_names_itself_and_is_the_last(name: str) -> None:
    later = list(BLOCKING)[list(BLOCKING).index(name) :]
    changes: dict[str, object] = {}
    for blocked in reversed(later):
        changes |= BLOCKING[blocked][0]
    guards = check(situation(**changes))
    assert guards[-1].name == name
    assert (guards[-1].passed, guards[-1].code) == (False, BLOCKING[name][1])
    assert guards[-1].detail
    assert all(guard.passed for guard in guards[:-1])


@pytest.mark.parametrize("name", list(BLOCKING)[:6])
def test_a_blocked_run_asks_the_broker_nothing(name: str) -> None:
    door = Counted(broker())
    check(situation(**{"broker": door, **BLOCKING[name][0]}))
    assert door.opened == 0


@pytest.mark.parametrize(("kind", "code"), [(ClaimKind.RUNNING, "OVERLAP"), (ClaimKind.DONE, "DUPLICATE_RUN")])
def test_a_slot_that_is_not_ours_blocks(kind: ClaimKind, code: str) -> None:
    assert check(situation(claim=Claim(kind, "other", 1)))[-1].code == code


def test_a_breaker_that_may_be_probed_lets_a_run_go_on_only_when_it_has_closed() -> None:
    due = Breaker(True, 10, "no answer", "broker", NOW, NOW, 0)
    half = Breaker(True, 10, "no answer", "broker", NOW, NOW, 1)
    assert check(situation(breaker=due, probe=lambda _: half))[-1].code == "BREAKER_PROBE"
    assert check(situation(breaker=due, probe=lambda _: Breaker(False, 0)))[-1].passed
    other = Breaker(True, 10, "disk full", "store", NOW, NOW, 0)
    second = check(situation(breaker=due, probe=lambda _: Breaker(False, 0), others=lambda: other))[-1]
    assert (second.passed, second.code) == (False, "BREAKER_PROBE")
    assert "store is open: disk full" in second.detail
    early = replace(due, retry_at=NOW + timedelta(seconds=1))
    assert check(situation(breaker=early, probe=lambda _: Breaker(False, 0)))[-1].code == "BREAKER"


def test_X04_a_job_that_protects_is_held_back_neither_by_a_breaker_nor_by_being_late() -> None:
    late = situation(breaker=Breaker(True, 10), late_by=timedelta(hours=2), job=RECOVER)
    assert check(late)[-1].passed


def test_a_resumed_slot_and_a_dry_run_pass() -> None:
    assert check(situation(claim=Claim(ClaimKind.RESUMED, "r", 2)))[-1].passed
    assert check(situation(claim=None))[-1].passed


def test_a_run_by_hand_is_never_late() -> None:
    assert check(situation(late_by=None))[-1].passed


@pytest.mark.parametrize(("seconds", "passes"), [(59.999, True), (60, True), (60.001, False)])
def test_the_grace_is_exact(seconds: float, passes: bool) -> None:
    assert check(situation(late_by=timedelta(seconds=seconds)))[-1].passed is passes


def test_A16_a_broker_that_does_not_answer_blocks() -> None:
    def dead() -> Broker:
        raise BrokerUnavailable("no answer within 5 s")

    last = check(situation(broker=dead))[-1]
    assert (last.name, last.code, last.detail) == ("broker", "BROKER_UNAVAILABLE", "no answer within 5 s")


def test_F03_the_account_must_be_of_the_plans_environment() -> None:
    last = check(situation(plan=LIVE, standing=armed()))[-1]
    assert (last.code, last.detail) == ("ENVIRONMENT", "the plan says live, the account says paper")
    last = check(situation(broker=Counted(Stub("live"))))[-1]
    assert (last.code, last.detail) == ("ENVIRONMENT", "the plan says paper, the account says live")


# --- what people allow ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("off", "code"), [("", "DISABLED"), ("trade", "JOB_DISABLED"), ("exits", "")])
def test_A07_what_a_person_switched_off_does_not_work(off: str, code: str) -> None:
    door = Counted(broker())
    word = Word("p", Act.OFF, "kim", "earnings", off)
    last = check(situation(broker=door, standing=Standing({off: word})))[-1]
    assert (last.passed, last.code, door.opened > 0) == (not code, code, not code)
    assert not code or "switched off by kim: earnings" in last.detail


# --- calendars and clocks ------------------------------------------------------------------------------------


def test_K08_B35_a_surprise_closure_holds_back_entries_for_the_session_and_exits_go_on() -> None:
    seen = {"remembered": {"CALENDAR_DISAGREE": "the venue says closed"}.get}
    last = check(situation(remembered=lambda code: seen["remembered"](code, "")))[-1]
    assert (last.code, "earlier in this session" in last.detail) == ("CALENDAR_DISAGREE", True)
    assert check(situation(job=EXITS, remembered=lambda code: seen["remembered"](code, "")))[-1].passed


@pytest.mark.parametrize(("days", "mode", "passes"), [(8, "live", True), (7, "live", False), (7, "paper", True)])
def test_K10_a_live_plan_stops_a_week_before_its_calendar_ends(days: int, mode: str, passes: bool) -> None:
    now = datetime.combine(exchange("XNYS").last, NOW.time(), UTC) - timedelta(days=days)
    plan = LIVE if mode == "live" else PLAN
    arming = armed(expires=now + timedelta(hours=1)) if mode == "live" else Standing()
    door = Counted(Stub(mode, now))
    last = check(situation(plan=plan, as_of=now, broker=door, standing=arming))[-1]
    assert last.passed is passes
    assert passes or last.code == "CALENDAR_HORIZON"


@pytest.mark.parametrize(("raised", "code"), [
    (WrongAccount("mode live was asked for, but ...1234 is a paper one"), "ENVIRONMENT"),
    (InputError("alpaca key is missing or empty"), "NOT_SET_UP"),
    (KeysRefused("401"), "KEYS_REFUSED"),
])  # fmt: skip
def test_F03_F04_an_account_that_cannot_be_opened_is_a_skip_with_a_code(raised: Exception, code: str) -> None:
    def door() -> Broker:
        raise raised

    last = check(situation(broker=door))[-1]
    assert (last.name, last.code, last.detail) == ("broker", code, str(raised))


@pytest.mark.parametrize(("seconds", "passes"), [(2, True), (2.1, False), (-2.1, False), (1800, False)])
def test_B34_a_venue_whose_clock_is_off_blocks(seconds: float, passes: bool) -> None:
    door = Counted(broker(now=NOW + timedelta(seconds=seconds)))
    last = check(situation(broker=door))[-1]
    assert last.passed is passes
    if not passes:
        assert last.code == "CLOCK"
        assert check(situation(broker=door, job=EXITS))[-1].passed, "an exit does not wait for a clock"


@pytest.mark.parametrize(("seconds", "passes"), [(1.5, False), (1, True)])
def test_B34_a_clock_that_was_off_must_come_nearer_than_the_limit_that_it_broke(seconds: float, passes: bool) -> None:
    door = Counted(broker(now=NOW + timedelta(seconds=seconds)))
    assert check(situation(broker=door))[-1].passed
    assert check(situation(broker=door, remembered=lambda code: "off" if code == "CLOCK" else ""))[-1].passed is passes


def test_B34_time_that_the_run_itself_took_is_no_difference_of_clocks() -> None:
    door = Counted(broker(now=NOW + timedelta(seconds=9)))
    assert check(situation(broker=door, waited=lambda: timedelta(seconds=9)))[-1].passed
    assert check(situation(broker=door, waited=lambda: timedelta(seconds=6)))[-1].code == "CLOCK"


class Slow(Stub):
    """Takes four seconds to say what time it is, read halfway, and a minute to tell the account."""

    def __init__(self) -> None:
        super().__init__("paper")
        self.passed = timedelta(0)

    def clock(self) -> BrokerClock:
        self.passed += timedelta(seconds=4)
        return BrokerClock(NOW + timedelta(seconds=2), True)

    def account(self) -> Account:
        self.passed += timedelta(minutes=1)
        return super().account()


def test_B34_a_venue_that_answers_slowly_has_no_other_clock() -> None:
    slow = Slow()
    guards = check(situation(broker=lambda: slow, waited=lambda: slow.passed))
    assert [guard.passed for guard in guards if guard.name == "broker"] == [True]


def test_a_loss_limit_lets_a_run_with_positions_pass_so_that_exits_can_go() -> None:
    class Holding:
        environment, account_id = "paper", "p"

        def clock(self) -> object:
            return broker().clock()

        def account(self) -> Account:
            held = {"AAPL": Position("AAPL", Decimal(5), Decimal(10))}
            return Account("p", "paper", "USD", Decimal(1), held, Decimal(1))

    breached = {"account_limits": lambda _account: "drawdown"}
    assert check(situation(broker=Counted(Holding()), **breached))[-1].passed
    assert not check(situation(**breached))[-1].passed
