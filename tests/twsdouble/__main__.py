"""``python -m tests.twsdouble --ledger FILE``; see ``server``."""

from tests.twsdouble.server import main

main()
