"""The portrait as a Spout texture, for OBS, Unity, Unreal, Resolume and the like on the same Windows machine.

Written after SpoutGL's documentation; nobody has run it yet, for it exists on Windows alone.
"""

from __future__ import annotations

import sys
from typing import Any

from ..picture import Pixels
from .datagrams import SenderError
from .pictures import Channel

INSTALL = "pip install 'omote[spout]' (SpoutGL)"

_GL_RGBA = 0x1908


def open_sender(name: str) -> Channel:
    """A sender of that name, which takes [H,W,4] multiplied by alpha; SenderError where Spout is missing."""
    if sys.platform != "win32":
        raise SenderError("Spout is for Windows: use syphon on a Mac, ndi or virtualcam elsewhere")
    try:
        import SpoutGL
    except ImportError as error:
        raise SenderError(f"Spout wants a package that is not there: {INSTALL}") from error
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
