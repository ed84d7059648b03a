"""Texts from outside that try to break out of where they are shown."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from openbell.values.market import DropCode, Dropped
from openbell.values.orders import OrderState
from openbell.values.record import RunRecord
from openbell.values.signal import Signal
from tests.stages.records import sample_data, sample_guards, sample_record

KNOWN = (
    "rejected\n2026-11-24 INFO order filled",
    "\x1b[31mred\x1b[0m",
    "\x9b31m",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!-- -->",
    '=HYPERLINK("http://x","y")',
    "+1+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "a | b || c",
    "a \\| b \\\\| c",
    "`code` **bold** _soft_ ~~gone~~ [link](javascript:alert(1)) ![i](http://x/y.png)",
    "| --- | --- |",
    "# heading\r\n- item\r\n> quote",
    "&lt;script&gt; &#124; &amp;",
    "\u202eevil\u2066 \u200b\ufeff",
    "line\u2028separator\u2029and\x85next\x0bvertical\x0cform",
    "\x00null",
    "\ud800",
    "$$x$$",
    "x" * 5000,
    " ",
)

_pieces = st.sampled_from([*KNOWN, *"|\\`<>=+-@_*[]()!#~&$\n\r\t\x1b'\"", "a", "1", " ", "é", "漢"])
texts = st.one_of(st.sampled_from(KNOWN), st.text(max_size=40), st.lists(_pieces, max_size=8).map("".join))


def poisoned(text: str, **changes: Any) -> RunRecord:
    """A record with the text in every place where something from outside can stand."""
    record = sample_record()
    verdicts = tuple(replace(verdict, rule=text, measured=text, limit=text) for verdict in record.verdicts)
    orders = tuple(replace(order, reason=text, state=OrderState.REJECTED) for order in record.orders)
    data = sample_data(
        provider=text,
        timeframe=text,
        adjustment=text,
        dropped=(Dropped("FB", DropCode.INVALID, text), Dropped("MSFT", DropCode.WARMUP, text)),
        notes=(text, f"strategy rsi failed: {text}"),
    )
    values: dict[str, Any] = {
        "plan": text,
        "id": text,
        "account": text,
        "code": text,
        "message": text,
        "versions": {text: text},
        "timings": {text: 0.5},
        "data": data,
        "inputs": record.inputs | {"account": {"currency": text}},
        "signals": (Signal(text, "AAPL", 1.0, 0.5, text), Signal("sma_crossover", "GOOG", 0.0, 0.5, text)),
        "unplaced": tuple(replace(item, detail=text) for item in record.unplaced),
        "verdicts": verdicts,
        "orders": orders,
        "guards": sample_guards("account risk", text, text),
    }
    return sample_record(**(values | changes))
