"""persist-audit: one record of everything that a run saw, decided and did."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import openbell
from openbell.ports import Broker, Capabilities
from openbell.stages.due import goes_by_looks
from openbell.stages.evaluate import Evaluation
from openbell.stages.execute import Executed
from openbell.stages.fetch import equity, marks
from openbell.stages.judge import Gated
from openbell.values import canonical
from openbell.values.account import Account
from openbell.values.job import FLATTEN, TRADE
from openbell.values.market import Dropped, Market
from openbell.values.orders import OrderState
from openbell.values.plan import Plan
from openbell.values.record import DataSeen, Guard, Holding, Outcome, RunRecord
from openbell.values.ring import Ring
from openbell.values.time import iso
from openbell.values.verdict import Decision
from openbell.values.work import Worked


@dataclass(slots=True)
class Story:
    """What is known about a run so far; each stage adds its chapter, a failure leaves the rest empty.

    ``prices`` are those of a job that looked at nothing else of the market, or that values by them alone. ``look`` is
    what a look of the exits job decided from, see ``exit_decision.kept``.
    """

    ring: Ring
    plan: Plan
    guards: tuple[Guard, ...] = ()
    market: Market | None = None
    evaluation: Evaluation | None = None
    gated: Gated | None = None
    executed: Executed | None = None
    account: Account | None = None
    prices: Mapping[str, Decimal] | None = None
    look: Mapping[str, Any] | None = None
    work: Worked | None = None
    timings: dict[str, float] = field(default_factory=dict)


def build_record(story: Story, outcome: Outcome, code: str, message: str, finished: datetime) -> RunRecord:
    """The record of a run that ended; what did not happen stays empty."""
    ring, market, gated, executed = story.ring, story.market, story.gated, story.executed
    account = story.account or (market.account if market else None)
    prices, valued = _marks(story), bool(market) or story.prices is not None
    return RunRecord(
        id=ring.run_id,
        plan=ring.slot.plan,
        job=ring.slot.job,
        slot=ring.slot.key,
        planned=ring.slot.planned,
        session=ring.slot.session,
        outcome=outcome,
        code=code,
        message=message,
        clock=ring.clock,
        as_of=ring.as_of,
        finished=finished,
        dry_run=ring.dry_run,
        account=account.id if account else story.plan.account.name,
        environment=account.environment if account else story.plan.mode,
        plan_hash=story.plan.hash,
        plan_body=_plan_body(story),
        versions=versions(),
        guards=story.guards,
        data=data_seen(market, story.evaluation) if market else None,
        inputs=_inputs(story),
        signals=story.evaluation.signals if story.evaluation else (),
        intents=executed.intents if executed else gated.intents if gated else (),
        unplaced=gated.unplaced if gated else (),
        verdicts=executed.verdicts if executed else gated.verdicts if gated else (),
        orders=executed.orders if executed else (),
        fills=executed.fills if executed else (),
        holdings=holdings(account, prices) if account and valued else (),
        cash=account.cash if account and valued else None,
        equity=equity(account, prices) if account and valued else None,
        counters=dict(story.work.counters) if story.work else counters(story),
        details=dict(story.work.details) if story.work else {},
        timings=story.timings,
    )


def _plan_body(story: Story) -> dict[str, Any]:
    """The whole plan where a run can be decided again from it; else the hash must do, and the zone to tell times in."""
    decided = story.ring.slot.job in (TRADE.name, FLATTEN.name) or story.look is not None
    return story.plan.model_dump(mode="json", include=None if decided else {"window"})


def versions() -> dict[str, str]:
    """The code that decided."""
    return {"openbell": openbell.__version__, "python": platform.python_version()}


def data_seen(market: Market, evaluation: Evaluation | None) -> DataSeen:
    """Where the panel came from, its digest and everything left out of it."""
    bars, checked = market.bars, market.checked
    last = bars.times[-1].astype("datetime64[us]").item() if len(bars) else None
    warmup: tuple[Dropped, ...] = evaluation.warmup if evaluation else ()
    failures = tuple(f"strategy {f.label} failed: {f.detail}" for f in evaluation.failures) if evaluation else ()
    return DataSeen(
        digest=bars.digest(),
        provider=bars.provider,
        timeframe=bars.timeframe.text,
        adjustment=bars.adjustment,
        bars=len(bars),
        symbols=len(bars.symbols),
        last_bar=last.replace(tzinfo=UTC) if last else None,
        dropped=checked.dropped + warmup,
        notes=checked.notes + failures + (evaluation.waiting if evaluation else ()),
        providers=dict(checked.providers),
        failures=checked.failures,
    )


def _inputs(story: Story) -> dict[str, Any]:
    if not (story.market and story.gated):
        return {}
    inputs = inputs_of(story.market, story.gated.capabilities)
    if story.look is not None:
        return {**inputs, "look": dict(story.look)}
    if not goes_by_looks(story.plan):
        return inputs
    looks = {label: iso(at) for label, at in sorted(story.market.activity.looks.items())}
    return {**inputs, "looks": looks, "looked": list(story.evaluation.looked if story.evaluation else ())}


def inputs_of(market: Market, capabilities: Capabilities) -> dict[str, Any]:
    """All inputs of the decisions but the panel, in canonical form; ``rerun.market_of`` reads it back."""
    activity = market.activity
    return {
        "account": canonical.plain(market.account),
        "quotes": canonical.plain(list(market.quotes.values())),
        "open_orders": canonical.plain(market.open_orders),
        "instruments": canonical.plain(list(market.instruments.values())),
        "capabilities": canonical.plain(capabilities),
        "books": canonical.plain([[*key, quantity] for key, quantity in sorted(activity.books.items())]),
        "orders_today": activity.orders_today,
        "recent": sorted([symbol, side] for symbol, side in activity.recent),
        "breaks": dict(sorted(activity.breaks.items())),
    }


def _marks(story: Story) -> Mapping[str, Decimal]:
    """Prices of what is held after the run."""
    if story.prices is not None:
        return story.prices
    if story.market is None:
        return {}
    after = replace(story.market, account=story.account or story.market.account)
    return marks(after)


def holdings(account: Account, prices: Mapping[str, Decimal]) -> tuple[Holding, ...]:
    """The positions that are not zero; a mark that is not known stays None."""
    return tuple(
        Holding(
            symbol=held.symbol,
            quantity=held.quantity,
            average_price=held.average_price,
            realized=held.realized,
            mark=prices.get(held.symbol),
        )
        for _, held in sorted(account.positions.items())
        if held.quantity
    )


def counters(story: Story) -> dict[str, int]:
    """How much of everything there was."""
    verdicts = (story.executed or story.gated).verdicts if story.gated else ()
    orders = story.executed.orders if story.executed else ()
    evaluation, market = story.evaluation, story.market
    return {
        "symbols": len(market.bars.symbols) if market else 0,
        "dropped": len(market.checked.dropped) if market else 0,
        "signals": len(evaluation.signals) if evaluation else 0,
        "intents": len(verdicts),
        "approved": sum(v.decision is not Decision.DENIED for v in verdicts),
        "denied": sum(v.decision is Decision.DENIED for v in verdicts),
        "sent": sum(o.state not in (OrderState.ABANDONED, OrderState.DENIED) for o in orders),
        "filled": sum(o.state is OrderState.FILLED for o in orders),
        "unknown": sum(o.state is OrderState.UNKNOWN for o in orders),
    }


def account_after(broker: Broker, executed: Executed, before: Account) -> Account:
    """The account once the orders are out; asked again only when there were any."""
    return broker.account() if executed.orders else before
