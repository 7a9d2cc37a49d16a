"""Shares the picture as a GPU texture on the same machine: Spout on Windows, Syphon on macOS."""

from __future__ import annotations

import sys
from typing import Any

from ..picture import Pixels
from .datagrams import SenderError
from .pictures import Channel

SPOUT_INSTALL = "pip install 'omote[spout]' (SpoutGL)"

_GL_RGBA = 0x1908


def open_spout(name: str) -> Channel:
    """A sender of that name, which takes [H,W,4] multiplied by alpha; SenderError where Spout is missing."""
    if sys.platform != "win32":
        raise SenderError("Spout is for Windows: use syphon on a Mac, ndi or virtualcam elsewhere")
    try:
        import SpoutGL
    except ImportError as error:
        raise SenderError(f"Spout wants a package that is not there: {SPOUT_INSTALL}") from error
    sender = SpoutGL.SpoutSender()
    sender.setSenderName(name)
    return SpoutChannel(sender, name)


class SpoutChannel:
    """A SpoutSender of SpoutGL; it makes its own OpenGL context in the thread that uses it."""

    def __init__(self, sender: Any, name: str) -> None:
        self._sender, self._name = sender, name

    def send(self, pixels: Pixels, /) -> None:
        """Shows this picture, its first row on top."""
        height, width = pixels.shape[:2]
        if not self._sender.sendImage(pixels.tobytes(), width, height, _GL_RGBA, False, 0):
            raise OSError("Spout took no picture: is there a graphics driver with DirectX 11?")
        self._sender.setFrameSync(self._name)

    def close(self) -> None:
        self._sender.releaseSender()


SYPHON_INSTALL = "pip install 'omote[syphon]' (syphon-python)"


def open_syphon(name: str) -> Channel:
    """A server of that name, which takes [H,W,4] multiplied by alpha; SenderError where Syphon is missing."""
    if sys.platform != "darwin":
        raise SenderError("Syphon is for macOS: use spout on Windows, ndi or virtualcam elsewhere")
    try:
        import syphon
        from syphon.utils import raw
    except ImportError as error:
        raise SenderError(f"Syphon wants a package that is not there: {SYPHON_INSTALL}") from error
    return SyphonChannel(syphon.SyphonMetalServer(name), raw)


class SyphonChannel:
    """A SyphonMetalServer, and the texture that its pictures are copied to."""

    def __init__(self, server: Any, raw: Any) -> None:
        """`raw` makes textures and fills them: `syphon.utils.raw`."""
        self._server, self._raw = server, raw
        self._texture: Any = None
        self._shape: tuple[int, ...] = ()

    def send(self, pixels: Pixels, /) -> None:
        """Shows this picture. Metal's textures begin at the top, as ours do; Syphon's pictures at the bottom."""
        if pixels.shape != self._shape:
            height, width = pixels.shape[:2]
            self._texture = self._raw.create_mtl_texture(self._server.device, width, height)
            self._shape = pixels.shape
        self._raw.copy_bytes_to_mtl_texture(pixels.tobytes(), self._texture)
        self._server.publish_frame_texture(self._texture, is_flipped=True)

    def close(self) -> None:
        self._server.stop()
