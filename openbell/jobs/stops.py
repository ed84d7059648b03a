"""Protective stops at the broker and the trading run: they make way for it, and the exits job places them anew."""

from dataclasses import replace

from openbell.desk import Desk
from openbell.stages.judge import Gated
from openbell.stages.resting import at_rest, take_back, without
from openbell.values.market import Market
from openbell.values.verdict import Decision


def unstopped(desk: Desk, market: Market) -> Market:
    """The market without protective stops: they are taken back before anything is sent in their symbol."""
    stops = at_rest(desk.journal, market.account.id)
    return replace(market, open_orders=without(market.open_orders, stops)) if stops else market


def make_way(desk: Desk, account: str, gated: Gated) -> None:
    """Take back the stops of each symbol in which an order may go; the exits job places them anew.

    The last gate sees what did not end: it denies an order against a stop, or cuts it to what is free.
    """
    going = {verdict.symbol for verdict in gated.verdicts if verdict.decision is not Decision.DENIED}
    stops = [stop for stop in at_rest(desk.journal, account) if stop.intent.symbol in going]
    if stops:
        take_back(desk.journal, desk.broker(), desk.pace, stops, "a trading run takes the stop back")
