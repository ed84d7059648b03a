"""A live plan at Interactive Brokers."""

import sqlite3

from openbell.desk import open_desk
from openbell.jobs import trading

LIVE, PAPER = "U7654321", "DU1234567"


def ibkr(port, mode="live", plan="live", exchange="24/7"):
    waits = "connect_timeout = 2.0, request_timeout = 2.0, id_patience = 0.0"
    return f"""\
name = "demo"
mode = "{plan}"
universe = ["AAPL"]
[account]
broker = "ibkr"
name = "gateway"
params = {{ port = {port}, mode = "{mode}", {waits} }}
[window]
exchange = "{exchange}"
[[strategies]]
use = "buy_and_hold"
"""


def trade(run="run-1"):
    return trading.trade(open_desk("demo"), run)


def words(terminal):
    with sqlite3.connect(terminal.home / "openbell.db") as file:
        found = file.execute("SELECT act, job, actor, reason, account, environment FROM permits ORDER BY number")
        rows = found.fetchall()
    file.close()
    return rows
