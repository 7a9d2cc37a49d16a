"""`omote calibrate flame-map`: from the file that a user brings to what the expression adapter is told."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import FlameParams
from omote.engine.face.retarget import from_weights
from omote.engine.photoreal.flame_map import FlameMap, FlameMapError, the_map
from omote.engine.photoreal.vector import STAND_IN_NEUTRAL, vector_of
from omote.studio.cli.main import main

from ..calibration.flame_like import flame_like
from ..calibration.flame_pickles import as_published, pickled


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flame") / "generated.pkl"
    path.write_bytes(pickled(as_published(flame_like().arrays)))
    return path


@pytest.fixture(autouse=True)
def nothing_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))


def test_a_file_becomes_the_users_map_by_which_a_face_reaches_the_adapter(
    generated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FlameMapError, match="omote calibrate flame-map"):
        the_map()
    assert main(["calibrate", "flame-map", "--flame", str(generated)]) == 0
    printed = capsys.readouterr().out
    assert "the open head lies on FLAME's to 0." in printed and "the jaw opens by " in printed
    assert len([line for line in printed.splitlines() if line.startswith(arkit.NAMES)]) == arkit.COUNT
    assert "by eye or lid" in printed and "FLAME has no tongue" in printed and "keep it to yourself" in printed
    found = the_map()
    rest = vector_of(found.flame(FlameParams.neutral()), STAND_IN_NEUTRAL)
    np.testing.assert_array_equal(rest, STAND_IN_NEUTRAL)
    weights = arkit.weights({"jawOpen": 0.5, "eyeBlinkRight": 0.5, "mouthSmileLeft": 1.0})
    told = vector_of(found.flame(from_weights(weights)), STAND_IN_NEUTRAL) - STAND_IN_NEUTRAL
    assert told[51] == pytest.approx(0.5) and told[52] == pytest.approx(found.jaw_rad[0] / 2.0, abs=1e-4)
    assert np.linalg.norm(told[:50]) > 1.0


def test_the_map_goes_where_it_is_wanted(generated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "elsewhere" / "mine.safetensors"
    typed = ["calibrate", "flame-map", "--flame", str(generated), "--out", str(place)]
    assert main(typed) == 0
    assert f"kept in {place}" in capsys.readouterr().out
    assert FlameMap.of_file(place).explained[arkit.INDEX["mouthPucker"]] > 0.95


class Runs:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch canary",)


def test_a_file_that_would_run_code_runs_none_and_leaves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "own"  # in the user's folders and in the log whatever still ends of an earlier test may write
    folder.mkdir()
    monkeypatch.chdir(folder)
    path = folder / "generic_model.pkl"
    path.write_bytes(pickle.dumps({"v_template": Runs()}, 2))
    assert main(["calibrate", "flame-map", "--flame", str(path), "--out", str(folder / "map")]) == 2
    said = capsys.readouterr().err
    (line,) = (one for one in said.splitlines() if one.startswith("omote calibrate: "))
    assert "do not trust it" in line and "Traceback" not in said
    assert [one.name for one in folder.iterdir()] == ["generic_model.pkl"]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["flame-map"], "--flame"),
        (["flame-mop", "--flame", "x"], "flame-mop"),
    ],
)
def test_what_was_typed_wrongly_is_told(typed: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["calibrate", *typed])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
