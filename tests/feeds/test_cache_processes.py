"""Kept bars shared by real processes: no torn file, nothing lost, and a kill at any time harms nobody."""

import subprocess
import sys
from pathlib import Path

import pytest

import openbell
from openbell.feeds.cache.file import kept_in
from tests.feeds.cache_worker import SYMBOLS
from tests.feeds.frames import AS_OF, DAY, daily
from tests.feeds.tapes import Clock, Tape, cached, days

pytestmark = pytest.mark.xdist_group("heavy")

ROOT = Path(openbell.__file__).parent.parent


def start(folder, symbols, rounds):
    words = [sys.executable, "-m", "tests.feeds.cache_worker", str(folder), ",".join(symbols), str(rounds)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_C03_processes_share_what_is_kept_and_none_reads_half_a_file(tmp_path):
    parts = SYMBOLS[:20], SYMBOLS[10:30], SYMBOLS[25:]
    workers = [start(tmp_path, symbols, 40) for symbols in parts]
    ends = [worker.communicate(timeout=120) for worker in workers]
    assert [(worker.returncode, error) for worker, (_, error) in zip(workers, ends, strict=True)] == [(0, "")] * 3
    kept = kept_in(tmp_path, DAY.text)
    assert kept.sound
    assert set(kept.shelf.symbols) == set(SYMBOLS)
    tape = Tape(daily(150, SYMBOLS))
    last = days(-60 + 39)
    seen = cached(tape, tmp_path, Clock(AS_OF)).bars(SYMBOLS, DAY, 30, last)
    assert len(tape.asked) == 1
    assert tape.asked[0][1] < 30
    assert seen.bars.digest() == tape.bars(SYMBOLS, DAY, 30, last).bars.digest()


def test_C03_a_process_that_is_killed_leaves_a_sound_file(tmp_path):
    for round_ in range(2):
        worker = start(tmp_path, SYMBOLS, 1_000_000)
        for _ in range(3 + 2 * round_):
            assert worker.stdout.readline()
        worker.kill()
        worker.communicate()
        assert kept_in(tmp_path, DAY.text).sound
    tape = Tape(daily(150, SYMBOLS))
    assert not cached(tape, tmp_path, Clock(AS_OF)).bars(SYMBOLS, DAY, 30, days(-30)).notes
