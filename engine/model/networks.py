"""The two exported networks: the encoder reads references once, the denoiser draws the layers of each picture."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data import EXPRESSION_SIZE, LIGHT_SIZE, OPEN_BASIS, FlameParams
from ..face.correspondence import GEOMETRY, GRID, TRUST
from ..models import WEIGHTS_FOLDER, NetworkFiles, networks_in
from ..runtime.dispatch import open_session
from ..runtime.session import Build, ExportedGraph, Feeds, OutputSpec, RuntimeUnavailable, Session, Shapes
from .compositing import DrawnLayers

Array = NDArray[np.float32]

STATE = 256  # pixels on a side of the picture that is denoised
FACE_SIZE = 64
STYLES = 2  # person, drawn
_FEATURES, _IDENTITY = (32, 64), 96
_CELLS = 128  # of the layers, but for the two that have as many as the state
_ON_CPU = Build("openvino", "f32")  # the encoder runs once a character, and a picture is a function of what it says
# Radians of jaw, neck and eyes are small beside expression coefficients; these bring them to about 1.
_SCALE = np.concatenate([np.ones(EXPRESSION_SIZE), np.full(3, 4.0), np.full(3, 3.0), np.full(6, 3.0), np.full(2, 2.0)])

ENCODER_INPUTS = ("rgba", "geometry", "light", "style")
DENOISER_INPUTS = (
    *("x", "t", "geometry", "face", "light", "style"),
    *("picture", "fine", "coarse", "identity", "place", "trust", "present"),
)
# What stays from picture to picture while the same references are copied from, in one step.
STANDING = frozenset(("x", "t", "style", "picture", "fine", "coarse", "identity"))


class Encoded(NamedTuple):
    """What the denoiser reads of K references."""

    picture: Array  # [K,8,G,G] premultiplied RGB 0 to 1, alpha, log irradiance (3), 1
    fine: Array  # [K,C,64,64]
    coarse: Array  # [K,C,32,32]
    identity: Array  # [K,I]


ENCODER_OUTPUTS = tuple(f"read_{name}" for name in Encoded._fields)
DENOISER_OUTPUTS = tuple(f"drawn_{name}" for name in DrawnLayers._fields)


def encoder_shapes(count: int) -> Shapes:
    """Of the encoder's inputs for so many references."""
    return {
        "rgba": (count, 4, GRID, GRID),  # premultiplied, 0 to 1
        "geometry": (count, GEOMETRY, GRID, GRID),
        "light": (count, LIGHT_SIZE),
        "style": (count, STYLES),
    }


def denoiser_shapes(count: int) -> Shapes:
    """Of the denoiser's inputs for one picture that copies from so many references."""
    return {
        "x": (1, 4, STATE, STATE),
        "t": (1,),
        "geometry": (1, GEOMETRY, GRID, GRID),
        "face": (1, FACE_SIZE),
        "light": (1, LIGHT_SIZE),
        "style": (1, STYLES),
        "picture": (1, count, 8, GRID, GRID),
        "fine": (1, count, _FEATURES[0], GRID // 2, GRID // 2),
        "coarse": (1, count, _FEATURES[1], GRID // 4, GRID // 4),
        "identity": (1, count, _IDENTITY),
        "place": (1, count, GRID, GRID, 2),
        "trust": (1, count, TRUST, GRID, GRID),
        "present": (1, count),
    }


def denoiser_graph(files: NetworkFiles, count: int) -> ExportedGraph:
    """The denoiser for so many references."""
    n = _CELLS
    shapes = ((count, n, n), (count, 2, n, n), (3, n, n), (3, n, n), (4, n, n), (4, STATE, STATE), (3, STATE, STATE))
    outputs = {name: OutputSpec((1, *shape)) for name, shape in zip(DENOISER_OUTPUTS, shapes, strict=True)}
    file = files.denoiser
    return ExportedGraph(file.path, file.sha256, denoiser_shapes(count), outputs, STANDING, is_cached=True)


def encoder_graph(files: NetworkFiles, count: int) -> ExportedGraph:
    """The encoder for so many references."""
    shapes = ((8, GRID, GRID), (_FEATURES[0], GRID // 2, GRID // 2), (_FEATURES[1], GRID // 4, GRID // 4), (_IDENTITY,))
    outputs = {name: OutputSpec((count, *shape)) for name, shape in zip(ENCODER_OUTPUTS, shapes, strict=True)}
    return ExportedGraph(files.encoder.path, files.encoder.sha256, encoder_shapes(count), outputs)


class Networks:
    """Both networks of one set of weights. A denoiser is compiled for a number of references at its first use."""

    def __init__(self, folder: Path = WEIGHTS_FOLDER, build: Build | None = None) -> None:
        """Raises WeightsError if the folder has no networks, or damaged ones."""
        self.files, self.build = networks_in(folder), build or Build()
        self.files.check()
        self._denoisers: dict[int, Session] = {}
        self._encoder: Session | None = None
        self._opening, self._encoding = threading.Lock(), threading.Lock()

    @property
    def name(self) -> str:
        """What runs the denoiser: "openvino cpu bf16"; the name of the build before it is opened."""
        opened = next(iter(self._denoisers.values()), None)
        return opened.name if opened else self.build.name

    def denoiser(self, count: int) -> Session:
        """The denoiser for so many references; from any thread. Raises RuntimeUnavailable if it cannot run here."""
        with self._opening:
            if count not in self._denoisers:
                self._denoisers[count] = _opened_session(denoiser_graph(self.files, count), self.build)
            return self._denoisers[count]

    def encode(self, inputs: Feeds) -> Encoded:
        """What the denoiser reads of references `encoder_shapes`, one after the other; from any thread."""
        with self._encoding:
            if self._encoder is None:
                self._encoder = open_session(encoder_graph(self.files, 1), _ON_CPU)
            rows = []
            for k in range(len(inputs["rgba"])):
                found = self._encoder.run({name: array[k : k + 1] for name, array in inputs.items()})
                rows.append([np.array(found[name], np.float32) for name in ENCODER_OUTPUTS])
        return Encoded(*(np.concatenate(parts) for parts in zip(*rows, strict=True)))

    def layers(self, inputs: Feeds) -> DrawnLayers:
        """The layers of the picture with these inputs `denoiser_shapes`, valid until the next call."""
        found = self.denoiser(inputs["present"].shape[1]).run(inputs)
        return DrawnLayers(*(found[name][0] for name in DENOISER_OUTPUTS))


def _opened_session(graph: ExportedGraph, build: Build) -> Session:
    if not build.runtime.startswith("pytorch"):
        return open_session(graph, build)
    try:
        from ..runtime.pytorch import PyTorchSession
        from .denoiser import denoiser_in

        return PyTorchSession(denoiser_in(graph.path.parent), graph, build)
    except ImportError as error:
        raise RuntimeUnavailable(
            f"PyTorch cannot be loaded ({error}): pip install 'omote[training]', or choose --runtime openvino"
        ) from error


def face_row(params: FlameParams) -> Array:
    """[64] expression, jaw, neck, eyes and eyelids in numbers of like size; ValueError for another basis."""
    if params.basis != OPEN_BASIS:
        raise ValueError(f'this model speaks the basis "{OPEN_BASIS}", these parameters "{params.basis}"')
    return np.asarray(params.vector()[:FACE_SIZE] * _SCALE, np.float32)


def face_params(row: Array) -> FlameParams:
    """The face of a row [64], its head in the middle; the inverse of `face_row`."""
    return FlameParams.from_vector(np.append(row / _SCALE, np.zeros(3)).astype(np.float32))
