"""Runs of the exits job as a schedule starts them."""

import time
from datetime import UTC, datetime, timedelta

from openbell.jobs import sweeps


def scheduled(desk, run_id):
    """A run that was planned for this half minute, so that it looks twice."""
    while (now := datetime.now(UTC)).second % 30 > 27:
        time.sleep(0.2)  # a slot that ends before the run has begun would leave it one look
    return sweeps.exits(desk, run_id, now - timedelta(seconds=now.second % 30, microseconds=now.microsecond))
