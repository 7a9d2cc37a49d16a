"""Reads the arrays of a FLAME pickle without running any code in it."""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omote.bridge.errors import OmoteError

AnyArray = NDArray[np.generic]

_MAX_OPCODES = 5_000_000  # a FLAME file has some thousands
_MAX_DIMENSIONS = 4
_KINDS = {f"{kind}{size}" for kind, sizes in {"f": "248", "i": "1248", "u": "1248", "b": "1"}.items() for size in sizes}
_REFUSED_OPCODES = {"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER", "READONLY_BUFFER"}
_DAMAGE = (
    *(pickle.UnpicklingError, AttributeError, LookupError, TypeError, ValueError),
    *(ArithmeticError, EOFError, MemoryError, RecursionError),
)


class FlameFileError(OmoteError, ValueError):
    """The file is not a FLAME file that can be used; the message says what was found and what was expected."""


def load_pickle(content: bytes) -> Mapping[str, object]:
    """The dict in a pickle, whose values `plain_value` reads; FlameFileError where it would run code."""
    _scan(content)
    found = _undamaged(lambda: _SafeUnpickler(io.BytesIO(content), encoding="latin1").load())
    if not isinstance(found, dict):
        raise FlameFileError(f"it holds a {type(found).__name__}, a FLAME file is a dict")
    return {name: value for name, value in found.items() if isinstance(name, str)}


def _undamaged(read: Callable[[], Any]) -> Any:
    """What `read` returns; FlameFileError for the errors that damaged pickles raise."""
    try:
        return read()
    except FlameFileError:
        raise
    except _DAMAGE as error:
        raise FlameFileError(f"its pickle is damaged: {str(error) or type(error).__name__}") from error


def _scan(content: bytes) -> None:
    """FlameFileError unless all lengths in the pickle end inside it, and memo indices are below the opcode count.

    Python's own reader allocates memory for a length or an index before it sees that the file ends.
    """
    count = 0
    try:
        for opcode, argument, _ in pickletools.genops(content):
            count += 1
            if count > _MAX_OPCODES:
                raise FlameFileError(f"its pickle has more than {_MAX_OPCODES} steps")
            if opcode.name in _REFUSED_OPCODES:
                raise FlameFileError(f"its pickle refers to something outside of it ({opcode.name})")
            if "PUT" in opcode.name and not 0 <= int(argument or 0) <= count:
                raise FlameFileError(f"its pickle is damaged: place {argument} of {count}")
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        if isinstance(error, FlameFileError):
            raise
        raise FlameFileError(f"its pickle is damaged: {error}") from error


class _SafeUnpickler(pickle.Unpickler):
    """Finds only the stand-ins of this module."""

    def find_class(self, module: str, name: str, /) -> object:
        if (module, name) in _STAND_INS:
            return _STAND_INS[module, name]()
        if module.split(".", maxsplit=1)[0] == "chumpy" or module.startswith("scipy.sparse."):
            return type("Unpickled", (PickledObject,), {"path": f"{module}.{name}", "__module__": __name__})
        raise FlameFileError(f'it asks to run "{module}.{name}", which no FLAME file does: do not trust it')


class PickledObject:
    """An object of chumpy or SciPy, which holds only its state; the class is not imported."""

    path = ""

    state: Mapping[str, object]

    def __new__(cls, *_: object) -> PickledObject:
        made = object.__new__(cls)
        made.state = {}
        return made

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict):
            raise FlameFileError(f"its {self.path} was written with a {type(state).__name__}, not a dict")
        self.state = state


class _PickledCall:
    """A stand-in for a function that pickles call; its state cannot be set."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise FlameFileError("its pickle sets the state of a function")


class _DType:
    """A stand-in for numpy.dtype."""

    __slots__ = ("kind", "order")

    def __init__(self, kind: object, *_: object) -> None:
        # Only text is read: printing lists that hold each other many times over would not end.
        self.order, self.kind = "<", kind.lstrip("<>=|") if isinstance(kind, str) else type(kind).__name__

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 2:
            raise FlameFileError("it holds an array without a byte order")
        self.order = ">" if state[1] == ">" else "<"

    def read(self, raw: object, shape: object, is_fortran: object) -> AnyArray:
        """The array in these bytes; FlameFileError unless their number matches the shape."""
        if self.kind not in _KINDS:
            raise FlameFileError(f'it holds an array of "{self.kind:.20}", which are not plain numbers')
        if isinstance(raw, str):  # Python 2 wrote bytes as text
            raw = raw.encode("latin1")
        if not isinstance(raw, bytes | bytearray):
            raise FlameFileError(f"it holds an array of {type(raw).__name__}, not of bytes")
        sides = _sides(shape)
        dtype = np.dtype(self.order + self.kind)
        wanted = dtype.itemsize
        for side in sides:
            wanted *= side
        if wanted != len(raw):
            raise FlameFileError(f"it holds an array of shape {list(sides)} with {len(raw)} bytes, expected {wanted}")
        numbers: AnyArray = np.frombuffer(raw, dtype).reshape(sides, order="F" if is_fortran else "C")
        return numbers


def _sides(shape: object) -> tuple[int, ...]:
    """The shape, checked to be a short tuple of sides that fit 31 bits."""
    if not isinstance(shape, tuple) or len(shape) > _MAX_DIMENSIONS:
        raise FlameFileError(f"it holds an array of a shape that is no tuple of {_MAX_DIMENSIONS} or fewer")
    for side in shape:
        if type(side) is not int or not 0 <= side < 1 << 31:
            found = side if isinstance(side, int) else type(side).__name__
            raise FlameFileError(f"it holds an array with a side of {found}")
    return shape


class PickledArray:
    """A stand-in for numpy.ndarray, whose numbers are read by `values`."""

    __slots__ = ("state",)

    def __init__(self, *state: object) -> None:
        self.state: object = state

    def __setstate__(self, state: object) -> None:
        self.state = state

    def values(self) -> AnyArray:
        if not isinstance(self.state, tuple) or len(self.state) != 5 or not isinstance(self.state[2], _DType):
            raise FlameFileError("it holds an array that NumPy did not write")
        _, shape, dtype, is_fortran, raw = self.state
        numbers: AnyArray = dtype.read(raw, shape, is_fortran)
        return numbers


class _Reconstruct(_PickledCall):
    def __call__(self, *_: object) -> PickledArray:
        return PickledArray()


class _FromBuffer(_PickledCall):
    def __call__(self, raw: object, dtype: object, shape: object, order: object) -> PickledArray:
        return PickledArray(1, shape, dtype, order == "F", raw)


class _Scalar(_PickledCall):
    def __call__(self, dtype: object, raw: object) -> PickledArray:
        return PickledArray(1, (), dtype, False, raw)


class _Encode(_PickledCall):
    """Bytes as Python 3 writes them for Python 2."""

    def __call__(self, text: object, encoding: object) -> bytes:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise FlameFileError("its pickle holds bytes in an unknown encoding")
        return text.encode("latin1")


class _Rebuild(_PickledCall):
    """Python 2 makes an object so, before it sets its state."""

    def __call__(self, of: object, *_: object) -> object:
        if isinstance(of, type) and issubclass(of, PickledObject):
            return of()
        raise FlameFileError("its pickle makes an object of a class that is not chumpy's or SciPy's")


class _Collection(_PickledCall):
    """A set that chumpy keeps beside the numbers; its content is not needed."""

    def __call__(self, *_: object) -> None:
        return None


_STAND_INS = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _FromBuffer for core in ("core", "_core")},
    ("numpy", "ndarray"): _PickledCall,
    ("numpy", "dtype"): lambda: _DType,
    ("_codecs", "encode"): _Encode,
    ("copy_reg", "_reconstructor"): _Rebuild,
    ("copyreg", "_reconstructor"): _Rebuild,
    **{(module, name): _Collection for module in ("__builtin__", "builtins") for name in ("set", "frozenset")},
    **{(module, "object"): _PickledCall for module in ("__builtin__", "builtins")},
}


def plain_value(value: object) -> AnyArray:
    """The numbers of a value of the dict; FlameFileError where it has none."""
    numbers: AnyArray = _undamaged(lambda: np.asarray(_numbers(value)))
    return numbers


def _numbers(value: object) -> object:
    if isinstance(value, PickledArray):
        return value.values()
    if isinstance(value, PickledObject):
        return _sparse(value) if value.path.startswith("scipy.") else _chumpy(value)
    if isinstance(value, int | float) or _is_row(value):
        return np.asarray(value, np.float64)
    raise FlameFileError(f"it holds a {type(value).__name__} where numbers were expected")


def _is_row(value: object) -> bool:
    """Whether this is a flat row of numbers: nested lists may hold each other without end."""
    return isinstance(value, list | tuple) and all(isinstance(one, int | float) for one in value)


def _chumpy(matrix: PickledObject, depth: int = 0) -> object:
    """The numbers of a chumpy object: its own, or a selection of another's."""
    state = matrix.state
    if "x" in state:
        return _numbers(state["x"])
    if depth < 8 and isinstance(source := state.get("a"), PickledObject) and "idxs" in state:
        values = np.asarray(_chumpy(source, depth + 1)).ravel()
        chosen = values[np.asarray(_numbers(state["idxs"])).astype(np.int64).ravel()]
        if state.get("preferred_shape") is None:
            return chosen
        return chosen.reshape([int(side) for side in np.ravel(np.asarray(_numbers(state["preferred_shape"])))])
    raise FlameFileError(f"its {matrix.path} holds a computation instead of numbers: save it with plain arrays")


def _sparse(matrix: PickledObject) -> AnyArray:
    """The dense matrix of SciPy's csc, csr or coo format."""
    kind, state = matrix.path.rsplit(".", 1)[1].partition("_")[0], matrix.state
    shape = state.get("_shape", state.get("shape"))
    rows, columns = (int(side) for side in _sides(shape))
    if kind not in ("csc", "csr", "coo") or rows * columns > 1 << 26:
        raise FlameFileError(f"its {matrix.path} of {rows}x{columns} is not a matrix that can be read")
    data = np.asarray(_numbers(state.get("data")), np.float64)
    if kind == "coo":
        row, column = (np.asarray(_numbers(state.get(name))) for name in ("row", "col"))
    else:
        minor, many = np.asarray(_numbers(state.get("indices"))), np.diff(np.asarray(_numbers(state.get("indptr"))))
        if many.sum() != len(minor):  # before it takes that much memory
            raise FlameFileError(f"its {matrix.path} has {len(minor)} numbers, its columns or rows claim {many.sum()}")
        major = np.repeat(np.arange(columns if kind == "csc" else rows), many)
        row, column = (minor, major) if kind == "csc" else (major, minor)
    if not len(row) == len(column) == len(data):
        raise FlameFileError(f"its {matrix.path} has {len(data)} numbers at {len(row)}x{len(column)} places")
    if len(data) and min(row.min(), column.min()) < 0:
        raise FlameFileError(f"its {matrix.path} has numbers at negative indices")
    dense = np.zeros((rows, columns))
    np.add.at(dense, (row.astype(np.int64), column.astype(np.int64)), data)
    return dense
