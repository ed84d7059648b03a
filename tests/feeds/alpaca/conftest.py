"""A double of Alpaca for its feed."""

import pytest

from tests.faultbroker.process import FaultBroker
from tests.feeds.alpaca.rows import written
from tests.feeds.frames import AS_OF, SYMBOLS, daily


@pytest.fixture
def double(double_process: FaultBroker) -> FaultBroker:
    """A venue at AS_OF with thirty daily bars of three symbols, and their quotes."""
    double_process.reset()
    double_process.set(frozen=AS_OF.timestamp())
    double_process.bars(written(daily()))
    for symbol in SYMBOLS:
        double_process.quote(symbol, "99.99", "100.01")
    return double_process
