"""A virtual camera by pyvirtualcam, where that is installed, with a device that stands in for the system's."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from omote.bridge.outputs import SenderError, picture_sender

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pyvirtualcam") is None, reason="not installed here: pip install 'omote[virtualcam]'"
)


class Device:
    """A backend of pyvirtualcam, as its documentation lays them out."""

    opened: Device | None = None

    def __init__(self, *, width: int, height: int, fps: float, fourcc: int, device: str | None) -> None:
        if device not in (None, "Omote test"):
            raise RuntimeError(f"there is no {device}")
        self.size, self.fps, self.fourcc = (width, height), fps, fourcc
        self.frames: list[np.ndarray[Any, Any]] = []
        self.is_closed = False
        Device.opened = self

    def device(self) -> str:
        return "Omote test"

    def native_fourcc(self) -> None:
        return None

    def send(self, frame: np.ndarray[Any, Any]) -> None:
        self.frames.append(frame.copy())

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Device]]:
    import pyvirtualcam.camera

    monkeypatch.setattr(pyvirtualcam.camera, "BACKENDS", {"test": Device})
    Device.opened = None
    yield Device


def test_a_portrait_arrives_as_a_camera_s_frame(device: type[Device]) -> None:
    portrait = np.full((64, 64, 4), (250, 40, 10, 255), np.uint8)
    portrait.flags.writeable = False
    with picture_sender("virtualcam://Omote test?size=128x72&background=0000ff") as sender:
        camera = device.opened
        assert camera is not None
        assert camera.size == (128, 72)
        sender.offer(portrait)
    assert (sender.sent, sender.trouble) == (1, "")
    frame = camera.frames[0].reshape(72, 128, 3)
    assert frame[36, 64].tolist() == [250, 40, 10]
    assert frame[36, 5].tolist() == [0, 0, 255]
    assert camera.is_closed


def test_a_camera_that_is_not_there_is_said_with_the_cure(device: type[Device]) -> None:
    with pytest.raises(SenderError, match="there is no Webcam") as caught, picture_sender("virtualcam://Webcam"):
        pass
    assert device.opened is None
    if sys.platform == "linux":
        assert "modprobe v4l2loopback" in str(caught.value)
