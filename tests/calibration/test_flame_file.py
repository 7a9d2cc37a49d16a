"""FLAME files are read in each format, and each invalid part is an error of its own."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save

from omote.calibration import flame_file
from omote.calibration.flame_file import read_flame
from omote.calibration.flame_pickle import FlameFileError

from .flame_pickles import as_published, pickled

Arrays = dict[str, NDArray[Any]]


def tiny(**other: NDArray[Any]) -> Arrays:
    """The arrays of a FLAME file of 12 vertices, five of which are its joints, and what is to be otherwise."""
    rng = np.random.default_rng(0)
    template = rng.normal(0.0, 0.05, (12, 3))
    template[:5] = [[0, -0.15, 0], [0, -0.1, 0], [0, -0.03, 0.01], [0.03, 0.03, 0.06], [-0.03, 0.03, 0.06]]
    found: Arrays = {
        "v_template": template,
        "shapedirs": rng.normal(size=(12, 3, 400)),
        "posedirs": rng.normal(size=(12, 3, 36)),
        "J_regressor": np.eye(5, 12),
        "kintree_table": np.array([[4294967295, 0, 1, 1, 1], [0, 1, 2, 3, 4]], np.uint32),
        "weights": np.eye(12, 5),
        "f": np.array([[0, 1, 2], [9, 10, 11]], np.uint32),
    }
    return found | other


def as_pickle(arrays: Arrays) -> bytes:
    return pickled(as_published(arrays))


def as_npz(arrays: Mapping[str, Any]) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


def as_safetensors(arrays: Arrays) -> bytes:
    content: bytes = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return content


def written(folder: Path, content: bytes) -> Path:
    path = folder / "generic_model.pkl"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", [as_pickle, as_npz, as_safetensors])
def test_each_kind_of_file_says_the_same(tmp_path: Path, kind: Any) -> None:
    arrays = tiny()
    path = written(tmp_path, kind(arrays))
    found = read_flame(path)
    np.testing.assert_array_equal(found.template, arrays["v_template"])
    np.testing.assert_array_equal(found.joints, arrays["v_template"][:5])
    np.testing.assert_array_equal(found.skin_weight, arrays["weights"])
    np.testing.assert_array_equal(found.triangle, arrays["f"])
    # The expressions follow 300 shapes; the first 50 of them are the adapter's.
    np.testing.assert_array_equal(found.expressiondirs, arrays["shapedirs"][:, :, 300:350].transpose(2, 0, 1))
    np.testing.assert_array_equal(found.posedirs, arrays["posedirs"].transpose(2, 0, 1))
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_expressions_may_stand_apart_from_shapes(tmp_path: Path) -> None:
    apart = np.random.default_rng(1).normal(size=(12, 3, 100))
    arrays = tiny(shapedirs=np.zeros((12, 3, 300)), expressiondirs=apart)
    found = read_flame(written(tmp_path, as_npz(arrays)))
    np.testing.assert_array_equal(found.expressiondirs, apart[:, :, :50].transpose(2, 0, 1))


def test_a_file_without_pose_corrections_has_none(tmp_path: Path) -> None:
    arrays = tiny()
    del arrays["posedirs"]
    assert not read_flame(written(tmp_path, as_npz(arrays))).posedirs.any()


@pytest.mark.parametrize("name", ["v_template", "shapedirs", "J_regressor", "kintree_table", "weights", "f"])
def test_an_array_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    arrays = tiny()
    del arrays[name]
    with pytest.raises(FlameFileError, match=f'has no "{name}"'):
        read_flame(written(tmp_path, as_npz(arrays)))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("v_template", np.zeros((12, 2)), r'"v_template" must be the mesh, \[V,3\] metres, got \[12, 2\]'),
        ("v_template", np.zeros((0, 3)), r"got \[0, 3\]"),
        ("v_template", np.full((12, 3), np.nan), '"v_template" holds numbers that are not finite'),
        ("shapedirs", np.zeros((12, 3, 300)), '"shapedirs" has 300 directions, at least 350 are needed'),
        ("shapedirs", np.zeros((11, 3, 400)), r'"shapedirs" must be .* got \[11, 3, 400\]'),
        ("posedirs", np.zeros((12, 3, 9)), r'"posedirs" must be .* got \[12, 3, 9\]'),
        ("J_regressor", np.zeros((5, 11)), r'"J_regressor" must be the joints of 12 vertices, \[5,12\], got \[5, 11\]'),
        ("kintree_table", np.zeros((2, 24)), r'"kintree_table" must be .* got \[2, 24\]'),
        ("kintree_table", np.array([[0, 0, 1, 2, 3], [0, 1, 2, 3, 4]]), r"joints hang on \[0, 1, 2, 3\]"),
        ("weights", np.zeros((12, 4)), r'"weights" must be .* got \[12, 4\]'),
        ("f", np.array([[0, 1, 12]]), '"f" names vertex 12 of 12'),
        ("f", np.zeros((3, 4)), r'"f" must be the triangles, \[F,3\], got \[3, 4\]'),
        ("J_regressor", np.eye(5, 12)[[0, 1, 2, 4, 3]], "joints 3 and 4 are its left and right eye"),
        ("v_template", -tiny()["v_template"], "looks along z with y up"),
        ("v_template", 100.0 * tiny()["v_template"], "its eyes are 6 apart, which is no face in metres"),
        ("v_template", np.array([["a"] * 3] * 12), '"v_template" .* cannot be read'),
    ],
)
def test_an_array_that_is_no_flames_is_refused(tmp_path: Path, name: str, value: NDArray[Any], says: str) -> None:
    with pytest.raises(FlameFileError, match=says):
        read_flame(written(tmp_path, as_npz(tiny(**{name: value}))))


def test_a_newer_flame_is_refused_because_its_expressions_are_others(tmp_path: Path) -> None:
    content = pickled(as_published(tiny()) | {"supr_expression_metadata": {"any": "thing"}})
    with pytest.raises(FlameFileError, match="marks FLAME 2023 Open, whose expressions differ from"):
        read_flame(written(tmp_path, content))
    arrays = tiny(supr_expression_metadata=np.zeros(1))
    with pytest.raises(FlameFileError, match="marks FLAME 2023 Open"):
        read_flame(written(tmp_path, as_npz(arrays)))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no pickle, .npz or .safetensors file"),
        (b"<html>not found</html>", "no pickle, .npz or .safetensors file"),
        (as_npz(tiny())[:4000], ".npz is damaged"),
        (as_npz({**tiny(), "v_template": np.array([None] * 3)}), "holds objects, which are not read"),
        (as_safetensors(tiny())[:4000], ".safetensors is damaged"),
        (as_pickle(tiny())[:4000], "its pickle is damaged"),
        (pickle.dumps([1, 2]), "it holds a list, a FLAME file is a dict"),
        (pickle.dumps({"v_template": print}), r'asks to run "builtins.print", .* do not trust it'),
        (pickle.dumps({"v_template": "text"}), '"v_template" .* cannot be read: it holds a str'),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(FlameFileError, match=says) as error:
        read_flame(written(tmp_path, content))
    assert str(tmp_path) in str(error.value)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, as_npz(tiny()))
    monkeypatch.setattr(flame_file, "MAX_BYTES", 4000)
    with pytest.raises(FlameFileError, match="a FLAME file has about 50 million"):
        read_flame(path)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO()
    np.savez_compressed(content, v_template=np.zeros((100_000, 3)))
    path = written(tmp_path, content.getvalue())
    monkeypatch.setattr(flame_file, "MAX_BYTES", 1_000_000)
    with pytest.raises(FlameFileError, match="it unpacks to 2400128 bytes"):
        read_flame(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FlameFileError, match=r"cannot be read \(No such file"):
        read_flame(tmp_path / "none.pkl")
