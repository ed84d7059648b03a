"""Code named by a plan is loaded only from places that nobody else can write."""

import os
import sys

import pytest

from openbell import strategies
from openbell.errors import PlanError
from openbell.plugins import find
from openbell.strategies.base import Strategy
from openbell.strategies.buy_and_hold import BuyAndHold

CODE = """
import pathlib
pathlib.Path(__file__).with_name("loaded").touch()
from openbell.strategies.buy_and_hold import BuyAndHold
class Mine(BuyAndHold):
    pass
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A module of a user below ``tmp_path / "code"``; its import leaves a file behind."""
    folder = tmp_path / "code"
    folder.mkdir(mode=0o755)
    (folder / "shop_of_mine.py").write_text(CODE)
    (folder / "shop_of_mine.py").chmod(0o644)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield folder
    sys.modules.pop("shop_of_mine", None)


def load():
    return find(strategies, Strategy, "shop_of_mine.Mine", "strategy")


def loaded(folder):
    return (folder / "loaded").exists()


def test_X12_a_module_that_only_its_owner_writes_is_loaded(package):
    assert issubclass(load(), BuyAndHold)
    assert loaded(package)


@pytest.mark.parametrize("wide", ["file", "folder"])
def test_X12_a_module_that_everybody_can_write_is_refused_before_it_runs(package, wide):
    (package if wide == "folder" else package / "shop_of_mine.py").chmod(0o777)
    with pytest.raises(PlanError, match="everybody can write") as caught:
        load()
    assert str(package) in str(caught.value)
    assert not loaded(package)


def test_X12_a_link_to_a_folder_that_everybody_can_write_is_refused(package, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    (package / "shop_of_mine.py").rename(shared / "shop_of_mine.py")
    (package / "shop_of_mine.py").symlink_to(shared / "shop_of_mine.py")
    with pytest.raises(PlanError, match="everybody can write"):
        load()
    assert not loaded(shared)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("given", ["file", "folder"])
def test_X12_a_module_of_somebody_else_is_refused(package, given):
    os.chown(package if given == "folder" else package / "shop_of_mine.py", 4711, -1)
    with pytest.raises(PlanError, match="belongs to user 4711"):
        load()
    assert not loaded(package)


def test_X12_a_module_in_a_package_is_judged_with_the_packages_above_it(package):
    inner = package / "my_house"
    inner.mkdir()
    (inner / "__init__.py").write_text("import pathlib; pathlib.Path(__file__).with_name('loaded').touch()")
    (inner / "ideas.py").write_text(CODE)
    inner.chmod(0o777)
    with pytest.raises(PlanError, match="everybody can write"):
        find(strategies, Strategy, "my_house.ideas.Mine", "strategy")
    assert not loaded(inner)
    sys.modules.pop("my_house", None)
