"""The run that the stages belong to."""

from openbell.runs import Run

__all__ = ["Run"]
