from collections.abc import Iterator

import pytest

from tests.deployments.publishing import Publishing, start


@pytest.fixture(scope="session")
def publishing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publishing]:
    """A server without a worker, and plans to publish to it."""
    made = start(tmp_path_factory.mktemp("publishing"))
    yield made
    made.prefect.stop()


@pytest.fixture
def fresh(publishing: Publishing) -> Publishing:
    """Nothing of ours on the server but the demo plan, published."""
    for path in publishing.plans.glob("*.toml"):
        path.unlink()
    publishing.write()
    publishing.publish()
    return publishing
