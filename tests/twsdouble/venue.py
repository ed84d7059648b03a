"""The market behind the double: quotes, orders that meet them, and one account."""

import itertools
import time
from collections.abc import Callable
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from tests.twsdouble.messages import stamp
from tests.twsdouble.orders import ZERO, Placed

CENT = Decimal("0.01")
#: Told of what happens to an order: what it is (order, execution, commission, error), the order, and the rest.
Listener = Callable[[str, Placed, Any], None]
DEFAULTS = {
    "cash": "100000",
    "multiplier": "1",
    "shorting": False,
    "share": "1",
    "is_open": True,
    "offset": 0.0,
    "accounts": ["DU1234567"],
    "currency": "USD",
    "commissions": True,
    "zone": "US/Eastern",
}
SYMBOLS = {"AAPL": "NASDAQ", "MSFT": "NASDAQ", "GOOG": "NASDAQ", "IBM": "NYSE", "SPY": "ARCA", "BRK B": "NYSE"}


def listing(con_id: int, symbol: str, primary: str, **facts: Any) -> dict:
    """Facts of a contract with what a test does not say filled in."""
    known = {"con_id": con_id, "symbol": symbol, "primary": primary, "currency": "USD", "tick": "0.01", "smart": True}
    return known | {"zone": "US/Eastern", "hours": None} | facts


class Venue:
    """Orders by (client, order id); everything that happened since the last reset."""

    def __init__(self, tell: Listener) -> None:
        self.tell = tell
        self.settings: dict[str, Any] = dict(DEFAULTS)
        numbers = itertools.count(265598)
        self.listings = [listing(next(numbers), symbol, primary) for symbol, primary in SYMBOLS.items()]
        self.quotes: dict[str, tuple[Decimal, Decimal]] = {}
        self.orders: list[Placed] = []
        self.executions: list[tuple[Placed, dict]] = []
        self.holdings: dict[str, tuple[Decimal, Decimal]] = {}
        self.cash = Decimal(self.settings["cash"])
        self.forgotten: set[str] = set()
        self._numbers = itertools.count(1)
        self._perm_ids = itertools.count(1_800_000_001)

    def set(self, **settings: Any) -> None:
        """Change settings; cash is the account's money from now on."""
        if unknown := set(settings) - set(DEFAULTS):
            raise ValueError(f"unknown settings {sorted(unknown)}; there are {sorted(DEFAULTS)}")
        self.settings |= settings
        if "cash" in settings:
            self.cash = Decimal(settings["cash"])

    def now(self) -> float:
        return time.time() + float(self.settings["offset"])

    @property
    def account(self) -> str:
        return str(self.settings["accounts"][0])

    def find(self, con_id: int = 0, symbol: str = "", currency: str = "") -> list[dict]:
        """Listings by id, or by symbol and currency."""
        if con_id:
            return [known for known in self.listings if known["con_id"] == con_id]
        return [known for known in self.listings if known["symbol"] == symbol and currency in ("", known["currency"])]

    # --- money -----------------------------------------------------------------------------------------------

    def reserved(self) -> Decimal:
        """What open buys may cost."""
        working = (order for order in self.orders if not order.ended and order.action == "BUY")
        return sum((order.remaining * self._dear(order) for order in working), ZERO)

    def buying_power(self) -> Decimal:
        return self.cash * Decimal(self.settings["multiplier"]) - self.reserved()

    def price(self, symbol: str) -> Decimal:
        return self.quotes[symbol][0] if symbol in self.quotes else ZERO

    def gross(self) -> Decimal:
        return sum((abs(held) * self.price(symbol) for symbol, (held, _) in self.holdings.items()), ZERO)

    def net(self) -> Decimal:
        return self.cash + sum((held * self.price(symbol) for symbol, (held, _) in self.holdings.items()), ZERO)

    def _dear(self, order: Placed) -> Decimal:
        return order.limit or order.aux or self.quotes.get(order.symbol, (ZERO, ZERO))[1]

    # --- orders ----------------------------------------------------------------------------------------------

    def refusal(self, order: Placed) -> tuple[int, str] | None:
        """Why an order is not taken, by the protocol's own codes."""
        found = self.find(order.con_id, order.symbol, order.currency)
        if len(found) != 1:
            return 200, "No security definition has been found for the request"
        tick = Decimal(found[0]["tick"])
        if order.quantity != order.quantity.to_integral_value():
            return 10243, "Fractional-sized order cannot be placed via API. Please refer to desktop version."
        if order.quantity <= 0:
            return 434, "The order size cannot be zero"
        prices = [order.limit] if order.type == "LMT" else [order.limit, order.aux]
        if order.type not in ("MKT", "LMT", "STP", "STP LMT", "TRAIL"):
            return 387, f"Unsupported order type for this exchange and security type: {order.type}"
        if any(price is not None and price % tick for price in prices):
            return 110, "The price does not conform to the minimum price variation for this contract."
        return self._uncovered(order)

    def _uncovered(self, order: Placed) -> tuple[int, str] | None:
        if order.parent:
            return None
        if order.action == "BUY":
            if order.quantity * self._dear(order) > self.buying_power():
                words = (
                    "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN VALUE"
                )
                return 201, f"Order rejected - reason:{words} [{self.cash} USD] MUST EXCEED THE INITIAL MARGIN"
            return None
        sells = (o for o in self.orders if not o.ended and (o.action, o.symbol) == ("SELL", order.symbol))
        sells = (o for o in sells if not order.oca or o.oca != order.oca)
        free = self.holdings.get(order.symbol, (ZERO, ZERO))[0] - sum((o.remaining for o in sells), ZERO)
        if not self.settings["shorting"] and order.quantity > free:
            return 201, "Order rejected - reason:The contract is not available for short sale in a cash account."
        return None

    def take(self, order: Placed) -> None:
        """An order arrives; what can be filled is filled at once."""
        found = self.find(order.con_id, order.symbol, order.currency)[0]
        order.con_id, order.symbol, order.currency = found["con_id"], found["symbol"], found["currency"]
        order.perm_id, order.account = next(self._perm_ids), order.account or self.account
        order.held_back = not self.settings["is_open"]
        order.status = "PreSubmitted" if order.held_back or order.type not in ("MKT", "LMT") else "Submitted"
        order.mark = self._first_mark(order)
        parent = next(
            (each for each in self.orders if each.order_id == order.parent and each.client == order.client), None
        )
        order.waits = parent is not None and parent.remaining > 0
        self.orders.append(order)
        self.tell("order", order, None)
        self.meet(order)
        if order.tif == "IOC" and not order.ended and self.settings["is_open"]:
            self.end(order, "Cancelled", "Cancelled: IOC")

    def modify(self, order: Placed, wanted: Placed) -> None:
        """The same id once more changes the order."""
        order.quantity, order.limit, order.aux, order.tif = wanted.quantity, wanted.limit, wanted.aux, wanted.tif
        self.tell("order", order, None)
        self.meet(order)

    def end(self, order: Placed, status: str, words: str) -> None:
        """The last status of an order."""
        order.status, order.completed, order.completed_time = status, words, stamp(self.now(), self.settings["zone"])
        self.tell("status", order, None)
        self._family(order)

    def _family(self, order: Placed) -> None:
        """An entry that filled lets its exits work, one that ended takes them along; one exit ends the other."""
        if not order.ended:
            return
        for other in [each for each in self.orders if each.client == order.client and not each.ended]:
            if other.parent == order.order_id:
                other.waits = False
                if order.status != "Filled":
                    self.end(other, "Cancelled", "Cancelled: its parent ended")
            elif (order.parent and other.parent == order.parent) or (order.oca and other.oca == order.oca):
                self.end(other, "Cancelled", "Cancelled: the other exit ended")

    def cancel(self, order: Placed, slowly: bool = False) -> None:
        """A cancel arrives; a slow one stays pending."""
        if slowly:
            order.status = "PendingCancel"
            self.tell("status", order, None)
            return
        self.end(order, "Cancelled", "Cancelled by Trader")
        self.tell("error", order, (202, "Order Canceled - reason:"))

    def quote(self, symbol: str, bid: str, ask: str) -> None:
        """A new quote; orders at rest meet it."""
        self.quotes[symbol] = Decimal(bid), Decimal(ask)
        for order in list(self.orders):
            if order.symbol == symbol and not order.ended:
                order.held_back = order.held_back and not self.settings["is_open"]
                self.meet(order)

    def _first_mark(self, order: Placed) -> Decimal | None:
        if order.type != "TRAIL" or order.aux is None or order.symbol not in self.quotes:
            return None
        return self.price(order.symbol) + order.aux * order.sign

    def meet(self, order: Placed) -> None:
        """What an order meets in the market as it is quoted now."""
        quote = self.quotes.get(order.symbol)
        if quote is None or order.held_back or order.frozen or order.waits or order.ended:
            return
        bid, ask = quote
        self._trail(order, bid)
        if not self._due(order, bid):
            return
        price = ask if order.action == "BUY" else bid
        if order.limit is not None and order.type in ("LMT", "STP LMT") and (price - order.limit) * order.sign > 0:
            return
        part = (order.quantity * Decimal(self.settings["share"])).to_integral_value(ROUND_FLOOR)
        self.fill(order, min(order.remaining, max(part, Decimal(1))), price)

    def _trail(self, order: Placed, last: Decimal) -> None:
        if order.type == "TRAIL" and order.aux is not None:
            mark = last + order.aux * order.sign
            order.mark = mark if order.mark is None else (min if order.sign > 0 else max)(mark, order.mark)

    def _due(self, order: Placed, last: Decimal) -> bool:
        stop = order.mark if order.type == "TRAIL" else order.aux
        if order.type in ("STP", "STP LMT", "TRAIL") and not order.triggered:
            order.triggered = stop is not None and (last - stop) * order.sign >= 0
            return order.triggered
        return True

    def fill(self, order: Placed, quantity: Decimal, price: Decimal) -> dict:
        """An execution, whatever the order's state: late ones happen."""
        late = order.ended
        order.filled += quantity
        order.paid += quantity * price
        made = self._execution(order, quantity, price, f"0000e0d5.{next(self._numbers):08x}.01.01")
        self._book(order.symbol, quantity * order.sign, price, Decimal(made["fee"]))
        if not late and order.remaining <= 0:
            order.status, order.completed = "Filled", f"Filled Size: {order.filled}"
            order.completed_time = made["stamp"]
        elif not late:
            order.status = "Submitted"
        self.tell("execution", order, made)
        self.tell("order", order, None)
        if self.settings["commissions"]:
            self.tell("commission", order, made)
        self._family(order)
        return made

    def _execution(self, order: Placed, quantity: Decimal, price: Decimal, exec_id: str) -> dict:
        fee = max(Decimal(1), quantity * Decimal("0.005")).quantize(CENT)
        sums = {"cumulative": order.filled, "average": order.average, "fee": str(fee)}
        moment = {"time": self.now(), "stamp": stamp(self.now(), self.settings["zone"])}
        made = {"id": exec_id, "shares": quantity, "price": price, **sums, **moment}
        self.executions.append((order, made))
        return made

    def correct(self, exec_id: str, shares: str, price: str) -> dict:
        """Replace an execution by a new one whose id differs after the last dot."""
        order, old = next(pair for pair in self.executions if pair[1]["id"] == exec_id)
        quantity, cost = Decimal(shares), Decimal(price)
        order.filled += quantity - old["shares"]
        order.paid += quantity * cost - old["shares"] * old["price"]
        self._book(order.symbol, -old["shares"] * order.sign, old["price"], -Decimal(old["fee"]))
        stem, _, last = exec_id.rpartition(".")
        made = self._execution(order, quantity, cost, f"{stem}.{int(last) + 1:02d}")
        made["time"], made["stamp"] = old["time"], old["stamp"]
        self._book(order.symbol, quantity * order.sign, cost, Decimal(made["fee"]))
        self.tell("execution", order, made)
        self.tell("commission", order, made)
        return made

    def _book(self, symbol: str, signed: Decimal, price: Decimal, fee: Decimal) -> None:
        held, cost = self.holdings.get(symbol, (ZERO, ZERO))
        after = held + signed
        if held * signed >= 0:
            cost = (held * cost + signed * price) / after if after else ZERO
        elif held * after < 0:
            cost = price
        self.holdings[symbol] = after, cost
        if not after:
            del self.holdings[symbol]
        self.cash -= signed * price + fee
