"""Questions to the market data API: asked again where that may help, and a clean answer or an error of ours."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from openbell.errors import DataError, FeedKeysRefused, FeedSpent, FeedUnavailable
from openbell.specs import EARLY
from openbell.venues.allowance import Allowance
from openbell.venues.alpaca.keys import Keys
from openbell.venues.alpaca.transport import FREE, Answer, Transport

#: Seconds to connect, and to have a page of up to 10,000 rows.
TIMEOUTS = (2.0, 15.0)
#: The pause before each time that a question is asked again.
PAUSES = (timedelta(seconds=1), timedelta(seconds=2))
#: The limiter's own pause is waited out up to this; its budget comes back every minute.
LONGEST = timedelta(seconds=60)
_NONE = timedelta(0)


class InvalidSymbols(DataError):
    """The question was refused because of some of its symbols, which ``said`` names."""

    def __init__(self, said: str) -> None:
        super().__init__(f"alpaca refuses symbols: {said}")
        self.said = said


class MarketData(Transport):
    """One pair of keys at the market data API.

    A question is asked at most three times: after 429, 5xx, no answer, or an answer that cannot be read. When the
    limiter says that nothing is left, the next question waits until it says otherwise. Once orders are being sent
    there is no time for that: a question is asked again within some seconds or not at all.
    """

    def __init__(self, url: str, keys: Keys, wait: Callable[[timedelta], None], allowance: Allowance = FREE) -> None:
        super().__init__(url, keys, TIMEOUTS, allowance)
        self._wait = wait
        self._spent_until = 0.0

    def ask(self, path: str, params: Mapping[str, str], version: str | None = None) -> dict[str, Any]:
        """The object that a question is answered with; ``version`` as in ``call``.

        FeedKeysRefused when they are, DataError for what would be refused again, FeedUnavailable for the rest.
        FeedSpent when it was not even asked.
        """
        begun = time.monotonic()
        answer = self._once(path, params, version)
        for usual in PAUSES:
            rest = _rest(answer, usual)
            if not _passing(answer) or answer.back or rest > min(LONGEST, self._left(begun)):
                break
            self._wait(rest)
            answer = self._once(path, params, version)
        return _clean(answer, path)

    def _left(self, begun: float) -> timedelta:
        """How long a question that began then may still wait before it is asked again."""
        most = self._allowance.patience()
        return LONGEST if most >= EARLY else 2 * most - timedelta(seconds=time.monotonic() - begun)

    def _once(self, path: str, params: Mapping[str, str], version: str | None) -> Answer:
        left = self._spent_until - time.monotonic()
        if left > 0:
            self._wait(timedelta(seconds=left))
        answer = self.call("GET", path, params, version=version)
        spent = answer.status == 200 and answer.remaining == "0"
        self._spent_until = time.monotonic() + min(_rest(answer, _NONE), LONGEST).total_seconds() if spent else 0.0
        return answer

    def _parsed(self, text: str) -> Any:
        """Numbers as floats, and NaN as what it is: which symbols to leave out is for the validation to say."""
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None


def _passing(answer: Answer) -> bool:
    """Whether the same question may be answered a moment later."""
    unread = answer.status == 200 and not isinstance(answer.body, dict)
    return answer.status in (0, 429) or answer.status >= 500 or unread


def _rest(answer: Answer, usual: timedelta) -> timedelta:
    """How long until the limiter's budget is back, by the server's own clock; else what is usual."""
    rest = answer.rest if answer.status in (200, 429) else None
    return usual if rest is None else max(usual, rest)


def _clean(answer: Answer, path: str) -> dict[str, Any]:
    if answer.status == 200 and isinstance(answer.body, dict):
        return answer.body
    if answer.back:
        raise FeedSpent(f"alpaca was not asked for {path}: {answer.said}", answer.back)
    if answer.keys_refused:
        raise FeedKeysRefused(f"alpaca refuses the keys ({answer.status}) for {path}: {answer.said}")
    if answer.status == 403:
        raise DataError(f"alpaca does not give this data to these keys: {answer.said}{_advice(answer.said)}")
    if answer.status in (400, 422):
        raise InvalidSymbols(answer.said) if "symbol" in answer.said.lower() else DataError(_told(answer, path))
    if _passing(answer):
        raise FeedUnavailable(_told(answer, path))
    raise DataError(_told(answer, path))


def _advice(said: str) -> str:
    return '; without a subscription use feed = "iex"' if "SIP" in said.upper() else ""


def _told(answer: Answer, path: str) -> str:
    return f"alpaca gave no usable answer to GET {path}: {answer.said or type(answer.body).__name__}"
