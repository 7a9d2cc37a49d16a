"""The 55 numbers of the adapter: of faces in both bases, of files, and of a face at rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from omote.engine.arc2face.vectors import STAND_IN_NEUTRAL, read_neutral, vector_of
from omote.engine.data import FLAME_BASIS, FlameParams
from omote.engine.face.flame_vectors import VECTOR_SIZE, VectorError, params_of, read_vectors

Wide = NDArray[np.float64]
NEUTRAL = np.linspace(0.01, 0.06, VECTOR_SIZE).astype(np.float32)


def to_flame(params: FlameParams) -> FlameParams:
    """The same numbers, said to be in FLAME's basis."""
    return replace(params, basis=FLAME_BASIS)


def face(jaw: tuple[float, float, float] = (0.0, 0.0, 0.0), lids: tuple[float, float] = (0.0, 0.0)) -> FlameParams:
    still = FlameParams.neutral()
    return replace(still, jaw_pose=np.array(jaw, np.float32), eyelids=np.array(lids, np.float32))


def test_a_face_at_rest_is_the_neutral_whatever_head_and_eyes_do() -> None:
    turned = replace(face(), neck_pose=np.full(3, 0.5, np.float32), eye_pose=np.full((2, 3), 0.5, np.float32))
    np.testing.assert_array_equal(vector_of(turned, NEUTRAL, to_flame), NEUTRAL)


def test_expression_lids_and_jaw_stand_in_this_order_on_top_of_the_neutral() -> None:
    params = FlameParams.from_vector(np.r_[np.arange(50), face((0.3, 0.05, -0.05), (0.25, 0.5)).vector()[50:]])
    change = vector_of(params, NEUTRAL, to_flame) - NEUTRAL
    np.testing.assert_allclose(change[:50], np.arange(50), atol=1e-5)  # float32 around 50
    np.testing.assert_allclose(change[50:], [0.25, 0.5, 0.3, 0.05, -0.05], atol=1e-6)


def test_coefficients_of_flame_2020_are_taken_as_they_are() -> None:
    vector = np.random.default_rng(0).uniform(0.0, 0.2, VECTOR_SIZE).astype(np.float32)
    np.testing.assert_array_equal(vector_of(params_of(vector), NEUTRAL), vector)


@pytest.mark.parametrize(
    ("jaw", "lids", "ends"),
    [
        ((-1.0, 0.0, 0.0), (0.0, 0.0), (NEUTRAL[50], NEUTRAL[51], 0.0, NEUTRAL[53], NEUTRAL[54])),
        ((0.0, 1.0, -1.0), (0.0, 0.0), (NEUTRAL[50], NEUTRAL[51], NEUTRAL[52], 0.2, -0.2)),
        ((0.0, 0.0, 0.0), (2.0, -2.0), (1.0, 0.0, NEUTRAL[52], NEUTRAL[53], NEUTRAL[54])),
    ],
)
def test_lids_and_jaw_stay_within_the_adapters_bounds(
    jaw: tuple[float, float, float], lids: tuple[float, float], ends: tuple[float, ...]
) -> None:
    found = vector_of(face(jaw, lids), NEUTRAL, to_flame)[50:]
    np.testing.assert_allclose(found, np.array(ends, np.float32), atol=1e-7)


def test_all_zeros_which_mean_unspecified_never_come_out() -> None:
    assert vector_of(params_of(np.zeros(VECTOR_SIZE, np.float32)), NEUTRAL).any()
    assert vector_of(face(), np.zeros(VECTOR_SIZE, np.float32), to_flame).any()
    assert 0.0 < np.abs(STAND_IN_NEUTRAL).max() <= 0.05


@pytest.mark.parametrize("basis", ["open", "mine"])
def test_a_basis_without_a_map_is_refused_by_name(basis: str) -> None:
    with pytest.raises(ValueError, match=f'"flame2020" and "open", not "{basis}"'):
        vector_of(replace(face(), basis=basis), NEUTRAL)


def rows() -> Wide:
    """[4,55] a face at rest, seen four times."""
    found = np.random.default_rng(0).normal(0.0, 0.3, (4, 55))
    found[:, 50:52], found[:, 52] = np.abs(found[:, 50:52]), np.abs(found[:, 52]) / 3.0
    found[:, 53:] = np.clip(found[:, 53:], -0.1, 0.1)
    return found


def written(folder: Path, found: Wide, suffix: str) -> Path:
    path = folder / f"neutral{suffix}"
    if suffix == ".csv":
        names = ",".join(f"p{column}" for column in range(found.shape[1]))
        path.write_text("\n".join([names, *(",".join(map(repr, row.tolist())) for row in found)]), encoding="utf-8")
    elif suffix == ".npy":
        np.save(path, found, allow_pickle=False)
    else:
        save_file({"neutral": found}, path)
    return path


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".safetensors"])
def test_the_rows_of_each_kind_of_file_are_read_and_averaged(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path, rows(), suffix)
    np.testing.assert_allclose(read_vectors(path), rows(), atol=1e-6)  # float32
    np.testing.assert_allclose(read_neutral(path), rows().mean(0), atol=1e-6)


def test_a_csv_may_leave_the_names_out(tmp_path: Path) -> None:
    path = tmp_path / "neutral.CSV"
    path.write_text(",".join(["0.25"] * 52 + ["0.1"] * 3) + "\n\n", encoding="utf-8")
    assert read_neutral(path)[0] == 0.25


def changed(column: int, value: float) -> Wide:
    found = rows()
    found[:, column] = value
    return found


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (np.zeros((3, 55)), 'all zeros, which mean "unspecified"'),
        (np.zeros((3, 54)), r"rows of 55 numbers, got \[3, 54\]"),
        (np.zeros((0, 55)), r"rows of 55 numbers, got \[0, 55\]"),
        (changed(7, np.nan), "not finite in row 0"),
        (changed(50, 1.2), "eyelids at rest must be from 0 to 1, got 1.2"),
        (changed(52, 0.8), "the jaw's opening at rest must be from 0 to 0.5, got 0.8"),
        (changed(54, 0.3), "the jaw's sideways turn at rest must be from -0.2 to 0.2, got 0.3"),
        (changed(0, 90.0), "expression at rest must be from -20 to 20, got 90"),
    ],
)
def test_what_is_no_face_at_rest_is_refused(tmp_path: Path, found: Wide, message: str) -> None:
    with pytest.raises(VectorError, match=message):
        read_neutral(written(tmp_path, found, ".npy"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("neutral.txt", b"", "must end in .csv, .npy, .safetensors"),
        ("neutral.csv", b"", "no row of numbers"),
        ("neutral.csv", b"0.1,0.2\n0.3", "cannot be read"),
        ("neutral.csv", b"\xff\xfe", "cannot be read"),
        ("neutral.npy", b"none", "cannot be read"),
        ("neutral.safetensors", b"none", "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(VectorError, match=message):
        read_vectors(tmp_path / name)


def test_an_array_of_objects_is_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "neutral.npy", np.array([print], object), allow_pickle=True)
    with pytest.raises(VectorError, match="cannot be read"):
        read_vectors(tmp_path / "neutral.npy")


def test_a_header_that_claims_more_than_there_is_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "neutral.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (1 << 50, 55)})
    with pytest.raises(VectorError, match="cannot be read"):
        read_vectors(path)
