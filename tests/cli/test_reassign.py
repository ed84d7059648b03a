"""Positions of a deleted strategy, as a person at a terminal gives them to another."""

import pytest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("demo", "--from", "gone", "--to", "sma_crossover", "--reason", "renamed"),
            "'gone' of plan demo holds nothing",
        ),
        (("demo", "--from", "gone", "--to", "smart", "--reason", "renamed"), "has no strategy 'smart': sma_crossover"),
        (("demo", "--from", "sma_crossover", "--to", "sma_crossover", "--reason", "x"), "are both 'sma_crossover'"),
        (("demo", "--from", "gone", "--to", "sma_crossover", "--reason", " "), "the one given is blank"),
    ],
)
def test_H11_what_cannot_be_reassigned_is_said(empty, words, said):
    told = empty("reassign", *words)
    assert (told.exit_code, said in told.stderr) == (1, True)
