"""Does the process of this container do its work? The health check of the image, for whatever the container runs."""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

#: The first process of the container: the command itself, or an init that was given it.
FIRST = Path("/proc/1/cmdline")
#: Seconds, below those that the image gives this check.
TIMEOUT = 5.0


def main(words: Sequence[str] | None = None) -> int:
    """0 when it answers, or when there is nothing to ask; 1 with one line that says what is wrong."""
    url, lenient = question(words if words is not None else FIRST.read_text(errors="replace").split("\0"))
    if not url:
        return 0
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT):  # noqa: S310  # our own address
            return 0
    except urllib.error.HTTPError as error:
        if lenient:
            return 0
        print(f"{url} answers {error.code}", file=sys.stderr)  # noqa: T201
    except OSError as error:
        print(f"{url} does not answer: {error}", file=sys.stderr)  # noqa: T201
    return 1


def question(words: Sequence[str]) -> tuple[str, bool]:
    """Where to ask, empty for a command that answers nobody; and whether it lives even if it answers with an error."""
    said = " ".join(words)
    # An init has the words of the command as they were given, not those of what it became.
    if "worker start" in said or "deployments.worker" in said:
        return f"http://127.0.0.1:{os.environ.get('PREFECT_WORKER_WEBSERVER_PORT', '8080')}/health", False
    if "prefect server start" in said or "deployments.server" in said:
        return f"http://127.0.0.1:{os.environ.get('PREFECT_SERVER_API_PORT', '4200')}/api/ready", False
    if "openbell watch" in said:
        # What it found wrong with the trading is for people: a new container would find the same.
        return "http://127.0.0.1:9464/healthz", True
    return "", True


if __name__ == "__main__":
    sys.exit(main())
