"""Who somebody is, in numbers: a face recogniser's embedding of one photo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..data import Array
from ..models import ModelError
from ..runtime.onnxruntime import session
from ..runtime.session import Build, RuntimeUnavailable
from .alignment import RECOGNISER_SIDE, for_recogniser

_TAKES = [3, RECOGNISER_SIDE, RECOGNISER_SIDE]


class IdentityEmbedder(Protocol):
    """Tells faces apart; the length of what it says is its own."""

    @property
    def size(self) -> int:
        """E."""
        ...

    def embed(self, rgb: NDArray[np.uint8], points: Array) -> Array:
        """[E] of length 1, of the face in the picture [H,W,3] that has these MediaPipe points [478,2]."""
        ...


@dataclass(frozen=True)
class ArcFaceEmbedder:
    """A network of ArcFace's kind, which is shown an upright face of 112 pixels."""

    session: Any  # ONNX Runtime's
    name: str  # of its file
    size: int

    def embed(self, rgb: NDArray[np.uint8], points: Array) -> Array:
        """[E] of length 1; ModelError where the network gives nothing that has a direction."""
        face = (for_recogniser(rgb, points).astype(np.float32) - 127.5) / 127.5
        batch = {self.session.get_inputs()[0].name: face.transpose(2, 0, 1)[None]}
        found = np.asarray(self.session.run(None, batch)[0], np.float32).reshape(-1)
        length = float(np.linalg.norm(found))
        if found.shape != (self.size,) or not np.isfinite(length) or length == 0.0:
            raise ModelError(f"{self.name} says nothing of this face: {found.shape} numbers of length {length:g}")
        return found / length


def arcface(path: Path) -> ArcFaceEmbedder:
    """The recogniser in an ONNX file; ModelError where it is none, RuntimeUnavailable without ONNX Runtime."""
    opened = _opened(path)
    taken = [list(one.shape) for one in opened.get_inputs()]
    if len(taken) != 1 or taken[0][1:] != _TAKES:
        raise ModelError(f"{path} is no face recogniser: it takes {taken}, wanted one picture of {_TAKES}")
    given = [list(one.shape) for one in opened.get_outputs()]
    if len(given) != 1 or len(given[0]) != 2 or not isinstance(given[0][1], int):
        raise ModelError(f"{path} is no face recogniser: it gives {given}, wanted one row of numbers a picture")
    return ArcFaceEmbedder(opened, path.name, given[0][1])


def _opened(path: Path) -> Any:
    try:
        return session(path, Build("onnxruntime", "f32"))
    except RuntimeUnavailable as error:
        raise ModelError(str(error)) from error
