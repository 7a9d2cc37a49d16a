"""Steadies what the network draws and how the head is held apart, so a head that turns redraws no still face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..data import OPEN_BASIS, FlameParams
from ..face.stabilizer import FaceStabilizer

_STILL = np.zeros(3, np.float32)


class Poise:
    """Of one face, told picture after picture. Parameters in another basis are taken as they are.

    The noise of a tracker is known in the open basis alone, and what comes in another was asked for by number.
    """

    def __init__(self, consistency: bool = True) -> None:
        """Without `consistency` each face stands alone."""
        self._face, self._head = FaceStabilizer(consistency), FaceStabilizer(consistency)

    def forget(self) -> None:
        """The next face stands alone."""
        self._face.forget()
        self._head.forget()

    def settled(self, params: FlameParams, *, trembles: bool = True) -> FlameParams:
        """The face as it is to be drawn; where the head stands is the camera's affair, and stays as it was told."""
        if params.basis != OPEN_BASIS:
            return params
        face = replace(params, neck_pose=_STILL, eye_pose=np.zeros((2, 3), np.float32), translation=_STILL)
        head = replace(FlameParams.neutral(), neck_pose=params.neck_pose, eye_pose=params.eye_pose)
        drawn = self._face.settled(face, trembles=trembles)
        held = self._head.settled(head, trembles=trembles)
        return replace(drawn, neck_pose=held.neck_pose, eye_pose=held.eye_pose, translation=params.translation)
