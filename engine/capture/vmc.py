"""Any performer of the VMC protocol as a source: Omote is the marionette that hears it."""

from __future__ import annotations

import time
from collections.abc import Callable

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
from .datagrams import ANY_ADDRESS, DatagramSource, FaceUpdate

DEFAULT_PORT = vmc.PORT

_STRAIGHT: Quaternion = np.array([0.0, 0.0, 0.0, 1.0])
_TURNED_RAD = 1e-4  # less is an eye bone that nobody drives


class VmcSource(DatagramSource[list[VmcEvent]]):
    """Signals from the first performer that sends a face."""

    def __init__(
        self,
        port: int = DEFAULT_PORT,
        host: str = ANY_ADDRESS,
        clock: Callable[[], int] = time.perf_counter_ns,
        wall_clock: Callable[[], int] = time.time_ns,
        only: str | None = None,
    ) -> None:
        super().__init__(f"vmc {port}", _Marionette(), (port,), host, None, clock, wall_clock, only)


class _Marionette:
    """Remembers what was said: values hold until they are said anew, and a picture is whole when it is applied."""

    kind = "vmc"
    title = "VMC"
    advice = "does the other program send VMC to {here}, with blend shapes?"

    def __init__(self) -> None:
        self._weights = np.zeros(arkit.COUNT, np.float32)
        self._presets: dict[str, float] = {}
        self._bones: dict[str, Quaternion] = {}
        self._is_said = np.zeros(arkit.COUNT, bool)  # by ARKit's names; who says a movement twice means the same
        self._has_gaze = False  # by bones

    def decode(self, data: bytes) -> list[VmcEvent]:
        return vmc.decode(data)

    def device(self, packet: list[VmcEvent]) -> str:
        return ""

    def has_face(self, packet: list[VmcEvent]) -> bool:
        return vmc.shows_face(packet)

    def heard(self, packet: list[VmcEvent], now_ns: int) -> FaceUpdate | None:
        is_whole = False
        for said in packet:
            if isinstance(said, Value):
                self._note(said)
            elif isinstance(said, Bone):
                self._bones[said.name] = said.turn
            is_whole = is_whole or isinstance(said, Apply)
        return self._face() if is_whole else None

    def _note(self, said: Value) -> None:
        index = weight_index(said.name)
        if index is not None:
            self._weights[index] = min(max(said.weight, 0.0), 1.0)
            self._is_said[index] = True
        elif said.name.lower() in vmc.VRM_PRESETS:
            self._presets[said.name.lower()] = min(max(said.weight, 0.0), 1.0)

    def _face(self) -> FaceUpdate:
        weights = np.where(self._is_said, self._weights, vmc.weights_of_presets(self._presets))
        return FaceUpdate(weights, self._head(), gaze=self._gaze(weights))

    def _head(self) -> Array:
        """The neck's turn and the head's; what the body does is not the face's."""
        neck, head = (self._bones.get(name, _STRAIGHT) for name in ("Neck", "Head"))
        return rotation_of_quaternion(quaternion_product(neck, head)).astype(np.float32)

    def _gaze(self, weights: Array) -> Array:
        """Of the eyes' bones, once one of them has turned; else of the weights."""
        turns = [self._bones.get(name, _STRAIGHT) for name in ("LeftEye", "RightEye")]
        self._has_gaze = self._has_gaze or any(
            np.linalg.norm(rotation_of_quaternion(turn)) > _TURNED_RAD for turn in turns
        )
        if not self._has_gaze:
            return gaze_from_weights(weights)
        return np.array([gaze_of_quaternion(turn) for turn in turns], np.float32)
