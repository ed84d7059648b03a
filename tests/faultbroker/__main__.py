"""``python tests/faultbroker --ledger FILE``; see ``server``."""

from server import main

main()
