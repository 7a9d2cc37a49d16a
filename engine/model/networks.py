"""The two exported networks: one reads references once a character, one gives the layers of each picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from omote.engine.runtime.graph import open_graph

from .compositing import DrawnLayers

Array = NDArray[np.float32]


class Encoded(NamedTuple):
    """What the denoiser reads of K references."""

    picture: Array  # [K,8,G,G]
    fine: Array  # [K,C,64,64]
    coarse: Array  # [K,C,32,32]
    identity: Array  # [K,I]


@dataclass(frozen=True)
class EncoderInputs:
    """The field names are the input names of the exported network."""

    rgba: Array  # [K,4,G,G] premultiplied, 0 to 1
    geometry: Array  # [K,12,G,G]
    light: Array  # [K,27]
    style: Array  # [K,2]


@dataclass(frozen=True)
class DenoiserInputs:
    """The field names are the input names of the exported network."""

    x: Array  # [1,4,256,256]
    t: Array  # [1]
    geometry: Array  # [1,12,G,G]
    face: Array  # [1,64]
    light: Array  # [1,27]
    style: Array  # [1,2]
    picture: Array  # [1,K,8,G,G]
    fine: Array  # [1,K,C,64,64]
    coarse: Array  # [1,K,C,32,32]
    identity: Array  # [1,K,I]
    place: Array  # [1,K,G,G,2]
    trust: Array  # [1,K,4,G,G]
    present: Array  # [1,K]


class Networks:
    """Both networks of one set of weights, compiled for this machine."""

    def __init__(self, folder: Path, runtime: str = "openvino") -> None:
        self._encoder = open_graph(folder / "encoder.onnx", runtime)
        self._denoiser = open_graph(folder / "denoiser.onnx", runtime)

    def encode(self, inputs: EncoderInputs) -> Encoded:
        return Encoded(*self._encoder.outputs(inputs))

    def layers(self, inputs: DenoiserInputs) -> DrawnLayers:
        return DrawnLayers(*(layer[0] for layer in self._denoiser.outputs(inputs)))
