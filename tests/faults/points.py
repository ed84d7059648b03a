"""Which crash point stands for which rows of the fault catalogue (FAULTS 2.1), and the scene that gets there."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.faults.trial import FROZEN, ON_ACCEPT


@dataclass(frozen=True)
class Point:
    """A place to die at. ``rows`` are those of the catalogue that it covers.

    ``first`` is where an attempt before died, when only a restart gets to the point. ``each`` marks points that
    every order of a basket passes: repetitions die at the first, second and third time.
    """

    name: str
    rows: tuple[str, ...]
    says: str
    first: tuple[str, ...] = ()
    each: bool = False
    scene: str = "trade"

    @property
    def label(self) -> str:
        """Name in tables and tests; the plain trading run needs no word."""
        return self.name if self.scene == "trade" else f"{self.name}, {self.scene}"

    def crashes(self, repetition: int = 0) -> tuple[str, ...]:
        """Where each attempt of a trial dies."""
        nth = f":{repetition + 1}" if self.each and repetition else ""
        return (*self.first, self.name + nth)


_SENT = ("after-sending",)
_LIST = (
    Point("before-claim", ("C01",), "before the slot is claimed"),
    Point("after-claim", ("C02",), "after the claim, before any guard"),
    Point("after-guards", ("C02",), "after the guards"),
    Point("during-fetch", ("C03",), "between two questions for data"),
    Point("after-fetch", ("C03",), "with the data in hand"),
    Point("during-evaluate", ("C04",), "before the strategies have spoken"),
    Point("after-evaluate", ("C04",), "with signals and no plan"),
    Point("before-freeze", ("C05",), "with a plan that is not committed"),
    Point("inside-freeze", ("C06",), "inside the transaction that commits the plan"),
    Point("after-freeze", ("C07",), "with a frozen plan, before the first send"),
    Point("before-send", ("C07", "C13"), "before an order is judged for the last time", each=True),
    Point("inside-send-transaction", ("C08",), "inside the transaction of the last gate", each=True),
    Point("after-sending", ("C09",), "marked SENDING, nothing on the wire", each=True),
    Point(ON_ACCEPT, ("C10",), "the broker has the order, its answer is not out"),
    Point(FROZEN, ("C24",), "not dead but stopped with an order on the wire, until another has finished"),
    Point("after-post", ("C11",), "answered, nothing recorded", each=True),
    Point("inside-record", ("C12", "C15"), "inside the transaction of event, fills and positions", each=True),
    Point("after-record", ("C13",), "recorded, before the next order", each=True),
    Point("between-orders", ("C13",), "between two orders of a basket", each=True),
    Point("before-settle", ("C09",), "restarted, before an unknown order is looked up", _SENT),
    Point("after-look-up", ("C09",), "restarted, between the first look-up and the second", _SENT),
    Point("during-recover", ("C07", "C09"), "inside recovery", _SENT),
    Point("before-seal", ("C14",), "everything done, no record"),
    Point("inside-seal", ("C14",), "inside the transaction that seals the record and closes the slot"),
    Point("after-seal", ("C14",), "sealed and closed, the process not yet gone"),
    Point("after-freeze", ("C07",), "as above, and nobody restarts it in time", scene="late"),
    Point("after-sending", ("C09",), "as above, and nobody restarts it in time", scene="late"),
    Point("after-post", ("C11",), "as above, and nobody restarts it in time", scene="late"),
    Point("between-orders", ("C13",), "as above, and nobody restarts it in time", scene="late"),
    Point("during-recover", ("C02",), "recovery itself, when nobody restarts in time", _SENT, scene="late"),
    Point("before-cancel", ("C16",), "a cancel is written down and not sent", each=True, scene="cancel"),
    Point("during-cancel", ("C16",), "a cancel is sent and its end not seen", each=True, scene="cancel"),
    Point(
        "during-halt", ("C17",), "the halt file stands, the store does not know", ("between-orders:2",), scene="halt"
    ),
    Point("during-flatten", ("C18",), "all is cancelled, nothing is closed", scene="flatten"),
    Point("after-sending", ("C18",), "closing orders half sent", each=True, scene="flatten"),
    Point("after-post", ("C18",), "closing orders half sent", each=True, scene="flatten"),
)
#: By name, in the order of a run.
POINTS = {point.label: point for point in _LIST}


def rows() -> Iterator[tuple[str, str]]:
    """(row of the catalogue, name of a point) for each that is covered."""
    for point in _LIST:
        for row in point.rows:
            yield row, point.label
