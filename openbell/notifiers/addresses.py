"""Which addresses of the network a message may go to."""

import ipaddress
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from openbell.notifiers.patience import within

#: Services of clouds that hand out credentials to whoever asks from inside.
_METADATA = frozenset(map(ip_address, ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16")))
_TRANSLATED = ip_network("64:ff9b::/96")
#: Seconds that a name may take to be resolved.
PATIENCE = 5.0


def refusal(address: str, private: bool) -> str:
    """Why a message must not go to an address, empty when it may."""
    found = _meant(ip_address(address.partition("%")[0]))
    if found in _METADATA:
        return "serves the metadata of a cloud"
    if found.is_link_local:
        return "is link-local"
    if found.is_multicast:
        return "is multicast"
    if found.is_unspecified:
        return "is no address of anybody"
    if found.is_loopback:
        return "" if private else "is this machine, and the target is not marked private"
    if found.is_reserved:
        return "is reserved"
    return "" if found.is_global or private else "is of a private network, and the target is not marked private"


def is_loopback(address: str) -> bool:
    """Whether an address is this machine."""
    return _meant(ip_address(address.partition("%")[0])).is_loopback


def _meant(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address that packets would go to: IPv6 has several ways to write one of IPv4."""
    if isinstance(address, IPv4Address):
        return address
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def literal(host: str) -> str:
    """The host when it is an address already, else empty."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


def resolve(host: str, port: int) -> tuple[str, ...]:
    """Every address of a name, in the order of the resolver; empty when there is none or it takes too long."""
    if literal(host):
        return (host,)
    return within(PATIENCE, lambda: _looked_up(host, port)) or ()


def _looked_up(host: str, port: int) -> tuple[str, ...]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
