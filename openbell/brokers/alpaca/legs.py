"""Who is who among Alpaca's orders: a leg has a generated client id there, and is told under its order alone.

Its order's client id is ours, and so is the leg's: that of the order, and what the leg does. Lists and executions show
legs like any other order, so an order of a class that has legs is looked up once, with those of its kind.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from openbell.brokers.alpaca import rows
from openbell.brokers.alpaca.rows import Row
from openbell.errors import BrokerUnavailable
from openbell.values.legs import Role, leg_id
from openbell.values.orders import Order, OrderClass

#: Orders and their legs are made at one instant; this much around it is looked through.
_AROUND = timedelta(seconds=2)
#: Alpaca's lists may disagree for some seconds.
_YOUNG = timedelta(minutes=1)
_CLASSES = frozenset(OrderClass) - {OrderClass.SIMPLE}
#: Every order of some symbols from one instant to another, the legs under their orders.
Nested = Callable[[Sequence[str], datetime, datetime], Iterable[Row]]


class Names:
    """Our client id of each order by Alpaca's id: it never changes."""

    def __init__(self) -> None:
        self._ours: dict[str, str] = {}
        self._theirs: dict[str, str] = {}

    def ours(self, order_id: str) -> str | None:
        """Our id of an order, None for one that was never seen."""
        return self._ours.get(order_id)

    def theirs(self, client_id: str) -> str | None:
        """Alpaca's id of a leg, None for one that was never seen."""
        return self._theirs.get(client_id)

    def learn(self, listed: Iterable[Row], nested: Nested) -> None:
        """Every order of some rows; ``nested`` is asked, once, where a leg cannot be told from its order.

        A leg whose order is not told with it yet is BrokerUnavailable while it is young: it is never taken for one
        that somebody else placed.
        """
        fresh = {str(row.get("id")): row for row in listed if row.get("id") not in self._ours}
        unclear = [row for row in fresh.values() if row.get("order_class") in _CLASSES]
        if unclear:
            made = [rows.instant_of(row, "created_at") for row in unclear]
            symbols = sorted({rows.text_of(row, "symbol") for row in unclear})
            self.learn_nested(nested(symbols, min(made) - _AROUND, max(made) + _AROUND))
            self._refuse_to_guess([row for row in unclear if row.get("id") not in self._ours])
        for order_id, row in fresh.items():
            self._keep(order_id, str(row.get("client_order_id")))

    def learn_nested(self, told: Iterable[Row]) -> None:
        """Orders with their legs."""
        for parent in told:
            self._keep(rows.text_of(parent, "id"), rows.text_of(parent, "client_order_id"))
            for leg in parent.get("legs") or ():
                self._keep(rows.text_of(leg, "id"), leg_id(rows.text_of(parent, "client_order_id"), _role(leg)))

    def _refuse_to_guess(self, unclear: Iterable[Row]) -> None:
        for row in unclear:
            if datetime.now(UTC) - rows.instant_of(row, "created_at") < _YOUNG:
                raise BrokerUnavailable(
                    f"alpaca: the orders that {row.get('id')} stands or falls with are not told yet"
                )

    def _keep(self, order_id: str, client_id: str) -> None:
        if order_id not in self._ours:
            self._ours[order_id], self._theirs[client_id] = client_id, order_id

    def order_of(self, row: Row) -> Order:
        """The order in a row, by our id."""
        name = self._ours.get(str(row.get("id")))
        return rows.order_of(row if name is None else {**row, "client_order_id": name})


def _role(leg: Row) -> Role:
    return Role.PROFIT if (leg.get("type") or leg.get("order_type")) == "limit" else Role.LOSS
