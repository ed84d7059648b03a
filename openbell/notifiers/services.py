"""Telegram, Slack, e-mail and the rest through Apprise, in a process of its own.

A process, because half a minute must be half a minute whatever library waits inside, because those libraries log
the addresses that they speak to, and because each connection is judged there at the moment when it is made.
"""

import json
import os
import subprocess
import sys

from openbell.errors import SettingsError
from openbell.notifiers.references import Reference
from openbell.notifiers.webhook import TIMEOUT
from openbell.stages.message_text import body_of, subject_of
from openbell.values.message import Delivery, Failed, Posted, Sent

_PROCESS = [sys.executable, "-m", "openbell.notifiers.apprise_process"]
#: What the process sees of our environment: no secret of ours, and no proxy, since the address is what is spoken to.
_INHERITED = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PYTHONPATH")


class Service:
    """``ports.outbox.Notifier`` on an address of Apprise."""

    __slots__ = ("_reference", "_timeout")

    def __init__(self, reference: Reference, timeout: float = TIMEOUT) -> None:
        self._reference = reference
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"Service({self._reference.name})"

    def check(self) -> None:
        """SettingsError when Apprise cannot read the address, or it must not be used; nothing is sent."""
        answer = self._ask({})
        if isinstance(answer, Failed):
            raise SettingsError(f"{self._reference.name}: {answer.detail}")

    def send(self, posted: Posted) -> Delivery:
        """Send once."""
        said = {"subject": subject_of(posted), "body": body_of(posted), "level": posted.message.level.value}
        return self._ask({"message": said})

    def _ask(self, question: dict[str, object]) -> Delivery:
        reference = self._reference
        rules = {"private": reference.private, "plain": reference.plain}
        asked = json.dumps({**question, **rules, "address": reference.address.get_secret_value()})
        env = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        try:
            done = subprocess.run(  # noqa: S603  # our own module, and the address is not on the command line
                _PROCESS, input=asked, capture_output=True, text=True, timeout=self._timeout, env=env, check=False
            )
        except subprocess.TimeoutExpired:
            return Failed(f"no answer within {self._timeout:g} s")
        # What the process wrote beside its answer may hold the address and goes nowhere.
        return _answer(done.stdout) if done.returncode == 0 else Failed(f"its process ended with {done.returncode}")


def _answer(text: str) -> Delivery:
    said = json.loads(text)
    return Sent() if said["sent"] else Failed(said["detail"], final=said["final"])
