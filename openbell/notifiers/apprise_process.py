"""The process that sends one message through Apprise: a question on standard input, an answer on standard output.

Every connection that any library makes in it is judged by the address that it goes to.
"""

import json
import logging
import re
import sys
from typing import Any

from apprise import Apprise, AppriseAsset, NotifyFormat, NotifyType
from apprise.plugins import NotifyBase

from openbell.notifiers.addresses import is_loopback, literal, refusal

_CONNECTS = ("socket.connect", "socket.sendto")
_STATUS = re.compile(r"error[=: ]+(\d{3})\b", re.IGNORECASE)
_PASSING = (408, 429)
_TYPES = {"info": NotifyType.INFO, "warning": NotifyType.WARNING}


class _Guard:
    """Refuses connections; the reasons are kept."""

    def __init__(self, private: bool, only_here: bool) -> None:
        self.private = private
        self.only_here = only_here
        self.refused: list[str] = []

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event in _CONNECTS and (why := self.why(args[-1])):
            self.refused.append(why)
            raise ConnectionRefusedError(why)

    def why(self, peer: Any) -> str:
        """Why a peer must not be connected to, empty when it may."""
        address = literal(str(peer[0]).partition("%")[0]) if isinstance(peer, tuple) else ""
        if not address:
            return "a connection to something other than an address"
        if self.only_here and not is_loopback(address):
            return f"{address} is not this machine, and the connection is not encrypted"
        why = refusal(address, self.private)
        return f"{address} {why}" if why else ""


class _Kept(logging.Handler):
    """Keeps what Apprise logs, of which nothing but a status is ever told."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def main() -> None:
    """Answer one question."""
    sys.stdout.write(json.dumps(answer(json.loads(sys.stdin.read()))))


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Whether the message was sent; without a message, whether it could be."""
    kept = _Kept()
    logging.getLogger("apprise").addHandler(kept)
    service = Apprise.instantiate(question["address"], asset=AppriseAsset(http_redirects=False))
    if not isinstance(service, NotifyBase):
        return _failed("its address is not one that Apprise can read", final=True)
    plain = _is_plain(service)
    if plain and not question["plain"]:
        return _failed(
            f"{service.service_name} would not be encrypted, which is for loopback alone, for a target marked "
            "private, in a plan that is not live",
            final=True,
        )
    guard = _Guard(question["private"], plain)
    if (address := literal(str(getattr(service, "host", "") or ""))) and (why := guard.why((address,))):
        return _failed(f"refused: {why}", final=True)
    sys.addaudithook(guard)
    return _send(service, question["message"], guard, kept) if "message" in question else _sent()


def _is_plain(service: NotifyBase) -> bool:
    """Whether the service speaks without encryption: one of its schemes does, and this is not the other one."""
    return bool(service.protocol) and not service.secure


def _send(service: NotifyBase, message: dict[str, str], guard: _Guard, kept: _Kept) -> dict[str, Any]:
    service.redirects = False
    kind = _TYPES.get(message["level"], NotifyType.FAILURE)
    sender = Apprise(asset=service.asset)
    sender.add(service)
    body, subject = message["body"], message["subject"]
    if sender.notify(body=body, title=subject, notify_type=kind, body_format=NotifyFormat.TEXT):
        return _sent()
    if guard.refused:
        return _failed(f"refused: {guard.refused[0]}", final=True)
    status = next((found[1] for line in kept.said if (found := _STATUS.search(line))), "")
    final = status.startswith("4") and int(status) not in _PASSING
    what = f"answered {status}" if status else "did not take the message"
    return _failed(f"{service.service_name} {what}", final)


def _sent() -> dict[str, Any]:
    return {"sent": True}


def _failed(detail: str, final: bool) -> dict[str, Any]:
    return {"sent": False, "detail": detail, "final": final}


if __name__ == "__main__":
    main()
