"""A scene's shots as the network is told them: what calibrates int8 and what parity is checked by."""

from __future__ import annotations

import numpy as np

from omote.engine.diffusion import sampler
from omote.engine.diffusion.conditioning import face_row
from omote.engine.face.light import whitened
from omote.engine.look import Look
from omote.engine.runtime.network import Inputs

from .evaluation.scenes import Shot


def posed(look: Look, shot: Shot, size: int) -> Inputs:
    """The first step's inputs for one picture, in arrays of their own."""
    params = shot.params()
    maps, (light, _) = look.maker(size // 2).draw(params), whitened(shot.light.harmonics())
    return Inputs(
        x=sampler.fixed_noise(size),
        t=np.ones(1, np.float32),
        geometry=maps.geometry[None].copy(),
        uv=maps.uv[None].copy(),
        texture=look.texture,
        face=face_row(params)[None],
        light=light[None],
        identity=look.identity,
        bank=look.bank,
        present=look.present,
    )
