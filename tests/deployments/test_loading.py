"""Which plan a run works with, without a server: none is asked unless the tag of the run says there may be a block."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from blocks.desk import load_plan
from blocks.named import load_block
from openbell import desk
from openbell.errors import PlanError


@pytest.fixture(autouse=True)
def nobody_answers() -> Iterator[None]:
    """Whatever is asked for is an error."""
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}):
        yield


def run(*tags: str) -> FlowRun:
    return FlowRun(id=uuid4(), flow_id=uuid4(), tags=list(tags))


def test_outside_of_a_run_and_in_one_without_the_tag_the_file_is_taken_and_nobody_is_asked() -> None:
    file = desk.load_plan("demo").hash
    assert load_plan("demo").hash == load_plan("demo", run()).hash == load_plan("demo", run("mine")).hash == file


def test_a_published_run_that_cannot_learn_its_plan_is_refused() -> None:
    with pytest.raises(PlanError, match="block openbell-plan/demo cannot be read: ConnectError"):
        load_plan("demo", run("openbell", "paper"))


def test_a_connection_that_cannot_be_read_is_refused_by_its_name() -> None:
    with pytest.raises(PlanError, match="block openbell-paper-account/desk cannot be read"):
        load_block("openbell-paper-account/desk")
