"""Plans at a venue, and what openbell doctor says of them."""

import json

from openbell.cli.checks.findings import LIMIT
from tests.cli.prefect_double import PrefectDouble
from tests.contracts.alpaca_venue import CANARY_ID, CANARY_SECRET

#: A run of the doctor whose every look hangs; each kind of look is given up after LIMIT.
LONGEST = 5 * LIMIT


def alpaca_plan(url, mode="paper"):
    return f"""\
name = "demo"
mode = "{mode}"
universe = ["AAPL"]
account = {{ broker = "alpaca", name = "desk", params = {{ url = "{url}" }} }}
window = {{ exchange = "24/7" }}
strategies = [{{ use = "buy_and_hold" }}]
"""


def ibkr_plan(port, mode="paper"):
    return f"""\
name = "demo"
mode = "{mode}"
universe = ["AAPL"]
account = {{ broker = "ibkr", name = "gateway", params = {{ port = {port}, mode = "{mode}" }} }}
window = {{ exchange = "24/7" }}
strategies = [{{ use = "buy_and_hold" }}]
"""


KEYS = {"OPENBELL_ALPACA_KEY_ID": CANARY_ID, "OPENBELL_ALPACA_SECRET_KEY": CANARY_SECRET}


def look(terminal, prefect=None, code=None, **env):
    """The lines by check, the worst of each; the exit code must be what they say."""
    url = {"PREFECT_API_URL": prefect.url if isinstance(prefect, PrefectDouble) else prefect or ""}
    result = terminal("doctor", "--json", PREFECT_HOME=str(terminal.home), **url, **env)
    answer = json.loads(result.stdout)
    worst = {}
    for line in answer["findings"]:
        order = ["ok", "warning", "failed"]
        if line["check"] not in worst or order.index(line["state"]) > order.index(worst[line["check"]]["state"]):
            worst[line["check"]] = line
    assert answer["ok"] is (result.exit_code == 0) is (not any(w["state"] == "failed" for w in worst.values()))
    assert all(line["advice"] for line in answer["findings"] if line["state"] != "ok")
    return worst


def states(lines, *names):
    return [lines[name]["state"] if name in lines else None for name in names]
