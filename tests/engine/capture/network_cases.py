"""Each source that comes over the network, opened for a scripted phone, and what it is to read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from omote.bridge import arkit
from omote.engine.capture.datagrams import LOOPBACK, DatagramSource
from omote.engine.capture.ifacialmocap import Facemotion3dSource, IFacialMocapSource
from omote.engine.capture.livelink import LiveLinkSource
from omote.engine.capture.openseeface import OpenSeeFaceSource
from omote.engine.capture.vmc import VmcSource
from omote.engine.capture.vtubestudio import VTubeStudioSource
from omote.engine.data import Signal

from .phones import PATIENCE_S, Phone

DATA = Path(__file__).resolve().parents[2] / "data"
GOLDEN: dict[str, Any] = json.loads((DATA / "golden_phones.json").read_text("utf-8"))

NAMES = (
    *("livelink_face", "phone_ifacialmocap_v1", "phone_ifacialmocap_v2", "phone_facemotion3d", "phone_vtubestudio"),
    *("phone_openseeface", "phone_vmc_vrm0", "phone_vmc_vrm1"),
)


class Clock:
    """Stands still until it is told to go."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def __call__(self) -> int:
        return self.now_ns

    def after(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1e9)


def vector(name: str) -> bytes:
    return (DATA / f"{name}.bin").read_bytes()


def read(source: DatagramSource[Any]) -> Signal:
    for _ in range(30):
        if signal := source.read(PATIENCE_S):
            return signal
    raise AssertionError("nothing came")


def of(signal: Signal) -> dict[str, float]:
    """The weights that are not at rest."""
    return {name: round(float(w), 4) for name, w in zip(arkit.NAMES, signal.weights, strict=True) if abs(w) > 1e-6}


def opened(name: str, phone: Phone, clock: Callable[[], int]) -> DatagramSource[Any]:
    """The source that reads this vector, with every port free to choose."""
    if "ifacial" in name:
        return IFacialMocapSource(LOOPBACK, phone.port, (0,), clock)
    if "facemotion" in name:
        return Facemotion3dSource(LOOPBACK, phone.port, (0, 0), clock)
    if "vtube" in name:
        return VTubeStudioSource(LOOPBACK, phone.port, 0, clock)
    if "livelink" in name:
        return LiveLinkSource(0, LOOPBACK, clock)
    return (VmcSource if "vmc" in name else OpenSeeFaceSource)(0, LOOPBACK, clock)


def second_of(source: DatagramSource[Any], phone: Phone) -> DatagramSource[Any]:
    """Another of the same kind, at the same port."""
    port = source.port
    if isinstance(source, IFacialMocapSource):
        return IFacialMocapSource(LOOPBACK, phone.port, (port,))
    if isinstance(source, Facemotion3dSource):
        return Facemotion3dSource(LOOPBACK, phone.port, (0, port))
    if isinstance(source, VTubeStudioSource):
        return VTubeStudioSource(LOOPBACK, phone.port, port)
    if isinstance(source, LiveLinkSource):
        return LiveLinkSource(port, LOOPBACK)
    return VmcSource(port, LOOPBACK) if isinstance(source, VmcSource) else OpenSeeFaceSource(port, LOOPBACK)
