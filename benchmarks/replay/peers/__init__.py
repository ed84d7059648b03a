"""One script for each peer, run by the interpreter of its own environment: nothing of openbell is imported here."""
