"""X05: the files feed reads nothing outside its root."""

import os

import pytest

from openbell.errors import DataError, InputError
from openbell.feeds.files import FilesFeed, confined
from openbell.values.bars import Timeframe
from tests.feeds.frames import AS_OF, SYMBOLS, XNYS

DAY = Timeframe("1d")
CANARY = "timestamp,symbol,open,high,low,close,volume\n2024-07-05,AAA,1,1,1,1,1\n"


@pytest.fixture
def root(tmp_path):
    (tmp_path / "canary.csv").write_text(CANARY)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "inside.csv").write_text(CANARY)
    return tmp_path / "data"


def read(root, path, symbols=("AAA",)):
    return FilesFeed(root, path, DAY, XNYS).bars(symbols, DAY, 1, AS_OF)


def test_X05_the_file_inside_is_read(root):
    assert read(root, "inside.csv").bars.symbols == ("AAA",)


@pytest.mark.parametrize(
    "path",
    [
        "../canary.csv",
        "a/../../canary.csv",
        "./../canary.csv",
        "..\\canary.csv",
        "C:\\canary.csv",
        "C:canary.csv",
        "/etc/passwd",
        "/dev/zero",
        "//host/share/x.csv",
        "inside.csv\0",
        "inside.csv/../../canary.csv",
        "",
        ".",
    ],
)
def test_X05_paths_that_lead_out_are_refused_when_the_feed_is_made(root, path):
    with pytest.raises(InputError, match="is not a relative path inside the data folder"):
        FilesFeed(root, path, DAY, XNYS)


def test_X05_an_absolute_path_is_refused_even_into_the_root(root):
    with pytest.raises(InputError, match="not a relative path"):
        FilesFeed(root, str(root / "inside.csv"), DAY, XNYS)


@pytest.mark.parametrize("path", ["passwd", "inside", "inside.db", "inside.csv.sh", "id_rsa"])
def test_X05_only_tables_are_read(root, path):
    with pytest.raises(InputError, match=r"does not end in .csv or .parquet"):
        FilesFeed(root, path, DAY, XNYS)


def test_X05_links_that_lead_out_are_refused(root):
    (root / "link.csv").symlink_to("../canary.csv")
    (root / "folder").symlink_to("..")
    for path in ("link.csv", "folder/canary.csv"):
        with pytest.raises(DataError, match="leads out of"):
            read(root, path)


def test_X05_a_link_of_one_symbol_that_leads_out_is_an_error_and_not_a_missing_symbol(root):
    (root / "AAA.csv").symlink_to("../canary.csv")
    with pytest.raises(DataError, match="leads out of"):
        read(root, "{symbol}.csv")


def test_X05_a_link_inside_the_root_is_followed(root):
    (root / "link.csv").symlink_to("inside.csv")
    assert read(root, "link.csv").bars.symbols == ("AAA",)


def test_X05_a_root_that_is_a_link_itself_is_no_way_out(root, tmp_path):
    (tmp_path / "alias").symlink_to(root)
    assert read(tmp_path / "alias", "inside.csv").bars.symbols == ("AAA",)


def test_X05_devices_pipes_folders_and_loops_are_refused(root):
    os.mkfifo(root / "pipe.csv")
    (root / "device.csv").symlink_to("/dev/zero")
    (root / "folder.csv").mkdir()
    (root / "loop.csv").symlink_to("loop.csv")
    for path in ("pipe.csv", "device.csv", "folder.csv", "loop.csv"):
        with pytest.raises(DataError, match=path):
            read(root, path)


@pytest.mark.parametrize("symbol", ["../canary", "..", "/etc/passwd", "aaa", "A" * 99, "A;B", "A\0", "", "A B", "A'--"])
def test_X05_symbols_that_are_none_are_refused_before_they_become_file_names(root, symbol):
    with pytest.raises(InputError, match="symbol"):
        read(root, "{symbol}.csv", (symbol,))


@pytest.mark.parametrize("symbol", ["../canary", "/etc/passwd", "../../canary", "A/../../canary"])
def test_X05_quotes_make_no_file_name_of_such_symbols_either(root, symbol):
    assert FilesFeed(root, "{symbol}.csv", DAY, XNYS).quotes((symbol,), AS_OF) == {}


def test_X05_a_pair_has_no_file_of_its_own(root):
    (root / "BTC").mkdir()
    (root / "BTC" / "USD.csv").write_text(CANARY)
    checked = read(root, "{symbol}.csv", ("BTC/USD",))
    assert [dropped.symbol for dropped in checked.dropped] == ["BTC/USD"]


@pytest.mark.parametrize("path", ["x" * 300 + ".csv", "inside.csv/deeper.csv"])
def test_a_path_that_the_system_refuses_is_named(root, path):
    with pytest.raises(DataError, match=path[:20]):
        read(root, path)


def test_a_file_that_is_not_there_is_named(root):
    with pytest.raises(DataError, match=r"path 'other.csv' is not there in"):
        read(root, "other.csv", SYMBOLS)


def test_confined_gives_the_real_path(root):
    assert confined(root.resolve(), "./inside.csv") == (root / "inside.csv").resolve()
