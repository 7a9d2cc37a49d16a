"""The container of a binary glTF 2.0: numbers in one buffer, and the JSON that says what they are.

Written by hand: it is two chunks, and libraries for it write the same numbers slower and cannot do sparse ones.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

Json = dict[str, Any]

_MAGIC, _VERSION, _JSON, _BINARY = b"glTF", 2, b"JSON", b"BIN\0"
_ALIGNED = 4
_KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
_TYPES = {"uint8": 5121, "uint16": 5123, "uint32": 5125, "float32": 5126}  # OpenGL's numbers
VERTICES, TRIANGLES = 34962, 34963  # what OpenGL uses a view for


class Buffer:
    """Takes numbers; each is an accessor, by whose index the JSON speaks of them."""

    def __init__(self) -> None:
        self.accessors: list[Json] = []
        self._views: list[Json] = []
        self._content = bytearray()

    def add(self, numbers: NDArray[np.generic], target: int | None = None, *, has_range: bool = False) -> int:
        """[n] or [n,k] as they are; `has_range` says the least and the greatest too, as some have to."""
        rows = numbers.reshape(len(numbers), -1)
        accessor = self._accessor(len(rows), rows) | {"bufferView": self._view(rows, target)}
        if has_range:
            accessor |= _range(rows)
        return self._known(accessor)

    def add_sparse(self, count: int, at: NDArray[np.int64], numbers: NDArray[np.float32], *, has_range: bool) -> int:
        """[count,k] zeros, but these rows [m,k] at these indices [m], ascending."""
        sparse = {
            "count": len(at),
            "indices": {"bufferView": self._view(at.astype(np.uint16), None), "componentType": _TYPES["uint16"]},
            "values": {"bufferView": self._view(numbers, None)},
        }
        accessor = self._accessor(count, numbers) | {"sparse": sparse}
        if has_range:
            zeros = np.zeros((int(len(at) < count), numbers.shape[1]), np.float32)
            accessor |= _range(np.concatenate([numbers, zeros]))
        return self._known(accessor)

    def packed(self, described: Json) -> bytes:
        """The file: this JSON, with what it needs to find the numbers."""
        found = described | {
            "accessors": self.accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": len(self._content)}],
        }
        text = json.dumps(found, separators=(",", ":")).encode()
        text += b" " * (-len(text) % _ALIGNED)
        content = bytes(self._content) + bytes(-len(self._content) % _ALIGNED)
        length = 12 + 8 + len(text) + 8 + len(content)
        head = struct.pack("<4sII", _MAGIC, _VERSION, length)
        chunks = struct.pack("<I4s", len(text), _JSON) + text + struct.pack("<I4s", len(content), _BINARY) + content
        return head + chunks

    def _known(self, accessor: Json) -> int:
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def _accessor(self, count: int, rows: NDArray[np.generic]) -> Json:
        return {"componentType": _TYPES[rows.dtype.name], "count": count, "type": _KINDS[rows.shape[1]]}

    def _view(self, rows: NDArray[np.generic], target: int | None) -> int:
        self._content += bytes(-len(self._content) % _ALIGNED)
        content = np.ascontiguousarray(rows).astype(rows.dtype.newbyteorder("<"), copy=False).tobytes()
        view: Json = {"buffer": 0, "byteOffset": len(self._content), "byteLength": len(content)}
        self._content += content
        self._views.append(view if target is None else view | {"target": target})
        return len(self._views) - 1


def _range(rows: NDArray[Any]) -> Json:
    return {"min": rows.min(0).tolist(), "max": rows.max(0).tolist()}
