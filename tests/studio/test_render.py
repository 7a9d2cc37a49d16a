"""`omote render`: who performs is who was named, and nobody whom this machine happens to remember."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.calibration.actor_file import Provenance, actor_path, save_actor
from omote.engine.capture.take import Take, write_take
from omote.engine.data import Actor
from omote.studio.cli.main import main

ROW = arkit.weights({"mouthSmileLeft": 0.2, "mouthSmileRight": 0.2, "jawOpen": 0.3})
JAW = "jaw_pose_x"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMOTE_ACTORS", str(tmp_path / "actors"))
    for variable in ("XDG_CONFIG_HOME", "APPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))


@pytest.fixture
def take(tmp_path: Path) -> Path:
    """One picture of a mouth that is a little open."""
    still = np.zeros((1, 3), np.float32)
    path = tmp_path / "t.csv"
    write_take(
        path, Take(30.0, np.zeros(1), ROW[None], still, still, np.zeros((1, 2, 2), np.float32), np.ones(1, np.float32))
    )
    return path


def keep(name: str) -> None:
    """Remembers somebody whose mouth is at rest like that."""
    save_actor(Actor(name, neutral=ROW), actor_path(name, "t.csv"), Provenance("2026-11-22T20:00:00+00:00", "t.csv"))


def jaw(take: Path, *typed: str) -> float:
    """How far the jaw of the picture is open, in radians, as the table says."""
    folder = take.with_suffix("")
    assert main(["render", "--take", str(take), "--out", str(folder), "--overwrite", "--size", "128", *typed]) == 0
    names, values = (line.split(",") for line in (folder / "params.csv").read_text("utf-8").splitlines())
    return float(values[names.index(JAW)])


def test_who_is_named_performs_as_calibrated(take: Path) -> None:
    keep("ana")
    assert jaw(take) > 0.05
    assert jaw(take, "--actor", "ana") == pytest.approx(0.0, abs=1e-6)


def test_the_settings_file_may_name_them(take: Path, tmp_path: Path) -> None:
    keep("ana")
    (tmp_path / "c.toml").write_text('actor = "ana"\n', encoding="utf-8")
    assert jaw(take, "--config", str(tmp_path / "c.toml")) == pytest.approx(0.0, abs=1e-6)


def test_whoever_is_remembered_changes_nothing_unless_they_are_named(take: Path) -> None:
    before = jaw(take)
    keep("default")
    assert jaw(take) == before
    assert jaw(take, "--actor", "default") == pytest.approx(0.0, abs=1e-6)


def test_who_was_never_calibrated_is_drawn_as_the_tracker_says_and_that_is_told(
    take: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = jaw(take)
    with caplog.at_level(logging.WARNING):
        assert jaw(take, "--actor", "bo") == before
    assert f"run omote calibrate --source {take} --actor bo" in caplog.text


def test_a_damaged_calibration_is_told_before_anything_is_drawn(
    take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep("ana")
    actor_path("ana", "t.csv").write_text("{", encoding="utf-8")
    assert main(["render", "--take", str(take), "--out", str(tmp_path / "o"), "--actor", "ana"]) == 2
    assert "is no actor file" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
