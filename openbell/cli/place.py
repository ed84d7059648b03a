"""Where this installation keeps things, and what to say when they are not there yet."""

from datetime import datetime

from openbell import store
from openbell.errors import StoreError
from openbell.settings import load_settings
from openbell.store.connect import exists, parse_url
from openbell.store.history import SqlHistory
from openbell.values.time import iso, parse_instant

FIRST_STEP = "run `make demo` for a demonstration, or `openbell migrate` for an empty store"


def shown(url: str) -> str:
    """The store's place without password or options."""
    return parse_url(url).set(query={}).render_as_string(hide_password=True)


def reading() -> SqlHistory:
    """Store and archive for reading: StoreError when there is none yet, SchemaMismatch when it is another version's."""
    settings = load_settings()
    url = settings.url
    if not exists(url):
        raise StoreError(f"no store yet at {shown(url)}: {FIRST_STEP}")
    store.check(url)
    return store.open_history(url, settings.archive)


def run_or_slot(text: str) -> str:
    """A run id as it is, a slot as its canonical key: ``plan/job/instant``, the instant in any zone."""
    plan, _, rest = text.partition("/")
    job, _, instant = rest.partition("/")
    if not instant:
        return text
    planned: datetime = parse_instant(instant, "slot instant")
    return f"{plan}/{job}/{iso(planned)}"
