"""Every exception that openbell raises on purpose.

OpenbellError
├── InputError            a value from outside breaks a stated bound
│   ├── PlanError         a plan that cannot be used as written
│   ├── AlertError        an alert that cannot be used as written
│   ├── ExpressionError   an expression that cannot be read
│   ├── SettingsError     an environment variable or setting that cannot be used
│   └── WrongAccount      an account that is not the one, or not of the mode, that was asked for
├── CalendarError         a date or exchange that no calendar covers
├── DataError             a feed's answer that cannot be used at all
│   ├── FeedUnavailable   a feed that did not answer
│   │   └── FeedSpent     a feed that was not asked, for lack of requests (a RequestsSpent as well)
│   └── FeedKeysRefused   a feed that answered that our keys are not valid (a KeysRefused as well)
├── StrategyError         a strategy that broke its contract
├── BrokerError           a broker's answer that cannot be used at all
│   └── BrokerUnavailable a broker that did not answer a question (never raised for an order)
│       ├── BrokerSpent   a broker that was not asked, for lack of requests (a RequestsSpent as well)
│       └── KeysRefused   a broker that answered that our keys are not valid
├── RequestsSpent         an account whose requests are spent for a moment; nothing was sent
├── TooLong               something that did not end in the time that it was given
├── ServerUnavailable     a Prefect server that did not answer as one
└── StoreError            the store cannot be read or written
    ├── SchemaMismatch    the store was made by an older or newer openbell
    └── IllegalTransition an order event that the state machine refuses

What is expected (closed, rejected, clipped, nothing to do, unknown) is a value and never raised.
"""

from datetime import timedelta


class OpenbellError(Exception):
    """Root of the tree; its text is fit to be shown to a person as it is."""


class InputError(OpenbellError):
    """A value from outside breaks a stated bound."""


class PlanError(InputError):
    """A plan that cannot be used as written."""


class AlertError(InputError):
    """An alert that cannot be used as written."""


class ExpressionError(InputError):
    """An expression that cannot be read; its text shows the place."""


class SettingsError(InputError):
    """An environment variable or setting that cannot be used."""


class WrongAccount(InputError):
    """An account that is not the one, or not of the mode, that was asked for."""


class RequestsSpent(OpenbellError):
    """An account's requests are spent; nothing was sent, and ``back`` from now there may be one again."""

    def __init__(self, said: str, back: timedelta) -> None:
        super().__init__(said)
        self.back = back


class CalendarError(OpenbellError):
    """A date or exchange that no calendar covers."""


class DataError(OpenbellError):
    """A feed's answer that cannot be used at all."""


class FeedUnavailable(DataError):
    """A feed that did not answer."""


class FeedSpent(FeedUnavailable, RequestsSpent):
    """A feed that was not asked: it shares the account's requests."""


class StrategyError(OpenbellError):
    """A strategy that broke its contract."""


class BrokerError(OpenbellError):
    """A broker's answer that cannot be used at all."""


class BrokerUnavailable(BrokerError):
    """A broker that did not answer a question; an order is never reported this way."""


class BrokerSpent(BrokerUnavailable, RequestsSpent):
    """A broker that was not asked a question."""


class KeysRefused(BrokerUnavailable):
    """A broker answered that our keys are not valid: asking again is no use."""


class FeedKeysRefused(DataError, KeysRefused):
    """A feed answered that our keys are not valid: prices are missing, the broker is not."""


class TooLong(OpenbellError):
    """Something that did not end in the time that it was given."""


class ServerUnavailable(OpenbellError):
    """A Prefect server that did not answer as one."""


class StoreError(OpenbellError):
    """The store cannot be read or written."""


class SchemaMismatch(StoreError):
    """The store was made by an older or newer openbell."""


class IllegalTransition(StoreError):
    """An order event that the state machine refuses."""
