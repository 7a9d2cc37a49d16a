"""Reads a FLAME pickle without running anything that it asks for: no name in it reaches a function or class of Python.

What stands in the file under the names of NumPy's, SciPy's and chumpy's classes is read into objects of this module,
which only keep what they are given; arrays are built from their bytes here. Any other name ends the reading.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[np.generic]

_MOST_OPCODES = 5_000_000  # a FLAME file has some thousands
_MOST_DIMENSIONS = 4
_KINDS = {f"{kind}{size}" for kind, sizes in {"f": "248", "i": "1248", "u": "1248", "b": "1"}.items() for size in sizes}
_REFUSED_OPCODES = {"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "NEXT_BUFFER", "READONLY_BUFFER"}


_DAMAGE = (
    *(pickle.UnpicklingError, AttributeError, LookupError, TypeError, ValueError),
    *(ArithmeticError, EOFError, MemoryError, RecursionError),
)


class FlameFileError(ValueError):
    """A file is no FLAME file, or not one of this use; the message says what was found and what was wanted."""


def unpickled(content: bytes) -> Mapping[str, object]:
    """The dict in a pickle, for `kept_numbers.plain`; FlameFileError where it holds what runs code."""
    _scan(content)
    found = undamaged(lambda: _Reader(io.BytesIO(content), encoding="latin1").load())
    if not isinstance(found, dict):
        raise FlameFileError(f"it holds a {type(found).__name__}, a FLAME file is a dict")
    return {name: value for name, value in found.items() if isinstance(name, str)}


def undamaged(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except FlameFileError:
        raise
    except _DAMAGE as error:
        raise FlameFileError(f"its pickle is damaged: {str(error) or type(error).__name__}") from error


def _scan(content: bytes) -> None:
    """FlameFileError unless the pickle is whole: no length in it is beyond its end, no place beyond its opcodes.

    Python's own reader takes memory for a length or a place before it sees that the file ends.
    """
    count = 0
    try:
        for opcode, argument, _ in pickletools.genops(content):
            count += 1
            if count > _MOST_OPCODES:
                raise FlameFileError(f"its pickle has more than {_MOST_OPCODES} steps")
            if opcode.name in _REFUSED_OPCODES:
                raise FlameFileError(f"its pickle wants something from outside of itself ({opcode.name})")
            if "PUT" in opcode.name and not 0 <= int(argument or 0) <= count:
                raise FlameFileError(f"its pickle is damaged: place {argument} of {count}")
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        if isinstance(error, FlameFileError):
            raise
        raise FlameFileError(f"its pickle is damaged: {error}") from error


class _Reader(pickle.Unpickler):
    """Finds only what stands in this module."""

    def find_class(self, module: str, name: str, /) -> object:
        if (module, name) in _STAND_INS:
            return _STAND_INS[module, name]()
        if module.split(".", maxsplit=1)[0] == "chumpy" or module.startswith("scipy.sparse."):
            return type("Kept", (Kept,), {"path": f"{module}.{name}", "__module__": __name__})
        raise FlameFileError(f'it asks to run "{module}.{name}", which no FLAME file does: do not trust it')


class Kept:
    """An object of a class that is not there: only what was written of it."""

    path = ""

    state: Mapping[str, object]

    def __new__(cls, *_: object) -> Kept:
        kept = object.__new__(cls)
        kept.state = {}
        return kept

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict):
            raise FlameFileError(f"its {self.path} was written with a {type(state).__name__}, not a dict")
        self.state = state


class _Made:
    """A function that is not there; pickles may call it, and change nothing about it."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        raise FlameFileError("its pickle changes what it was given")


class _DType:
    """The kind of an array's numbers, as NumPy writes it."""

    __slots__ = ("kind", "order")

    def __init__(self, kind: object, *_: object) -> None:
        # Only text is looked at: a nest of lists that holds itself many times over has no end when it is written out.
        self.order, self.kind = "<", kind.lstrip("<>=|") if isinstance(kind, str) else type(kind).__name__

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 2:
            raise FlameFileError("it holds an array whose numbers are of no order")
        self.order = ">" if state[1] == ">" else "<"

    def read(self, raw: object, shape: object, is_fortran: object) -> AnyArray:
        """The array in these bytes; FlameFileError unless they are exactly as many as its shape says."""
        if self.kind not in _KINDS:
            raise FlameFileError(f'it holds an array of "{self.kind:.20}", which are no plain numbers')
        if isinstance(raw, str):  # Python 2 wrote bytes as text
            raw = raw.encode("latin1")
        if not isinstance(raw, bytes | bytearray):
            raise FlameFileError(f"it holds an array of {type(raw).__name__}, not of bytes")
        sides = sides_of(shape)
        dtype = np.dtype(self.order + self.kind)
        wanted = dtype.itemsize
        for side in sides:
            wanted *= side
        if wanted != len(raw):
            raise FlameFileError(f"it holds an array of shape {list(sides)} with {len(raw)} bytes, wanted {wanted}")
        numbers: AnyArray = np.frombuffer(raw, dtype).reshape(sides, order="F" if is_fortran else "C")
        return numbers


def sides_of(shape: object) -> tuple[int, ...]:
    if not isinstance(shape, tuple) or len(shape) > _MOST_DIMENSIONS:
        raise FlameFileError(f"it holds an array of a shape that is no tuple of {_MOST_DIMENSIONS} or fewer")
    for side in shape:
        if type(side) is not int or not 0 <= side < 1 << 31:
            told = side if isinstance(side, int) else type(side).__name__
            raise FlameFileError(f"it holds an array with a side of {told}")
    return shape


class KeptArray:
    """An array whose numbers are read when somebody wants them."""

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


class _Reconstruct(_Made):
    def __call__(self, *_: object) -> KeptArray:
        return KeptArray()


class _FromBuffer(_Made):
    def __call__(self, raw: object, dtype: object, shape: object, order: object) -> KeptArray:
        return KeptArray(1, shape, dtype, order == "F", raw)


class _Scalar(_Made):
    def __call__(self, dtype: object, raw: object) -> KeptArray:
        return KeptArray(1, (), dtype, False, raw)


class _Encode(_Made):
    """How Python 3 writes bytes for Python 2."""

    def __call__(self, text: object, encoding: object) -> bytes:
        if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
            raise FlameFileError("its pickle holds bytes in an encoding of its own")
        return text.encode("latin1")


class _Rebuild(_Made):
    """How Python 2 makes an object before it gives it its state."""

    def __call__(self, of: object, *_: object) -> object:
        if isinstance(of, type) and issubclass(of, Kept):
            return of()
        raise FlameFileError("its pickle makes an object of what is no class of chumpy's or SciPy's")


class _Collection(_Made):
    """A set of what chumpy kept beside the numbers; nobody asks what is in it."""

    def __call__(self, *_: object) -> None:
        return None


_STAND_INS = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _Scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _FromBuffer for core in ("core", "_core")},
    ("numpy", "ndarray"): _Made,
    ("numpy", "dtype"): lambda: _DType,
    ("_codecs", "encode"): _Encode,
    ("copy_reg", "_reconstructor"): _Rebuild,
    ("copyreg", "_reconstructor"): _Rebuild,
    **{(module, name): _Collection for module in ("__builtin__", "builtins") for name in ("set", "frozenset")},
    **{(module, "object"): _Made for module in ("__builtin__", "builtins")},
}
