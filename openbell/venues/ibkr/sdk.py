"""The vendor's package: imported here and nowhere else, by names that ``ib_async`` has as well."""

import asyncio
import importlib
import logging
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

#: ``ib_async`` is the successor; this line is the step to it.
PACKAGE = "ib_insync"


def _imported() -> ModuleType:
    """Its first import asks for the event loop of the thread: a bare thread has none, and the main one may not."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return importlib.import_module(PACKAGE)
    finally:
        asyncio.set_event_loop(None)
        loop.close()


with ThreadPoolExecutor(1) as _thread:
    _sdk = _thread.submit(_imported).result()

# What it has to say comes back as our own errors and outcomes; without this it would print to standard error as well.
logging.getLogger(PACKAGE).addHandler(logging.NullHandler())

IB = _sdk.IB
Contract = _sdk.Contract
Stock = _sdk.Stock
Order = _sdk.Order
Trade = _sdk.Trade
ExecutionFilter = _sdk.ExecutionFilter
RequestError = _sdk.RequestError
