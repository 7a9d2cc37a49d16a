"""Any performer of the VMC protocol as a source: Omote is the marionette that hears it."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from omote.bridge import arkit, vmc, vmc_receiver, vrm
from omote.bridge.datagram import weight_index
from omote.bridge.vmc import Quaternion
from omote.bridge.vmc_receiver import Apply, Bone, Said, Value, pitch_and_yaw_of, product, rotation_of
from omote.engine.face.gaze import gaze_from_weights
from omote.engine.nouns import Array

from .datagrams import ANY_ADDRESS, DatagramSource, Heard

DEFAULT_PORT = vmc.PORT

_STRAIGHT: Quaternion = np.array([0.0, 0.0, 0.0, 1.0])
_TURNED_RAD = 1e-4  # less is an eye bone that nobody drives


class VmcSource(DatagramSource[list[Said]]):
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

    def decode(self, data: bytes) -> list[Said]:
        return vmc_receiver.decode(data)

    def device(self, packet: list[Said]) -> str:
        return ""

    def has_face(self, packet: list[Said]) -> bool:
        return vmc_receiver.shows_face(packet)

    def heard(self, packet: list[Said], now_ns: int) -> Heard | None:
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
        elif said.name.lower() in vrm.PRESETS:
            self._presets[said.name.lower()] = min(max(said.weight, 0.0), 1.0)

    def _face(self) -> Heard:
        weights = np.where(self._is_said, self._weights, vrm.weights_of(self._presets))
        return Heard(weights, self._head(), gaze=self._gaze(weights))

    def _head(self) -> Array:
        """The neck's turn and the head's; what the body does is not the face's."""
        neck, head = (self._bones.get(name, _STRAIGHT) for name in ("Neck", "Head"))
        return rotation_of(product(neck, head)).astype(np.float32)

    def _gaze(self, weights: Array) -> Array:
        """Of the eyes' bones, once one of them has turned; else of the weights."""
        turns = [self._bones.get(name, _STRAIGHT) for name in ("LeftEye", "RightEye")]
        self._has_gaze = self._has_gaze or any(np.linalg.norm(rotation_of(turn)) > _TURNED_RAD for turn in turns)
        if not self._has_gaze:
            return gaze_from_weights(weights)
        return np.array([pitch_and_yaw_of(turn) for turn in turns], np.float32)
