"""Whether anything knows a name that a person typed: a misspelt one must not look like one without rows."""

from pathlib import Path

from openbell.errors import InputError, PlanError
from openbell.planfiles import examine, plan_paths, plans_folder
from openbell.plugins import nearest
from openbell.settings import load_settings
from openbell.store.history import SqlHistory
from openbell.values.plan import Plan


def check_plan(history: SqlHistory, name: str) -> None:
    """InputError when neither a plan file, a run nor an order has that plan."""
    files = _files()
    if name in files or history.runs(plan=name, limit=1) or history.orders(plan=name, limit=1):
        return
    if not history.archived_runs({"plan": name}, 1, None):
        raise InputError(f"no plan {name[:60]!r} in the store or the plan files{nearest(name, files)}")


def check_account(history: SqlHistory, name: str) -> None:
    """InputError when no plan file trades on that account and the store has no equity of it."""
    accounts = _accounts()
    if name not in accounts and not history.equity(name, 1):
        raise InputError(f"no account {name[:60]!r} in the store or the plan files{nearest(name, accounts)}")


def _files() -> dict[str, Path]:
    try:
        return plan_paths(plans_folder(load_settings()))
    except InputError:
        return {}


def _accounts() -> dict[str, str]:
    """The plan by each account that a file which can be read names."""
    plans = (_plan(path) for path in _files().values())
    return {plan.account.name: plan.name for plan in plans if plan}


def _plan(path: Path) -> Plan | None:
    try:
        return examine(path).plan
    except PlanError:
        return None
