"""Moving the kill switch on: by a person with a reason, from the state that was seen, the file included."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from openbell.errors import InputError, StoreError
from openbell.ports import Journal, Level, Switch

#: Users of services, of a machine or an image: no person has said who it is.
SERVICES = ("openbell", "openbell-live")
#: What the file was when somebody looked: which one, and when it was written; None where there was none.
Mark = tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Seen:
    """The switch and its file as a person found them."""

    switch: Switch
    file: Mark


def look(journal: Journal, halt_file: Path) -> Seen:
    """The file first: one that is written while the store is read is not what the person saw."""
    file = _mark(halt_file)
    return Seen(journal.switch(), file)


def halt_by_file(halt_file: Path, actor: str, reason: str) -> bool:
    """Write the file anew and whole; False when only the one from before or an empty one stands, which halts as well.

    An OSError when there is none at all.
    """
    halt_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = halt_file.with_name(f"{halt_file.name}.new")
    try:
        fresh.touch(mode=0o600)
        fresh.write_text(f"halted by {actor}: {reason}\n", encoding="utf-8", errors="replace")
        fresh.replace(halt_file)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        _stand(halt_file)
        return False
    return True


def _stand(halt_file: Path) -> None:
    """Have a file there, whatever is in it: a full disk still has room for a name."""
    try:
        halt_file.touch(mode=0o600)
    except OSError:
        if not halt_file.exists():
            raise


def loosen(journal: Journal, halt_file: Path, seen: Seen, level: Level, actor: str, reason: str) -> Switch:
    """Move on from what was seen: the store first, then the file; between the two everything is still halted.

    An InputError without a person and a reason where that lets more through, a StoreError when somebody moved the
    switch in the meantime: whoever halts wins.
    """
    if seen.switch.level is Level.HALTED or level is Level.ACTIVE:
        _check_person(seen.switch, actor, reason)
    switch = journal.set_switch(level, actor, reason, seen.switch.epoch)
    if _mark(halt_file) != seen.file:
        raise StoreError(f"still halted: {halt_file} was written in the meantime")
    try:
        halt_file.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"still halted: {halt_file} cannot be removed: {error.strerror}") from None
    return switch


def _mark(halt_file: Path) -> Mark:
    try:
        found = halt_file.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"still halted: {halt_file} cannot be looked at: {error.strerror}") from None
    return found.st_ino, found.st_mtime_ns


def is_person(actor: str) -> bool:
    """Whether somebody answers for it: no service does, no automation, and nobody without a name."""
    return bool(actor.strip()) and actor not in SERVICES and not actor.startswith("auto:")


def _check_person(before: Switch, actor: str, reason: str) -> None:
    """An automation may halt and never resume."""
    if not reason.strip():
        raise InputError("to loosen the switch needs --reason: why may trading go on?")
    if not actor.strip():
        raise InputError("to loosen the switch needs an actor: who answers for it?")
    if not is_person(actor):
        raise InputError(
            f"{actor} is no person: what {before.actor} did at epoch {before.epoch} a person must undo; "
            f"give your name with --actor or OPENBELL_ACTOR"
        )
