"""Spout and Syphon as their libraries' documentation has them; neither exists where these tests run."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge.outputs.textures import SpoutChannel, SyphonChannel

GL_RGBA = 0x1908


def picture(height: int = 2, width: int = 3) -> NDArray[np.uint8]:
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
    channel.send(picture())
    channel.close()
    assert sender.said == [(picture().tobytes(), 3, 2, GL_RGBA, False, 0), ("Hana",), ("released",)]


def test_a_spout_sender_that_takes_nothing_is_trouble() -> None:
    sender = SpoutSender()
    sender.works = False
    with pytest.raises(OSError, match="Spout took no picture"):
        SpoutChannel(sender, "Hana").send(picture())


class Metal:
    """A SyphonMetalServer and `syphon.utils.raw`, with textures of bytes."""

    device = "the graphics card"

    def __init__(self) -> None:
        self.textures: list[dict[str, object]] = []
        self.published: list[tuple[object, bool]] = []
        self.is_stopped = False

    def create_mtl_texture(self, device: object, width: int, height: int) -> dict[str, object]:
        assert device == self.device
        self.textures.append({"size": (width, height)})
        return self.textures[-1]

    def copy_bytes_to_mtl_texture(self, data: bytes, texture: dict[str, object]) -> None:
        texture["data"] = data

    def publish_frame_texture(self, texture: dict[str, object], is_flipped: bool = False) -> None:
        self.published.append((texture["data"], is_flipped))

    def stop(self) -> None:
        self.is_stopped = True


def test_a_syphon_server_gets_one_texture_for_each_size() -> None:
    metal = Metal()
    channel = SyphonChannel(metal, metal)
    for one in (picture(), picture(), picture(4, 4)):
        channel.send(one)
    channel.close()
    assert [texture["size"] for texture in metal.textures] == [(3, 2), (4, 4)]
    assert metal.published[0] == (picture().tobytes(), True)
    assert metal.is_stopped
