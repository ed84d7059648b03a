"""What one stage hands to the next."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Handed(Generic[T]):
    """A stage's result on its way, as one opaque object.

    Prefect walks through dataclasses and mappings among a task's arguments in search of futures; behind this it
    does not, so that a run costs the same for ten symbols and for ten thousand, and the arrows in the UI stay.
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value
