"""Wait for a Prefect server that was started just before: ``systemctl start`` returns earlier than it listens."""

import argparse
import sys
import time

from httpx import ConnectError
from prefect.client.orchestration import SyncPrefectClient

#: Seconds to wait; a server of a host at rest listens after five.
PATIENCE = 30.0


def patience(parser: argparse.ArgumentParser) -> None:
    """The option of a command that waits."""
    words = "seconds to wait for a server where nobody listens yet; default %(default)s"
    parser.add_argument("--patience", type=float, default=PATIENCE, metavar="SECONDS", help=words)


def reach(client: SyncPrefectClient, seconds: float) -> None:
    """Wait until somebody listens at the server's address; ConnectError when nobody does within so many seconds.

    What a server says that is there is for the question that follows: a wrong password is not waited for.
    """
    deadline, told = time.monotonic() + seconds, False
    while isinstance(error := client.api_healthcheck(), ConnectError):
        if time.monotonic() >= deadline:
            raise error
        if not told:
            where = client.api_url.copy_with(userinfo=b"")
            print(f"waiting up to {seconds:.0f} s: nobody listens at {where}", file=sys.stderr)  # noqa: T201
            told = True
        time.sleep(1)
