"""Head pose for Arc2Face's ControlNet: pictures of the head's normals, as EMOCA renders those of FLAME.

The authors condition on the normals of a FLAME mesh in world axes (x right, y up, z to the camera), n/2 + 1/2 as RGB,
on grey, in the frame of an FFHQ crop. Here the mesh is the open head, which has FLAME's layout but another surface.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..data import OPEN_BASIS, Array, FlameParams
from ..face.correspondence import COVERED_CHANNEL, NORMAL_CHANNELS
from ..face.fitting import FaceLandmarks, Fitter, Similarity, frame_photo
from ..face.head import Shaped
from ..face.rasterizer import GeometryMapper

Picture = NDArray[np.uint8]

_GREY = 128


@dataclass(frozen=True, eq=False)
class PoseMapper:
    """Draws normals of one character's head in the frame of its pictures."""

    mapper: GeometryMapper
    onto: Similarity  # from the mapper's picture to the result
    size: int  # of the result, pixels on a side

    @classmethod
    def of(cls, points: Array, size: int) -> Self:
        """For the face at rest with these MediaPipe points [478,2], in a picture of `size` pixels.

        A turned head keeps its place in the picture: the frame is that of the face at rest.
        """
        fitter = Fitter()
        reading = FaceLandmarks(points, np.zeros(52, np.float32), np.zeros(3, np.float32))
        fit = fitter.fit(reading)
        rest = replace(fit, params=FlameParams.neutral())
        onto = fitter.bring(reading, rest, size).inverse()
        return cls(GeometryMapper(fitter.head.shaped(fit.shape), grid=size), onto, size)

    @classmethod
    def framed(cls, shaped: Shaped, onto: Similarity, side: int, size: int) -> Self:
        """For a known framing: `onto` leads from our camera's picture of `side` pixels to one of `size` pixels."""
        return cls(GeometryMapper(shaped, grid=side), onto, size)

    def picture(self, params: FlameParams) -> Picture:
        """[S,S,3] the normals of this face. Coefficients of FLAME 2020 leave the face neutral: only the head turns."""
        if params.basis != OPEN_BASIS:
            params = replace(FlameParams.neutral(), neck_pose=params.neck_pose)
        geometry = self.mapper.draw(params)
        levels = np.where(geometry[COVERED_CHANNEL] > 0.0, (geometry[NORMAL_CHANNELS] * 0.5 + 0.5) * 255.0, _GREY)
        drawn = np.clip(levels.round(), 0.0, 255.0).astype(np.uint8).transpose(1, 2, 0)
        return frame_photo(np.ascontiguousarray(drawn), self.onto, self.size).picture
