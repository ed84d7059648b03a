"""Questions to the trading API: a clean answer or an error of ours."""

from collections.abc import Mapping
from typing import Any

from openbell.errors import BrokerError, BrokerSpent, BrokerUnavailable, KeysRefused
from openbell.venues.alpaca.transport import Answer, Transport


class Trading(Transport):
    """One account's trading API; orders go out by ``call``, which never raises."""

    def patient(self, seconds: float) -> "Trading":
        """The same for long answers: up to ``seconds`` until one is there."""
        return Trading(str(self._base_url), self._keys, (self._timeouts[0], seconds), self._allowance)

    def ask(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON of a question; KeysRefused when they are, BrokerUnavailable for anything but a clean 200.

        BrokerSpent when it was not even asked.
        """
        return self.clean(self.call("GET", path, params), path)

    def clean(self, answer: Answer, path: str) -> Any:
        """The JSON of an answer that is beyond doubt."""
        if answer.back:
            raise BrokerSpent(f"alpaca was not asked for {path}: {answer.said}", answer.back)
        if answer.keys_refused:
            raise KeysRefused(f"alpaca refuses the keys ({answer.status}) for {path}: {answer.said}")
        if answer.status != 200 or answer.body is None:
            raise BrokerUnavailable(f"alpaca gave no usable answer to GET {path}: {answer.said}")
        return answer.body

    def row(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The object that a question is answered with."""
        return self.single(self.ask(path, params), path)

    def single(self, body: Any, path: str) -> dict[str, Any]:
        """The object in an answer; BrokerError when it is none."""
        if not isinstance(body, dict):
            raise BrokerError(f"alpaca answered GET {path} with {type(body).__name__}, not with an object")
        return body

    def rows(self, path: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """The rows of a list; one that is no object is a BrokerError, since its content is unknown."""
        body = self.ask(path, params)
        if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
            raise BrokerError(f"alpaca answered GET {path} with {type(body).__name__}, not with a list of objects")
        return body
