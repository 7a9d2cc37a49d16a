"""Pickles as FLAME's are: of chumpy objects and a sparse matrix, under the names of classes that are not installed."""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray


class Ch:
    """What chumpy keeps of an array."""

    def __init__(self, values: NDArray[Any]) -> None:
        self.x = values
        self._dirty_vars = {"x"}
        self._status = "new"


class Select:
    """What chumpy keeps of an array that is part of another."""

    def __init__(self, source: Ch, rows: NDArray[Any], shape: tuple[int, ...]) -> None:
        self.a = source
        self.idxs = rows
        self.preferred_shape = shape


class Concatenate:
    """One of chumpy's objects that says how numbers are worked out."""

    def __init__(self, *parts: Ch) -> None:
        self.parts = parts


class _Compressed:
    """A sparse matrix by its columns or its rows."""

    def __init__(self, dense: NDArray[Any]) -> None:
        columns = dense.T if type(self).__name__ == "csc_matrix" else dense
        self._shape = dense.shape
        self.maxprint = 50
        self.indices = np.concatenate([np.flatnonzero(column) for column in columns]).astype(np.int32)
        self.indptr = np.cumsum([0, *((column != 0).sum() for column in columns)]).astype(np.int32)
        self.data = np.concatenate([column[column != 0] for column in columns])


class csc_matrix(_Compressed):  # noqa: N801
    pass


class csr_matrix(_Compressed):  # noqa: N801
    pass


class coo_matrix:  # noqa: N801
    def __init__(self, dense: NDArray[Any]) -> None:
        self._shape = dense.shape
        self.row, self.col = (place.astype(np.int32) for place in np.nonzero(dense))
        self.data = dense[self.row, self.col]


_PLACES: Mapping[str, tuple[type, ...]] = {
    "chumpy.ch": (Ch, Concatenate),
    "chumpy.reordering": (Select,),
    "scipy.sparse.csc": (csc_matrix,),
    "scipy.sparse._csr": (csr_matrix,),
    "scipy.sparse.coo": (coo_matrix,),
}


def as_published(arrays: Mapping[str, NDArray[Any]]) -> dict[str, object]:
    """The arrays of a FLAME file in the objects that hold them there, and what else stands in it."""
    found: dict[str, object] = {name: Ch(arrays[name]) for name in ("v_template", "weights", "posedirs")}
    shapedirs = arrays["shapedirs"]
    rows = np.arange(shapedirs.size)
    found["shapedirs"] = Ch(shapedirs) if shapedirs.size > 10_000 else Select(Ch(shapedirs), rows, shapedirs.shape)
    found |= {
        "f": arrays["f"],
        "kintree_table": arrays["kintree_table"],
        "J_regressor": csc_matrix(arrays["J_regressor"]),
    }
    return found | {"bs_style": "lbs", "bs_type": "lrotmin", "J": np.zeros((5, 3))}


def pickled(value: object, protocol: int = 2) -> bytes:
    """The pickle of an object that holds such ones."""
    with _named_as_there():
        return pickle.dumps(value, protocol)


@contextmanager
def _named_as_there() -> Iterator[None]:
    before = {one: one.__module__ for classes in _PLACES.values() for one in classes}
    modules = {name: types.ModuleType(name) for name in ("chumpy", "scipy", "scipy.sparse", *_PLACES)}
    for name, classes in _PLACES.items():
        for one in classes:
            one.__module__ = name
            setattr(modules[name], one.__name__, one)
    try:
        with patch.dict(sys.modules, modules):
            yield
    finally:
        for one, module in before.items():
            one.__module__ = module
