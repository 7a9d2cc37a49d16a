"""FLAME 2020's numbers of a face as trackers of the field give them: expression [50], eyelids [2] and jaw [3]."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from omote.bridge.errors import OmoteError

from ..data import EXPRESSION_SIZE, FLAME_BASIS, Array, FlameParams

VECTOR_SIZE = 55
EYELIDS = slice(EXPRESSION_SIZE, EXPRESSION_SIZE + 2)  # left, right, 0 to 1
JAW_OPEN = EXPRESSION_SIZE + 2  # radians, never below 0
SUFFIXES = (".csv", ".npy", ".safetensors")
_MOST_BYTES = 64 << 20


class VectorError(OmoteError, ValueError):
    """A file holds no vectors, or no face at rest; the message says what was found and what was wanted."""


def params_of(vector: Array) -> FlameParams:
    """The face of a vector [55] in FLAME 2020's basis, with the head at rest."""
    still = FlameParams.neutral()
    return FlameParams(
        expression=vector[:EXPRESSION_SIZE],
        jaw_pose=vector[JAW_OPEN:],
        neck_pose=still.neck_pose,
        eye_pose=still.eye_pose,
        eyelids=vector[EYELIDS],
        translation=still.translation,
        basis=FLAME_BASIS,
    )


def read_vectors(path: Path) -> Array:
    """[N,55] the rows of a .csv, .npy or .safetensors file; VectorError where they are none.

    A CSV may begin with a line of names. A safetensors file holds one tensor.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise VectorError(f"{path} must end in {', '.join(_READERS)}: rows of {VECTOR_SIZE} numbers")
    try:
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise VectorError(f"{path} has {size} bytes, at most {_MOST_BYTES} are read")
        rows = np.atleast_2d(np.asarray(reader(path.read_bytes()), np.float64))
    except VectorError:
        raise
    except (OSError, EOFError, ValueError, TypeError, MemoryError, SafetensorError) as error:
        raise VectorError(f"{path} cannot be read: {error}") from error
    if rows.ndim != 2 or rows.shape[1] != VECTOR_SIZE or not len(rows):
        raise VectorError(f"{path} must hold rows of {VECTOR_SIZE} numbers, got {list(rows.shape)}")
    if not np.isfinite(rows).all():
        raise VectorError(
            f"{path} holds a number that is not finite in row {int(np.argwhere(~np.isfinite(rows))[0][0])}"
        )
    found: Array = rows.astype(np.float32)
    return found


def _csv(content: bytes) -> NDArray[np.generic]:
    lines = [line.split(",") for line in content.decode("utf-8-sig").splitlines() if line.strip()]
    try:
        float(lines[0][0])
    except (IndexError, ValueError):
        del lines[:1]
    if not lines:
        raise ValueError("no row of numbers is in it")
    return np.array([[float(word) for word in line] for line in lines])


def _safetensors(content: bytes) -> NDArray[np.generic]:
    tensors = load(content)
    if len(tensors) != 1:
        raise ValueError(f"wanted one tensor, got {', '.join(tensors) or 'none'}")
    return np.asarray(next(iter(tensors.values())))


_READERS: dict[str, Callable[[bytes], NDArray[np.generic]]] = {
    ".csv": _csv,
    ".npy": lambda content: np.asarray(np.load(io.BytesIO(content), allow_pickle=False)),
    ".safetensors": _safetensors,
}
