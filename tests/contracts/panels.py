"""Seeded synthetic panels for tests, which are those that `openbell check` tries strategies on."""

from openbell.stages.synthetic import bars_of, random_bars, session_times

__all__ = ["bars_of", "random_bars", "session_times"]
