"""Orders of the double, and the long message by which a client places one."""

from dataclasses import dataclass, field
from decimal import Decimal

from tests.twsdouble.wire import Fields

ZERO = Decimal(0)
#: Statuses after which nothing more happens.
ENDED = ("Filled", "Cancelled", "ApiCancelled", "Inactive")


@dataclass
class Placed:
    """An order that arrived. ``mute``: nobody is told of it; ``claims``: the status that is told instead of its own.

    ``waits``: it is an exit whose entry has not filled yet.
    """

    client: int
    order_id: int
    con_id: int
    symbol: str
    currency: str
    action: str
    quantity: Decimal
    type: str
    limit: Decimal | None
    aux: Decimal | None
    tif: str
    account: str
    ref: str
    transmit: bool = True
    parent: int = 0
    oca: str = ""
    outside: bool = False
    exchange: str = "SMART"
    perm_id: int = 0
    status: str = "PreSubmitted"
    filled: Decimal = ZERO
    paid: Decimal = ZERO
    mark: Decimal | None = None
    triggered: bool = False
    completed: str = ""
    completed_time: str = ""
    why: str = ""
    claims: str = ""
    mute: bool = False
    hidden: bool = False
    held_back: bool = False
    frozen: bool = False
    waits: bool = False
    notices: list = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    @property
    def told(self) -> str:
        return self.claims or self.status

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def average(self) -> Decimal:
        return (self.paid / self.filled).quantize(Decimal("0.00000001")) if self.filled else ZERO

    @property
    def sign(self) -> int:
        return 1 if self.action == "BUY" else -1


def read_order(fields: Fields, client: int) -> Placed:
    """The message ``placeOrder``, the fields that the double knows; the id of the message is read already."""
    order_id, contract = fields.number(), fields.contract()
    fields.skip(2)  # secIdType, secId
    action, quantity, kind = fields.word(), fields.amount(), fields.word()
    limit, aux, tif, oca, account = fields.amount(), fields.amount(), fields.word(), fields.word(), fields.word()
    fields.skip(2)  # openClose, origin
    ref, transmit, parent = fields.word(), fields.flag(), fields.number()
    fields.skip(4)  # blockOrder, sweepToFill, displaySize, triggerMethod
    outside = fields.flag()
    return Placed(
        client=client,
        order_id=order_id,
        con_id=int(contract["con_id"] or 0),
        symbol=contract["symbol"],
        currency=contract["currency"],
        exchange=contract["exchange"],
        action=action,
        quantity=quantity or ZERO,
        type=kind,
        limit=limit,
        aux=aux,
        tif=tif,
        account=account,
        ref=ref,
        transmit=transmit,
        parent=parent,
        oca=oca,
        outside=outside,
    )
