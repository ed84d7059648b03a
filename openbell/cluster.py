"""A Dask cluster at an address, looked at before it is used: whether it answers, and whether its workers run this code.

Needs the extra ``dask``; whoever uses it imports it when a cluster is asked for.
"""

import asyncio
import platform
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
from distributed import Client, wait
from distributed.comm import connect  # type: ignore[attr-defined]
from distributed.comm.addressing import get_address_host_port
from distributed.security import Security

import openbell
from openbell.build import build
from openbell.errors import InputError, OpenbellError
from openbell.stages.evaluate import Answer, Question, answer

#: Seconds in which a cluster must answer, and in which it must have a worker, which may just be starting.
PATIENCE, START = 10.0, 60.0
#: Seconds in which strategies must have answered.
ANSWER = 60.0


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the cluster; InputError when none answers, it has no worker, or one that runs other code."""
    _reached(address)
    try:
        client: Any = Client(address, timeout=PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask cluster answers at {address!r}: {error}") from None
    with client:
        _fit(client, address)
        yield client


def _reached(address: str) -> None:
    """Ask once, and for a few seconds only: the client itself would knock at a closed door for ever."""
    try:
        host, port = get_address_host_port(address)
        socket.create_connection((host, port), PATIENCE).close()
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(f"no Dask cluster answers at {address!r}: {error}") from None
    try:
        with ThreadPoolExecutor(1) as pool:  # this thread may have a loop of its own
            pool.submit(asyncio.run, asyncio.wait_for(_greeted(address), PATIENCE)).result()
    except (OSError, ValueError) as error:
        why = str(error) or f"it does not answer as one within {PATIENCE:g} s"
        raise InputError(f"no Dask cluster answers at {address!r}: {why}") from None


async def _greeted(address: str) -> None:
    keys = Security().get_connection_args("client")  # type: ignore[no-untyped-call]
    comm = await connect(address, timeout=PATIENCE, **keys)  # type: ignore[no-untyped-call]
    await comm.close()


def _fit(client: Any, address: str) -> None:
    """Figures are the same wherever they are worked out only where the code is the same."""
    try:
        client.wait_for_workers(1, timeout=START)
    except TimeoutError:
        raise InputError(f"the Dask cluster at {address!r} has no worker after {START:g} s") from None
    own = about()
    for worker, told in client.run(about, on_error="return").items():
        if isinstance(told, Exception):
            raise InputError(f"Dask worker {worker} cannot run openbell: {told}")
        differs = [f"{name} {told.get(name)}, here {value}" for name, value in own.items() if told.get(name) != value]
        if differs:
            raise InputError(f"Dask worker {worker} runs other code: {'; '.join(differs)}")


def about() -> dict[str, str]:
    """What figures depend on, in the process that is asked."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"openbell": openbell.__version__, "build": build()[:12], "python": python, "numpy": np.__version__}


def ask(address: str, questions: Sequence[Question]) -> Sequence[Answer]:
    """Strategies asked by the workers of a cluster, each a share of them; answers in the order of the questions."""
    if not questions:
        return ()
    with connected(address) as client:
        shares = min(len(questions), sum(client.nthreads().values()))
        # Beside the graph, which is not made for panels.
        parts = client.scatter([questions[start::shares] for start in range(shares)], hash=False)
        tasks = client.map(_answers, parts, pure=False)
        try:
            wait(tasks, timeout=ANSWER)  # type: ignore[no-untyped-call]
        except TimeoutError:
            raise InputError(f"the Dask cluster at {address!r} gave no answer in {ANSWER:g} s") from None
        failed = next((task for task in tasks if task.status != "finished"), None)
        if failed is not None:
            raise OpenbellError(f"a Dask worker failed while strategies were asked: {failed.status}")
        found: list[Any] = [None] * len(questions)
        for start, answers in enumerate(client.gather(tasks)):
            found[start::shares] = answers
    return found


def _answers(questions: Sequence[Question]) -> list[Answer]:
    return [answer(question) for question in questions]
