"""The trader of a trial: one trading run without Prefect, by the same stages in the same order as ``flows.trade``.

It decides nothing itself. What differs from a real run: prices that stand still, short waits, and no Prefect.
"""

import logging
import sqlite3
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from pydantic import SecretStr

from openbell import store
from openbell.brokers.alpaca import Alpaca
from openbell.calendar.exchange import exchange
from openbell.calendar.slots import grace, slot_of
from openbell.calendar.window import decide
from openbell.crashpoints import reach
from openbell.errors import OpenbellError
from openbell.ports import Broker, Claim, History, Journal
from openbell.specs import Surroundings
from openbell.stages.evaluate import Evaluation, evaluate
from openbell.stages.execute import Executed, Sender, execute
from openbell.stages.fetch import fetch, with_history
from openbell.stages.guards import Situation, check
from openbell.stages.judge import Gated, account_limits, judge_signals
from openbell.stages.lease import Lease
from openbell.stages.recover import Recovered, Recovery, recover_quietly
from openbell.stages.report import headline
from openbell.stages.resolve import Resolved, resolve
from openbell.stages.seal import Story, account_after, build_record
from openbell.stages.settle import Pace, settle_basket
from openbell.values.account import Account
from openbell.values.market import Market
from openbell.values.orders import OrderState
from openbell.values.record import Outcome
from openbell.values.ring import Ring
from openbell.values.slot import Slot
from tests.faults import scene
from tests.faults.double import CANARY, KEY

#: Exit code of an attempt that leaves something to another one.
AGAIN = 3
#: Short, so that a restart need not wait long for the lease of the attempt that died.
LEASE = timedelta(seconds=1)
#: Above the lag of the late broker.
QUIET = timedelta(seconds=0.6)
#: Most that may ever be held of one symbol: 1000 at a price of 100.
LIMIT = Decimal(11)
#: Scenes whose orders stay open at the broker, and the states that they may end in then.
RESTING = ("rest",)
HAD = (OrderState.ACKED, OrderState.PARTIAL)
log = logging.getLogger("trader")


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Setup:
    """Where an attempt finds its store and its broker, and what it is to do.

    ``planned`` is the instant that the schedule wanted the run at, the same for every attempt.
    """

    folder: Path
    broker: str
    scene: str
    variant: str
    unique: bool
    planned: datetime

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'openbell.db'}"

    @property
    def log(self) -> Path:
        return self.folder / "run.log"


class Desk:
    """What ``blocks.desk`` builds for a run, from a setup instead of Prefect's blocks."""

    now = staticmethod(wall_clock)

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.resolved: Resolved = resolve(scene.plan())
        self.feed = scene.Tape()
        self.journal: Journal = store.open_journal(setup.url, setup.folder / "HALT")
        self.history: History = store.open_history(setup.url)
        self.slot: Slot = slot_of(self.resolved.plan, "trade", setup.planned)

    @cached_property
    def connected(self) -> Broker:
        spec = Alpaca(url=self.setup.broker, unique_ids=self.setup.unique)
        keyed = spec.with_keys(SecretStr(KEY), SecretStr(CANARY))
        around = Surroundings(self.setup.folder, "24/7", wall_clock)
        return keyed.open("matrix", around, self.feed, store.open_paper_ledger(self.setup.url))

    def broker(self) -> Broker:
        """Connected when first asked for."""
        return self.connected

    def pace(self) -> Pace:
        return Pace(wall_clock, wall_clock, lambda span: time.sleep(span.total_seconds()), QUIET)

    def recovery(self, run_id: str, passes: int = 1) -> Recovery:
        return Recovery(
            desk=self.resolved,
            journal=self.journal,
            broker=self.broker,
            quotes=self.feed.quotes,
            sealed=self.history.run,
            pace=self.pace(),
            run_id=run_id,
            passes=passes,
            lease=LEASE,
        )


class Run:
    """One trading run; a planted bug is a subclass that does one step wrong."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.clock = wall_clock()
        self.run_id = f"run-{self.clock.timestamp():.6f}"

    def play(self) -> None:
        """Recover, claim, guard, then the stages; ends with a sealed record unless another run has the slot."""
        recover_quietly(self.desk.recovery(self.run_id), self.desk.slot)
        reach("before-claim")
        claim = self.desk.journal.claim(self.desk.slot, self.run_id, LEASE)
        reach("after-claim")
        ring = Ring(
            slot=self.desk.slot,
            run_id=self.run_id,
            fencing=claim.fencing if claim.held else 0,
            clock=self.clock,
            as_of=self.clock,
            simulated=False,
            dry_run=False,
        )
        story = Story(ring, self.desk.resolved.plan, check(self.situation(claim)))
        reach("after-guards")
        if story.guards[-1].passed:
            self.work(story)
        else:
            self.seal(story, Outcome.SKIPPED, story.guards[-1].code)

    def situation(self, claim: Claim) -> Situation:
        desk, plan = self.desk, self.desk.resolved.plan
        return Situation(
            plan=plan,
            as_of=self.clock,
            switch=desk.journal.switch(),
            breaker=desk.journal.breaker(plan.name, "trade"),
            claim=claim,
            window=decide(plan.window, self.clock),
            late_by=self.clock - desk.setup.planned,
            grace=grace(plan, "trade", desk.slot.planned),
            broker=desk.broker,
            simulated=False,
            account_limits=self.account_limits,
        )

    def account_limits(self, account: Account) -> str:
        known = with_history(account, account.reported_equity, self.desk.journal, self.desk.slot)
        return account_limits(self.desk.resolved, known)

    def work(self, story: Story) -> None:
        try:
            story.market = self.fetch()
            story.evaluation = self.evaluate(story.market)
            story.gated = self.judge(story.market, story.evaluation)
            story.executed = self.execute(story.market, story.gated, story.ring)
            story.account = account_after(self.desk.broker(), story.executed, story.market.account)
        except OpenbellError as error:
            log.exception("the run failed")
            self.seal(story, Outcome.FAILED, type(error).__name__)
        else:
            self.seal(story, Outcome.COMPLETED, "")

    def fetch(self) -> Market:
        desk = self.desk
        market = fetch(desk.resolved, desk.feed, desk.broker(), desk.journal, desk.slot, self.clock)
        reach("after-fetch")
        return market

    def evaluate(self, market: Market) -> Evaluation:
        found = evaluate(self.desk.resolved.seats, market.bars, set())
        reach("after-evaluate")
        return found

    def judge(self, market: Market, evaluation: Evaluation) -> Gated:
        desk = self.desk
        return judge_signals(desk.resolved, market, evaluation.signals, desk.slot, desk.broker().capabilities)

    def sender(self, market: Market, ring: Ring) -> Sender:
        desk = self.desk
        return Sender(
            desk=desk.resolved,
            journal=desk.journal,
            broker=desk.broker(),
            quotes=desk.feed.quotes,
            market=market,
            slot=ring.slot,
            fencing=ring.fencing,
            since=desk.setup.planned - timedelta(minutes=1),
            now=wall_clock,
            closed=lambda: "" if decide(desk.resolved.plan.window, wall_clock()).open else "closed",
            lease=Lease(desk.journal, ring.slot, ring.fencing, LEASE),
        )

    def execute(self, market: Market, gated: Gated, ring: Ring) -> Executed:
        sender = self.sender(market, ring)
        executed = execute(sender, sender.broker.account_id, gated.intents, gated.verdicts)
        return settle_basket(sender, executed, self.desk.pace())

    def seal(self, story: Story, outcome: Outcome, code: str) -> None:
        """As ``tasks.sealing``."""
        record = build_record(story, outcome, code, "", wall_clock())
        record = record.model_copy(update={"message": headline(record)})
        log.info("%s %s %s", outcome.value, code, record.message)
        reach("before-seal")
        self.desk.journal.seal(record, story.market.bars if story.market else None)
        reach("after-seal")
        if story.ring.fencing:
            self.desk.journal.release(story.ring.slot, story.ring.fencing, outcome, code)
            reach("after-release")


VARIANTS: dict[str, type[Run]] = {"": Run}


def play(setup: Setup) -> int:
    """One attempt; the exit code says whether anything is left to do."""
    # Everything that any library says, so that a secret in it would be found.
    logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, force=True)
    desk = Desk(setup)
    claimed = desk.history.run(desk.slot.key)
    if claimed is None:
        VARIANTS[setup.variant](desk).play()
    left = follow(desk)
    store.close(setup.url)
    return AGAIN if left else 0


def follow(desk: Desk) -> bool:
    """Recovery as its own flow does it; whether anything is left."""
    found: Recovered = desk.recovery(f"recover-{wall_clock().timestamp():.6f}", passes=2).recover()
    log.info("recover: %s", found.words())
    with sqlite3.connect(desk.setup.folder / "openbell.db", timeout=5) as store_file:
        (open_slots,) = store_file.execute("SELECT count(*) FROM slots WHERE outcome IS NULL").fetchone()
    store_file.close()
    resting = desk.setup.scene in RESTING
    return bool(open_slots) or any(not (resting and u.state in HAD) for u in desk.journal.unsettled())


def slots_of(planned: datetime) -> tuple[str, ...]:
    """The slots that must be recorded after a trial."""
    return (slot_of(scene.plan(), "trade", planned).key,)


def warm() -> None:
    """Whatever is read once per process, before the first fork."""
    plan = scene.plan()
    resolve(plan)
    exchange(plan.window.exchange).session_of(wall_clock())
