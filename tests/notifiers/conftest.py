"""A target on loopback for each test."""

from collections.abc import Iterator

import pytest

from tests.notifiers.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made
