"""Text from outside is data: the grammar of symbols refuses it, or the store keeps it as it is."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect

from openbell.errors import OpenbellError
from openbell.store import open_history, open_journal, upgrade
from openbell.store.connect import open_store
from openbell.values.instrument import check_symbol
from openbell.values.plan import Plan

HOSTILE = (
    *("'; DROP TABLE runs; --", '" OR 1=1', "Robert'); DELETE FROM fills;--", "%s %d {0}", "../../etc/passwd"),
    *("AAPL\x00", "\u0410APL", "AAPL\u202eX", "x" * 10_000, "=HYPERLINK(1)", "<script>1</script>", "A\nB", "\x1b[31m"),
)
#: What PostgreSQL cannot hold in a text is refused before it gets there.
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=200)


@pytest.mark.parametrize("word", HOSTILE)
def test_X04_a_symbol_that_is_no_symbol_is_refused_and_not_repeated_whole(word):
    with pytest.raises((OpenbellError, ValueError)) as caught:
        Plan.model_validate({"name": "demo", "universe": [word], "strategies": [{"use": "buy_and_hold"}]})
    assert len(str(caught.value)) < 2000


@given(st.text(max_size=50))
@settings(max_examples=500, deadline=None)
def test_X04_what_the_grammar_lets_through_holds_nothing_that_sql_or_a_path_understands(word):
    try:
        check_symbol(word)
    except OpenbellError:
        return
    assert word.isascii()
    assert not set(word) & set("'\";\\%()<> \n\r\t\0`$")
    assert ".." not in word
    assert not word.startswith(("/", "-"))


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    made = f"sqlite:///{tmp_path_factory.mktemp('x04') / 'openbell.db'}"
    upgrade(made)
    return made


def schema(url):
    with open_store(url).reading() as connection:
        found = inspect(connection)
        return {name: [column["name"] for column in found.get_columns(name)] for name in found.get_table_names()}


@given(subject=WORDS, detail=WORDS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(subject=HOSTILE[0], detail=HOSTILE[2])
@example(subject=HOSTILE[7], detail=HOSTILE[8])
def test_X04_whatever_a_text_holds_it_is_kept_as_it_is_and_changes_no_table(url, subject, detail):
    before = schema(url)
    journal, history = open_journal(url), open_history(url)
    journal.alert("TEST", subject, detail)
    found = [alert for alert in history.alerts(limit=1000) if alert.subject == subject]
    assert len(found) == 1
    journal.close_alert(found[0].number, "ann", "seen")
    assert schema(url) == before
    assert history.run(subject) is None
