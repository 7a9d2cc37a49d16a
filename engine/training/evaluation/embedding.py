"""A face recogniser's view of a picture: numbers of the face, which is cut out by MediaPipe's points."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .quality import Rgb

# MediaPipe's points where dlib's five are: corners of the subject's left eye, outer first, of the right one, and the
# nose's base.
FIVE = (263, 362, 33, 133, 2)
_FILE = Path("models") / "dlib_face_recognition_resnet_model_v1.dat"
CURE = "pip install 'omote[evaluate]'"


class EmbeddingError(Exception):
    """The recogniser is not there; the message says what to install."""


class Embedder(Protocol):
    """Tells faces apart; `DlibEmbedder` is one, and ArcFace of `omote.engine.photoreal.identity` another."""

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def size(self) -> int:
        """D."""
        ...

    def embed(self, rgb: Rgb, points: NDArray[np.float32]) -> NDArray[np.floating]:
        """[D] numbers of the face whose MediaPipe points [478,2] in pixels are given."""
        ...


class DlibEmbedder:
    """Loads dlib's network (CC0) when constructed; EmbeddingError where it or dlib is not installed."""

    name, size = "dlib", 128

    def __init__(self) -> None:
        if find_spec("dlib") is None:
            raise EmbeddingError(f"dlib is not installed: {CURE}")
        import dlib

        self._dlib: Any = dlib
        self._network = dlib.face_recognition_model_v1(str(_network_file()))

    def embed(self, rgb: Rgb, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """[128] numbers of the face whose MediaPipe points [478,2 or more] in pixels are given."""
        dlib = self._dlib
        five = [dlib.point(round(float(x)), round(float(y))) for x, y in points[list(FIVE), :2]]
        height, width = rgb.shape[:2]
        shape = dlib.full_object_detection(dlib.rectangle(0, 0, width, height), five)
        return np.array(self._network.compute_face_descriptor(np.ascontiguousarray(rgb), shape))


def _network_file() -> Path:
    """Found without importing its package, whose code wants a part of setuptools that is gone."""
    spec = find_spec("face_recognition_models")
    path = Path(spec.origin).parent / _FILE if spec and spec.origin else None
    if path is None or not path.is_file():
        raise EmbeddingError(f"{_FILE.name} is not installed: {CURE}")
    return path
