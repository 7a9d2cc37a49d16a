"""A scripted phone on this machine, and the source that reads each of the recorded datagrams."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from omote.bridge import arkit
from omote.engine.capture.datagrams import LOOPBACK, DatagramSource, FaceProtocol, PhoneRequest
from omote.engine.capture.openseeface import OpenSeeFace
from omote.engine.capture.phones import (
    Facemotion3d,
    IFacialMocap,
    LiveLink,
    VTubeStudio,
    facemotion3d_request,
    ifacialmocap_request,
    vtubestudio_request,
)
from omote.engine.capture.vmc import Vmc
from omote.engine.data import Signal
from omote.engine.testing.clock import ManualClock

DATA = Path(__file__).resolve().parents[2] / "data"
GOLDEN: dict[str, Any] = json.loads((DATA / "golden_phones.json").read_text("utf-8"))
PATIENCE_S = 5.0
NAMES = (
    *("livelink_face", "phone_ifacialmocap_v1", "phone_ifacialmocap_v2", "phone_facemotion3d", "phone_vtubestudio"),
    *("phone_openseeface", "phone_vmc_vrm0", "phone_vmc_vrm1"),
)
_KINDS: dict[str, tuple[type[FaceProtocol[Any]], Callable[[str, int], PhoneRequest] | None]] = {
    "ifacial": (IFacialMocap, ifacialmocap_request),
    "facemotion": (Facemotion3d, facemotion3d_request),
    "vtube": (VTubeStudio, vtubestudio_request),
    "livelink": (LiveLink, None),
    "vmc": (Vmc, None),
    "openseeface": (OpenSeeFace, None),
}


class FakePhone:
    """Receives at a port that stays the same, and sends from one that changes at each waking, as real phones do."""

    def __init__(self) -> None:
        self._receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sender: socket.socket | None = None
        self._before = 0  # the port that it sent from before it slept

    def __enter__(self) -> Self:
        self._receiver.bind((LOOPBACK, 0))
        self.wake()
        return self

    def __exit__(self, *error: object) -> None:
        self.sleep()
        self._receiver.close()

    @property
    def port(self) -> int:
        """Where it receives requests."""
        return int(self._receiver.getsockname()[1])

    @property
    def sends_from(self) -> int:
        assert self._sender, "it is asleep"
        return int(self._sender.getsockname()[1])

    def close(self) -> None:
        """Closes the app: requests reach no program. It may still send."""
        self._receiver.close()

    def sleep(self) -> None:
        """From now on it neither sends nor receives."""
        if self._sender:
            self._before = self.sends_from
            self._sender.close()
        self._sender = None

    def wake(self) -> None:
        """Sends from another port than before it slept."""
        first = self._bound()
        self._sender = first if first.getsockname()[1] != self._before else self._bound()
        if self._sender is not first:
            first.close()

    def _bound(self) -> socket.socket:
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((LOOPBACK, 0))
        return one

    def send(self, port: int, *datagrams: bytes) -> None:
        assert self._sender, "it is asleep"
        for data in datagrams:
            self._sender.sendto(data, (LOOPBACK, port))

    def requests(self) -> list[tuple[bytes, int]]:
        """What it received since the last call, each with the port that it came from."""
        self._receiver.setblocking(False)
        found = []
        try:
            while True:
                data, address = self._receiver.recvfrom(4096)
                found.append((data, int(address[1])))
        except BlockingIOError:
            return found

    def is_answered(self) -> bool:
        """Whether anything came to the port that it sends from."""
        assert self._sender, "it is asleep"
        self._sender.setblocking(False)
        try:
            self._sender.recvfrom(1)
        except BlockingIOError:
            return False
        return True


def source_of(
    name: str, phone: FakePhone, clock: Callable[[], int], ports: tuple[int, ...] | None = None
) -> DatagramSource[Any]:
    """The source that reads this recorded datagram, by default at free ports of this machine."""
    protocol, request = next(kind for part, kind in _KINDS.items() if part in name)
    return DatagramSource(
        protocol(),
        ports or (0,) * len(protocol.ports),
        LOOPBACK,
        request=request(LOOPBACK, phone.port) if request else None,
        clock=clock,
    )


def listener(protocol: FaceProtocol[Any], clock: Callable[[], int] | None = None) -> DatagramSource[Any]:
    """A source that listens at a free port of this machine."""
    return DatagramSource(protocol, (0,), LOOPBACK, clock=clock or ManualClock())


def recorded(name: str) -> bytes:
    """The recorded datagram of this name."""
    return (DATA / f"{name}.bin").read_bytes()


def read(source: DatagramSource[Any]) -> Signal:
    for _ in range(30):
        if signal := source.read(PATIENCE_S):
            return signal
    raise AssertionError("nothing came")


def moved(signal: Signal) -> dict[str, float]:
    """The weights that are not at rest."""
    return {name: round(float(w), 4) for name, w in zip(arkit.NAMES, signal.weights, strict=True) if abs(w) > 1e-6}
