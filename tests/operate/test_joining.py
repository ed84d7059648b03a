"""Whether a host may work: its store is its own, of this version, and the one that every other host has."""

import sqlite3
import stat
from pathlib import Path

import pytest

from deployments import worker
from openbell import store
from openbell.errors import StoreError
from openbell.store import host


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A store that this host has opened."""
    path = tmp_path / "openbell.db"
    store.ensure(f"sqlite:///{path}")
    store.open_journal(f"sqlite:///{path}")
    store.close(f"sqlite:///{path}")
    return path


def test_P06_a_store_in_a_file_notes_its_host_for_its_owner_alone(kept: Path) -> None:
    note = host.note_of(kept)
    assert note.read_text().split()[0] == host.this_host()
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    store.open_journal(f"sqlite:///{kept}")


@pytest.mark.parametrize("use", [store.open_journal, store.open_books, store.open_history, store.check, store.upgrade])
def test_P06_a_second_host_that_shares_the_file_is_refused_by_name(kept: Path, use) -> None:
    host.note_of(kept).write_text("0123456789abcdef0123456789abcdef north\n")
    with pytest.raises(
        StoreError, match=r"belongs to host north, and this is .*PostgreSQL.*delete .*openbell\.db\.host"
    ):
        use(f"sqlite:///{kept}")


def test_P08_a_backup_of_the_file_alone_can_be_restored_on_another_host(kept: Path, tmp_path: Path) -> None:
    host.note_of(kept).write_text("0123456789abcdef0123456789abcdef north\n")
    (tmp_path / "restored").mkdir()
    restored = tmp_path / "restored" / "openbell.db"
    with sqlite3.connect(kept) as source, sqlite3.connect(restored) as target:
        source.backup(target)
    store.open_journal(f"sqlite:///{restored}")
    assert host.note_of(restored).exists()


def test_P05_a_worker_does_not_start_on_a_store_of_another_version(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with sqlite3.connect(kept) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    monkeypatch.setenv("OPENBELL_HOME", str(kept.parent))
    assert worker.main([]) == 3
    assert "has schema 9999, this openbell needs" in capsys.readouterr().err


def test_a_worker_without_a_server_says_so_and_gives_up_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENBELL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    assert worker.main(["--patience", "0"]) == 1
    assert "http://127.0.0.1:1/api does not answer" in capsys.readouterr().err


def test_F02_a_worker_refuses_a_variable_that_nobody_reads(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENBELL_DATABASE_UL", "sqlite:///x")
    assert worker.main([]) == 1
    assert "OPENBELL_DATABASE_UL is not known" in capsys.readouterr().err


def test_several_workers_of_one_host_have_names_of_one_family() -> None:
    options = worker.options(["--host", "north", "--label", "2", "--limit", "4"])
    command = worker.command(options)
    assert command[command.index("--name") + 1] == "north.2"
    assert command[command.index("--limit") + 1] == "4"


def test_P06_a_worker_of_a_user_of_its_own_refuses_a_store_that_other_services_cannot_share(
    kept: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENBELL_HOME", str(kept.parent))
    assert worker.main(["--one-store"]) == 1
    assert f"the store is the file {kept}, which other services cannot share" in capsys.readouterr().err
