"""The FLAME file that a user brings: its mesh, its joints and its expression basis, read without running it."""

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

FLAME_ROOT, FLAME_NECK, FLAME_JAW, FLAME_EYE_LEFT, FLAME_EYE_RIGHT = range(5)  # joints
MOST_BYTES = 1 << 30  # FLAME's own files have some 50 MB
SHAPES = 300  # of `shapedirs` are who it is; the expressions follow them
_PARENTS = (0, 1, 1, 1)  # of all joints but the root
_NEWER = "supr_expression_metadata"  # a key that only FLAME 2023 Open has
_KEYS = (
    *("v_template", "shapedirs", "expressiondirs", "J_regressor"),
    *("kintree_table", "weights", "f", "posedirs", _NEWER),
)


@dataclass(frozen=True)
class FlameFile:
    """What of a FLAME file this is about. Units: metres; x to the subject's left, y up, z forward."""

    template: Wide  # [V,3]
    expressiondirs: Wide  # [50,V,3] for one standard deviation each
    joints: Wide  # [5,3] root, neck, jaw, left eye, right eye, at rest
    skin_weight: Wide  # [V,5] how much a vertex follows each joint
    posedirs: Wide  # [36,V,3] by how much the turns of the last four joints correct the shape; zeros without
    triangle: NDArray[np.int64]  # [F,3]
    sha256: str  # of the file


def read_flame(path: Path) -> FlameFile:
    """The file's FLAME: a pickle as it is distributed, or .npz or .safetensors of the same arrays.

    FlameFileError says what is wrong with it, or that its expressions are not FLAME 2020's.
    """
    try:
        content = _content(path)
        arrays = _arrays(content)
        _of_2020(arrays)
        return _flame(arrays, hashlib.sha256(content).hexdigest())
    except FlameFileError as error:
        raise FlameFileError(f"{path}: {error}") from error


def _content(path: Path) -> bytes:
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise FlameFileError(f"it has {size} bytes, a FLAME file has some 50 million")
        return path.read_bytes()
    except OSError as error:
        raise FlameFileError(f"it cannot be read ({error.strerror}): FLAME's own site has it") from error


def _arrays(content: bytes) -> Arrays:
    if content[:4] == b"PK\x03\x04":
        return _npz(content)
    if content[8:9] == b"{":  # after the length of the header
        return _safetensors(content)
    if content[:1] == b"\x80" or content[:1] in (b"(", b"}", b"c"):
        return load_pickle(content)
    raise FlameFileError("it is no pickle, .npz or .safetensors file: was it downloaded whole, and unpacked?")


def _npz(content: bytes) -> Arrays:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if (size := sum(one.file_size for one in archive.infolist())) > MOST_BYTES:
                raise FlameFileError(f"it unpacks to {size} bytes, a FLAME file has some 50 million")
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


def _of_2020(arrays: Arrays) -> None:
    if _NEWER in arrays:
        raise FlameFileError(
            f'its "{_NEWER}" marks FLAME 2023 Open, whose expressions are other ones than FLAME 2020\'s: what is '
            "measured with it would not carry over to the expression adapter; it wants FLAME 2020's generic_model.pkl"
        )


def _flame(arrays: Arrays, sha256: str) -> FlameFile:
    template = _array(arrays, "v_template", "the mesh, [V,3] metres", None, 3)
    count = len(template)
    _tree(_array(arrays, "kintree_table", "the parents of five joints, [2,5]", 2, 5))
    regressor = _array(arrays, "J_regressor", f"the joints of {count} vertices, [5,{count}]", 5, count)
    skin_weight = _array(arrays, "weights", f"how vertices follow joints, [{count},5]", count, 5)
    joints = regressor @ template
    _upright(joints)
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
    """The numbers under this name; FlameFileError unless they are there, finite, and of these sides (None: any)."""
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


def _tree(table: Wide) -> None:
    if tuple(table[0, 1:]) != _PARENTS:
        parents = [int(parent) for parent in table[0, 1:]]
        raise FlameFileError(f"its joints hang on {parents}, FLAME's neck, jaw and eyes on {list(_PARENTS)}")


def _upright(joints: Wide) -> None:
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
    """[50,V,3]: of "expressiondirs" where shapes and expressions stand apart, else those after the shapes."""
    is_apart = "expressiondirs" in arrays
    name, least = ("expressiondirs", EXPRESSION_SIZE) if is_apart else ("shapedirs", SHAPES + EXPRESSION_SIZE)
    found = _array(arrays, name, f"how the mesh changes, [{count},3,{least} or more]", count, 3, None)
    if found.shape[2] < least:
        raise FlameFileError(f'its "{name}" has {found.shape[2]} directions, at least {least} are wanted')
    first = least - EXPRESSION_SIZE
    return np.ascontiguousarray(found[:, :, first:least].transpose(2, 0, 1))


def _posedirs(arrays: Arrays, count: int) -> Wide:
    if "posedirs" not in arrays:
        return np.zeros((36, count, 3))
    found = _array(arrays, "posedirs", f"how turns correct the shape, [{count},3,36]", count, 3, 36)
    return np.ascontiguousarray(found.transpose(2, 0, 1))


def _triangle(arrays: Arrays, count: int) -> NDArray[np.int64]:
    found = _array(arrays, "f", "the triangles, [F,3]", None, 3).astype(np.int64)
    if found.min() < 0 or found.max() >= count:
        raise FlameFileError(f'its "f" names vertex {found.max()} of {count}')
    return found
