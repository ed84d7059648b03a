"""One account at the fault broker: money, positions, orders and how they fill. Amounts are Decimal throughout."""

import time
import uuid
from decimal import ROUND_DOWN, Decimal

import legs
from book import Ledger, stamp
from checks import Refusal, number, refusal

ZERO = Decimal(0)
OPEN = ("new", "accepted", "pending_new", "partially_filled", "pending_cancel", "held")


class Venue:
    """Everything is moved by requests: what is due by the clock happens when the next one arrives."""

    def __init__(self, ledger: Ledger, unique_ids: bool = True) -> None:
        self.ledger = ledger
        self.unique_ids = unique_ids
        self.offset = 0.0
        self.frozen: float | None = None
        self.is_open = True
        self.cash = Decimal(100_000)
        self.multiplier = Decimal(1)
        self.shorting = False
        self.share = Decimal(1)
        self.lag = 0.0
        self.account_number = "PA3TESTDESK1"
        self.account_status = "ACTIVE"
        self.flags = dict.fromkeys(("trading_blocked", "account_blocked", "trade_suspended_by_user"), False)
        self.assets: dict[str, dict] = {}
        self.quotes: dict[str, tuple[Decimal, Decimal, int]] = {}
        self.quoted: dict[str, float] = {}
        self.bars: dict[tuple[str, str], list[dict]] = {}
        self.subscribed = False
        self.positions: dict[str, list[Decimal]] = {}
        self.orders: list[dict] = []
        self.activities: list[dict] = []
        self.plans: list[dict] = []
        for symbol in ("AAPL", "MSFT", "GOOG", "AMZN", "SPY", "IBM", "KO", "XOM"):
            self.quote(symbol, Decimal("99.99"), Decimal("100.01"))

    # --- what it knows ---------------------------------------------------------------------------------------

    def now(self) -> float:
        return (time.time() if self.frozen is None else self.frozen) + self.offset

    def trades(self, symbol: str) -> bool:
        return self.is_open or "/" in symbol

    def asset(self, symbol: str) -> dict | None:
        return self.assets.get(symbol)

    def held(self, symbol: str) -> Decimal:
        return self.positions.get(symbol, [ZERO, ZERO])[0]

    def by_client_id(self, client_id: str | None) -> dict | None:
        return next((o for o in reversed(self.orders) if o["client_order_id"] == client_id), None)

    def by_id(self, order_id: str) -> dict | None:
        return next((order for order in self.orders if order["id"] == order_id), None)

    def visible(self, order: dict) -> bool:
        return order["_visible"] <= self.now()

    def open_orders(self, symbol: str) -> list[dict]:
        return [order for order in self.orders if order["symbol"] == symbol and order["status"] in OPEN]

    def mark(self, symbol: str) -> Decimal:
        bid, ask, _ = self.quotes[symbol]
        return (bid + ask) / 2

    def worth(self, order: dict) -> Decimal:
        """The price at which an order holds back buying power."""
        known = [number(order.get(name)) for name in ("limit_price", "stop_price")]
        priced = [price for price in known if price is not None]
        if number(order.get("limit_price")) is not None and order["side"] == "buy":
            return number(order["limit_price"])
        return max(priced or [self.quotes[order["symbol"]][1]])

    def equity(self) -> Decimal:
        return self.cash + sum(self.held(symbol) * self.mark(symbol) for symbol in self.positions)

    def buying_power(self) -> Decimal:
        gross = sum(abs(self.held(symbol)) * self.mark(symbol) for symbol in self.positions)
        waiting = [order for order in self.orders if order["status"] in OPEN]
        opening = [
            o for o in waiting if not o["_asleep"] and self.held(o["symbol"]) * (1 if o["side"] == "buy" else -1) >= 0
        ]
        spoken = sum((order["_qty"] - order["_filled"]) * self.worth(order) for order in opening)
        return max(ZERO, self.equity() * self.multiplier - gross - spoken)

    # --- what moves it ---------------------------------------------------------------------------------------

    def quote(self, symbol: str, bid: Decimal, ask: Decimal) -> None:
        """A new quote; a symbol that was not known becomes an asset."""
        number_of = self.quotes.get(symbol, (ZERO, ZERO, 0))[2] + 1
        self.quotes[symbol] = (bid, ask, number_of)
        self.quoted[symbol] = self.now()
        self.assets.setdefault(symbol, _asset(symbol))
        self.advance()

    def place(self, ask: dict, request: int) -> dict | Refusal:
        """A new order, or why not."""
        self.advance()
        refused = refusal(self, ask)
        if refused is not None:
            self.ledger.write("rejected", request=request, client_order_id=ask.get("client_order_id"), answer=refused)
            return refused
        order = self.order(ask)
        self.orders.append(order)
        if ask.get("order_class") in legs.NEEDS:
            legs.attach(self, order, ask)
        self.ledger.write("accepted", request=request, **shown(order))
        self.advance()
        return order

    def cancel(self, order: dict) -> Refusal | None:
        """Ask for a cancel."""
        if order["status"] not in OPEN:
            return 422, 42210000, f'order is already in "{order["status"]}" state'
        takes = order["_plan"].get("cancel_after", 0)
        order["_cancel_due"] = None if takes is None else self.now() + takes
        self.move(order, "pending_cancel")
        self.advance()
        return None

    def advance(self) -> None:
        """Let everything happen that is due."""
        for order in list(self.orders):
            if order["status"] in OPEN and not order["_asleep"]:
                self._due(order)
            self._late(order)

    def move(self, order: dict, status: str, **fields: object) -> None:
        """Set the status of an order, stamped and written down."""
        order.update(fields, status=status, updated_at=stamp(self.now()))
        ends = {"canceled": "canceled_at", "expired": "expired_at", "rejected": "failed_at", "filled": "filled_at"}
        if status in ends:
            order[ends[status]] = order["updated_at"]
        self.ledger.write("state", order_id=order["id"], client_order_id=order["client_order_id"], status=status)
        legs.moved(self, order)

    def fill(self, order: dict, quantity: Decimal, price: Decimal) -> None:
        """An execution, whatever the state of the order: late ones are part of the trade."""
        side, signed = order["side"], quantity if order["side"] == "buy" else -quantity
        before, spent = order["_filled"], order["_spent"] + quantity * price
        order["_filled"], order["_spent"] = before + quantity, spent
        self.cash -= signed * price
        self._book(order["symbol"], signed, price)
        whole = order["_filled"] >= order["_qty"]
        now = self.now()
        row = {
            "activity_type": "FILL", "id": f"{time.strftime('%Y%m%d%H%M%S', time.gmtime(now))}000::{uuid.uuid4()}",
            "account_id": self.account_number, "transaction_time": stamp(now), "order_id": order["id"],
            "type": "fill" if whole else "partial_fill", "symbol": order["symbol"], "side": side,
            "qty": str(quantity), "price": str(price), "cum_qty": str(order["_filled"]),
            "leaves_qty": str(max(ZERO, order["_qty"] - order["_filled"])), "order_status": order["status"],
        }  # fmt: skip
        self.activities.append(row)
        average = str((spent / order["_filled"]).quantize(Decimal("0.000001")).normalize())
        order.update(filled_qty=str(order["_filled"]), filled_avg_price=average)
        self.ledger.write("fill", client_order_id=order["client_order_id"], **row)
        if order["status"] in OPEN and order["status"] != "pending_cancel":
            self.move(order, "filled" if whole else "partially_filled")
        elif whole and order["status"] == "pending_cancel":
            self.move(order, "filled")

    def bust(self, activity: dict) -> dict:
        """Undo an execution: cash and position go back, and a row says so."""
        quantity, price = Decimal(activity["qty"]), Decimal(activity["price"])
        signed = quantity if activity["side"] == "buy" else -quantity
        self.cash += signed * price
        self._book(activity["symbol"], -signed, price)
        row = activity | {"id": f"{activity['id'][:17]}::{uuid.uuid4()}", "type": "trade_bust",
                          "transaction_time": stamp(self.now()), "previous_id": activity["id"]}  # fmt: skip
        self.activities.append(row)
        self.ledger.write("bust", **row)
        return row

    def _book(self, symbol: str, signed: Decimal, price: Decimal) -> None:
        held, average = self.positions.get(symbol, [ZERO, ZERO])
        after = held + signed
        if held * signed >= 0:
            average = (held * average + signed * price) / after
        elif held * after < 0:
            average = price
        self.positions[symbol] = [after, average]
        if after == 0:
            del self.positions[symbol]

    # --- orders over time ------------------------------------------------------------------------------------

    def order(self, ask: dict) -> dict:
        """What an order is before anything happens to it."""
        now = self.now()
        at = stamp(now)
        named = {name: ask.get(name) for name in ("symbol", "side", "type", "time_in_force")}
        client_id = ask.get("client_order_id") or str(uuid.uuid4())
        plan = next((plan for plan in reversed(self.plans) if _meant(plan, client_id, ask["symbol"])), {})
        return named | {
            "id": str(uuid.uuid4()), "client_order_id": client_id, "created_at": at, "updated_at": at,
            "submitted_at": at, "filled_at": None, "expired_at": None, "canceled_at": None, "failed_at": None,
            "replaced_at": None, "replaced_by": None, "replaces": None,
            "asset_id": self.assets[ask["symbol"]]["id"], "asset_class": self.assets[ask["symbol"]]["class"],
            "notional": None, "qty": str(ask["qty"]), "filled_qty": "0", "filled_avg_price": None,
            "order_class": ask.get("order_class", ""), "order_type": ask["type"], "limit_price": legs.limit_of(ask),
            "stop_price": ask.get("stop_price"), "trail_percent": None, "trail_price": ask.get("trail_price"),
            "hwm": None, "extended_hours": ask.get("extended_hours", False), "legs": None, "subtag": None,
            "source": None, "status": "new" if self.trades(ask["symbol"]) else "accepted",
            "_qty": Decimal(str(ask["qty"])), "_filled": ZERO, "_spent": ZERO, "_born": now, "_done": 0,
            "_visible": now + self.lag, "_met": 0, "_triggered": ask["type"] in ("market", "limit"),
            "_extreme": None, "_plan": plan, "_cancel_due": None, "_ended": None,
            "_asleep": False,
        }  # fmt: skip

    def _due(self, order: dict) -> None:
        plan, now = order["_plan"], self.now()
        if "reject_after" in plan and now >= order["_born"] + plan["reject_after"]:
            self.move(order, "rejected", reject_reason=plan.get("reject_reason", "rejected by the market"))
            return
        if plan.get("fills") == "never":
            pass
        elif isinstance(plan.get("fills"), list):
            self._planned(order, plan["fills"])
        elif self.trades(order["symbol"]) and order["status"] != "pending_cancel":
            self._match(order)
        if order["status"] == "pending_cancel" and order["_cancel_due"] is not None and now >= order["_cancel_due"]:
            order["_ended"] = now
            self.move(order, "canceled")

    def _planned(self, order: dict, fills: list[dict]) -> None:
        while order["_done"] < len(fills) and order["status"] in OPEN:
            step = fills[order["_done"]]
            if self.now() < order["_born"] + step.get("after", 0):
                return
            order["_done"] += 1
            self.fill(order, Decimal(step["qty"]), Decimal(step.get("price", self.touch(order))))

    def _late(self, order: dict) -> None:
        late = order["_plan"].get("late_fill")
        if late and order["_ended"] is not None and self.now() >= order["_ended"] + late.get("after", 0):
            order["_ended"] = None
            self.fill(order, Decimal(late["qty"]), Decimal(late.get("price", self.touch(order))))

    def touch(self, order: dict) -> Decimal:
        bid, ask, _ = self.quotes[order["symbol"]]
        return ask if order["side"] == "buy" else bid

    def _match(self, order: dict) -> None:
        """One quote meets an order once, and fills at most the venue's share of it."""
        quote = self.quotes[order["symbol"]][2]
        if order["_met"] != quote:
            order["_met"] = quote
            order["_triggered"] = order["_triggered"] or self._triggers(order)
            limit, price = number(order["limit_price"]), self.touch(order)
            reached = limit is None or (price <= limit if order["side"] == "buy" else price >= limit)
            if order["_triggered"] and reached:
                self.fill(order, self._part(order), price)
        if order["time_in_force"] in ("ioc", "fok") and order["status"] in OPEN:
            self.move(order, "canceled")

    def _part(self, order: dict) -> Decimal:
        rest, most = order["_qty"] - order["_filled"], order["_qty"] * self.share
        return min(rest, most if self.share == 1 else max(Decimal(1), most.to_integral_value(ROUND_DOWN)))

    def _triggers(self, order: dict) -> bool:
        """Stops look at the last trade, which is at the bid."""
        last, buys = self.quotes[order["symbol"]][0], order["side"] == "buy"
        stop = number(order["stop_price"])
        if order["type"] == "trailing_stop":
            extreme = order["_extreme"] or last
            order["_extreme"] = min(extreme, last) if buys else max(extreme, last)
            order["hwm"] = str(order["_extreme"])
            trail = number(order["trail_price"])
            stop = order["_extreme"] + trail if buys else order["_extreme"] - trail
            order["stop_price"] = str(stop)
        return last >= stop if buys else last <= stop


def shown(order: dict) -> dict:
    """An order as Alpaca shows it."""
    return {key: value for key, value in order.items() if not key.startswith("_")}


def _meant(plan: dict, client_id: str, symbol: str) -> bool:
    return plan.get("client_order_id", client_id) == client_id and plan.get("symbol", symbol) == symbol


def _asset(symbol: str) -> dict:
    kind = "crypto" if "/" in symbol else "us_equity"
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, symbol)), "class": kind, "exchange": "NASDAQ", "symbol": symbol,
        "name": symbol, "status": "active", "tradable": True, "marginable": True, "shortable": True,
        "easy_to_borrow": True, "borrow_status": "easy_to_borrow", "fractionable": True,
        "maintenance_margin_requirement": 30, "attributes": [],
    }  # fmt: skip
