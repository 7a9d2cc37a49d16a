"""A user without a home folder, as in a container: commands work, or say what cannot be written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from omote.calibration.actor_file import find_actor
from omote.engine import storage
from omote.engine.storage import cache_folder, config_folder, data_folder, prepare_folder, user_path
from omote.studio.app.apps import AppRegistry
from omote.studio.app.settings import Settings, load_settings
from omote.studio.cli.doctor import find_obs
from omote.studio.cli.main import main

pwd = pytest.importorskip("pwd", reason="Windows has no such table of users")


@pytest.fixture(autouse=True)
def no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "OMOTE_CHARACTERS", "OMOTE_KEYS"):
        monkeypatch.delenv(name, raising=False)

    def no_entry(uid: int) -> NoReturn:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", no_entry)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("characters",), 0, "hana (default)"),
        (("keys", "list"), 0, "no machine is admitted"),
        (("keys", "new", "pc"), 2, "cannot be written"),
        (("character", "new", "mix", "--blend", "hana", "noah", "0.4"), 2, "choose another place"),
        (("take", "info", "~/evening.csv"), 2, "evening.csv"),
    ],
)
def test_a_command_works_or_says_what_it_cannot_write(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, says: str
) -> None:
    assert main(words) == code
    printed = capsys.readouterr()
    assert says in printed.out + printed.err


def test_the_cure_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    storage._warn_of_no_home.cache_clear()
    assert config_folder() == data_folder() == cache_folder()
    assert load_settings(config_folder()) == Settings()
    assert find_actor("default", "demo") is None
    assert AppRegistry(config_folder(), lambda: None).as_json()["allowed"] == []
    assert [record.getMessage() for record in caplog.records] == [
        "this user has no home folder, so nothing is kept: set HOME to a folder of yours"
    ]


def test_the_doctor_looks_for_obs_without_a_home() -> None:
    assert find_obs("linux", {"PATH": ""}) is None


def test_a_path_of_an_unknown_user_stays_as_it_is() -> None:
    assert user_path("~nobody-of-this-name/take.csv") == Path("~nobody-of-this-name/take.csv")
    assert data_folder() == Path(os.devnull) / "omote"


def test_no_trial_file_is_left_on_a_disk_that_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(self: Path, missing_ok: bool = False) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "unlink", never)
    prepare_folder(tmp_path / "out", (), ValueError, overwrite=False)
    assert list((tmp_path / "out").iterdir()) == []
