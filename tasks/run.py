"""The run that the stages belong to."""

from time import perf_counter

from blocks.desk import Desk
from openbell.stages.seal import Story
from openbell.values.ring import Ring


class Run:
    """Desk and story of one run; plain, so that Prefect passes it from task to task as it is.

    ``started`` is the monotonic reading that durations are counted from.
    """

    __slots__ = ("_lap", "desk", "started", "story")

    def __init__(self, desk: Desk, story: Story, started: float) -> None:
        self.desk = desk
        self.story = story
        self.started = started
        self._lap = started

    def lap(self, stage: str) -> None:
        """Note how many seconds have gone by since the lap before, under the stage's name."""
        now = perf_counter()
        self.story.timings[stage] = round(now - self._lap, 6)
        self._lap = now

    @property
    def ring(self) -> Ring:
        """The run's identity."""
        return self.story.ring

    @property
    def blocked(self) -> bool:
        """Whether a guard stopped the run."""
        return not self.story.guards[-1].passed
