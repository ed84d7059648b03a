"""Contracts behind our symbols. Orders and prices go to SMART, whatever exchange a position names."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from openbell.venues.ibkr import words
from openbell.venues.ibkr.gateway import Gateway
from openbell.venues.ibkr.sdk import RequestError, Stock
from openbell.venues.ibkr.session import Session

#: Questions that are open at the same time; the venue has none about many symbols.
AT_ONCE = 40
_NO_CONTRACT = 200


class Contracts:
    """Details of each symbol, asked for once in the life of the object; what is no contract is said in words."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known: dict[str, Any] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def find(self, session: Session, symbols: Sequence[str], anew: bool = False) -> Mapping[str, Any]:
        """Contract details by symbol, or the reason as a text where there is not exactly one contract."""
        missing = [symbol for symbol in dict.fromkeys(symbols) if anew or symbol not in self._known]
        found = await asyncio.gather(*(self._one(session, symbol) for symbol in missing))
        self._known |= dict(zip(missing, found, strict=True))
        return {symbol: self._known[symbol] for symbol in symbols}

    async def _one(self, session: Session, symbol: str) -> Any:
        wanted = Stock(local(symbol), "SMART", self._gateway.currency)
        wanted.primaryExchange = self._gateway.primary_exchange.get(symbol, "")
        try:
            async with self._gate:
                found = await session.numbered(
                    f"the contract of {symbol}", lambda: session.ib.reqContractDetailsAsync(wanted)
                )
        except RequestError as error:
            if error.code == _NO_CONTRACT:
                return f"no contract is called {symbol}: {words.shown(error.message)}"
            raise
        different = {details.contract.conId: details for details in found}
        if len(different) == 1:
            details = found[0]
            details.contract.exchange = "SMART"
            return details
        places = ", ".join(sorted({str(details.contract.primaryExchange) for details in found}))
        several = f"{symbol} is ambiguous: {len(different)} contracts, listed on {places}; name one in primary_exchange"
        return several if found else f"no contract is called {symbol}"


def local(symbol: str) -> str:
    """A symbol as the venue writes it: classes of a share stand after a blank."""
    return symbol.replace(".", " ")


def ours(contract: Any) -> str:
    """A symbol as we write it; what is no share goes by its local name."""
    name = contract.symbol if contract.secType == "STK" else contract.localSymbol or contract.symbol
    return ".".join(str(name).split())
