"""The templates of work pools: what the workers' own classes make of them."""

import asyncio
import json
from typing import Any

import pytest

from deployments.publish_deployments import BEAT
from openbell.settings import PREFIX, Settings
from tests.operate.cluster import ROOT

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
KINDS = ("docker", "kubernetes", "process")
RUN = {"command": "prefect flow-run execute", "env": {"PREFECT_API_URL": "http://api:4200/api"}, "name": "trade-demo"}


def template(kind: str) -> dict[str, Any]:
    return json.loads((ROOT / f"deployments/{kind}/work-pool.json").read_text())


@pytest.fixture
def worker(request: pytest.FixtureRequest) -> Any:
    """The class that works for pools of a kind; importing it costs seconds."""
    if request.param == "process":
        return pytest.importorskip("prefect.workers.process").ProcessWorker
    if request.param == "docker":
        return pytest.importorskip("prefect_docker.worker").DockerWorker
    return pytest.importorskip("prefect_kubernetes.worker").KubernetesWorker


def configured(worker: Any, kind: str, **values: Any) -> Any:
    """What a worker starts for a run, with the run's own values over the template's."""
    return asyncio.run(
        worker.job_configuration.from_template_and_values(template(kind), {**RUN, **values}, client=Answers())
    )


class Answers:
    """Answers for the server about the one secret that a template names."""

    async def read_block_document_by_name(self, name: str, block_type_slug: str) -> Any:
        assert (name, block_type_slug) == ("openbell-store", "secret")
        return Document()


class Document:
    """A secret's document."""

    data = {"value": "postgresql://openbell:word@db/openbell"}  # noqa: RUF012
    block_type_name = "Secret"


@pytest.mark.parametrize(("kind", "worker"), [(kind, kind) for kind in KINDS], indirect=["worker"])
def test_a_template_has_every_setting_of_the_worker_and_no_other(kind: str, worker: Any) -> None:
    ours, theirs = template(kind), worker.get_default_base_job_template()
    assert set(ours["variables"]["properties"]) == set(theirs["variables"]["properties"])
    assert set(ours["job_configuration"]) == set(theirs["job_configuration"])
    for name, field in theirs["variables"]["properties"].items():
        same = {key: value for key, value in ours["variables"]["properties"][name].items() if key != "default"}
        assert same == {key: value for key, value in field.items() if key != "default"}, name


@pytest.mark.parametrize("worker", ["docker"], indirect=True)
def test_a_run_in_docker_is_unprivileged_removed_at_its_end_and_bounded(worker: Any) -> None:
    made = configured(worker, "docker")
    assert (made.image, made.auto_remove, made.mem_limit, made.privileged) == ("openbell:latest", True, "1g", False)
    assert made.container_create_kwargs["cap_drop"] == ["ALL"]
    assert made.image_pull_policy == "IfNotPresent"
    assert made.env == {**RUN["env"], "OPENBELL_DATABASE_URL": Document.data["value"]}
    assert made.command == "prefect flow-run execute"


@pytest.mark.parametrize("worker", ["process"], indirect=True)
def test_a_run_on_a_host_is_started_at_once_and_with_the_heartbeat_that_the_automations_count_on(worker: Any) -> None:
    made = asyncio.run(worker.job_configuration.from_template_and_values(template("process"), {}, client=Answers()))
    (beat,) = (f"{name}={seconds}" for name, seconds in BEAT.items())
    assert made.command.split() == ["env", beat, "python", "-m", "prefect.engine"]


def test_no_template_holds_a_password() -> None:
    for kind in KINDS:
        told = template(kind)["variables"]["properties"]["env"].get("default", {})
        assert all("{{ prefect.blocks.secret." in value for value in told.values())
        assert all(name.removeprefix(PREFIX).lower() in Settings.model_fields for name in told)


def test_a_run_in_docker_shares_the_network_and_the_home_of_the_compose_file() -> None:
    properties = template("docker")["variables"]["properties"]
    assert properties["networks"]["default"] == ["openbell_inside"]
    assert properties["volumes"]["default"] == ["openbell_home:/var/lib/openbell"]


@pytest.mark.parametrize("worker", ["kubernetes"], indirect=True)
def test_a_run_in_a_cluster_is_never_started_twice_by_the_cluster(worker: Any) -> None:
    made = configured(worker, "kubernetes")
    spec = made.job_manifest["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["ttlSecondsAfterFinished"] == 3600
    assert "PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR" not in made.env


@pytest.mark.parametrize("worker", ["kubernetes"], indirect=True)
def test_a_run_in_a_cluster_is_the_images_user_with_no_rights_of_the_cluster(worker: Any) -> None:
    pod = configured(worker, "kubernetes").job_manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    uid = (ROOT / "Dockerfile").read_text().split("\nUSER ")[1].split()[0]
    assert pod["securityContext"]["runAsNonRoot"]
    assert str(pod["securityContext"]["runAsUser"]) == uid
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert container["envFrom"] == [{"secretRef": {"name": "openbell"}}]
    assert container["resources"]["limits"]["memory"] == "1Gi"
