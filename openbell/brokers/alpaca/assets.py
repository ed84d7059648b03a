"""Alpaca's assets as facts of instruments."""

from decimal import Decimal

from openbell.brokers.alpaca.rows import CLASSES, Row, decimal_of, text_of
from openbell.errors import BrokerError, InputError
from openbell.values.instrument import Instrument
from openbell.values.money import CENT, STEP, ZERO

#: Step of stock prices below one dollar.
_FINE_TICK = Decimal("0.0001")


def instrument_of(row: Row) -> Instrument | None:
    """Facts of an asset, None for a class that we do not trade; a fact that is missing counts against trading."""
    asset_class, symbol = CLASSES.get(str(row.get("class"))), text_of(row, "symbol")
    try:
        if asset_class is None:
            return None
        coin = asset_class == "crypto"
        tick, fine = decimal_of(row, "price_increment", CENT), None if "price_increment" in row else _FINE_TICK
        lot = decimal_of(row, "min_trade_increment", STEP if coin else Decimal(1))
        return Instrument(
            symbol=symbol,
            asset_class="crypto" if coin else "equity",
            venue=str(row.get("exchange") or ""),
            tick=tick,
            lot=lot,
            # Parts of a coin are its lots; what is fractionable else goes by market orders for the day only.
            fractionable=row.get("fractionable") is True and not coin,
            tradable=row.get("tradable") is True and row.get("status") == "active",
            shortable=row.get("shortable") is True and asset_class == "equity" and not _hard_to_borrow(row),
            max_leverage=Decimal(2) if row.get("marginable") is True and asset_class == "equity" else Decimal(1),
            fine_tick=fine,
            least=decimal_of(row, "min_order_size", ZERO) if coin else ZERO,
        )
    except InputError as error:
        raise BrokerError(f"alpaca: {error}") from None


def listed(row: Row) -> Instrument | None:
    """Facts of one of many assets: a row that cannot be read is no asset that is traded, and spoils no other."""
    try:
        return instrument_of(row)
    except BrokerError:
        return None


def _hard_to_borrow(row: Row) -> bool:
    """By whichever of the two fields is there: the newer one replaces the older one."""
    if row.get("borrow_status") is not None:
        return bool(row["borrow_status"] != "easy_to_borrow")
    return row.get("easy_to_borrow") is False
