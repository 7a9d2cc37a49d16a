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

    # B pictures of S pixels on a side at once; G is S / 2.
    x: Array  # [B,4,S,S]
    t: Array  # [B]
    geometry: Array  # [B,10,G,G]
    uv: Array  # [B,G,G,2]
    texture: Array  # [B,16,256,128]
    face: Array  # [B,64]
    light: Array  # [B,27]
    identity: Array  # [B,64]
    bank: Array  # [B,R,128] the characters' rows of the attention bank
    present: Array  # [B,1] 1 or 0: whether `bank` is there

    def at(self, x: Array, t: Array) -> Inputs:
        """The same picture from another point on its path."""
        return replace(self, x=x, t=t)


class Network(Protocol):
    """Loaded and compiled when constructed."""

    name: str  # for the status line: "openvino cpu bf16"

    def run(self, inputs: Inputs) -> Array:
        """[B,4,S,S] straight RGBA in -1..1; valid until the next call."""
        ...


class RuntimeUnavailable(Exception):
    """A runtime cannot run here; the message says why and what to install or choose."""
