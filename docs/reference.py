"""Writes docs/reference.md from the models themselves: ``python docs/reference.py``; a test compares."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import openbell.brokers
import openbell.feeds
from openbell import sizing, strategies
from openbell.exits import rules as exit_rules
from openbell.exits.base import ExitRule
from openbell.plugins import Plugin, discover
from openbell.risk import rules
from openbell.risk.base import Rule
from openbell.sizing.base import Sizer
from openbell.specs import BrokerSpec, FeedSpec
from openbell.strategies.base import Strategy
from openbell.values import plan
from openbell.values.canonical import plain
from openbell.values.notify import Target

PAGE = Path(__file__).with_name("reference.md")
TABLES = {
    "": plan.Plan,
    "account": plan.AccountUse,
    "feed": plan.FeedUse,
    "window": plan.Window,
    "schedule.JOB": plan.Schedule,
    "[strategies]": plan.StrategyUse,
    "sizing": plan.Sizing,
    "freshness": plan.Freshness,
    "notify": plan.Notify,
    "notify.targets": Target,
}


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Reference"
    yield "\nWritten by `python docs/reference.py` from the code; do not edit by hand. [plans.md](plans.md) explains.\n"
    yield "## Keys of a plan\n"
    for table, model in TABLES.items():
        yield f"### `[{table}]`\n" if table else "### Top of the file\n"
        yield from _fields(model)
    yield "## Strategies\n\n`[[strategies]]` with `use = NAME`; the fields go into `params`.\n"
    yield from _plugins(discover(strategies, Strategy))
    yield "## Sizers\n\n`[sizing]` with `use = NAME`; the fields go into `params`.\n"
    yield from _plugins(discover(sizing, Sizer))
    yield "## Rules of the risk gate\n\nAll are always on; `[risk]` sets `RULE = VALUE` (its first field) or a table.\n"
    yield from _plugins(dict(sorted(discover(rules, Rule).items(), key=lambda item: item[1].order)))
    yield "## Exit rules\n\n`[exits]` sets `RULE = VALUE` (its first field), a table, `true` or `false`.\n"
    yield from _plugins(dict(sorted(discover(exit_rules, ExitRule).items(), key=lambda item: item[1].order)))
    yield "## Feeds\n\n`[feed]` with `provider = NAME`; the fields go into `params`.\n"
    yield from _plugins(discover(openbell.feeds, FeedSpec))
    yield "## Brokers\n\n`[account]` with `broker = NAME`; the fields go into `params`.\n"
    yield from _plugins(discover(openbell.brokers, BrokerSpec))
    yield "## Environment variables\n\nThey stand in [settings.md](settings.md)."


def _plugins(found: dict[str, type[Plugin]]) -> Iterator[str]:
    for name, plugin in found.items():
        first = (plugin.__doc__ or "").strip().splitlines()[0]
        yield f"### `{name}`\n\n{first}\n"
        yield from _fields(plugin)


def _fields(model: type[BaseModel]) -> Iterator[str]:
    yield "| key | default | what |\n|---|---|---|"
    for name, field in model.model_fields.items():
        yield f"| `{name}` | {_default(field)} | {(field.description or '').replace('|', '/')} |"
    yield ""


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, BaseModel | dict) or value in ((), None, ""):
        return ""
    return f"`{_text(value)}`"


def _text(value: object) -> str:
    if hasattr(value, "total_seconds"):
        return f"{value.total_seconds():g}s"
    if isinstance(value, tuple | frozenset):
        return ", ".join(sorted(map(str, value)) if isinstance(value, frozenset) else map(str, value))
    return str(plain(value)) if not isinstance(value, Path) else str(value)


if __name__ == "__main__":
    PAGE.write_text(page())
