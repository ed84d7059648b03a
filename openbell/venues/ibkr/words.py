"""What the gateway's codes mean to whoever operates it."""

from openbell.venues.ibkr.gateway import Gateway

#: The gateway lost its servers; the socket stays up, and nothing may be sent.
SEVERED = frozenset({1100, 2110})
#: Back again, with the data lines lost or kept; what happened meanwhile must be read anew.
RESTORED = frozenset({1101, 1102})
#: News of connections and data farms, which come unasked and explain nothing.
NEWS = SEVERED | RESTORED | frozenset(range(2100, 2200))
CLIENT_ID_IN_USE = 326
READ_ONLY = 321
#: Data that nobody may have here and now: no subscription, delayed instead, another login, or switched off.
NO_LIVE_DATA = frozenset({354, 10089, 10090, 10167, 10168, 10186, 10197})
_SHOWN = 200


def shown(text: str) -> str:
    """What the gateway says on one short line."""
    return "".join(char if char.isprintable() else " " for char in text[:_SHOWN]).strip()


def where(gateway: Gateway, client_id: int) -> str:
    """The connection in words."""
    return f"ibkr {gateway.host}:{gateway.port} as client {client_id}"


def refused() -> str:
    """Nothing listens."""
    return (
        "the connection is refused: start TWS or IB Gateway and log in, switch on 'Enable ActiveX and Socket Clients' "
        "in its API settings, and compare the port"
    )


def unreachable(error: OSError) -> str:
    """No way to the machine."""
    return f"the machine cannot be reached ({type(error).__name__}: {shown(error.strerror or str(error))})"


def hanging(seconds: float, connected: bool, greeted: bool) -> str:
    """Something accepts the connection, or not even that, and says no more."""
    if greeted:
        return f"the gateway greeted and then did not start the session within {seconds:g} s: it may be logging in"
    if connected:
        return (
            f"the port is open, but nobody answers within {seconds:g} s: the gateway waits for a login, a second "
            "factor or a dialog on its screen, or another program listens there"
        )
    return f"the machine did not take the connection within {seconds:g} s"


def closed_early() -> str:
    """Closed in the middle of the greeting."""
    return (
        "the gateway closed the connection before the session began: the client id may be in use, or this machine's "
        "address is not among its trusted IPs"
    )


def id_in_use(client_id: int) -> str:
    """The gateway's 326."""
    return (
        f"client id {client_id} is in use by another connection (326): give each program that runs at the same time "
        "a client_id of its own, or end the other one"
    )


def read_only() -> str:
    """The gateway's 321."""
    return "the API is read-only (321): clear 'Read-Only API' in the API settings of TWS or IB Gateway"


def severed(code: int) -> str:
    """The gateway's 1100."""
    return f"the gateway has lost Interactive Brokers' servers ({code}); it comes back by itself, as after each night"
