"""Networks without weights, which copy references as the geometry says and paint nothing."""

from __future__ import annotations

import threading

import numpy as np

from omote.engine.model.compositing import DrawnLayers
from omote.engine.model.networks import DENOISER_OUTPUTS, Encoded, Networks, denoiser_shapes
from omote.engine.runtime.build import Build
from omote.engine.runtime.session import Feeds, Outputs

_CELLS = 128


class CopyingSession:
    """Each reference has as much of the picture as it is present; light and paint change nothing."""

    name = "copying"

    def __init__(self) -> None:
        self.calls = 0

    def run(self, feeds: Feeds) -> Outputs:
        self.calls += 1
        present = feeds["present"][0]
        share = np.broadcast_to((present / present.sum())[:, None, None], (len(present), _CELLS, _CELLS))
        full, fine = (_CELLS, _CELLS), (2 * _CELLS, 2 * _CELLS)
        layers = DrawnLayers(
            share=np.ascontiguousarray(share, np.float32),
            place=np.ascontiguousarray(feeds["place"][0].transpose(0, 3, 1, 2)),
            gain=np.ones((3, *full), np.float32),
            shade=np.zeros((3, *full), np.float32),
            under=np.zeros((4, *full), np.float32),
            paint=np.zeros((4, *fine), np.float32),
            cut=np.full((3, *fine), -1.0, np.float32),
        )
        return {name: layer[None] for name, layer in zip(DENOISER_OUTPUTS, layers, strict=True)}


class CopyingNetworks(Networks):
    """Stands for `Networks` without files; `session.calls` counts what was drawn."""

    def __init__(self) -> None:
        self.build, self.session = Build(), CopyingSession()
        self._opening = threading.Lock()

    @property
    def name(self) -> str:
        return self.session.name

    def denoiser(self, count: int) -> CopyingSession:
        return self.session

    def encode(self, inputs: Feeds) -> Encoded:
        count = len(inputs["rgba"])
        shapes = denoiser_shapes(count)
        return Encoded(*(np.zeros(shapes[name][1:], np.float32) for name in Encoded._fields))
