"""Log lines about a run that was sealed: one for it, one for each of its orders."""

import logging

from openbell.values.orders import OrderState
from openbell.values.record import Outcome, RunRecord

_log = logging.getLogger("openbell.runs")


def tell(record: RunRecord) -> None:
    """What is unknown, and a run that failed, are errors."""
    for order in record.orders:
        level = logging.ERROR if order.state is OrderState.UNKNOWN else logging.INFO
        words = (order.side.value, order.quantity, order.symbol, order.state.value)
        _log.log(level, "order to %s %s %s is %s", *words, extra={"order": order.client_id})
    level = logging.ERROR if record.outcome is Outcome.FAILED else logging.INFO
    _log.log(level, "%s: %s", record.outcome.value, record.message)
