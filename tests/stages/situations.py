"""A run before its guards: all of them would pass."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from openbell.brokers.paper import PaperBroker, PaperSettings
from openbell.brokers.paper.memory import MemoryLedger
from openbell.calendar.exchange import exchange
from openbell.calendar.window import WindowDecision
from openbell.ports import Breaker, Broker, BrokerClock, Claim, ClaimKind, Level, Switch
from openbell.ports.permits import Act, Arming, Standing, Word
from openbell.stages.guards import Situation
from openbell.stages.permits import end_of_day
from openbell.values.account import Account
from openbell.values.job import TRADE
from openbell.values.plan import Plan

NOW = datetime(2026, 11, 19, 14, 35, tzinfo=UTC)


OPEN = WindowDecision(True, "OPEN", "open", date(2026, 11, 19), NOW, NOW + timedelta(hours=6), None)


PLAN = Plan.model_validate({"name": "p", "universe": ["AAPL"], "strategies": [{"use": "sma_crossover"}]})


LIVE = PLAN.model_copy(update={"mode": "live"})


def armed(account: str = "U7654321", expires: datetime | None = None) -> Standing:
    arming = Arming(account, "live", LIVE.hash, expires or end_of_day(NOW, exchange("XNYS").zone))
    return Standing(armed=Word("p", Act.ARMED, "kim", arming=arming))


class Stub:
    """An account of either kind that answers."""

    account_id = "U7654321"

    def __init__(self, environment: str, now: datetime = NOW) -> None:
        self.environment, self.now = environment, now

    def clock(self) -> BrokerClock:
        return BrokerClock(self.now, True)

    def account(self) -> Account:
        return Account(self.account_id, self.environment, "USD", Decimal(1000), {}, Decimal(1000))


def broker(now: datetime = NOW, is_open: bool = True) -> Broker:
    settings = PaperSettings(account="p", cash=Decimal(1000))
    return PaperBroker(settings, MemoryLedger(), lambda *_: {}, lambda: now, lambda _: is_open, lambda at: at)


class Counted:
    """A door to the broker that counts how often it is opened."""

    def __init__(self, made: Broker) -> None:
        self.made, self.opened = made, 0

    def __call__(self) -> Broker:
        self.opened += 1
        return self.made


def situation(**changes: object) -> Situation:
    usual = Situation(
        plan=PLAN,
        job=TRADE,
        as_of=NOW,
        switch=Switch(Level.ACTIVE, 0),
        breaker=Breaker(False, 0),
        claim=Claim(ClaimKind.WON, "r", 1),
        window=OPEN,
        late_by=timedelta(seconds=1),
        grace=timedelta(seconds=60),
        broker=Counted(broker()),
        simulated=False,
        account_limits=lambda _account: "",
        probe=lambda standing: standing,
    )
    return replace(usual, **changes)
