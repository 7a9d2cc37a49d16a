"""Reads the FLAME file that a user brings: its mesh, joints and expression basis, without running code in it."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from omote.engine.data import EXPRESSION_SIZE

from .flame_pickle import FlameFileError, load_pickle, plain_value

__all__ = ["FlameFile", "FlameFileError", "read_flame"]

Wide = NDArray[np.float64]
Arrays = Mapping[str, object]

FLAME_NECK, FLAME_JAW, FLAME_EYE_LEFT, FLAME_EYE_RIGHT = range(1, 5)  # joints; the root is 0
MAX_BYTES = 1 << 30  # FLAME's own files have about 50 MB
SHAPES = 300  # the first directions of `shapedirs` are shapes; the expressions follow them
_PARENTS = (0, 1, 1, 1)  # of all joints but the root
_FLAME_2023_KEY = "supr_expression_metadata"  # only FLAME 2023 Open has it
_KEYS = (
    *("v_template", "shapedirs", "expressiondirs", "J_regressor"),
    *("kintree_table", "weights", "f", "posedirs", _FLAME_2023_KEY),
)


@dataclass(frozen=True)
class FlameFile:
    """The parts of a FLAME file that the map needs. Units: metres; x to the subject's left, y up, z forward."""

    template: Wide  # [V,3]
    expressiondirs: Wide  # [50,V,3] displacement by one standard deviation of each
    joints: Wide  # [5,3] root, neck, jaw, left eye, right eye, at rest
    skin_weight: Wide  # [V,5] weights of the joints
    posedirs: Wide  # [36,V,3] pose correctives of the last four joints; zeros where the file has none
    triangle: NDArray[np.int64]  # [F,3]
    sha256: str  # of the file


def read_flame(path: Path) -> FlameFile:
    """Reads the pickle that FLAME is distributed as, or an .npz or .safetensors file of the same arrays.

    FlameFileError says what is wrong with the file, or that its expressions are not those of FLAME 2020.
    """
    try:
        content = _content(path)
        arrays = _arrays(content)
        _check_is_2020(arrays)
        return _flame_file(arrays, hashlib.sha256(content).hexdigest())
    except FlameFileError as error:
        raise FlameFileError(f"{path}: {error}") from error


def _content(path: Path) -> bytes:
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise FlameFileError(f"it has {size} bytes, a FLAME file has about 50 million")
        return path.read_bytes()
    except OSError as error:
        raise FlameFileError(f"it cannot be read ({error.strerror}): download it from FLAME's site") from error


def _arrays(content: bytes) -> Arrays:
    if content[:4] == b"PK\x03\x04":
        return _npz(content)
    if content[8:9] == b"{":  # after the length of the header
        return _safetensors(content)
    if content[:1] == b"\x80" or content[:1] in (b"(", b"}", b"c"):
        return load_pickle(content)
    raise FlameFileError("it is no pickle, .npz or .safetensors file: is the download complete and unpacked?")


def _npz(content: bytes) -> Arrays:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if (size := sum(one.file_size for one in archive.infolist())) > MAX_BYTES:
                raise FlameFileError(f"it unpacks to {size} bytes, a FLAME file has about 50 million")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return {name: file[name] for name in file.files if name in _KEYS}
    except FlameFileError:
        raise
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, MemoryError, KeyError) as error:
        raise FlameFileError(f"its .npz is damaged, or holds objects, which are not read: {error}") from error


def _safetensors(content: bytes) -> Arrays:
    try:
        return dict(load(content))
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise FlameFileError(f"its .safetensors is damaged: {error}") from error


def _check_is_2020(arrays: Arrays) -> None:
    if _FLAME_2023_KEY in arrays:
        raise FlameFileError(
            f'its "{_FLAME_2023_KEY}" marks FLAME 2023 Open, whose expressions differ from those of FLAME 2020: a map '
            "of it would be wrong for the expression adapter, which needs FLAME 2020's generic_model.pkl"
        )


def _flame_file(arrays: Arrays, sha256: str) -> FlameFile:
    template = _array(arrays, "v_template", "the mesh, [V,3] metres", None, 3)
    count = len(template)
    _check_tree(_array(arrays, "kintree_table", "the parents of five joints, [2,5]", 2, 5))
    regressor = _array(arrays, "J_regressor", f"the joints of {count} vertices, [5,{count}]", 5, count)
    skin_weight = _array(arrays, "weights", f"how vertices follow joints, [{count},5]", count, 5)
    joints = regressor @ template
    _check_is_upright(joints)
    return FlameFile(
        template,
        _expressiondirs(arrays, count),
        joints,
        skin_weight,
        _posedirs(arrays, count),
        _triangle(arrays, count),
        sha256,
    )


def _array(arrays: Arrays, name: str, what: str, *sides: int | None) -> Wide:
    """The array of this name; FlameFileError unless it is there, finite and has these sides (None: any)."""
    if name not in arrays:
        raise FlameFileError(f'it has no "{name}" ({what}): FLAME\'s own file has one')
    value = arrays[name]
    try:
        found = np.asarray(value if isinstance(value, np.ndarray) else plain_value(value), np.float64)
    except (ValueError, TypeError) as error:
        raise FlameFileError(f'its "{name}" ({what}) cannot be read: {error}') from error
    fits = found.ndim == len(sides) and all(want in (None, have) for want, have in zip(sides, found.shape, strict=True))
    if not fits or not found.size:
        raise FlameFileError(f'its "{name}" must be {what}, got {list(found.shape)}')
    if not np.isfinite(found).all():
        raise FlameFileError(f'its "{name}" holds numbers that are not finite')
    return found


def _check_tree(table: Wide) -> None:
    if tuple(table[0, 1:]) != _PARENTS:
        parents = [int(parent) for parent in table[0, 1:]]
        raise FlameFileError(f"its joints hang on {parents}, FLAME's neck, jaw and eyes on {list(_PARENTS)}")


def _check_is_upright(joints: Wide) -> None:
    """FlameFileError unless the left eye is on the left, and the eyes stand above the neck."""
    between, middle = (
        joints[FLAME_EYE_LEFT] - joints[FLAME_EYE_RIGHT],
        joints[[FLAME_EYE_LEFT, FLAME_EYE_RIGHT]].mean(0),
    )
    apart = float(np.linalg.norm(between))
    if between[0] < 0.5 * apart or middle[1] - joints[FLAME_NECK, 1] < 0.5 * apart:
        raise FlameFileError(
            f"its left eye is {between.round(3)} from its right one and "
            f"{(middle - joints[FLAME_NECK]).round(3)} from the "
            "neck: FLAME looks along z with y up, and joints 3 and 4 are its left and right eye"
        )
    if not 0.03 <= apart <= 0.12:
        raise FlameFileError(f"its eyes are {apart:.3g} apart, which is no face in metres")


def _expressiondirs(arrays: Arrays, count: int) -> Wide:
    """[50,V,3] of "expressiondirs" where the file has it, else the directions after the shapes."""
    is_separate = "expressiondirs" in arrays
    name, least = ("expressiondirs", EXPRESSION_SIZE) if is_separate else ("shapedirs", SHAPES + EXPRESSION_SIZE)
    found = _array(arrays, name, f"how the mesh changes, [{count},3,{least} or more]", count, 3, None)
    if found.shape[2] < least:
        raise FlameFileError(f'its "{name}" has {found.shape[2]} directions, at least {least} are needed')
    first = least - EXPRESSION_SIZE
    return np.ascontiguousarray(found[:, :, first:least].transpose(2, 0, 1))


def _posedirs(arrays: Arrays, count: int) -> Wide:
    if "posedirs" not in arrays:
        return np.zeros((36, count, 3))
    found = _array(arrays, "posedirs", f"the pose correctives, [{count},3,36]", count, 3, 36)
    return np.ascontiguousarray(found.transpose(2, 0, 1))


def _triangle(arrays: Arrays, count: int) -> NDArray[np.int64]:
    found = _array(arrays, "f", "the triangles, [F,3]", None, 3).astype(np.int64)
    if found.min() < 0 or found.max() >= count:
        raise FlameFileError(f'its "f" names vertex {found.max()} of {count}')
    return found
