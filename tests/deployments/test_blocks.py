"""What blocks keep and how they read as forms; a field of another name would lose what was saved under the old one."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from blocks.alpaca_account import AlpacaAccount
from blocks.plan import TradingPlan
from blocks.plan_body import form_of, plan_of
from deployments.publish_blocks import TYPES
from openbell.desk import load_plan
from openbell.errors import PlanError
from openbell.values.plan import Plan

#: Slug, secrets, and every other field that a saved block may hold. A field is added here, never renamed: a name that
#: is no longer known is kept by Prefect as clear text, and the new one is empty.
KEPT = {
    "openbell-alpaca-account": (("key_id", "secret"), ("mode", "url", "requests_per_minute")),
    "openbell-alpaca-feed": (("key_id", "secret"), ("feed", "quotes", "adjustment", "url", "requests_per_minute")),
    "openbell-files-feed": ((), ("settings",)),
    "openbell-ibkr-account": ((), ("terms",)),
    "openbell-ibkr-feed": ((), ("settings",)),
    "openbell-paper-account": ((), ("terms",)),
    "openbell-sample-feed": ((), ("settings",)),
    "openbell-plan": ((), tuple(Plan.model_fields)),
}
INNER = {
    "openbell-files-feed": ("path", "timeframe", "zone", "columns", "stamp", "spread_bps", "adjustment"),
    "openbell-ibkr-account": (
        "host", "port", "mode", "account", "currency", "primary_exchange", "connect_timeout", "request_timeout",
        "heartbeat", "id_patience", "client_id", "ack_timeout", "shorting", "reference",
    ),
    "openbell-ibkr-feed": (
        "host", "port", "mode", "account", "currency", "primary_exchange", "connect_timeout", "request_timeout",
        "heartbeat", "id_patience", "client_id", "kind", "delayed", "history_timeout", "quote_timeout", "at_once",
    ),
    "openbell-paper-account": (
        "cash", "currency", "slippage_bps", "fee", "fill_share", "leverage", "maintenance", "shorting", "fractions",
        "order_types",
    ),
    "openbell-sample-feed": ("spread_bps", "adjusted"),
}  # fmt: skip
SLUGS = {block.get_block_type_slug(): block for block in TYPES}
every = pytest.mark.parametrize("slug", sorted(KEPT))


def fields(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each field of a form, also in its boxes."""
    if isinstance(schema, dict):
        for name, field in schema.get("properties", {}).items():
            yield f"{path}.{name}", field
        for name, inner in schema.items():
            yield from fields(inner, f"{path}.{name}")


def test_each_type_of_block_is_listed() -> None:
    assert set(SLUGS) == set(KEPT)


@every
def test_X05_no_field_of_a_block_was_renamed_and_secrets_are_secret_and_required(slug: str) -> None:
    secrets, others = KEPT[slug]
    schema = SLUGS[slug].model_json_schema()
    assert set(schema["properties"]) == {*secrets, *others}
    assert schema["secret_fields"] == list(secrets)
    assert set(secrets) <= set(schema.get("required", ()))
    for secret in secrets:
        assert schema["properties"][secret]["format"] == "password"


@pytest.mark.parametrize("slug", sorted(INNER))
def test_no_field_of_a_blocks_settings_was_renamed(slug: str) -> None:
    schema = SLUGS[slug].model_json_schema()
    (box,) = schema["properties"].values()
    assert tuple(schema["definitions"][box["$ref"].rpartition("/")[2]]["properties"]) == INNER[slug]


@every
def test_a_form_has_titles_descriptions_and_no_choice_between_types(slug: str) -> None:
    block = SLUGS[slug]
    schema = block.model_json_schema()
    assert block.get_description().endswith(".")
    assert block.get_code_example()
    assert "anyOf" not in str(schema)
    for name, field in fields(schema):
        assert field["title"], name
        said = field if "description" in field else schema["definitions"][field["$ref"].rpartition("/")[2]]
        assert said["description"].endswith("."), name
        assert field.get("default", "") is not None, name
    assert getattr(block, "_logo_url") is None  # noqa: B009  # one that cannot be fetched would show as a broken picture


@pytest.mark.parametrize(
    ("slug", "field", "choices"),
    [
        ("openbell-plan", "mode", ["paper", "live"]),
        ("openbell-alpaca-account", "mode", ["paper", "live"]),
        ("openbell-alpaca-feed", "quotes", ["iex", "sip"]),
    ],
)
def test_a_choice_is_a_drop_down(slug: str, field: str, choices: list[str]) -> None:
    assert SLUGS[slug].model_json_schema()["properties"][field]["enum"] == choices


def test_a_secret_that_stands_under_another_name_is_not_loaded_as_empty() -> None:
    with pytest.raises(ValidationError, match="secret"):
        AlpacaAccount.model_validate({"key_id": "PKX", "secret_key": "shh"})


def test_the_schema_of_each_form_is_the_same_in_each_process() -> None:
    """A set in it would have another order in each, and each publish would find another form."""
    code = "from deployments.publish_blocks import TYPES, checksum; print([checksum(block) for block in TYPES])"
    shown = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ".", "HOME": "/nowhere", "PREFECT_HOME": "/tmp"},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(shown) == 1


# --- plans as forms ------------------------------------------------------------------------------------------


def test_a_plan_survives_its_form() -> None:
    plan = load_plan("demo")
    assert plan_of("demo", form_of(plan)).hash == plan.hash
    assert TradingPlan(**form_of(plan)).plan().hash == plan.hash


def test_fields_that_the_form_sends_empty_are_not_said() -> None:
    plan = load_plan("demo")
    body = form_of(plan) | {"lookback": None, "adaptive": None, "freshness": {"bars": None}}
    assert plan_of("demo", body).hash == plan.hash


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"univers": ["AAPL"]}, "unknown key 'univers'; did you mean 'universe'?"),
        ({"mode": "real"}, "mode: Input should be 'paper' or 'live'"),
        ({"enabled": "yes"}, "enabled: Input should be a valid boolean"),
        ({"name": "other"}, "name: 'other' is not the block's name 'demo'"),
        ({"universe": []}, "universe"),
    ],
)
def test_a_form_that_is_wrong_is_refused_by_the_name_of_its_key(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=r"block openbell-plan/demo: ") as refused:
        plan_of("demo", form_of(load_plan("demo")) | changes)
    assert words in str(refused.value)
