"""Known answers: each rule just inside, at and just outside its limit."""

from datetime import timedelta
from decimal import Decimal

import pytest

from openbell.ports import Capabilities
from openbell.risk.rules.allowed_symbols import AllowedSymbols
from openbell.risk.rules.buying_power import BuyingPower
from openbell.risk.rules.daily_loss_halt import DailyLossHalt
from openbell.risk.rules.drawdown_halt import DrawdownHalt
from openbell.risk.rules.duplicate_order import DuplicateOrder
from openbell.risk.rules.held_quantity import HeldQuantity
from openbell.risk.rules.max_gross_exposure import MaxGrossExposure
from openbell.risk.rules.max_leverage import MaxLeverage
from openbell.risk.rules.max_net_exposure import MaxNetExposure
from openbell.risk.rules.max_order_notional import MaxOrderNotional
from openbell.risk.rules.max_order_quantity import MaxOrderQuantity
from openbell.risk.rules.max_orders_per_day import MaxOrdersPerDay
from openbell.risk.rules.max_orders_per_minute import MaxOrdersPerMinute
from openbell.risk.rules.max_orders_per_run import MaxOrdersPerRun
from openbell.risk.rules.max_position_weight import MaxPositionWeight
from openbell.risk.rules.max_positions import MaxPositions
from openbell.risk.rules.min_confidence import MinConfidence
from openbell.risk.rules.price_collar import PriceCollar
from openbell.risk.rules.shorting import Shorting
from openbell.risk.rules.stale_price import StalePrice
from openbell.risk.rules.tradable import Tradable
from openbell.risk.rules.wash_trade import WashTrade
from openbell.values.instrument import Instrument
from openbell.values.orders import OrderState, OrderType, Purpose, Side, TimeInForce
from tests.risk.books import SYMBOLS, VENUE, a_book, an_exit, an_intent, an_order

D = Decimal


def left(rule, intent, **book) -> Decimal:
    return rule.judge(intent, a_book(**book)).quantity


def whole_book(**changes) -> dict:
    """Instruments in which AAA has the facts given."""
    return {"instruments": {**a_book().instruments, "AAA": Instrument("AAA", **changes)}}


def limit_buy(price, quantity="5", side=Side.BUY, **changes):
    return an_intent(quantity, side=side, type=OrderType.LIMIT, limit_price=D(price), **changes)


@pytest.mark.parametrize(("age", "passes"), [(0, True), (10, True), (10.001, False), (-0.001, False)])
def test_D08_a_price_older_than_the_plan_allows_or_from_the_future_denies(age, passes):
    ages = {"AAA": timedelta(seconds=age)}
    assert (left(StalePrice(), an_intent(), price_ages=ages) == 5) is passes


def test_D08_the_smaller_of_both_age_limits_counts():
    ages = {"AAA": timedelta(seconds=4)}
    assert left(StalePrice(age_seconds=3), an_intent(), price_ages=ages) == 0
    assert left(StalePrice(age_seconds=300), an_intent(), price_ages={"AAA": timedelta(seconds=11)}) == 0


def test_only_listed_symbols_are_entered():
    assert left(AllowedSymbols(symbols=("AAA",)), an_intent()) == 5
    assert left(AllowedSymbols(symbols=("BBB",)), an_intent()) == 0


def test_B13_an_instrument_that_is_halted_or_unknown_is_denied_for_exits_too():
    assert left(Tradable(), an_intent(), **whole_book(tradable=False)) == 0
    assert left(Tradable(), an_exit(), instruments={}) == 0


@pytest.mark.parametrize(("asked", "granted"), [("0.4", "0"), ("1.9", "1"), ("2", "2")])
def test_B14_fractions_of_a_whole_share_are_cut_and_never_rounded_up(asked, granted):
    assert left(Tradable(), an_intent(asked)) == D(granted)


@pytest.mark.parametrize(
    ("change", "granted"),
    [
        ({}, "1.123456789"),
        ({"time_in_force": TimeInForce.GTC}, "1"),
        ({"type": OrderType.LIMIT, "limit_price": D(100)}, "1"),
        ({"side": Side.SELL}, "1"),
    ],
    ids=["market for the day", "good till cancelled", "limit", "short"],
)
def test_B15_parts_of_a_share_only_as_the_venues_take_them(change, granted):
    assert left(Tradable(), an_intent("1.1234567891", **change), **whole_book(fractionable=True)) == D(granted)


def test_B15_a_venue_without_fractions_gets_whole_lots():
    plain = Capabilities(True, False, True, frozenset(OrderType))
    assert left(Tradable(), an_intent("1.5"), capabilities=plain, **whole_book(fractionable=True)) == 1


def test_an_order_type_that_the_venue_does_not_take_is_denied():
    market_only = Capabilities(True, True, True, frozenset({OrderType.MARKET}))
    assert left(Tradable(), limit_buy("100"), capabilities=market_only) == 0


@pytest.mark.parametrize(("price", "granted"), [("100.01", 5), ("100.011", 0)])
def test_a_price_between_two_ticks_is_denied(price, granted):
    assert left(Tradable(), limit_buy(price)) == granted


def test_lots_are_kept():
    assert left(Tradable(), an_intent("250"), **whole_book(lot=D(100))) == 200


@pytest.mark.parametrize(("asked", "granted"), [("9", 9), ("10", 10), ("11", 10)])
def test_B18_an_exit_is_cut_to_what_is_held(asked, granted):
    assert left(HeldQuantity(), an_exit(asked)) == granted


def test_B18_open_exits_have_the_first_claim():
    selling = (an_order("BBB", Side.SELL, "7", filled="1"),)
    assert left(HeldQuantity(), an_exit("10"), open_orders=selling) == 4


def test_an_exit_without_a_position_is_denied():
    assert left(HeldQuantity(), an_exit("1", "AAA")) == 0
    assert left(HeldQuantity(), an_exit("1", "BBB", Side.BUY)) == 0


def test_an_exit_of_a_short_is_cut_as_well():
    buying = (an_order("AAA", Side.BUY, "3"),)
    assert left(HeldQuantity(), an_exit("4", "AAA", Side.BUY), positions={"AAA": D(-4)}, open_orders=buying) == 1
    assert left(HeldQuantity(), an_exit("9", "AAA", Side.BUY), positions={"AAA": D(-4)}) == 4


@pytest.mark.parametrize(("held", "granted"), [("10", 10), ("0", 0), ("-5", 0)])
def test_B18_a_sale_is_never_turned_into_a_short(held, granted):
    assert left(Shorting(), an_intent("11", side=Side.SELL), positions={"AAA": D(held)}) == granted


def test_B18_shorting_needs_plan_venue_and_instrument():
    sale = an_intent("11", side=Side.SELL)
    assert left(Shorting(allowed=True), sale) == 11
    assert left(Shorting(allowed=True), sale, capabilities=Capabilities(True, True, False, VENUE.order_types)) == 0
    assert left(Shorting(allowed=True), sale, **whole_book(shortable=False)) == 0
    assert left(Shorting(allowed=True), sale, **whole_book(asset_class="crypto")) == 0


@pytest.mark.parametrize(("confidence", "granted"), [(0.49, 0), (0.5, 5), (1.0, 5)])
def test_confidence_has_a_floor(confidence, granted):
    assert left(MinConfidence(), an_intent(confidence=confidence)) == granted


@pytest.mark.parametrize(("price", "granted"), [("96.99", 0), ("97", 5), ("103", 5), ("103.01", 0)])
def test_a_limit_price_stays_inside_the_collar(price, granted):
    assert left(PriceCollar(), limit_buy(price)) == granted


def test_the_price_that_sized_an_entry_stays_inside_the_collar():
    assert left(PriceCollar(), an_intent(reference=D("96.9"))) == 0


def test_a_market_exit_is_never_held_back_by_the_collar():
    crashed = {"prices": dict.fromkeys(SYMBOLS, D(50))}
    assert left(PriceCollar(), an_exit(), **crashed) == 10


def test_an_exit_may_ask_for_more_but_not_for_much_less():
    dear = an_exit(type=OrderType.LIMIT, limit_price=D(150))
    cheap = an_exit(type=OrderType.LIMIT, limit_price=D(50))
    assert left(PriceCollar(), dear) == 10
    assert left(PriceCollar(), cheap) == 0


def test_a_stop_limit_is_judged_by_its_own_stop():
    far = an_intent(type=OrderType.STOP_LIMIT, stop_price=D(120), limit_price=D(121))
    wide = an_intent(type=OrderType.STOP_LIMIT, stop_price=D(120), limit_price=D(130))
    assert left(PriceCollar(), far) == 5
    assert left(PriceCollar(), wide) == 0


def test_the_same_entry_twice_in_the_window_is_denied():
    recent = {"recent": frozenset({("AAA", "buy")})}
    assert left(DuplicateOrder(), an_intent(), **recent) == 0
    assert left(DuplicateOrder(), an_intent(side=Side.SELL), **recent) == 5
    assert left(DuplicateOrder(), an_intent(symbol="CCC"), **recent) == 5


def test_one_order_has_a_largest_quantity():
    assert left(MaxOrderQuantity(quantity=7), an_intent("7")) == 7
    assert left(MaxOrderQuantity(quantity=7), an_intent("8")) == 7


def test_one_order_has_a_largest_value_at_the_worst_price():
    assert left(MaxOrderNotional(), an_intent("10")) == 10
    assert left(MaxOrderNotional(), an_intent("11")) == 10
    assert left(MaxOrderNotional(), limit_buy("102", "10")) == 9
    assert left(MaxOrderNotional(), an_intent("10", reference=D(110))) == 9


def test_a_value_below_one_share_is_a_denial():
    ruling = MaxOrderNotional(notional=99).judge(an_intent("1"), a_book())
    assert (ruling.decision, ruling.measured, ruling.limit) == ("denied", "100.00", "99.00")


@pytest.mark.parametrize(
    ("book", "granted"),
    [
        ({}, 20),
        ({"positions": {"AAA": D(15)}}, 5),
        ({"positions": {"AAA": D(15)}, "open_orders": (an_order("AAA", Side.BUY, "3"),)}, 2),
        ({"positions": {"AAA": D(25)}}, 0),
        ({"positions": {"AAA": D(-5)}}, 25),
    ],
    ids=["empty", "held", "held and open", "over", "short"],
)
def test_a_position_is_cut_to_its_weight(book, granted):
    assert left(MaxPositionWeight(), an_intent("30"), **book) == granted


def test_places_for_positions_count_what_is_held_and_what_is_open():
    four = {symbol: D(1) for symbol in SYMBOLS[1:5]}
    five = {**four, "FFF": D(-1)}
    assert left(MaxPositions(), an_intent(), positions=four) == 5
    assert left(MaxPositions(), an_intent(), positions=five) == 0
    assert left(MaxPositions(), an_intent(symbol="BBB"), positions=five) == 5
    assert left(MaxPositions(), an_intent(), positions=four, open_orders=(an_order("GGG"),)) == 0
    assert left(MaxPositions(), an_intent(), positions={**four, "FFF": D(0)}) == 5


def test_gross_exposure_counts_long_short_and_open_orders():
    book = {"positions": {"BBB": D(40), "CCC": D(-30)}}
    assert left(MaxGrossExposure(), an_intent("50"), **book) == 30
    opening = (an_order("DDD", Side.SELL, "12"), an_order("CCC", Side.BUY, "5"))
    assert left(MaxGrossExposure(), an_intent("50"), open_orders=opening, **book) == 18


def test_net_exposure_counts_only_the_direction_of_the_order():
    book = {"positions": {"BBB": D(40), "CCC": D(-30)}}
    assert left(MaxNetExposure(times_equity=D("0.5")), an_intent("90"), **book) == 40
    assert left(MaxNetExposure(times_equity=D("0.5")), an_intent("90", side=Side.SELL), **book) == 60
    opening = {"open_orders": (an_order("DDD", Side.BUY, "15"), an_order("EEE", Side.SELL, "99"))}
    assert left(MaxNetExposure(times_equity=D("0.5")), an_intent("90"), **book, **opening) == 25


def test_leverage_is_limited_for_the_account_and_for_the_instrument():
    double = {"positions": {"BBB": D(150)}, "instruments": {s: Instrument(s, max_leverage=D(2)) for s in SYMBOLS}}
    assert left(MaxLeverage(leverage=2), an_intent("90"), **double) == 50
    assert left(MaxLeverage(), an_intent("90"), **double) == 0
    assert left(MaxLeverage(leverage=5), an_intent("120")) == 100


@pytest.mark.parametrize("rule", [MaxOrdersPerRun, MaxOrdersPerDay, MaxOrdersPerMinute])
def test_orders_are_counted(rule):
    assert left(rule(orders=3), an_intent(), orders_this_run=2, orders_today=2, orders_last_minute=2) == 5
    assert left(rule(orders=3), an_intent(), orders_this_run=3, orders_today=3, orders_last_minute=3) == 0


def test_a_lost_day_and_a_drawdown_end_entries_at_the_limit():
    assert left(DailyLossHalt(), an_intent(), equity=D("9800.01")) == 5
    assert left(DailyLossHalt(), an_intent(), equity=D(9800)) == 0
    assert left(DrawdownHalt(), an_intent(), equity=D("9000.01")) == 5
    assert left(DrawdownHalt(), an_intent(), equity=D(9000)) == 0


@pytest.mark.parametrize(("power", "granted"), [("500", 0), ("515", 0), ("524.99", 0), ("525", 5), ("530", 5)])
def test_B16_a_market_buy_needs_the_cushion(power, granted):
    assert left(BuyingPower(), an_intent(), buying_power=D(power)) == granted


def test_B16_a_limit_buy_needs_its_own_worst_price_and_no_cushion():
    assert left(BuyingPower(), limit_buy("102"), buying_power=D(510)) == 5
    assert left(BuyingPower(), limit_buy("102"), buying_power=D("509.99")) == 0


def test_B16_the_cushion_covers_every_market_entry_of_the_run():
    once = a_book(buying_power=D(1050)).after(an_intent(), D(5))
    assert once.buying_power == 550
    assert BuyingPower().judge(an_intent(symbol="CCC"), once).quantity == 5
    short = a_book(buying_power=D("1049.99")).after(an_intent(), D(5))
    assert BuyingPower().judge(an_intent(symbol="CCC"), short).quantity == 0


def test_B16_a_sale_frees_no_buying_power_before_it_is_filled():
    assert a_book().after(an_exit(), D(10)).buying_power == 9000


def test_B21_an_own_resting_order_of_the_other_side_denies():
    resting = {"open_orders": (an_order("BBB", Side.BUY),)}
    assert left(WashTrade(), an_exit(), **resting) == 0
    done = {"open_orders": (an_order("BBB", Side.BUY, state=OrderState.CANCELED),)}
    assert left(WashTrade(), an_exit(), **done) == 10
    assert left(WashTrade(), an_intent(symbol="BBB", purpose=Purpose.ENTRY), **resting) == 5
