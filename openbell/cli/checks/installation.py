"""The installation itself: packages, store, disk and kill switch."""

import importlib.metadata
from collections.abc import Iterator, Mapping

from openbell import store, strictness
from openbell.binding import check_prefect
from openbell.cli.checks.findings import Finding, bounded, failed, ok, warning
from openbell.cli.place import FIRST_STEP, shown
from openbell.errors import InputError, OpenbellError, SettingsError, TooLong
from openbell.ports import Level
from openbell.settings import Settings
from openbell.store import place
from openbell.store.connect import exists, open_store
from openbell.store.sqlite_file import check_pages

#: From these versions on Prefect is known to fail, and how.
KNOWN_BAD = {
    "sqlalchemy": (
        (2, 1),
        "Prefect's scheduler fails in each loop and never creates a run, though the server looks well",
    ),
    "fastapi": ((0, 151), "Prefect's server refuses deployments, or does not start"),
}
#: Bytes below which the disk is a worry, and below which it is a danger.
LITTLE, NOTHING = 1 << 30, 100 << 20
_MIB = 1 << 20


def installed() -> dict[str, str]:
    """The versions of what Prefect is known to fail with, as far as they are installed here."""
    return {found.name.lower(): found.version for found in map(_distribution, KNOWN_BAD) if found}


def _distribution(name: str) -> importlib.metadata.Distribution | None:
    return next(iter(importlib.metadata.distributions(name=name)), None)


def environment(settings: Settings) -> Finding:
    """What the environment asks of the installation itself; its plans are judged with their files."""
    try:
        strictness.check(settings)
    except SettingsError as error:
        return failed("environment", "; ".join(str(error).splitlines()))
    return ok("environment", settings.environment)


def exposure(variables: Mapping[str, str]) -> Finding:
    """Where a Prefect server that starts with these variables would listen."""
    try:
        return ok("exposure", f"a server started here listens on {check_prefect(variables)}")
    except InputError as error:
        return failed("exposure", str(error))


def versions(found: Mapping[str, str]) -> Iterator[Finding]:
    """A package in a version that is known to break Prefect."""
    bad = [f"{name} {version}: {KNOWN_BAD[name][1]}" for name, version in found.items() if _bad(name, version)]
    if bad:
        yield failed("versions", "; ".join(bad))
    else:
        yield ok("versions", ", ".join(f"{name} {version}" for name, version in found.items()))


def _bad(name: str, version: str) -> bool:
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    return name in KNOWN_BAD and numbers >= KNOWN_BAD[name][0]


def store_and_disk(settings: Settings, live: bool) -> Iterator[Finding]:
    """Everything about the store; what is open to others is worse when real money depends on it."""
    try:
        yield from _store(settings, live)
    except OpenbellError as error:
        yield failed("schema", str(error))
    yield _disk(settings)


def _store(settings: Settings, live: bool) -> Iterator[Finding]:
    url = settings.url
    if kind := place.network_file_system(url):
        yield failed("file system", f"{shown(url)} lies on {kind}")
        return
    if not exists(url):
        yield failed("schema", f"no store yet at {shown(url)}", advice=FIRST_STEP)
        return
    yield _schema(url)
    yield ok("file system", "a database server" if place.file_of(url) is None else "a local disk")
    yield _integrity(url)
    yield _permissions(url, live)
    yield _switch(settings)


def _schema(url: str) -> Finding:
    try:
        bounded(lambda: store.check(url))
    except OpenbellError as error:
        return failed("schema", str(error))
    return ok("schema", shown(url))


def _integrity(url: str) -> Finding:
    if place.file_of(url) is None:
        return ok("integrity", "the database server sees to its pages")
    try:
        damage = bounded(lambda: _damage(url))
    except TooLong as error:
        return warning("integrity", f"{error}: the file is large", advice="`openbell verify` takes its time")
    except OpenbellError as error:
        return failed("integrity", str(error))
    return failed("integrity", damage[0]) if damage else ok("integrity", "every page is whole")


def _damage(url: str) -> list[str]:
    with open_store(url).reading() as connection:
        return check_pages(connection.connection.driver_connection)


def _permissions(url: str, live: bool) -> Finding:
    if opened := place.wider(url):
        return failed("permissions", opened) if live else warning("permissions", opened)
    return ok("permissions", "only its owner can open the store")


def _switch(settings: Settings) -> Finding:
    try:
        switch = bounded(lambda: store.open_journal(settings.url, settings.halt_file).switch())
    except OpenbellError as error:
        return failed("switch", str(error))
    if switch.level is Level.ACTIVE:
        return ok("switch", f"active; there is no file {settings.halt_file}")
    return warning("switch", f"{switch.level.value} by {switch.actor}: {switch.reason or 'no reason given'}")


def _disk(settings: Settings) -> Finding:
    file = place.file_of(settings.url)
    folder = file.parent if file else settings.home.expanduser()
    free = place.room(folder)
    words = f"{free // _MIB:,} MiB are free for {folder}"
    if free < NOTHING:
        return failed("disk", words)
    return warning("disk", words) if free < LITTLE else ok("disk", words)
