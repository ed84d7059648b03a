"""A store with a row in every table, and what an audit says of it."""

from openbell.ports import Level, Lookup, Reduced
from openbell.ports.permits import Act, Word
from openbell.store.alerts import SqlAlertBook
from openbell.store.outbox import SqlOutbox
from openbell.store.permits import SqlPermits
from openbell.store.verify import verify
from openbell.values.account import Account
from openbell.values.alert import AlertEvent, AlertMessage, AlertStep
from openbell.values.orders import Order, OrderState, OrderType, Side
from openbell.values.record import Outcome
from openbell.values.verdict import Decision
from tests.store.samples import (
    HOUR,
    START,
    D,
    archive_one,
    data_of,
    deliver_one,
    event_of,
    fill_of,
    frozen_order,
    intent_of,
    panel,
    reconcile_one,
    record_of,
    slot_at,
    verdict_of,
)

S = OrderState


def fill_everything(journal, ledger, folder):
    """A store with a row in every table."""
    archive_one(journal, folder)
    slot, bars = slot_at(), panel()
    first = frozen_order(journal, slot)
    journal.record(event_of(first, S.PARTIAL), [fill_of(first, 1, "4")])
    journal.record(event_of(first, S.CANCELED, 2))
    journal.report(
        event_of(first, S.CANCELED, 3), [fill_of(first, 2, "2", minutes=3), fill_of(first, 3, "1", minutes=4)]
    )
    journal.report(event_of(first, S.CANCELED, 5), busts=["fill-3"])
    resent = frozen_order(journal, slot_at(1), symbol="MSFT", side=Side.SELL)
    journal.report(event_of(resent, S.FILLED, 2), [fill_of(resent, 4, "10")])
    unknown = frozen_unknown(journal)
    journal.looked_up(Lookup(unknown.id, START, False, "two pages"))
    journal.looked_up(Lookup(unknown.id, START + HOUR, False, ""))
    journal.alert("UNKNOWN", unknown.id, "nobody knows")
    journal.set_switch(Level.HALTED, "ann", "drill")
    journal.set_switch(Level.ACTIVE, "ann", "drill over", 1)
    for _ in range(10):
        journal.count("demo", "trade", "broker", "timed out")
    data = data_of(bars)
    journal.seal(record_of(slot, data=data), bars)
    known = record_of().holdings[:1]
    journal.seal(record_of(slot_at(1), "fedcba9876543210", data=data, holdings=known), None)
    fire_alerts(SqlAlertBook(journal.store), slot)
    deliver_one(SqlOutbox(journal.store))
    reconcile_one(journal.store)
    SqlPermits(journal.store).say(Word("demo", Act.OFF, "somebody"))
    for day in (0, 1):
        journal.release(slot_at(day), 1, Outcome.COMPLETED, "")
    journal.close_break(1, "ann", "seen")
    late = (fill_of(first, 2, "2", minutes=3), fill_of(first, 3, "1", minutes=4))
    paper_book(ledger, [fill_of(first, 1, "4"), *late, fill_of(resent, 4, "10")])


def fire_alerts(book, slot):
    fired = [AlertEvent("demo", "low", symbol, "digest", AlertStep.FIRED, START, "9") for symbol in ("IBM", "KO")]
    book.apply(slot, 1, fired, lambda events: [AlertMessage("PRICE_ALERT", "low", "IBM, KO")])


def frozen_unknown(journal):
    slot = slot_at(2)
    intent, denied = intent_of(slot, "KO"), intent_of(slot, "TSLA")
    journal.claim(slot, "run-3", HOUR)
    verdicts = [verdict_of(intent), verdict_of(denied, Decision.DENIED, "0")]
    journal.freeze(slot, 1, "acct", [intent, denied], verdicts)
    journal.begin_send(slot, 1, event_of(intent, S.SENDING), False, lambda _: Reduced(D(9), "9 of 10"))
    journal.record(event_of(intent, S.UNKNOWN, 1, "timed out"))
    return intent


def paper_book(ledger, fills):
    with ledger.open("acct") as book:
        account = Account("acct", "paper", "USD", D(100_000), {}, D(100_000))
        book.save_account(account)
        for fill in fills:
            book.add_fill(fill)
            account = account.apply(fill)
        book.save_account(account)
        intent = intent_of(slot_at())
        book.save_order(Order(intent.id, "AAPL", Side.BUY, D(2), OrderType.MARKET, S.FILLED, START))


def failures(url, archive=None):
    return [(check.code, found.row, found.detail) for check in verify(url, archive) for found in check.findings]


def quoted(column):
    return f'"{column}"'
