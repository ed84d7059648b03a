"""The order state machine: every transition that may happen is listed, everything else is refused."""

from openbell.errors import IllegalTransition
from openbell.values.orders import OrderState as S

TRANSITIONS: dict[S, frozenset[S]] = {
    S.PLANNED: frozenset({S.APPROVED, S.DENIED, S.ABANDONED}),
    S.APPROVED: frozenset({S.SENDING, S.ABANDONED}),
    S.SENDING: frozenset({S.ACKED, S.REJECTED, S.UNKNOWN}),
    S.UNKNOWN: frozenset({S.ACKED, S.SENDING, S.ABANDONED}),
    S.ACKED: frozenset({S.PARTIAL, S.FILLED, S.PENDING_CANCEL, S.CANCELED, S.EXPIRED, S.REJECTED}),
    S.PARTIAL: frozenset({S.PARTIAL, S.FILLED, S.PENDING_CANCEL, S.CANCELED, S.EXPIRED}),
    S.PENDING_CANCEL: frozenset({S.CANCELED, S.FILLED, S.PARTIAL, S.ACKED}),
}


def check_transition(client_id: str, before: S, after: S) -> None:
    """Refuse a step that is not listed; a terminal state is final."""
    if after not in TRANSITIONS.get(before, frozenset()):
        raise IllegalTransition(f"order {client_id} cannot go from {before} to {after}")
