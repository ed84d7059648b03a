"""``python -m tests.faultbroker --ledger FILE``; see ``server``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from server import main  # the broker stands on its own: its modules import each other by bare name

main()
