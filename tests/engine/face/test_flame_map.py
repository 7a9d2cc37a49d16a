"""The open head's face in FLAME's numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from omote.bridge import arkit
from omote.engine.arc2face.vectors import STAND_IN_NEUTRAL, vector_of
from omote.engine.data import FlameParams
from omote.engine.face.flame_map import FlameMap, FlameMapError, own_map_path, the_map
from omote.engine.face.retarget import from_weights
from omote.engine.rotation import rotation


def a_map() -> FlameMap:
    rng = np.random.default_rng(0)
    return FlameMap(
        expression=rng.normal(size=(52, 50)).astype(np.float32),
        jaw_rad=np.array([0.3, 0.15, -0.15], np.float32),
        explained=np.full(52, 0.75, np.float32),
        apart_mm=np.array([0.5, 2.0], np.float32),
        flame_sha256="0" * 64,
    )


def test_a_face_at_rest_is_at_rest_in_flames_numbers_too() -> None:
    assert not a_map().flame(FlameParams.neutral()).vector().any()


def test_expressions_are_linear_in_the_weights() -> None:
    weights = arkit.weights({"mouthSmileLeft": 0.5, "browInnerUp": 0.75, "cheekPuff": 0.25})
    found = a_map().flame(from_weights(weights))
    assert found.basis == "flame2020"
    # The way through the open basis and back is exact but for float32 of coefficients up to some tens.
    np.testing.assert_allclose(found.expression, weights @ a_map().expression, atol=2e-4)
    assert not found.jaw_pose.any()


@pytest.mark.parametrize(
    ("weights", "jaw"),
    [
        ({"jawOpen": 1.0}, (0.3, 0.0, 0.0)),
        ({"jawOpen": 0.5}, (0.15, 0.0, 0.0)),
        ({"jawLeft": 1.0}, (0.0, 0.15, 0.0)),
        ({"jawRight": 0.5}, (0.0, -0.075, 0.0)),
    ],
)
def test_a_jaw_that_turns_about_one_axis_turns_as_far_as_its_weight(
    weights: dict[str, float], jaw: tuple[float, float, float]
) -> None:
    np.testing.assert_allclose(a_map().flame(from_weights(arkit.weights(weights))).jaw_pose, jaw, atol=1e-6)


def test_an_open_jaw_goes_aside_as_one_turn_after_the_other() -> None:
    found = a_map().flame(from_weights(arkit.weights({"jawOpen": 1.0, "jawLeft": 1.0})))
    composed = rotation(np.array([0.0, 0.15, 0.0])) @ rotation(np.array([0.3, 0.0, 0.0]))
    np.testing.assert_allclose(rotation(found.jaw_pose), composed, atol=1e-6)


def test_head_eyes_lids_and_place_are_carried_over() -> None:
    row = np.zeros(67, np.float32)
    row[53:] = np.random.default_rng(1).uniform(-0.2, 0.2, 14)
    row[62:64] = np.abs(row[62:64])
    found = a_map().flame(FlameParams.from_vector(row))
    np.testing.assert_array_equal(found.vector()[53:], row[53:])


def test_parameters_that_are_flames_already_are_refused() -> None:
    with pytest.raises(ValueError, match='reads the basis "open", these parameters are in "flame2020"'):
        a_map().flame(replace(FlameParams.neutral(), basis="flame2020"))


def test_a_map_says_what_the_adapter_is_told() -> None:
    params = from_weights(arkit.weights({"jawOpen": 0.5, "eyeBlinkLeft": 0.5}))
    vector = vector_of(params, STAND_IN_NEUTRAL, a_map().flame)
    assert vector[50] == pytest.approx(0.55) and vector[52] == pytest.approx(0.16)


def test_a_map_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "flame_map.safetensors"
    a_map().save(path)
    found = FlameMap.of_file(path)
    for name in ("expression", "jaw_rad", "explained", "apart_mm"):
        np.testing.assert_array_equal(getattr(found, name), getattr(a_map(), name))
    assert (found.flame_sha256, found.basis) == ("0" * 64, "flame2020")


def test_without_a_map_the_error_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(FlameMapError, match="omote calibrate flame-map --flame FILE"):
        the_map()
    a_map().save(own_map_path())
    assert tmp_path in own_map_path().parents and the_map().flame_sha256 == "0" * 64


def test_a_map_may_lie_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(FlameMapError, match=r"there is none at .*elsewhere"):
        the_map(tmp_path / "elsewhere")
    a_map().save(tmp_path / "elsewhere")
    assert the_map(tmp_path / "elsewhere").jaw_rad[0] == np.float32(0.3)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("expression", np.zeros((52, 49), np.float32), r'"expression" must be float32 \[52, 50\]'),
        ("expression", np.zeros((52, 50)), r"got float64"),
        ("expression", np.full((52, 50), np.nan, np.float32), '"expression" holds numbers that are not finite'),
        ("expression", np.full((52, 50), 1e6, np.float32), "beyond any face's"),
        ("jaw_rad", np.array([-0.3, 0.1, -0.1], np.float32), "beyond any face's"),
        ("explained", None, 'has no "explained"'),
    ],
)
def test_a_damaged_map_is_refused(tmp_path: Path, name: str, value: np.ndarray | None, says: str) -> None:
    path = tmp_path / "flame_map.safetensors"
    a_map().save(path)
    arrays = load_file(path)
    arrays.pop(name)
    words = '{"format": "omote flame map 1", "basis": "flame2020", "flame_sha256": "' + "0" * 64 + '"}'
    save_file(arrays if value is None else {**arrays, name: value}, path, {"omote": words})
    with pytest.raises(FlameMapError, match=says):
        FlameMap.of_file(path)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ('{"format": "omote flame map 2"}', 'in the format "omote flame map 2", this Omote reads'),
        ('{"format": "omote flame map 1", "basis": "flame2023"}', 'of the basis "flame2023", "flame2020" was wanted'),
        ('{"format": "omote flame map 1", "basis": "flame2020"}', "no sha256"),
    ],
)
def test_a_map_of_something_else_is_refused(tmp_path: Path, words: str, says: str) -> None:
    path = tmp_path / "flame_map.safetensors"
    a_map().save(path)
    save_file(load_file(path), path, {"omote": words})
    with pytest.raises(FlameMapError, match=says):
        FlameMap.of_file(path)


def test_a_place_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(FlameMapError, match="file"):
        a_map().save(tmp_path / "file" / "map")


def test_a_file_that_is_no_map_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flame_map.safetensors"
    path.write_bytes(b"none")
    with pytest.raises(FlameMapError, match="is no FLAME map"):
        FlameMap.of_file(path)
