"""What every notifier promises, against a target on loopback that behaves badly."""

import time
from typing import ClassVar

import pytest

from openbell.ports.outbox import Notifier
from openbell.values.message import Failed, Sent
from tests.notifiers.receiver import Receiver, answer
from tests.notifiers.samples import CANARY, posted

HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"
#: A request, a process, and a busy machine.
SLACK = 8.0


class NotifierContract:
    """Subclass it with the fixtures ``notifier``, whose address holds the canary and is the receiver's, and ``hasty``.

    ``hasty`` is the same with an own limit of one second for a delivery. One that hears no more than that it failed
    does not know answers.
    """

    knows_answers: ClassVar[bool] = True

    def test_message_arrives_whole(self, notifier: Notifier, receiver: Receiver) -> None:
        assert notifier.send(posted()) == Sent()
        (received,) = receiver.received
        assert received.line.startswith("POST ")
        assert b"completed: no orders" in received.body
        assert b"demo trade: completed" in received.body

    @pytest.mark.parametrize("act", ["close", b"garbage\r\n\r\n", b""], ids=["closes", "garbage", "nothing"])
    def test_S22_target_that_gives_no_answer_is_a_failure_that_may_pass(self, notifier, receiver, act) -> None:
        receiver.script = [act]
        self.failed(notifier, final=False)

    @pytest.mark.parametrize("act", ["hang", "drip"])
    def test_S22_target_that_takes_for_ever_is_given_up_in_time(self, hasty, receiver, act) -> None:
        receiver.script = [act]
        before = time.monotonic()
        self.failed(hasty, final=False)
        assert time.monotonic() - before < SLACK

    @pytest.mark.parametrize(("status", "final"), [(404, True), (408, False), (429, False), (503, False)])
    def test_answers_of_4xx_are_final_but_for_those_that_may_pass(self, notifier, receiver, status, final) -> None:
        receiver.script = [answer(status, "no")]
        assert str(status) in self.failed(notifier, final).detail or not self.knows_answers

    def test_S22_page_of_html_from_a_gateway_is_a_failure(self, notifier: Notifier, receiver: Receiver) -> None:
        receiver.script = [answer(502, HTML, Content_Type="text/html")]
        self.failed(notifier, final=False)

    @pytest.mark.parametrize("status", [302, 307])
    def test_X14_redirect_is_never_followed(self, notifier: Notifier, receiver: Receiver, status: int) -> None:
        receiver.script = [answer(status, Location=f"{receiver.url('/elsewhere')}/{CANARY}"), answer(200)]
        self.failed(notifier, final=False)
        assert len(receiver.received) == 1

    def test_S22_target_that_nobody_listens_at_is_a_failure(self, notifier: Notifier, receiver: Receiver) -> None:
        receiver.stop()
        self.failed(notifier, final=False)

    def test_X01_representation_tells_nothing(self, notifier: Notifier) -> None:
        assert CANARY not in f"{notifier!r} {notifier!s}"

    def failed(self, notifier: Notifier, final: bool) -> Failed:
        found = notifier.send(posted())
        assert isinstance(found, Failed), found
        assert found.final is (final and self.knows_answers), found
        assert CANARY not in repr(found)
        return found
