"""Become the Prefect server after a look at where it would listen: ``python -m deployments.server``.

Prefect's own defaults are no password and no TLS. On this machine alone that is allowed; beyond it, whoever reaches
the server can start a run and read every block, so the server starts only with a password and behind TLS. In a network
of containers the password is enough.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from deployments.local import RETENTION
from deployments.worker import become
from openbell.binding import check_prefect
from openbell.errors import OpenbellError

_EXAMPLE = "Example: python -m deployments.server --check"


def main(arguments: Sequence[str] | None = None) -> int:
    """Become the server; an exit code only with ``--check``, and 1 where it must not start."""
    parser = argparse.ArgumentParser(prog="python -m deployments.server", description=__doc__, epilog=_EXAMPLE)
    parser.add_argument("--check", action="store_true", help="only say whether it may start as it is set up")
    parser.add_argument("--host", help="where to listen; default PREFECT_SERVER_API_HOST")
    parser.add_argument(
        "--private-network", action="store_true", help="of containers, which no other machine reaches: no TLS needed"
    )
    parser.add_argument("--no-services", action="store_true", help="API and UI alone, beside service processes")
    asked = parser.parse_args(arguments)
    if asked.host:
        os.environ["PREFECT_SERVER_API_HOST"] = asked.host
    try:
        check_prefect(os.environ, asked.private_network)
    except OpenbellError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    if not asked.check:
        os.environ.update({name: value for name, value in RETENTION.items() if name not in os.environ})
        become([sys.executable, "-m", "prefect", "server", "start", *(["--no-services"] if asked.no_services else [])])
    return 0


if __name__ == "__main__":
    sys.exit(main())
