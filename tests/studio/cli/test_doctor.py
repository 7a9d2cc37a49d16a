"""`omote doctor`: what is damaged, taken or missing is found, and each such line ends with the cure."""

from __future__ import annotations

import shutil
import socket
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from omote.calibration.actor_file import Provenance, actor_path, save_actor
from omote.engine import models
from omote.engine.data import Actor
from omote.engine.model.character_file import SHIPPED_FOLDER
from omote.engine.tensor_file import CharacterError
from omote.studio.app.config import Config
from omote.studio.cli.doctor import (
    Check,
    check_cameras,
    check_files,
    check_gpu_runtime,
    check_outputs,
    check_sources,
    find_obs,
    run,
)
from omote.studio.cli.doctor import check_weights as look_at_weights


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything that a person keeps stands in an empty folder."""
    for variable, name in (
        ("OMOTE_ACTORS", "actors"),
        ("OMOTE_SETTINGS", "settings"),
        ("OMOTE_KEYS", "keys"),
        ("XDG_DATA_HOME", "data"),
        ("LOCALAPPDATA", "data"),
        ("HOME", "home"),
    ):
        monkeypatch.setenv(variable, str(tmp_path / name))
    return tmp_path


def named(name: str, checks: Iterable[Check]) -> Check:
    found = [check for check in checks if check.name == name]
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("character", "message"),
    [(None, "none was named: add --character NAME"), ("hana", "hana is an ordinary one: make")],
)
def test_only_a_photoreal_character_is_compared(character: str | None, message: str, home: Path) -> None:
    with pytest.raises(CharacterError, match=message):
        run(Config(), character, home / "sheet")


def test_every_failed_line_ends_with_a_cure(home: Path) -> None:
    (home / "settings").mkdir()
    (home / "settings" / "page.json").write_text("{")
    looked_at = [
        *check_sources(Config()),
        *check_outputs(Config(curve=True)),
        *check_files(Config(record=home / "a.csv")),
    ]
    failed = [check for check in looked_at if not check.is_ok]
    assert {"page's settings", "keys"} <= {check.name for check in failed}
    for check in failed:
        assert check.cure or ":" in check.found, check.line()


def test_shipped_files_are_held_against_their_hashes() -> None:
    assert all(check.is_ok for check in look_at_weights())


def test_a_damaged_network_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = models.shipped_networks()
    damaged = tmp_path / shipped.denoiser.path.name
    files = replace(shipped, denoiser=replace(shipped.denoiser, path=damaged))
    monkeypatch.setattr("omote.studio.cli.doctor.shipped_networks", lambda: files)
    assert "is missing: install Omote again" in next(look_at_weights()).found
    damaged.write_bytes(b"damaged")
    check = next(look_at_weights())
    assert (check.name, check.is_ok, check.is_needed) == ("weights", False, True)
    assert "is damaged" in check.line()


def test_a_port_that_another_omote_has_is_called_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        line = named(f"port {port}", check_outputs(Config(page_port=port))).line()
    assert line.startswith("taken")
    assert line.endswith("maybe another Omote, or choose a port with --page-port")


def test_a_port_that_a_phone_sends_to_and_another_program_has_is_found() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", 0))
        port = other.getsockname()[1]
        check = named(f"UDP port {port}", check_sources(Config(source=f"livelink:{port}")))
    assert not check.is_ok
    assert "choose another port" in check.line()
    assert named(f"UDP port {port}", check_sources(Config(source=f"livelink:{port}"))).is_ok


def test_an_invalid_source_is_found() -> None:
    check = named("source", check_sources(Config(source="livelink:70000")))
    assert not check.is_ok
    assert "70000" in check.found


def test_keys_are_looked_at_where_the_wire_is_encrypted() -> None:
    assert not [check for check in check_outputs(Config()) if check.name == "keys"]
    check = named("keys", check_outputs(Config(curve=True)))
    assert (check.is_ok, check.is_needed) == (False, True)
    assert "omote keys new" in check.line()


@pytest.mark.parametrize(
    ("platform", "place"),
    [
        ("win32", "obs-studio/bin/64bit/obs64.exe"),
        ("darwin", "Applications/OBS.app"),
        ("linux", ".local/share/flatpak/app/com.obsproject.Studio"),
        ("linux", "bin/obs"),
    ],
)
def test_obs_is_found_where_each_system_keeps_it(tmp_path: Path, platform: str, place: str) -> None:
    environment = {"ProgramFiles": str(tmp_path), "PATH": str(tmp_path / "bin")}
    path = tmp_path / place
    assert find_obs(platform, environment, tmp_path) != path
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    assert find_obs(platform, environment, tmp_path) == path


def test_a_damaged_calibration_is_found_and_the_others_are_listed(home: Path) -> None:
    assert named("actors", check_files(Config())).found == "no calibration yet: omote calibrate"
    save_actor(Actor("me"), actor_path("me", "webcam 0"), Provenance("2026-01-01T00:00:00+00:00", "webcam 0"))
    damaged = actor_path("you", "webcam 0")
    damaged.write_bytes(b"\0")
    check = named("actor", check_files(Config()))
    assert not check.is_ok
    assert "run omote calibrate again, or remove it" in check.line()
    assert "me@" in named("actors", check_files(Config())).found
    assert damaged.read_bytes() == b"\0"


def test_a_damaged_character_that_was_made_here_is_found_and_the_others_are_listed(home: Path) -> None:
    own = home / "data" / "omote" / "characters"
    own.mkdir(parents=True)
    shutil.copy(SHIPPED_FOLDER / "hana.omote", own / "me.omote")
    (own / "you.omote").write_bytes(b"\0" * 500)
    check = named("character", check_files(Config()))
    assert check.line().startswith("damaged")
    assert "you.omote" in check.found
    assert "make the character again" in check.line()
    assert named("own characters", check_files(Config())).found == "me"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only opening a camera would tell")
def test_a_camera_that_this_user_may_not_open_is_no_camera(tmp_path: Path) -> None:
    assert check_cameras(tmp_path).found == "none"
    (tmp_path / "video0").touch()
    assert check_cameras(tmp_path).is_ok
    check = check_cameras(tmp_path, lambda path: False)
    assert not check.is_ok
    assert "usermod -aG video" in check.line()


def test_damaged_settings_of_the_page_are_found_and_left_alone(home: Path) -> None:
    path = home / "settings" / "page.json"
    path.parent.mkdir()
    path.write_text("[]")
    assert not named("page's settings", check_files(Config())).is_ok
    assert path.read_text() == "[]"
    path.write_text("{}")
    assert named("page's settings", check_files(Config())).is_ok


def test_an_unusable_folder_for_takes_is_found(home: Path) -> None:
    assert "GB free" in named("takes", check_files(Config())).found
    (home / "data").write_text("a file where a folder should be")
    check = named("takes", check_files(Config()))
    assert not check.is_ok
    assert check.line().endswith("record elsewhere with --record FILE.csv")
    assert named("takes", check_files(Config(record=home / "a.csv"))).is_ok


def test_a_gpu_without_a_runtime_shows_what_to_install() -> None:
    assert not list(check_gpu_runtime(()))
    lacking = named("GPU runtime", check_gpu_runtime(("a GPU",), lambda module: False))
    assert not lacking.is_ok
    assert lacking.line().endswith("pip install 'omote[nvidia]'")
    assert named("GPU runtime", check_gpu_runtime(("a GPU",), lambda module: True)).is_ok
