"""The shape of a character's face: a smooth map of the space around the head, applied after expressions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

EYE = (0.435, 14.10)  # x and y of the left eye's centre, dm
MOUTH_Y = 13.44
_EYE_REACH = (0.40, 0.36)  # dm in which the warp of an eye fades
_NOSE_Y = 13.83
_FRONT_Z = 0.1  # what lies further back is not the face


@dataclass(frozen=True)
class Face:
    """How a face differs from the kit's. Lengths in dm, factors 1 at rest."""

    eye_scale: tuple[float, float] = (1.0, 1.0)  # width, height
    eye_tilt: float = 0.0  # slope: positive raises the outer corner
    eye_bend: float = 0.0  # positive lifts both corners, negative lets them droop
    eye_taper: float = 0.0  # positive makes the outer half taller
    eye_spacing: float = 0.0  # outward
    eye_height: float = 0.0  # upward
    face_width: float = 1.0
    jaw_width: float = 1.0
    cheek: float = 0.0  # outward at the height of the mouth
    chin_length: float = 0.0
    chin_point: float = 0.0  # positive narrows the tip of the chin
    mouth_width: float = 1.0
    mouth_height: float = 0.0  # upward
    mouth_bend: float = 0.0  # positive lifts the corners
    nose: float = 0.0  # forward
    shoulder_width: float = 1.0

    def apply_body(self, position: Array) -> Array:
        """[n,3] the same for points of neck and shoulders; the neck stays."""
        p = position.astype(np.float64)
        beside = np.clip((np.abs(p[:, 0]) - 0.35) / 0.5, 0.0, 1.0)
        p[:, 0] *= 1.0 + (self.shoulder_width - 1.0) * beside
        return p.astype(np.float32)

    def apply(self, position: Array) -> Array:
        """[n,3] where these points [n,3] of the kit's head lie on this one."""
        p = position.astype(np.float64)
        is_front = p[:, 2] > _FRONT_Z
        for side in (1.0, -1.0):
            x, y = side * EYE[0], EYE[1]
            dx, dy = p[:, 0] - x, p[:, 1] - y
            near = np.exp(-((dx / _EYE_REACH[0]) ** 2) - (dy / _EYE_REACH[1]) ** 2) * is_front
            out = side * dx
            p[:, 0] += near * ((self.eye_scale[0] - 1.0) * dx + side * self.eye_spacing)
            taper = self.eye_taper * np.clip(out, -0.3, 0.3) * dy
            bend = self.eye_bend * (np.minimum(out * out, 0.09) - 0.03)
            p[:, 1] += near * ((self.eye_scale[1] - 1.0) * dy + taper + bend + self.eye_height + self.eye_tilt * out)
        dy = p[:, 1] - MOUTH_Y
        mouth = np.exp(-((p[:, 0] / 0.42) ** 2) - (dy / 0.30) ** 2) * is_front
        p[:, 0] += mouth * (self.mouth_width - 1.0) * p[:, 0]
        p[:, 1] += mouth * (self.mouth_height + self.mouth_bend * (np.minimum(p[:, 0] ** 2, 0.09) - 0.02))
        p[:, 2] += self.nose * np.exp(-((p[:, 0] / 0.12) ** 2) - ((p[:, 1] - _NOSE_Y) / 0.14) ** 2) * is_front
        p[:, 0] *= 1.0 + (self.face_width - 1.0) * np.clip((15.0 - p[:, 1]) / 1.2, 0.0, 1.0)
        forward = np.clip((p[:, 2] + 0.1) / 0.5, 0.0, 1.0)
        low = np.clip((14.1 - p[:, 1]) / 0.9, 0.0, 1.0) * forward
        cheek = self.cheek * np.exp(-(((p[:, 1] - 13.55) / 0.28) ** 2)) * forward
        p[:, 0] *= 1.0 + (self.jaw_width - 1.0) * np.sin(np.pi * np.clip(low, 0.0, 0.8) / 1.6) + cheek
        tip = np.clip((13.50 - p[:, 1]) / 0.45, 0.0, 1.0) * forward
        p[:, 0] *= 1.0 - self.chin_point * tip * tip
        chin = np.clip((p[:, 2] - 0.20) / 0.40, 0.0, 1.0)  # where the jaw meets the neck it stays
        p[:, 1] -= self.chin_length * low * low * chin
        return p.astype(np.float32)
