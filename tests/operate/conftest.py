"""The services of this machine that several hosts share; each is skipped by name where it is missing."""

import os
import uuid
from collections.abc import Iterator

import psycopg
import pytest
import redis

POSTGRES = os.environ.get("OPENBELL_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432")
REDIS = os.environ.get("OPENBELL_TEST_REDIS", "redis://127.0.0.1:6379")


@pytest.fixture(scope="module")
def databases() -> Iterator[tuple[str, str]]:
    """URLs of two empty databases, for openbell and for Prefect; dropped afterwards."""
    try:
        admin = psycopg.connect(f"{POSTGRES}/postgres", connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at {POSTGRES} (set OPENBELL_TEST_POSTGRES): {error}")
    names = [f"openbell_{kind}_{uuid.uuid4().hex[:12]}" for kind in ("store", "prefect")]
    with admin:
        for name in names:
            admin.execute(f"CREATE DATABASE {name}")
        yield f"{POSTGRES}/{names[0]}", f"{POSTGRES}/{names[1]}"
        for name in names:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """URL of a Redis whose two highest databases are empty, and are emptied afterwards."""
    rooms = [redis.Redis.from_url(f"{REDIS}/{number}", socket_connect_timeout=3) for number in (14, 15)]
    try:
        held = [room.dbsize() for room in rooms]
    except redis.ConnectionError as error:
        pytest.skip(f"no Redis at {REDIS} (set OPENBELL_TEST_REDIS): {error}")
    if any(held):
        pytest.skip(f"databases 14 and 15 of the Redis at {REDIS} are in use")
    yield REDIS
    for room in rooms:
        room.flushdb()
        room.close()
