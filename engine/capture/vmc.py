"""Any performer of the VMC protocol as a source; in the protocol's words Omote is the Marionette."""

from __future__ import annotations

import numpy as np

from omote.bridge import arkit, vmc
from omote.bridge.arkit import weight_index
from omote.bridge.vmc import (
    Apply,
    Bone,
    Quaternion,
    Value,
    VmcEvent,
    gaze_of_quaternion,
    quaternion_product,
    rotation_of_quaternion,
)

from ..data import Array
from ..face.retarget import gaze_from_weights
from .datagrams import FaceProtocol, FaceUpdate

_IDENTITY: Quaternion = np.array([0.0, 0.0, 0.0, 1.0])
_LEAST_TURN_RAD = 1e-4  # an eye bone that turns less is not driven


class Vmc(FaceProtocol[list[VmcEvent]]):
    """Values hold until they are sent again, and a face is complete when the sender applies it."""

    kind = "vmc"
    title = "VMC"
    advice = "does the other program send VMC to {here}, with blend shapes?"
    ports = (vmc.PORT,)

    def __init__(self) -> None:
        self._weights = np.zeros(arkit.COUNT, np.float32)
        self._is_sent = np.zeros(arkit.COUNT, bool)  # whether a weight came under its ARKit name
        self._presets: dict[str, float] = {}
        self._bones: dict[str, Quaternion] = {}
        self._has_gaze_bones = False

    def decode(self, data: bytes) -> list[VmcEvent]:
        return vmc.decode(data)

    def has_face(self, packet: list[VmcEvent]) -> bool:
        return vmc.shows_face(packet)

    def update(self, packet: list[VmcEvent], now_ns: int) -> FaceUpdate | None:
        is_complete = False
        for event in packet:
            if isinstance(event, Value):
                self._keep(event)
            elif isinstance(event, Bone):
                self._bones[event.name] = event.turn
            is_complete = is_complete or isinstance(event, Apply)
        if not is_complete:
            return None
        weights = np.where(self._is_sent, self._weights, vmc.weights_of_presets(self._presets))
        return FaceUpdate(weights, self._head_rotation(), gaze=self._gaze(weights), confidence=1.0)

    def _keep(self, value: Value) -> None:
        index = weight_index(value.name)
        if index is not None:
            self._weights[index] = min(max(value.weight, 0.0), 1.0)
            self._is_sent[index] = True
        elif value.name.lower() in vmc.VRM_PRESETS:
            self._presets[value.name.lower()] = min(max(value.weight, 0.0), 1.0)

    def _head_rotation(self) -> Array:
        """[3] the turn of the neck and of the head on it; the body's is not used."""
        neck, head = (self._bones.get(name, _IDENTITY) for name in ("Neck", "Head"))
        return rotation_of_quaternion(quaternion_product(neck, head)).astype(np.float32)

    def _gaze(self, weights: Array) -> Array:
        """[2,2] from the bones of the eyes, once one of them has turned, else from the weights."""
        turns = [self._bones.get(name, _IDENTITY) for name in ("LeftEye", "RightEye")]
        self._has_gaze_bones = self._has_gaze_bones or any(
            np.linalg.norm(rotation_of_quaternion(turn)) > _LEAST_TURN_RAD for turn in turns
        )
        if not self._has_gaze_bones:
            return gaze_from_weights(weights)
        return np.array([gaze_of_quaternion(turn) for turn in turns], np.float32)
