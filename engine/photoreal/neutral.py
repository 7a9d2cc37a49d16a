"""A face at rest that the user measured: what a tracker that speaks the adapter's 55 numbers said of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from omote.bridge.errors import OmoteError

from ..data import Array
from .vector import EYELIDS, JAW_ASIDE, JAW_ASIDE_MOST, JAW_OPEN, VECTOR_SIZE

MOST_BYTES = 64 << 20  # hours of a face at rest
_JAW_OPEN_MOST = 0.5  # radians; a face at rest has its mouth shut, or nearly
_EXPRESSION_MOST = 20.0  # standard deviations


class NeutralError(OmoteError, ValueError):
    """A file holds no face at rest; the message says what was found and what was wanted."""


def read_neutral(path: Path) -> Array:
    """[55] the mean of the rows [N,55] in a .csv, .npy or .safetensors file; NeutralError where that is no rest.

    A CSV may begin with a line of names. A safetensors file holds one tensor, or calls it "neutral".
    """
    try:
        reader = _READERS[path.suffix.lower()]
    except KeyError:
        raise NeutralError(
            f"{path} must end in {', '.join(_READERS)}: one row of {VECTOR_SIZE} numbers a face"
        ) from None
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise NeutralError(f"{path} has {size} bytes, at most {MOST_BYTES} are read")
        rows = np.asarray(reader(path.read_bytes()), np.float64)
    except NeutralError:
        raise
    except (OSError, EOFError, ValueError, TypeError, MemoryError, SafetensorError) as error:
        raise NeutralError(f"{path} cannot be read: {error}") from error
    return _rest(path, rows)


def _csv(content: bytes) -> NDArray[np.generic]:
    lines = [line for line in content.decode("utf-8-sig").splitlines() if line.strip()]
    if lines and not _is_number(lines[0].split(",")[0]):
        del lines[0]
    if not lines:
        raise ValueError("no row of numbers is in it")
    return np.array([[float(word) for word in line.split(",")] for line in lines])


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _npy(content: bytes) -> NDArray[np.generic]:
    return np.asarray(np.load(io.BytesIO(content), allow_pickle=False))


def _safetensors(content: bytes) -> NDArray[np.generic]:
    tensors = load(content)
    if "neutral" in tensors:
        return np.asarray(tensors["neutral"])
    if len(tensors) != 1:
        raise ValueError(f'a tensor "neutral" was wanted, got {", ".join(tensors) or "none"}')
    return np.asarray(next(iter(tensors.values())))


_READERS: dict[str, Callable[[bytes], NDArray[np.generic]]] = {
    ".csv": _csv,
    ".npy": _npy,
    ".safetensors": _safetensors,
}


def _rest(path: Path, rows: NDArray[np.float64]) -> Array:
    """[55] the mean of these rows; NeutralError where it cannot be a face at rest."""
    rows = rows[None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] != VECTOR_SIZE or not len(rows):
        raise NeutralError(f"{path} must hold rows of {VECTOR_SIZE} numbers, got {list(rows.shape)}")
    if not np.isfinite(rows).all():
        raise NeutralError(
            f"{path} holds a number that is not finite in row {int(np.argwhere(~np.isfinite(rows))[0][0])}"
        )
    neutral: NDArray[np.float64] = rows.mean(0)
    _within(path, "eyelids", neutral[EYELIDS], 0.0, 1.0)
    _within(path, "the jaw's opening", neutral[JAW_OPEN], 0.0, _JAW_OPEN_MOST)
    _within(path, "the jaw's turn aside", neutral[JAW_ASIDE], -JAW_ASIDE_MOST, JAW_ASIDE_MOST)
    _within(path, "expression", neutral[: EYELIDS.start], -_EXPRESSION_MOST, _EXPRESSION_MOST)
    if not neutral.astype(np.float32).any():
        raise NeutralError(f"{path} is all zeros, by which the adapter is told nothing: measure a real face at rest")
    return neutral.astype(np.float32)


def _within(path: Path, what: str, values: NDArray[np.float64], least: float, most: float) -> None:
    outside = np.atleast_1d(values)[(np.atleast_1d(values) < least) | (np.atleast_1d(values) > most)]
    if len(outside):
        raise NeutralError(f"{path}: {what} at rest must be from {least:g} to {most:g}, got {outside[0]:.3g}")
