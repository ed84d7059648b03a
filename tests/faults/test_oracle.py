"""The oracle itself: a clean trial has no finding, and each way to break one has its own."""

import ast
import base64
import json
import sqlite3
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.faults.evidence import (
    GENESIS,
    Evidence,
    Execution,
    Expected,
    Ledger,
    Placed,
    Post,
    forms,
    gather,
    read_ledger,
)
from tests.faults.oracle import judge

SECOND = 1_000_000
SLOT = "matrix/trade/2026-11-24T00:00:00Z"
ID = "ob-aapl"
EXPECTED = Expected(slots=(SLOT,), canaries=("canary-0123456789",), limit=Decimal(10))


def event(state: str, second: float, **changes: Any) -> dict[str, Any]:
    row = {"client_id": ID, "state": state, "written": int(second * SECOND), "fencing": 1, "detail": "", "time": 0}
    return row | changes


def chained(*rows: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    hashes = [GENESIS, *(f"{place:064x}" for place in range(1, len(rows) + 1))]
    return tuple(
        row | {"sequence": place, "number": place, "previous_hash": hashes[place - 1], "hash": hashes[place]}
        for place, row in enumerate(rows, start=1)
    )


def clean() -> Evidence:
    """One order: approved, sent, acknowledged, filled."""
    events = (event("approved", 10), event("sending", 11), event("acked", 13), event("filled", 13))
    verdict = '{"intent_id":"ob-aapl","decision":"approved","quantity":"9","rulings":[]}'
    intent = {"client_id": ID, "slot": SLOT, "symbol": "AAPL", "leg": 0, "account": "A1", "verdict": verdict}
    order = {"client_id": ID, "symbol": "AAPL", "side": "buy", "quantity": "9", "filled": "9", "state": "filled"}
    fill = {"account": "A1", "id": "x1", "client_id": ID, "symbol": "AAPL", "side": "buy", "quantity": "9"}
    slot = {"key": SLOT, "plan": "matrix", "job": "trade", "planned": 0, "fencing": 1, "outcome": "completed"}
    tables = {
        "slots": (slot | {"frozen_at": 10 * SECOND},),
        "intents": (intent,),
        "order_events": chained(*events),
        "orders": (order,),
        "fills": (fill,),
        "positions": ({"account": "A1", "symbol": "AAPL", "quantity": "9"},),
        "runs": chained({"slot": SLOT, "outcome": "completed"}),
        "switches": (),
        "busts": (),
        "alerts": (),
    }
    ledger = Ledger(
        (Post(12.0, ID),),
        (Placed(12.0, ID, "AAPL", "buy", Decimal(9)),),
        (Execution("x1", ID, "AAPL", "buy", Decimal(9)),),
    )
    return Evidence(ledger, tables)


def changed(table: str, **values: Any) -> Evidence:
    """The clean trial with other values in the first row of a table."""
    evidence = clean()
    first, *rest = evidence[table]
    return replace(evidence, tables={**evidence.tables, table: ({**first, **values}, *rest)})


def with_rows(**tables: Any) -> Evidence:
    evidence = clean()
    return replace(evidence, tables={**evidence.tables, **tables})


def with_ledger(**changes: Any) -> Evidence:
    evidence = clean()
    return replace(evidence, ledger=replace(evidence.ledger, **changes))


def placed(**changes: Any) -> Placed:
    return replace(clean().ledger.placed[0], **changes)


def abandoned(**tables: Any) -> Evidence:
    """Marked SENDING, looked up twice, given up; the broker never had it."""
    events = (event("approved", 10), event("sending", 11), event("unknown", 12), event("abandoned", 14))
    order = clean()["orders"][0] | {"state": "abandoned", "filled": "0"}
    found = with_rows(**{"order_events": chained(*events), "orders": (order,), "fills": (), "positions": ()} | tables)
    return replace(found, ledger=Ledger())


def acked(second: float = 13) -> Evidence:
    events = (event("approved", 10), event("sending", 11), event("acked", second))
    order = clean()["orders"][0] | {"state": "acked", "filled": "0"}
    found = with_rows(order_events=chained(*events), orders=(order,), fills=(), positions=())
    return replace(found, ledger=replace(found.ledger, executions=()))


def lowered(mark: str | None, quantity: str, again: str | None = None) -> Evidence:
    """The order went with less than the nine that its verdict allowed, and once more after a look-up."""
    events = (
        event("approved", 10),
        event("sending", 11, quantity=mark),
        event("unknown", 11.5),
        event("sending", 11.8, quantity=again),
        event("acked", 13),
    )
    order = acked()["orders"][0] | {"quantity": quantity}
    found = with_rows(order_events=chained(*events), orders=(order,), fills=(), positions=())
    ledger = replace(found.ledger, executions=(), placed=(placed(quantity=Decimal(quantity)),))
    return replace(found, ledger=ledger)


def halted(second: float) -> Evidence:
    row = {"epoch": 1, "level": "halted", "actor": "op", "reason": "drill", "time": int(second * SECOND)}
    return with_rows(switches=chained(row))


def test_a_clean_trial_has_no_finding():
    assert judge(clean(), EXPECTED) == ()


def test_an_acknowledged_open_order_is_no_loss():
    assert judge(acked(), EXPECTED) == ()


def test_an_order_that_was_lowered_by_its_first_mark_is_right():
    assert judge(lowered("7", "7"), EXPECTED) == ()


def test_an_abandoned_order_with_an_alert_is_no_loss():
    alert = {"kind": "abandoned", "subject": ID, "detail": "not found twice"}
    assert judge(abandoned(alerts=chained(alert)), EXPECTED) == ()


def test_a_post_on_the_wire_when_the_switch_falls_is_no_violation():
    assert judge(halted(11.5), EXPECTED) == ()


BROKEN = {
    "an id at the broker twice": ("I1", with_ledger(placed=(placed(), placed(time=12.5)))),
    "a second order under another id": ("I1", with_ledger(placed=(placed(), placed(client_id="ob-other")))),
    "abandoned in the books, live at the broker": ("I2", changed("orders", state="abandoned")),
    "acknowledged in the books, never at the broker": ("I2", with_ledger(placed=())),
    "sending after recovery": ("I2", changed("orders", state="sending")),
    "unknown without an alert": ("I2", changed("orders", state="unknown")),
    "abandoned without an alert": ("I2", abandoned()),
    "an order of no intent": ("I3", with_ledger(placed=(placed(), placed(client_id="ob-none", symbol="KO")))),
    "another quantity than was judged": ("I3", with_ledger(placed=(placed(quantity=Decimal(10)),))),
    "less than was judged, and no mark says so": ("I3", lowered(None, "7")),
    "a mark that says another quantity": ("I3", lowered("8", "7")),
    "a mark that raises the quantity": ("I3", lowered("10", "10")),
    "a second mark that lowers again": ("I3", lowered("7", "7", again="7")),
    "a denied order": ("I3", changed("intents", verdict='{"decision":"denied","quantity":"0","rulings":[]}')),
    "an order whose run was never recorded": ("I3", with_rows(runs=())),
    "a POST ahead of its mark": ("I4", with_ledger(posts=(Post(10.5, ID),))),
    "a POST without a mark of its own": ("I4", with_ledger(posts=(Post(12.0, ID), Post(12.2, ID)))),
    "a POST ahead of the frozen plan": ("I4", changed("slots", frozen_at=13 * SECOND)),
    "a gap in the events": ("I5", changed("order_events", sequence=2)),
    "a broken chain": ("I5", changed("runs", previous_hash="1" * 64)),
    "a table that can be changed": ("I5", replace(clean(), unguarded=("fills",))),
    "a state that no event tells of": ("I5", changed("orders", state="canceled")),
    "too much of one symbol": ("I7", with_ledger(placed=(placed(quantity=Decimal(11)),))),
    "a mark after the switch fell": ("I8", halted(10.5)),
    "a resume without a reason": (
        "I8",
        with_rows(switches=chained({"epoch": 2, "level": "active", "actor": "op", "reason": "", "time": 0})),
    ),
    "a mark under a claim that does not exist": (
        "I9",
        with_rows(order_events=chained(event("approved", 10), event("sending", 11, fencing=2))),
    ),
    "two runs of one slot": ("I10", with_rows(runs=chained(*[{"slot": SLOT, "outcome": "completed"}] * 2))),
    "two intents of one leg": ("I10", with_rows(intents=clean()["intents"] * 2)),
    "a step that is not listed": (
        "I13",
        with_rows(order_events=chained(event("approved", 10), event("sending", 11), event("filled", 12))),
    ),
    "more filled than ordered": ("I13", changed("orders", filled="10")),
    "a slot that nobody recorded": ("I15", with_rows(slots=())),
    "a slot without an outcome": ("I15", changed("slots", outcome=None)),
    "a slot whose record says something else": ("I15", changed("slots", outcome="failed")),
    "an execution applied twice": ("I19", with_rows(fills=clean()["fills"] * 2)),
    "a position that is not the sum of fills": ("I19", changed("positions", quantity="8")),
    "an execution of the broker that is in no book": (
        "I19",
        with_ledger(executions=(*clean().ledger.executions, Execution("x2", ID, "AAPL", "buy", Decimal(1)))),
    ),
}


@pytest.mark.parametrize(("invariant", "evidence"), BROKEN.values(), ids=BROKEN)
def test_each_break_has_its_finding(invariant, evidence):
    assert invariant in {finding.invariant for finding in judge(evidence, EXPECTED)}


@pytest.mark.parametrize("form", sorted(forms("canary-0123456789")))
def test_I16_a_secret_is_found_in_every_form(form):
    evidence = replace(clean(), outputs={"run.log": b"before " + form + b" after"})
    assert [finding.invariant for finding in judge(evidence, EXPECTED)] == ["I16"]


@pytest.mark.parametrize("before", ["", "k", "ke", "key=", "key=:"])
def test_I16_a_secret_is_found_inside_longer_base64(before):
    coded = base64.b64encode(f"{before}canary-0123456789 and more".encode())
    evidence = replace(clean(), outputs={"run.log": coded})
    assert [finding.invariant for finding in judge(evidence, EXPECTED)] == ["I16"]


def test_H07_what_is_still_held_after_closing_needs_an_order_that_was_given_up():
    closing = replace(EXPECTED, flat=True)
    assert "H07" in {finding.invariant for finding in judge(clean(), closing)}
    sell = {**clean()["orders"][0], "client_id": "ob-sell", "side": "sell", "state": "abandoned", "filled": "0"}
    given_up = with_rows(orders=(*clean()["orders"], sell))
    assert "H07" not in {finding.invariant for finding in judge(given_up, closing)}


def test_I8_nothing_is_sent_while_the_halt_file_stands():
    assert judge(replace(clean(), halt_file=11.5), EXPECTED) == ()
    assert [finding.invariant for finding in judge(replace(clean(), halt_file=10.5), EXPECTED)] == ["I8"]


def test_the_oracle_shares_no_code_with_openbell():
    here = Path(__file__).parent
    judges = {"evidence", "oracle", "order_checks", "run_checks"}
    allowed = sys.stdlib_module_names | {"tests"}
    for name in judges:
        tree = ast.parse((here / f"{name}.py").read_text())
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert {module.partition(".")[0] for module in imported} <= allowed
        assert {m.rpartition(".")[2] for m in imported if m.startswith("tests.")} <= judges | {"faults"}


@pytest.mark.parametrize("guarded", [True, False])
def test_I5_a_table_that_lets_itself_be_changed_is_found(tmp_path, guarded):
    with sqlite3.connect(tmp_path / "openbell.db") as store:
        store.execute("CREATE TABLE fills (sequence INTEGER, quantity TEXT)")
        store.execute("INSERT INTO fills VALUES (1, '9')")
        for verb in ("UPDATE", "DELETE") if guarded else ():
            store.execute(f"CREATE TRIGGER no_{verb} BEFORE {verb} ON fills BEGIN SELECT RAISE(ABORT, 'no'); END")
    store.close()
    (tmp_path / "ledger.jsonl").touch()
    found = gather(tmp_path / "ledger.jsonl", tmp_path / "openbell.db")
    assert (found.unguarded, found["fills"][0]["quantity"]) == (() if guarded else ("fills",), "9")


def test_an_execution_that_was_taken_back_does_not_count(tmp_path):
    fill = {"kind": "fill", "client_order_id": ID, "symbol": "AAPL", "side": "buy", "qty": "4"}
    lines = [fill | {"id": "x1"}, fill | {"id": "x2"}, fill | {"kind": "bust", "id": "x3", "previous_id": "x1"}]
    (tmp_path / "ledger.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert [execution.id for execution in read_ledger(tmp_path / "ledger.jsonl").executions] == ["x2"]


def test_what_goes_on_is_not_judged_as_ended():
    evidence = replace(changed("orders", state="sending"), ledger=Ledger(clean().ledger.posts))
    running = with_rows(runs=(), orders=evidence["orders"], order_events=clean()["order_events"][:2], fills=())
    running = replace(
        running, tables={**running.tables, "positions": (), "orders": ({**evidence["orders"][0], "filled": "0"},)}
    )
    assert judge(running, replace(EXPECTED, settled=False)) == ()


def test_what_a_gateway_took_is_read_as_orders_and_a_message_that_changes_one_counts_as_another(tmp_path):
    order = {"ref": ID, "symbol": "AAPL", "action": "BUY", "quantity": "9"}
    lines = [
        {"kind": "connect", "time": 1.0},
        {"kind": "request", "name": "placeOrder", "time": 2.0, "fields": ["3", "7", "AAPL", "BUY", "9", ID]},
        {"kind": "order", "time": 2.0} | order,
        {"kind": "execution", "time": 2.0, "id": "x1.01", "shares": "9"} | order,
        {"kind": "modify", "time": 3.0, "ref": ID, "order_id": 7},
    ]
    (tmp_path / "ledger.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ledger = read_ledger(tmp_path / "ledger.jsonl")
    assert ledger.posts == (Post(2.0, ID),)
    assert [placed.client_id for placed in ledger.placed] == [ID, ID]
    assert [(made.id, made.signed) for made in ledger.executions] == [("x1.01", Decimal(9))]
    assert any(finding.invariant == "I1" for finding in judge(replace(clean(), ledger=ledger), EXPECTED))
