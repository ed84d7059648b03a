"""A trading run whose entries bring their exits along: no plan asks for it yet."""

from dataclasses import replace
from decimal import Decimal

from openbell.desk import Desk
from openbell.jobs import trading
from openbell.jobs.run import begin
from openbell.risk.gate import judge
from openbell.stages.judge import book_of
from openbell.values.job import TRADE
from openbell.values.orders import TimeInForce
from openbell.values.record import RunRecord

EXITS = {"take_profit": Decimal(110), "stop_loss": Decimal(95), "time_in_force": TimeInForce.GTC}


def brackets(desk: Desk, run_id: str = "first") -> RunRecord:
    """The run."""
    run = begin(desk, TRADE, run_id)
    market = trading.fetch_market(run)
    evaluation = trading.evaluate_market(run, market)
    gated = trading.gate(run, market, evaluation)
    if run.frozen is None:
        intents = tuple(replace(intent, **EXITS) for intent in gated.intents)
        verdicts = judge(intents, desk.resolved.rules, book_of(desk.resolved, market, gated.capabilities))
        gated = replace(gated, intents=intents, verdicts=verdicts)
    return trading.finish(run, market, evaluation, gated, trading.send_orders(run, market, gated))
