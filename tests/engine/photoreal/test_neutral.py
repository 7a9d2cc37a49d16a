"""A face at rest that a user measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from omote.engine.photoreal.neutral import NeutralError, read_neutral

Wide = NDArray[np.float64]


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
def test_the_rows_of_each_kind_of_file_are_averaged(tmp_path: Path, suffix: str) -> None:
    neutral = read_neutral(written(tmp_path, rows(), suffix))
    assert neutral.dtype == np.float32
    np.testing.assert_allclose(neutral, rows().mean(0), atol=1e-6)  # float32


def test_a_csv_may_leave_the_names_out(tmp_path: Path) -> None:
    path = tmp_path / "neutral.CSV"
    path.write_text(",".join(["0.25"] * 52 + ["0.1"] * 3) + "\n\n", encoding="utf-8")
    assert read_neutral(path)[0] == 0.25


def changed(column: int, value: float) -> Wide:
    found = rows()
    found[:, column] = value
    return found


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (np.zeros((3, 55)), "all zeros, by which the adapter is told nothing"),
        (np.zeros((3, 54)), r"rows of 55 numbers, got \[3, 54\]"),
        (np.zeros((0, 55)), r"rows of 55 numbers, got \[0, 55\]"),
        (changed(7, np.nan), "not finite in row 0"),
        (changed(50, 1.2), "eyelids at rest must be from 0 to 1, got 1.2"),
        (changed(51, -0.1), "eyelids at rest"),
        (changed(52, -0.1), "the jaw's opening at rest must be from 0 to 0.5, got -0.1"),
        (changed(52, 0.8), "the jaw's opening"),
        (changed(54, 0.3), "the jaw's turn aside at rest must be from -0.2 to 0.2, got 0.3"),
        (changed(0, 90.0), "expression at rest must be from -20 to 20, got 90"),
    ],
)
def test_what_is_no_face_at_rest_is_refused(tmp_path: Path, found: Wide, says: str) -> None:
    with pytest.raises(NeutralError, match=says):
        read_neutral(written(tmp_path, found, ".npy"))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("neutral.txt", b"", "must end in .csv, .npy, .safetensors"),
        ("neutral.csv", b"", "no row of numbers"),
        ("neutral.csv", b"0.1,0.2\n0.3", "cannot be read"),
        ("neutral.csv", b"0.1,x", "could not convert"),
        ("neutral.csv", b"\xff\xfe", "cannot be read"),
        ("neutral.npy", b"none", "cannot be read"),
        ("neutral.safetensors", b"none", "cannot be read"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(NeutralError, match=says):
        read_neutral(path)


def test_an_array_of_objects_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "neutral.npy"
    np.save(path, np.array([print], object), allow_pickle=True)
    with pytest.raises(NeutralError, match="cannot be read"):
        read_neutral(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NeutralError, match="cannot be read"):
        read_neutral(tmp_path / "neutral.npy")


def test_a_header_that_claims_more_than_there_is_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "neutral.npy"
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (1 << 50, 55)})
    with pytest.raises(NeutralError, match="cannot be read"):
        read_neutral(path)
