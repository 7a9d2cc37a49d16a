"""The numbers in what a FLAME pickle holds: NumPy's arrays, chumpy's objects and SciPy's sparse matrices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .flame_pickle import FlameFileError, Kept, KeptArray, sides_of, undamaged

AnyArray = NDArray[np.generic]


def plain(value: object) -> AnyArray:
    """The numbers that a value of such a dict stands for; FlameFileError where it stands for none."""
    numbers: AnyArray = undamaged(lambda: np.asarray(_numbers(value)))
    return numbers


def _numbers(value: object) -> object:
    if isinstance(value, KeptArray):
        return value.values()
    if isinstance(value, Kept):
        return _sparse(value) if value.path.startswith("scipy.") else _chumpy(value)
    if isinstance(value, int | float) or _is_row(value):
        return np.asarray(value, np.float64)
    raise FlameFileError(f"it holds a {type(value).__name__} where numbers were wanted")


def _is_row(value: object) -> bool:
    """Whether it is numbers one after the other, and not lists of lists, which may hold each other without end."""
    return isinstance(value, list | tuple) and all(isinstance(one, int | float) for one in value)


def _chumpy(kept: Kept, depth: int = 0) -> object:
    """The numbers that a chumpy object stands for: its own, or those that it selects of another's."""
    state = kept.state
    if "x" in state:
        return _numbers(state["x"])
    if depth < 8 and isinstance(source := state.get("a"), Kept) and "idxs" in state:
        values = np.asarray(_chumpy(source, depth + 1)).ravel()
        chosen = values[np.asarray(_numbers(state["idxs"])).astype(np.int64).ravel()]
        if state.get("preferred_shape") is None:
            return chosen
        return chosen.reshape([int(side) for side in np.ravel(np.asarray(_numbers(state["preferred_shape"])))])
    raise FlameFileError(f"its {kept.path} holds no numbers, but how to work them out: save it with plain arrays")


def _sparse(kept: Kept) -> AnyArray:
    """The matrix that SciPy wrote by its columns (csc), its rows (csr) or its entries (coo)."""
    kind, state = kept.path.rsplit(".", 1)[1].partition("_")[0], kept.state
    shape = state.get("_shape", state.get("shape"))
    rows, columns = (int(side) for side in sides_of(shape))
    if kind not in ("csc", "csr", "coo") or rows * columns > 1 << 26:
        raise FlameFileError(f"its {kept.path} of {rows}x{columns} is no matrix that is read here")
    data = np.asarray(_numbers(state.get("data")), np.float64)
    if kind == "coo":
        row, column = (np.asarray(_numbers(state.get(name))) for name in ("row", "col"))
    else:
        minor, many = np.asarray(_numbers(state.get("indices"))), np.diff(np.asarray(_numbers(state.get("indptr"))))
        if many.sum() != len(minor):  # said before that much memory is taken
            raise FlameFileError(f"its {kept.path} has {len(minor)} numbers where its columns or rows say {many.sum()}")
        major = np.repeat(np.arange(columns if kind == "csc" else rows), many)
        row, column = (minor, major) if kind == "csc" else (major, minor)
    if not len(row) == len(column) == len(data):
        raise FlameFileError(f"its {kept.path} has {len(data)} numbers at {len(row)}x{len(column)} places")
    if len(data) and min(row.min(), column.min()) < 0:
        raise FlameFileError(f"its {kept.path} has numbers at places before the first")
    dense = np.zeros((rows, columns))
    np.add.at(dense, (row.astype(np.int64), column.astype(np.int64)), data)
    return dense
