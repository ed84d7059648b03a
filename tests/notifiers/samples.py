"""Messages and plans to test with."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from openbell.notifiers.references import Reference
from openbell.values.message import Message, MessageState, Posted, Severity
from openbell.values.plan import Plan

NOW = datetime(2026, 11, 24, 14, 35, tzinfo=UTC)
OPS = "env:OPENBELL_NOTIFY_OPS"
STRATEGIES = [{"use": "buy_and_hold"}]
#: Parts of addresses that must be found nowhere.
CANARY = "canary-Zq7xW4mT-token"


def message(source: str = "runs/1", target: str = OPS, **changes: Any) -> Message:
    values: dict[str, Any] = {
        "source": source,
        "target": target,
        "plan": "demo",
        "level": Severity.INFO,
        "kind": "trade",
        "key": source,
        "subject": "demo trade: completed",
        "body": "completed: no orders",
        "created": NOW,
        "expires": NOW + timedelta(days=1),
    }
    return Message(**values | changes)


def posted(**changes: Any) -> Posted:
    values: dict[str, Any] = {
        "message": message(),
        "state": MessageState.WAITING,
        "next_try": NOW,
        "tries": 1,
        "times": 1,
        "last_seen": NOW,
    }
    return Posted(**values | changes)


def plan(*targets: dict[str, Any], **notify: Any) -> Plan:
    whole = {"name": "demo", "universe": ["AAPL"], "strategies": STRATEGIES}
    return Plan.model_validate({**whole, "notify": {"targets": targets, **notify}})


def reference(address: str, private: bool = True, live: bool = False) -> Reference:
    return Reference("OPENBELL_NOTIFY_OPS", SecretStr(address), private, live)
