"""The page on notifications says what the code does."""

import re
from pathlib import Path

import openbell
from openbell.notifiers.webhook import payload
from openbell.stages.outbox import ALERT_LEVELS, BACKOFF, TRIES
from openbell.values.notify import Notify
from tests.notifiers.samples import posted

PAGE = (Path(openbell.__file__).parent.parent / "docs" / "notifications.md").read_text()


def test_levels_of_alerts_are_those_of_the_table() -> None:
    shown = {}
    for kinds, level in re.findall(r"\| alerts (.*) \| (\w+) \|", PAGE):
        shown |= dict.fromkeys(re.findall(r"`(\w+)`", kinds), level)
    assert shown == {kind: level.value for kind, level in ALERT_LEVELS.items()}


def test_schedule_and_payload_are_those_of_the_page() -> None:
    minutes = [str(int(wait.total_seconds() // 60)) for wait in BACKOFF]
    assert f"tried {TRIES} times, after\n{', '.join(minutes[:-1])} and {minutes[-1]} minutes" in PAGE
    for key in set(payload(posted())) - {"version"}:
        assert f"`{key}`" in PAGE
    for happening in Notify().on:
        assert f'"{happening}"' in PAGE
