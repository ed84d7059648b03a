"""Limits between a wanted order and a sent one: small rules, folded over the intents of a run."""
