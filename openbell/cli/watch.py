"""The watchdog: a process of its own that needs neither Prefect nor a broker."""

import logging
import signal
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from time import monotonic

import click

from openbell import loglines, store
from openbell.cli.output import emit, machine, say
from openbell.errors import OpenbellError, SchemaMismatch, StoreError
from openbell.settings import Settings, load_settings
from openbell.stages.wording import count
from openbell.store.connect import exists
from openbell.values.condition import Condition
from openbell.values.time import iso
from openbell.watch.endpoint import HOST, PORT, Address, application, serving
from openbell.watch.judging import Sign, signs
from openbell.watch.looking import Looked, look
from openbell.watch.metrics import registry
from openbell.watch.rounds import Rounded, make_round

#: A round that is overdue by so many of its intervals is a sign that failed.
STUCK = 3
_log = logging.getLogger("openbell.watch")


class _Watch:
    """The rounds of one watchdog, and what it last did."""

    def __init__(self, settings: Settings, plans: Sequence[str], every: timedelta) -> None:
        self.settings, self.plans, self.every = settings, plans, every
        self.last: datetime | None = None
        self.began = datetime.now(UTC)

    def round(self) -> Rounded:
        """See to every plan; a store that cannot be used is told and tried again in the next round."""
        try:
            done = make_round(self.settings, self.plans, datetime.now(UTC))
        except OpenbellError as error:
            _log.error("%s", error)
            return Rounded(errors=(str(error),))
        self.last = datetime.now(UTC)
        for wrong in done.errors:
            _log.error("%s", wrong)
        if done.missed:
            _log.warning("%s", count(done.missed, "missed slot"))
        if done.beats or done.sent:
            _log.info("%s, %s sent", count(done.beats, "heartbeat"), count(done.sent, "message"))
        return done

    def look(self) -> Looked:
        return look(self.settings, self.plans, datetime.now(UTC))

    def judge(self) -> tuple[Sign, ...]:
        quiet = datetime.now(UTC) - (self.last or self.began) > STUCK * self.every
        said = f"last round {iso(self.last) if self.last else 'never'}"
        return (*signs(self.look()), Sign("watch", Condition.FAILED if quiet else Condition.OK, said))


@click.command(epilog="Example: openbell watch --port 9464")
@click.argument("plan", nargs=-1)
@click.option("--every", default=15, show_default=True, type=click.IntRange(1, 300), help="Seconds between rounds.")
@click.option("--host", default=HOST, show_default=True, help="Where /metrics and /healthz are answered.")
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0: a free one.")
@click.option("--certificate", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="TLS, in PEM.")
@click.option("--key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Key of the certificate.")
@click.option("--once", is_flag=True, help="Make one round, answer nothing, and end; for a timer of the system.")
@machine
def watch(
    plan: tuple[str, ...],
    every: int,
    host: str,
    port: int,
    certificate: Path | None,
    key: Path | None,
    once: bool,
    as_json: bool,
) -> None:
    """Watch over all enabled plans, or the plans named, until stopped; Prefect may be down.

    Each round writes down which slots nobody started and sends the messages that wait for targets in environment
    variables. In between, /metrics and /healthz answer. It asks no broker, and needs no keys of one.
    """
    settings = load_settings()
    watching = _Watch(settings, plan, timedelta(seconds=every))
    if once:
        _once(watching, as_json)
        return
    at = Address(host, port, settings.watch_token, certificate, key)
    app = application(registry(watching.look, lambda: watching.last), watching.judge, settings.watch_token)
    loglines.set_up(settings)
    if exists(settings.url):
        _check_version(settings)
    with serving(app, at) as listening:
        _log.info("watching %s every %d s, answering on %s:%d", ", ".join(plan) or "all plans", every, host, listening)
        _until_stopped(watching.round, every)
    _log.info("stopped")


def _check_version(settings: Settings) -> None:
    """A store of another version is no use to wait for; one that does not answer may come back."""
    try:
        store.check(settings.url)
    except SchemaMismatch:
        raise
    except StoreError as error:
        _log.error("%s", error)


def _once(watching: _Watch, as_json: bool) -> None:
    loglines.set_up_json(watching.settings)
    done = make_round(watching.settings, watching.plans, datetime.now(UTC))
    if as_json:
        emit(done)
    else:
        say(
            f"{count(done.beats, 'heartbeat')}, {count(done.missed, 'missed slot')}, {count(done.sent, 'message')} sent"
        )
    for error in done.errors:
        click.echo(f"error: {error}", err=True)
    if done.errors:
        raise SystemExit(1)


def _until_stopped(work: Callable[[], object], every: int) -> None:
    """Work again and again until SIGTERM or Ctrl-C; the last round is finished."""
    stop = Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    while not stop.is_set():
        began = monotonic()
        work()
        stop.wait(max(0.0, every - (monotonic() - began)))
