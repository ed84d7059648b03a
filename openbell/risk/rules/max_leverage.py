"""Exposure that equity does not cover, for the account and for one instrument."""

from decimal import Decimal
from typing import ClassVar

import numpy as np
from pydantic import Field

from openbell.risk.base import Book, Rule, known, ratio
from openbell.risk.block import Block, Mask, within
from openbell.values.orders import OrderIntent
from openbell.values.verdict import Ruling


class MaxLeverage(Rule):
    """Gross exposure / equity against the plan's limit, and the symbol's own against its instrument's."""

    order: ClassVar[int] = 150
    main: ClassVar[str] = "leverage"
    needs: ClassVar[tuple[str, ...]] = ("equity", "price", "other_price", "position", "open_order", "instrument")

    leverage: Decimal = Field(Decimal(1), ge=1, le=50, description="Most leverage of the account, from 1 to 50.")

    def judge(self, intent: OrderIntent, book: Book) -> Ruling:
        """Clip to the tighter of both."""
        equity, instrument = book.equity, book.instruments.get(intent.symbol)
        if (
            equity is None
            or not known(equity)
            or equity <= 0
            or instrument is None
            or not known(instrument.max_leverage)
        ):
            return self.unknown("equity above 0 or instrument", ratio(self.leverage))
        price, reach = book.price(intent.symbol), book.reach(intent.symbol, intent.side)
        others = book.gross_elsewhere(intent.symbol)
        if price is None or reach is None or others is None:
            return self.unknown("a price or position", ratio(self.leverage))
        room, own = self.leverage * equity - others, instrument.max_leverage * equity
        if own < room:
            symbol, limit = intent.symbol, ratio(instrument.max_leverage)
            measured = ratio((reach + intent.quantity * price) / equity)
            return self.clip(intent, book, (own - reach) / price, f"{measured} in {symbol}", f"{limit} of {symbol}")
        measured = ratio((others + reach + intent.quantity * price) / equity)
        return self.clip(intent, book, (room - reach) / price, measured, ratio(self.leverage))

    def clears(self, block: Block) -> Mask:
        """Where all entries of a slot stay within both limits."""
        most = float(self.leverage) * block.equity
        account = (block.equity > 0) & within(block.gross + block.added(block.value), most)
        allowed = block.kinds(lambda of: np.nan if of is None else float(of.max_leverage))
        own = allowed * block.equity[block.slot]
        symbols = block.entries(within(np.maximum(block.reach, 0) + block.value, own))
        return block.quiet() | (account & symbols)
