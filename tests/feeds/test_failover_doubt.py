"""Several feeds as one: prices that disagree, jump alone or are adjusted differently are not believed."""

import pytest

from tests.feeds.asked import bars, lose, reason
from tests.feeds.frames import SYMBOLS, codes


def test_D10_adjusted_and_raw_prices_never_stand_in_one_panel(providers):
    lose(providers.first, "BBB")
    checked = bars(providers.both(providers.feed(0), providers.feed(1, adjustment="split")))
    assert codes(checked) == {"BBB": "DATA_CONFLICT"}
    assert reason(checked) == "second has split prices, first raw ones"
    assert checked.bars.symbols == ("AAA", "CCC")


def test_D10_a_feed_of_other_adjustment_may_answer_for_all(providers):
    providers.first.always = 500
    checked = bars(providers.both(providers.feed(0), providers.feed(1, adjustment="split")))
    assert (checked.bars.adjustment, checked.dropped) == ("split", ())


@pytest.mark.parametrize(("factor", "code"), [(1.005, None), (1.015, "DATA_CONFLICT"), (0.985, "DATA_CONFLICT")])
def test_D14_feeds_that_disagree_by_more_than_one_percent_on_what_both_have(providers, factor, code):
    providers.first.rows.without("BBB", -1)
    for name in ("open", "high", "low", "close"):
        column = providers.second.rows.columns[name]
        column[providers.second.rows.symbols == "BBB"] *= factor
    checked = bars(providers.both())
    assert codes(checked) == ({"BBB": code} if code else {})
    if code:
        assert "first has" in reason(checked)
        assert "% apart, more than 1%" in reason(checked)
        assert "BBB" not in checked.bars.symbols


@pytest.mark.parametrize(("factor", "code"), [(1.005, None), (1.015, "DATA_CONFLICT")])
def test_D14_compare_holds_every_symbol_against_the_next_feed(providers, factor, code):
    for name in ("open", "high", "low", "close"):
        column = providers.second.rows.columns[name]
        column[providers.second.rows.symbols == "CCC"] *= factor
    checked = bars(providers.both(compare=True))
    assert codes(checked) == ({"CCC": code} if code else {})
    assert len(providers.second.requests) == 1
    assert codes(bars(providers.both())) == {}


def test_D14_compare_without_an_answer_goes_on_and_says_so(providers):
    providers.second.always = 500
    checked = bars(providers.both(compare=True))
    assert (checked.dropped, [failure.provider for failure in checked.failures]) == ((), ["second"])


def _scale(source, symbol, factor, k=-1):
    at = source.rows.row(symbol, k)
    for name in ("open", "high", "low", "close"):
        source.rows.columns[name][at] *= factor


@pytest.mark.parametrize(
    ("factor", "like"),
    [(1 / 2, "2 to 1"), (10, "1 to 10"), (1 / 3, "3 to 1"), (20, "1 to 20"), (1 / 7, ""), (1.5, ""), (0.55, "")],
)
def test_D09_a_jump_that_one_feed_alone_has_is_suspect(providers, factor, like):
    _scale(providers.first, "BBB", factor)
    alone = bars(providers.feed(0))
    assert codes(alone) == {"BBB": "DATA_SUSPECT"}
    assert (f"like a split of {like}" in reason(alone)) if like else ("split" not in reason(alone))
    checked = bars(providers.both())
    assert codes(checked) == {"BBB": "DATA_SUSPECT"}
    assert "and second " in reason(checked)


def test_D09_a_jump_that_the_second_feed_confirms_is_let_through(providers):
    for source in (providers.first, providers.second):
        _scale(source, "BBB", 0.5)
    checked = bars(providers.both())
    assert (checked.dropped, checked.providers) == ((), {})
    assert checked.bars.symbols == SYMBOLS
    assert "a jump that second confirms: BBB" in checked.notes


def test_D09_a_move_of_less_than_the_limit_is_a_move(providers):
    _scale(providers.first, "BBB", 0.65)
    assert bars(providers.feed(0)).dropped == ()


def test_D09_a_second_feed_that_is_down_confirms_nothing(providers):
    _scale(providers.first, "BBB", 0.5)
    providers.second.always = 500
    assert codes(bars(providers.both())) == {"BBB": "DATA_SUSPECT"}
