"""Replay against what a user would pick instead: the same trades on the same prices, timed in one run."""
