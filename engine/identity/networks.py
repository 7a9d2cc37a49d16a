"""The two networks that know people: one reads who is in a picture, one completes a texture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from omote.engine.nouns import Array
from omote.engine.runtime.graph import Graph, open_graph
from omote.engine.weights.makers import MakerFiles, maker_files

Rgb = NDArray[np.uint8]


@dataclass(frozen=True)
class Encoded:
    """Who is in a picture."""

    identity: Array  # [I] tokens
    rows: Array  # [R,C] reference rows for the attention bank


class PeopleNetworks(Protocol):
    """The shipped ones, or tiny ones for tests."""

    model: str  # version of the model whose characters they make
    size: int  # pixels on a side of the pictures to encode

    def encode(self, picture: Rgb, geometry: Array) -> Encoded:
        """Who is in a picture [S,S,3] that is framed as our renderer does; `geometry` [10,G,G] maps its head."""
        ...

    def complete(self, lifted: Array, identity: Array) -> Array:
        """[16,H,W] the texture of someone of whom this was seen ([4,H,W], all zero for nothing)."""
        ...


@dataclass(frozen=True)
class EncoderInputs:
    """The field names are the input names of the exported network."""

    picture: Array  # [1,3,S,S] sRGB -1 to 1
    geometry: Array  # [1,10,G,G]


@dataclass(frozen=True)
class CompletionInputs:
    """The field names are the input names of the exported network."""

    lifted: Array  # [1,4,H,W]
    identity: Array  # [1,I]


class ExportedNetworks:
    """The shipped networks in one of the runtimes."""

    size = 256

    def __init__(self, encoder: Graph, completion: Graph, model: str) -> None:
        self.model = model
        self._encoder, self._completion = encoder, completion

    @classmethod
    def open(cls, runtime: str, files: MakerFiles | None = None) -> ExportedNetworks:
        """WeightsError where a file is damaged, RuntimeUnavailable where the runtime cannot run it."""
        files = files or maker_files()
        for file in (files.encoder, files.completion):
            file.check()
        return cls(open_graph(files.encoder.path, runtime), open_graph(files.completion.path, runtime), files.model)

    def encode(self, picture: Rgb, geometry: Array) -> Encoded:
        channels = picture.astype(np.float32).transpose(2, 0, 1) / np.float32(127.5) - np.float32(1.0)
        inputs = EncoderInputs(np.ascontiguousarray(channels)[None], geometry[None])
        identity, rows, _ = self._encoder.outputs(inputs)  # the last are attributes, for the training alone
        return Encoded(identity[0], rows[0])

    def complete(self, lifted: Array, identity: Array) -> Array:
        (texture,) = self._completion.outputs(CompletionInputs(lifted[None], identity[None]))
        return np.asarray(texture[0])
