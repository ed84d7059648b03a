from decimal import Decimal

import pytest

from openbell.cli.curves import spark
from openbell.cli.output import table
from openbell.cli.place import shown


@pytest.mark.parametrize(
    ("values", "width", "drawn"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], 60, "▁▂▃▄▅▆▇█"),
        ([5, 5, 5], 60, "▁▁▁"),
        ([7], 60, "▁"),
        ([8, 1], 60, "█▁"),
        (range(1, 101), 2, "▁█"),
    ],
)
def test_a_curve_goes_from_the_lowest_to_the_highest_and_ends_with_the_last(values, width, drawn):
    assert spark([Decimal(value) for value in values], width) == drawn


def test_a_table_shows_foreign_text_as_it_is(capsys):
    table("[bold]T[/bold]", ("a", ">b"), [("[red]x[/red] :smile:", Decimal("1E+3")), (None, "")])
    shown = capsys.readouterr().out
    assert "[bold]T[/bold]" in shown
    assert "[red]x[/red] :smile:" in shown
    assert "1000" in shown


@pytest.mark.parametrize("url", ["postgresql://me:hunter2@host/db", "postgresql://me@host/db?password=hunter2"])
def test_the_place_of_a_store_is_shown_without_its_password(url):
    assert "hunter2" not in shown(url)
    assert "host/db" in shown(url)
