"""Every notifier keeps the promises."""

import pytest
from pydantic import SecretStr

from openbell.notifiers.services import Service
from openbell.notifiers.webhook import Webhook
from tests.contracts.notifier_contract import NotifierContract
from tests.notifiers.receiver import Receiver, receiving
from tests.notifiers.samples import CANARY, reference

HASTE = 1.0
NO_KEY = SecretStr("")


@pytest.fixture
def receiver():
    with receiving() as made:
        yield made


class TestWebhook(NotifierContract):
    @pytest.fixture
    def notifier(self, receiver: Receiver) -> Webhook:
        return Webhook(reference(receiver.url(f"/{CANARY}")), NO_KEY)

    @pytest.fixture
    def hasty(self, receiver: Receiver) -> Webhook:
        return Webhook(reference(receiver.url(f"/{CANARY}")), NO_KEY, HASTE)


class TestService(NotifierContract):
    @pytest.fixture
    def notifier(self, receiver: Receiver) -> Service:
        return Service(reference(receiver.url(f"/{CANARY}", "json")))

    @pytest.fixture
    def hasty(self, receiver: Receiver) -> Service:
        return Service(reference(receiver.url(f"/{CANARY}", "json")), HASTE + 1)
