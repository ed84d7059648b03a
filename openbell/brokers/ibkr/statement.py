"""The account as the gateway states it: values, positions, and whether the two agree."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from openbell.brokers.ibkr import rows
from openbell.errors import BrokerError, BrokerUnavailable, InputError
from openbell.values.account import Account, Position
from openbell.values.money import ZERO, to_decimal
from openbell.venues.ibkr.contracts import ours
from openbell.venues.ibkr.gateway import environment_of
from openbell.venues.ibkr.session import Session

#: A fill reaches values and positions a moment apart: the pauses, in seconds, before each time they are asked for.
_PAUSES = (0.0, 0.1, 0.4)
#: What an account cannot be stated without, and what else is looked at.
_NEEDED = ("TotalCashValue", "BuyingPower")
_TAGS = ("AccountReady", "NetLiquidation", "GrossPositionValue", *_NEEDED)


class _Statement:
    """Values and holdings that come while one question is open; the SDK's own are kept from before."""

    def __init__(self, account: str) -> None:
        self._account = account
        self.values: dict[str, tuple[str, str]] = {}
        self.held: dict[int, Decimal] = {}

    def value(self, told: Any) -> None:
        """One value of the account."""
        if told.account == self._account and told.tag in _TAGS and told.currency != "BASE":
            self.values[told.tag] = told.value, told.currency

    def holding(self, told: Any) -> None:
        """One row of the portfolio."""
        if told.account == self._account:
            self.held[told.contract.conId] = rows.amount(told.position, "a position")

    def decimal(self, tag: str) -> Decimal | None:
        """An amount, None when it was not told."""
        found = self.values.get(tag)
        try:
            return to_decimal(found[0], tag) if found else None
        except InputError as error:
            raise BrokerError(f"ibkr: {error}") from None


async def account_of(session: Session, currency: str) -> Account:
    """The account; BrokerUnavailable while values and positions do not agree, since flat is never assumed."""
    problem = ""
    for pause in _PAUSES:
        await asyncio.sleep(pause)
        statement = await _stated(session)
        told = await session.named("positions", session.ib.reqPositionsAsync)
        held = [each for each in told if each.account == session.account and each.position]
        problem = _disagreement(statement, held)
        if not problem:
            return _account(session.account, statement, held, currency)
    raise BrokerUnavailable(f"ibkr: {problem}")


async def _stated(session: Session) -> _Statement:
    statement, ib = _Statement(session.account), session.ib
    ib.accountValueEvent += statement.value
    ib.updatePortfolioEvent += statement.holding
    try:
        await session.named("account values", lambda: ib.reqAccountUpdatesAsync(session.account))
        ib.client.reqAccountUpdates(False, session.account)
    finally:
        ib.accountValueEvent -= statement.value
        ib.updatePortfolioEvent -= statement.holding
    if not statement.values.keys() >= set(_NEEDED):
        await _summary(session, statement)
    return statement


async def _summary(session: Session, statement: _Statement) -> None:
    """The other list of the same values, for a gateway that leaves some out of the first."""
    ib = session.ib
    number = ib.client.getReqId()

    def ask() -> Any:
        answer = ib.wrapper.startReq(number)
        ib.client.reqAccountSummary(number, "All", ",".join(_TAGS))
        return answer

    ib.accountSummaryEvent += statement.value
    try:
        await session.numbered("the account's summary", ask)
    finally:
        ib.accountSummaryEvent -= statement.value
        ib.client.cancelAccountSummary(number)


def _disagreement(statement: _Statement, held: Sequence[Any]) -> str:
    if statement.values.get("AccountReady", ("true", ""))[0] == "false":
        return "the gateway says that the account's values are not ready yet"
    positions = {each.contract.conId: rows.amount(each.position, "a position") for each in held}
    portfolio = {con_id: quantity for con_id, quantity in statement.held.items() if quantity}
    if portfolio and portfolio != positions:
        return f"{len(positions)} positions do not agree with {len(portfolio)} of the portfolio"
    if not positions and (statement.decimal("GrossPositionValue") or ZERO) > 0:
        return "no positions, but the account's values say that something is held"
    return ""


def _account(number: str, statement: _Statement, held: Sequence[Any], currency: str) -> Account:
    cash, power = (statement.decimal(tag) for tag in _NEEDED)
    if cash is None or power is None:
        missing = "TotalCashValue" if cash is None else "BuyingPower"
        raise BrokerError(f"ibkr: {missing} is not among the account's values {sorted(statement.values)[:40]}")
    base = statement.values["TotalCashValue"][1] or currency
    shares = [each for each in held if each.contract.secType == "STK" and each.contract.currency == currency]
    positions = _positions(shares)
    return Account(
        id=number,
        environment=environment_of(number),
        currency=base,
        cash=cash,
        positions=positions,
        buying_power=power,
        reported_equity=statement.decimal("NetLiquidation"),
        blocked=_blocked(base, currency, held, positions),
    )


def _positions(shares: Sequence[Any]) -> dict[str, Position]:
    found = (
        Position(ours(each.contract), rows.amount(each.position, "a position"), rows.amount(each.avgCost, "a cost"))
        for each in shares
    )
    return {position.symbol: position for position in found}


def _blocked(base: str, currency: str, held: Sequence[Any], positions: Mapping[str, Position]) -> str:
    """Why equity and exposure could not be told; such an account is not traded."""
    problems = []
    if base != currency:
        problems.append(f"the account is kept in {base}, not in {currency}")
    if len(held) > len(positions):
        others = [each.contract for each in held if ours(each.contract) not in positions] or [held[0].contract]
        names = ", ".join(f"{ours(each)} ({each.secType} in {each.currency})" for each in others[:5])
        problems.append(f"it holds what is no share in {currency}, or one symbol twice: {names}")
    return "; ".join(problems)
