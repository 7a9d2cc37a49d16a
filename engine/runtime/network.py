"""What a compiled denoiser looks like to the animator, whatever runs it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Inputs:
    """One call of D(x, t): the field names are the input names of the exported network."""

    x: Array  # [1,4,S,S]
    t: Array  # [1]
    geometry: Array  # [1,10,G,G]
    uv: Array  # [1,G,G,2]
    texture: Array  # [1,16,256,128]
    face: Array  # [1,64]
    light: Array  # [1,27]
    identity: Array  # [1,64]
    bank: Array  # [1,R,128] the character's rows of the attention bank
    present: Array  # [1,1] 1 or 0: whether `bank` is there

    def at(self, x: Array, t: Array) -> Inputs:
        """The same picture from another point on its path."""
        return replace(self, x=x, t=t)


class Network(Protocol):
    """Loaded and compiled when constructed."""

    name: str  # for the status line: "openvino cpu bf16"

    def run(self, inputs: Inputs) -> Array:
        """[1,4,S,S] straight RGBA in -1..1; valid until the next call."""
        ...


class RuntimeUnavailable(Exception):
    """A runtime cannot run here; the message says why and what to install or choose."""
