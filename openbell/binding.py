"""Where a server of ours may listen: beyond this machine only with a password and over TLS."""

import ipaddress
from collections.abc import Mapping

from openbell.errors import InputError


def check_bind(host: str, what: str, authentication: str, tls: str) -> None:
    """InputError when ``host`` is not of this machine alone and a setting that protects it is missing.

    ``authentication`` and ``tls`` say what is missing, each as the setting to make; empty where it is there.
    """
    missing = [setting for setting in (authentication, tls) if setting]
    if missing and not is_loopback(host):
        raise InputError(f"{what} would listen on {host[:60]}, beyond this machine: set {' and '.join(missing)}")


def check_prefect(variables: Mapping[str, str], private: bool = False) -> str:
    """Where a Prefect server with these variables listens; InputError where it must not.

    ``private``: it listens in a network of containers that no other machine reaches, and needs no TLS there. Prefect's
    own defaults are no password and no TLS: whoever reaches the server starts runs and reads every block.
    """
    host = variables.get("PREFECT_SERVER_API_HOST", "127.0.0.1")
    password = "" if variables.get("PREFECT_SERVER_API_AUTH_STRING") else "PREFECT_SERVER_API_AUTH_STRING"
    behind = private or variables.get("PREFECT_API_URL", "").startswith("https://")
    check_bind(host, "the Prefect server", password, "" if behind else "PREFECT_API_URL=https://... of a TLS proxy")
    return host


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches the address; any name but ``localhost`` counts as reachable."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
