"""Pictures for other programs: the newest arrives, their failures do not end the stream, and their libraries' calls.

Spout and Syphon are tested with fakes after their libraries' documentation; NDI and pyvirtualcam where installed.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge.outputs import SenderError, picture_sender
from omote.bridge.outputs.pictures import Channel, PictureSender, SpoutChannel, SyphonChannel

from .memory import MemoryChannel
from .sending import PATIENCE_S, wait_for


def picture(value: int) -> NDArray[np.uint8]:
    return np.full((2, 2, 4), value, np.uint8)


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Opener:
    """Opens channels, one after the other; a text is an error instead."""

    def __init__(self, *channels: MemoryChannel | str) -> None:
        self.opened = 0
        self._channels = list(channels)

    def __call__(self) -> Channel:
        self.opened += 1
        channel = self._channels.pop(0)
        if isinstance(channel, str):
            raise SenderError(channel)
        return channel


def sender(opener: Callable[[], Channel], clock: Clock | None = None) -> PictureSender:
    return PictureSender("a screen", opener, lambda pixels: pixels, clock=clock or Clock())


def test_pictures_arrive_and_the_channel_is_closed_at_the_end() -> None:
    channel = MemoryChannel()
    with sender(Opener(channel)) as screen:
        for value in range(5):
            screen.offer(picture(value))
            wait_for(lambda: channel.pixels is not None and channel.pixels[0, 0, 0] == value)  # noqa: B023
        assert (screen.sent, screen.failed, screen.trouble) == (5, 0, "")
    assert channel.is_closed


def test_a_channel_that_cannot_be_opened_is_an_error_at_once() -> None:
    with pytest.raises(SenderError, match="install it"), sender(Opener("install it")):
        pass


def test_a_channel_is_opened_used_and_closed_by_one_thread() -> None:
    threads: list[int] = []

    class Noting(MemoryChannel):
        def send(self, pixels: NDArray[np.uint8], /) -> None:
            threads.append(threading.get_ident())
            super().send(pixels)

        def close(self) -> None:
            threads.append(threading.get_ident())

    def opened() -> Channel:
        threads.append(threading.get_ident())
        return Noting()

    with sender(opened) as screen:
        screen.offer(picture(1))
    assert len(threads) == 3  # leaving shows what is still in the mailbox
    assert len({*threads}) == 1
    assert threading.get_ident() not in threads


def test_a_channel_that_hangs_blocks_nothing_and_gets_only_the_newest() -> None:
    goes_on, is_in = threading.Event(), threading.Event()

    class Slow(MemoryChannel):
        def send(self, pixels: NDArray[np.uint8], /) -> None:
            is_in.set()
            assert goes_on.wait(PATIENCE_S)
            super().send(pixels)

    channel = Slow()
    with sender(Opener(channel)) as screen:
        screen.offer(picture(0))
        assert is_in.wait(PATIENCE_S)
        for value in range(1, 100):
            screen.offer(picture(value))
        assert channel.sent == 0
        goes_on.set()
        wait_for(lambda: channel.sent == 2)
        assert channel.pixels is not None
        assert channel.pixels[0, 0, 0] == 99


def test_a_failure_is_logged_once_and_tried_again_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    first, last = MemoryChannel(fails=(False, True)), MemoryChannel()
    opener = Opener(first, "it is still gone", last)
    with caplog.at_level(logging.WARNING), sender(opener, clock) as screen:
        screen.offer(picture(0))
        wait_for(lambda: screen.sent == 1)
        screen.offer(picture(1))
        wait_for(lambda: screen.failed == 1)
        assert "the program was closed" in screen.trouble
        screen.offer(picture(2))
        wait_for(lambda: screen.failed == 2)
        assert opener.opened == 1  # for it is too early
        clock.now_s += 3.0
        screen.offer(picture(3))
        wait_for(lambda: screen.failed == 3)
        assert screen.trouble == "it is still gone"
        clock.now_s += 3.0
        screen.offer(picture(4))
        wait_for(lambda: screen.sent == 2)
        assert screen.trouble == ""
    assert first.is_closed
    assert opener.opened == 3
    said = [record.message for record in caplog.records]
    assert len(said) == 2
    assert "the stream goes on" in said[0]
    assert said[1] == "a screen is back"


def test_a_picture_that_cannot_be_converted_ends_nothing() -> None:
    def refuse(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if pixels[0, 0, 0] == 0:
            raise MemoryError
        return pixels

    clock, channels = Clock(), (MemoryChannel(), MemoryChannel())
    with PictureSender("a screen", Opener(*channels), refuse, clock=clock) as screen:
        screen.offer(picture(0))
        wait_for(lambda: screen.failed == 1)
        assert screen.trouble == "MemoryError"
        clock.now_s += 3.0
        screen.offer(picture(1))
        wait_for(lambda: screen.sent == 1)


def rows(height: int = 2, width: int = 3) -> NDArray[np.uint8]:
    return np.arange(height * width * 4, dtype=np.uint8).reshape(height, width, 4)


class SpoutSender:
    """What SpoutGL's sender checks of an image."""

    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []
        self.works = True

    def sendImage(self, pixels: bytes, width: int, height: int, kind: int, invert: bool, host: int) -> bool:  # noqa: N802
        assert len(pixels) >= width * height * 4
        self.said.append((pixels, width, height, kind, invert, host))
        return self.works

    def setFrameSync(self, name: str) -> None:  # noqa: N802
        self.said.append((name,))

    def releaseSender(self) -> None:  # noqa: N802
        self.said.append(("released",))


def test_a_spout_sender_gets_rows_from_the_top_and_word_of_each() -> None:
    sender = SpoutSender()
    channel = SpoutChannel(sender, "Hana")
    channel.send(rows())
    channel.close()
    assert sender.said == [(rows().tobytes(), 3, 2, 0x1908, False, 0), ("Hana",), ("released",)]


def test_a_spout_sender_that_takes_nothing_is_trouble() -> None:
    sender = SpoutSender()
    sender.works = False
    with pytest.raises(OSError, match="Spout took no picture"):
        SpoutChannel(sender, "Hana").send(rows())


def test_a_syphon_server_gets_one_texture_for_each_size() -> None:
    textures: list[SimpleNamespace] = []
    published: list[tuple[bytes, bool]] = []
    stopped: list[bool] = []

    def create(device: object, width: int, height: int) -> SimpleNamespace:
        assert device == "the graphics card"
        textures.append(SimpleNamespace(size=(width, height), data=b""))
        return textures[-1]

    raw = SimpleNamespace(
        create_mtl_texture=create, copy_bytes_to_mtl_texture=lambda data, texture: setattr(texture, "data", data)
    )
    server = SimpleNamespace(
        device="the graphics card",
        publish_frame_texture=lambda texture, is_flipped: published.append((texture.data, is_flipped)),
        stop=lambda: stopped.append(True),
    )
    channel = SyphonChannel(server, raw)
    for one in (rows(), rows(), rows(4, 4)):
        channel.send(one)
    channel.close()
    assert [texture.size for texture in textures] == [(3, 2), (4, 4)]
    assert published[0] == (rows().tobytes(), True)
    assert stopped


has_camera = pytest.mark.skipif(
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
def device(monkeypatch: pytest.MonkeyPatch) -> type[Device]:
    import pyvirtualcam.camera

    monkeypatch.setattr(pyvirtualcam.camera, "BACKENDS", {"test": Device})
    Device.opened = None
    return Device


@has_camera
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


@has_camera
def test_a_missing_camera_is_an_error_with_the_cure(device: type[Device]) -> None:
    with pytest.raises(SenderError, match="there is no Webcam") as caught, picture_sender("virtualcam://Webcam"):
        pass
    assert device.opened is None
    if sys.platform == "linux":
        assert "modprobe v4l2loopback" in str(caught.value)


has_ndi = pytest.mark.skipif(
    importlib.util.find_spec("cyndilib") is None, reason="not installed here: pip install 'omote[ndi]'"
)
LISTENER = Path(__file__).with_name("ndi_listener.py")
SIDE = 64


def quarters(side: int = SIDE) -> NDArray[np.uint8]:
    """Red, green, blue and white, of four alphas; as a portrait, read-only."""
    pixels = np.zeros((side, side, 4), np.uint8)
    half = side // 2
    pixels[:half, :half] = (220, 30, 30, 255)
    pixels[:half, half:] = (30, 220, 30, 170)
    pixels[half:, :half] = (30, 30, 220, 85)
    pixels[half:, half:] = (220, 220, 220, 0)
    pixels.flags.writeable = False
    return pixels


def arrived(sender: PictureSender, name: str, picture: NDArray[np.uint8], side: int, folder: Path) -> NDArray[np.uint8]:
    """What a receiver gets of this picture, which is offered until it came."""
    (folder / "ndi-config.v1.json").write_text('{"ndi": {"networks": {"ips": "127.0.0.1"}}}', "utf-8")
    command = [sys.executable, str(LISTENER), name, str(side), str(folder / "got.npy")]
    with subprocess.Popen(
        command, env={**os.environ, "NDI_CONFIG_DIR": str(folder)}, stderr=subprocess.PIPE
    ) as process:
        while process.poll() is None:
            sender.offer(picture)
            time.sleep(0.02)
        assert process.stderr
        assert process.returncode == 0, f"{process.stderr.read()!r}; {sender.sent} sent, trouble: {sender.trouble!r}"
    pixels: NDArray[np.uint8] = np.load(folder / "got.npy")
    return pixels


@has_ndi
def test_colours_and_alpha_arrive_over_ndi(tmp_path: Path) -> None:
    with picture_sender("ndi://Omote%20test") as sender:
        pixels = arrived(sender, "Omote test", quarters(), SIDE, tmp_path).astype(int)
        middle = SIDE // 4
        for down in (middle, 3 * middle):
            for right in (middle, 3 * middle):
                wanted = quarters().astype(int)[down, right]
                got = pixels[down, right]
                assert abs(got[3] - wanted[3]) <= 2  # alpha is straight, and hardly loses anything
                if wanted[3]:
                    assert np.abs(got[:3] - wanted[:3]).max() <= 16  # compressed, and as YUV; multiplied it were 70 off
        assert sender.trouble == ""


@has_ndi
def test_a_picture_of_another_size_keeps_that_of_the_first(tmp_path: Path) -> None:
    with picture_sender("ndi://Omote%20size?size=96") as sender:
        assert arrived(sender, "Omote size", quarters(64), 96, tmp_path).shape == (96, 96, 4)
        assert arrived(sender, "Omote size", quarters(128), 96, tmp_path).shape == (96, 96, 4)
        assert (sender.failed, sender.trouble) == (0, "")
