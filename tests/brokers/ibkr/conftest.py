import pytest


@pytest.fixture
def broker(connect):
    return connect(ack_timeout=0.3)


@pytest.fixture
def elsewhere(connect):
    """Another process on the same account, which has sent nothing."""
    return connect(client_id=99)
