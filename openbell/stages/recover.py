"""recover: finish what runs that died left behind, and learn what became of every order that is not settled.

A slot whose run died and that may no longer trade is closed as INTERRUPTED with a sealed record, once no order of
it has an unknown outcome. What is left to send of it is abandoned, never sent late.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from openbell.calendar.slots import grace
from openbell.calendar.window import decide
from openbell.crashpoints import reach
from openbell.errors import BrokerError, DataError, IllegalTransition, InputError
from openbell.ports import Broker, Claim, Frozen, History, Journal, OrderEvent, Unsettled, busts_of
from openbell.stages.execute import Executed, Sender, sendable
from openbell.stages.flatten import epoch_of
from openbell.stages.lastgate import Quotes, bare_market, closed_now
from openbell.stages.lease import LEASE, Lease
from openbell.stages.pace import Pace
from openbell.stages.resolve import Resolved
from openbell.stages.rollback import PREFIX, STATE_ROLLBACK, rolled_back, unplanned
from openbell.stages.seal import Story, build_record
from openbell.stages.settle import BEFORE, Resolver, mark_unknown, resolver_of
from openbell.stages.steps import as_order
from openbell.values.job import FLATTEN, JOBS
from openbell.values.orders import Bust, Order, OrderState
from openbell.values.record import Guard, Outcome, RunRecord
from openbell.values.ring import Ring
from openbell.values.slot import Slot
from openbell.values.work import Worked

#: An order in one of these states was never sent.
UNSENT = (OrderState.PLANNED, OrderState.APPROVED)
#: Whether an order in one of these is at the broker is not known.
UNCLEAR = (OrderState.SENDING, OrderState.UNKNOWN)
#: How far back executions of orders that had ended are looked for, and how many of the store's are compared.
LOOK_BACK, MANY = timedelta(days=1), 5000
#: Slots that a recovery has claimed, by key, with the claim and the run that died.
Taken = Mapping[str, tuple[Slot, Claim, str]]


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery did.

    ``waiting`` are orders whose outcome is still unknown, ``blind`` is why nobody could ask, ``strange`` why the store
    may be an old copy.
    """

    interrupted: tuple[str, ...] = ()
    abandoned: int = 0
    followed: int = 0
    waiting: tuple[str, ...] = ()
    blind: str = ""
    strange: str = ""

    @property
    def clean(self) -> bool:
        """Whether every order has a known outcome, and every order of ours at the broker is known here."""
        return not (self.waiting or self.blind or self.strange)

    def words(self) -> str:
        """One line."""
        parts = [
            f"{len(self.interrupted)} runs closed as interrupted" if self.interrupted else "",
            f"{self.abandoned} orders given up unsent" if self.abandoned else "",
            f"{self.followed} orders looked up" if self.followed else "",
            f"{len(self.waiting)} orders with unknown outcome" if self.waiting else "",
            f"the broker could not be asked: {self.blind}" if self.blind else "",
            f"everything is halted: {self.strange}" if self.strange else "",
        ]
        return ", ".join(part for part in parts if part) or "nothing to recover"


def recovered_work(recovered: Recovered) -> Worked:
    """A recovery as the work of a job."""
    counters = {
        "interrupted": len(recovered.interrupted),
        "abandoned": recovered.abandoned,
        "followed": recovered.followed,
        "waiting": len(recovered.waiting),
    }
    if recovered.clean:
        return Worked(recovered.words(), counters)
    unclear = "UNKNOWN_ORDERS" if recovered.waiting else "BROKER_UNAVAILABLE"
    code = STATE_ROLLBACK if recovered.strange else unclear
    return Worked(recovered.words(), counters, {"waiting": list(recovered.waiting)}, Outcome.FAILED, code)


@dataclass(frozen=True, slots=True)
class Recovery:
    """Recovers the runs of one plan, and the orders of its account.

    ``sealed`` finds the record of a slot and its run, ``passes`` is the number of looks at an order of unknown outcome.
    """

    desk: Resolved
    journal: Journal
    broker: Callable[[], Broker]
    quotes: Quotes
    history: History
    sealed: Callable[[Slot, str], RunRecord | None]
    pace: Pace
    run_id: str
    passes: int = 1
    lease: timedelta = LEASE

    def recover(self, keep: Slot | None = None) -> Recovered:
        """Do all that can be done now; ``keep`` is the slot that the caller is about to work on itself."""
        expired = [(slot, run) for slot, _, run in self.journal.expired() if self._ours(slot, keep)]
        unsettled = self.journal.unsettled()
        if not expired and not unsettled:
            return self._late_fills(Recovered(), unsettled)
        taken = {slot.key: (slot, claim, run) for slot, run in expired if (claim := self._take(slot)).held}
        reach("during-recover")
        dead = [order for order in unsettled if order.slot.key in taken or not order.slot_open]
        abandoned = sum(self._abandon(order) for order in dead if order.state in UNSENT)
        sent = [order for order in dead if order.state not in UNSENT]
        waiting, blind = self._settle(sent, taken) if sent else ((), "")
        unknown = {order.slot.key for order in waiting}
        closed = [self._close(*taken[key]) for key in taken if key not in unknown]
        ids = tuple(order.intent.id for order in waiting)
        return self._late_fills(Recovered(tuple(closed), abandoned, len(sent), ids, blind), self.journal.unsettled())

    def _ours(self, slot: Slot, keep: Slot | None) -> bool:
        """A slot of the plan that nobody will go on with: neither the caller nor a restart that is in time."""
        if slot.plan != self.desk.plan.name or (keep is not None and slot.key == keep.key):
            return False
        if slot.job == FLATTEN.name:  # a person goes on with it by another call, while the switch stands where it stood
            return epoch_of(slot) != self.journal.switch().epoch
        return not self._resumable(slot)

    def _resumable(self, slot: Slot) -> bool:
        if slot.job not in JOBS or not JOBS[slot.job].adds_risk:
            return False  # what protects starts anew with its newest slot
        now = self.pace.now()
        in_time = now - slot.planned <= grace(self.desk.plan, slot.job, slot.planned)
        return in_time and decide(self.desk.plan.window, now).open

    def _take(self, slot: Slot) -> Claim:
        return self.journal.claim(slot, self.run_id, self.lease)

    def _abandon(self, order: Unsettled) -> bool:
        decision = decide(self.desk.plan.window, self.pace.now())
        why = "LATE: its run was interrupted" if decision.open else f"WINDOW_CLOSED: {decision.detail}"
        event = OrderEvent(order.intent.id, OrderState.ABANDONED, self.pace.now(), why)
        try:
            self.journal.record(event)
        except IllegalTransition:
            return False  # somebody else settled it in the meantime
        return True

    def _settle(self, orders: Sequence[Unsettled], taken: Taken) -> tuple[tuple[Unsettled, ...], str]:
        """Look up what may be at the broker; only an order of a slot that is still open may be sent again."""
        try:
            broker = self.broker()
            mine = [order for order in orders if order.account == broker.account_id]
        except BrokerError as error:
            marked = [mark_unknown(self.journal, order, self.pace.now()) for order in orders]
            return tuple(order for order in marked if order.state is OrderState.UNKNOWN), str(error)
        return self._resolver(broker, taken).settle(mine, self.passes), ""

    def _resolver(self, broker: Broker, taken: Taken) -> Resolver:
        leases = {key: Lease(self.journal, slot, claim.fencing, self.lease) for key, (slot, claim, _) in taken.items()}

        def wait(span: timedelta) -> None:
            self.pace.wait(span)
            for lease in leases.values():
                lease.keep()

        def resend(order: Unsettled) -> Order | None:
            key = order.slot.key
            if key not in taken or order.slot.job == FLATTEN.name:  # nobody's word stands behind it any more
                return None
            sender = self._sender(broker, order.slot, taken[key][1].fencing, leases[key])
            return resolver_of(sender).resend(order)

        def oldest(order: Unsettled) -> timedelta:
            grid = self.desk.grids.get(order.slot.job)
            return grid.interval_at(order.slot.planned) if grid else timedelta(0)

        return Resolver(self.journal, broker, replace(self.pace, wait=wait), resend, oldest)

    def _sender(self, broker: Broker, slot: Slot, fencing: int, lease: Lease) -> Sender:
        now = self.pace.now()
        return Sender(
            desk=self.desk,
            journal=self.journal,
            broker=broker,
            quotes=self.quotes,
            market=bare_market(self.desk, broker, self.quotes, self.journal, slot, now),
            slot=slot,
            fencing=fencing,
            since=slot.planned - BEFORE,
            pace=self.pace,
            closed=lambda now: closed_now(self.desk, now),
            lease=lease,
        )

    def _late_fills(self, done: Recovered, unsettled: Sequence[Unsettled]) -> Recovered:
        """Alerts that are answered are closed; with patience, executions of orders that had ended are found too."""
        self._close_alerts(done, unsettled)
        if self.passes == 1 or done.blind:
            return done
        try:
            broker = self.broker()
            fills = broker.fills(self.pace.now() - LOOK_BACK)
            busts = busts_of(broker, self.pace.now() - LOOK_BACK)
            strange = rolled_back(self.journal, self.history, broker, self.pace.now())
        except BrokerError as error:
            return replace(done, blind=str(error))
        # Read in this order: what a live run is about to write down is either unsettled still, or kept by then.
        live = {order.intent.id for order in self.journal.unsettled()}
        kept = {fill.id for fill in self.history.fills(broker.account_id, limit=MANY)}
        late = [fill for fill in fills if fill.client_id.startswith(PREFIX) and fill.id not in kept]
        left_out = live.union(unplanned(self.journal, (fill.client_id for fill in late)))
        late = [fill for fill in late if fill.client_id not in left_out]
        for client_id in dict.fromkeys(fill.client_id for fill in late):
            told = [fill for fill in late if fill.client_id == client_id]
            self.journal.report(OrderEvent(client_id, OrderState.PARTIAL, told[-1].time), told)
        for bust in (bust for bust in busts if bust.fill in kept and bust.client_id.startswith(PREFIX)):
            self._take_back(bust)
        return replace(done, followed=done.followed + len({fill.client_id for fill in late}), strange=strange)

    def _take_back(self, bust: Bust) -> None:
        """Once is enough: the store knows which fills it has taken back already."""
        said = OrderEvent(bust.client_id, OrderState.PARTIAL, bust.time, "the venue took an execution back")
        self.journal.report(said, (), [bust.fill])

    def _close_alerts(self, done: Recovered, unsettled: Sequence[Unsettled]) -> None:
        if done.waiting or done.blind:
            return
        unknown = {order.intent.id for order in unsettled if order.state in UNCLEAR}
        for alert in self.history.alerts():
            if alert.kind == "UNKNOWN_ORDER" and alert.subject not in unknown:
                self.journal.close_alert(alert.number, "openbell", "the outcome is known by now")

    def _close(self, slot: Slot, claim: Claim, dead: str) -> str:
        """Seal the record of an interrupted run and close its slot; one that was sealed before keeps its record."""
        record = self.sealed(slot, dead)
        if record is None:
            # A recovery that died had claimed several slots under one id, and a record has its own.
            name = dead if self.history.sealed(dead) is None else f"{dead}-{slot.job}-{slot.planned:%Y%m%dT%H%M%S.%f}"
            record = interrupted(self.desk, self.journal.frozen(slot), slot, claim.fencing, name, self.pace)
            self.journal.seal(record, None, claim.fencing)
        else:
            self.journal.release(slot, claim.fencing, record.outcome, record.code)
        return slot.key


def interrupted(desk: Resolved, frozen: Frozen | None, slot: Slot, fencing: int, run_id: str, pace: Pace) -> RunRecord:
    """The record of a run that died, as far as the store knows."""
    now = pace.clock()
    ring = Ring(slot, run_id, fencing, now, pace.now(), simulated=False, dry_run=False)
    guard = Guard(name="recovery", passed=True, detail="the run ended without a word; recovery closed it")
    executed = Executed(frozen.intents, frozen.verdicts, _orders(frozen, pace), ()) if frozen else None
    story = Story(ring, desk.plan, (guard,), executed=executed)
    sent = f", {len(executed.orders)} orders were approved" if executed else " before anything was decided"
    return build_record(story, Outcome.INTERRUPTED, "INTERRUPTED", f"interrupted{sent}", now)


def _orders(frozen: Frozen, pace: Pace) -> tuple[Order, ...]:
    found = "as recovery found it"
    return tuple(as_order(i, frozen.states[i.id], pace.now(), found) for i in sendable(frozen))


def recover_quietly(recovery: Recovery, keep: Slot) -> Recovered:
    """Before a trading run: one look; what a feed or broker does not answer is left to the next recovery."""
    try:
        return recovery.recover(keep)
    except (BrokerError, DataError, InputError) as error:
        return Recovered(blind=str(error))
