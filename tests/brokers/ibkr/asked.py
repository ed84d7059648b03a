"""What a test asks of an account at Interactive Brokers."""

from datetime import timedelta

HOUR = timedelta(hours=1)


def fills(broker):
    """The executions of the last hour."""
    return broker.fills(broker.clock().now - HOUR)
