"""A stored run decided again, and what differs."""

from dataclasses import replace

from openbell import store
from openbell.cli.output import emit, say, table
from openbell.cli.place import reading, run_or_slot
from openbell.cli.zones import recorded_zone
from openbell.replay.rerun import Compared, Difference, rerun_stored
from openbell.settings import load_settings
from openbell.stages.wording import clean, count, when

#: Differences that a person is shown, and letters of each value.
SHOWN, LETTERS = 40, 100


def show_run(run: str, as_json: bool) -> None:
    """Hold a run against what its own inputs lead to now; exit code 1 when anything differs."""
    history = reading()
    compared = rerun_stored(history, store.open_journal(load_settings().url).frozen, run_or_slot(run))
    if as_json:
        emit(_machine(compared))
    else:
        _tell(compared)
    if not compared.same:
        raise SystemExit(1)


def _machine(compared: Compared) -> dict[str, object]:
    record = compared.record
    return {
        "run": record.id,
        "slot": record.slot,
        "outcome": record.outcome,
        "code": record.code,
        "same": compared.same,
        "how": compared.how,
        "parts": {part.name: {"stored": part.stored, "again": part.again} for part in compared.parts},
        "differences": compared.differences,
        "notes": compared.notes,
    }


def _tell(compared: Compared) -> None:
    record = compared.record
    zone = recorded_zone(record.plan_body)
    said = f", {record.code}" if record.code else ""
    say(f"{record.plan} {record.job}, slot {when(record.planned, zone)}: {record.outcome}{said}, run {record.id}")
    say(f"{compared.how[:1].upper()}{compared.how[1:]}.")
    for note in compared.notes:
        say(f"  {clean(note)}")
    if compared.parts:
        rows = [(p.name, p.stored, p.again, count(len(p.differences), "difference")) for p in compared.parts]
        table("", ("what", ">stored", ">again", "differs"), rows)
    found = [_short(one) for one in compared.differences]
    if found:
        rows_of = [(d.part, d.key, d.field, d.stored, d.again) for d in found[:SHOWN]]
        table("What differs", ("what", "of", "field", "stored", "again"), rows_of)
        say(f"{count(len(found), 'difference')}" + (f", {SHOWN} shown" if len(found) > SHOWN else "") + ".")
    elif compared.parts:
        say("The same to the byte.")


def _short(one: Difference) -> Difference:
    cut = [
        text if len(text) <= LETTERS else f"{text[: LETTERS - 3]}..." for text in map(clean, (one.stored, one.again))
    ]
    return replace(one, stored=cut[0], again=cut[1], key=clean(one.key))
