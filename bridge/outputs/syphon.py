"""The portrait as a Syphon texture, for OBS, Resolume and the like on the same Mac.

Written after syphon-python's documentation; nobody has run it yet, for it exists on macOS alone.
"""

from __future__ import annotations

import sys
from typing import Any

from ..picture import Pixels
from .datagrams import SenderError
from .pictures import Channel

INSTALL = "pip install 'omote[syphon]' (syphon-python)"


def open_server(name: str) -> Channel:
    """A server of that name, which takes [H,W,4] multiplied by alpha; SenderError where Syphon is missing."""
    if sys.platform != "darwin":
        raise SenderError("Syphon is for macOS: use spout on Windows, ndi or virtualcam elsewhere")
    try:
        import syphon
        from syphon.utils import raw
    except ImportError as error:
        raise SenderError(f"Syphon wants a package that is not there: {INSTALL}") from error
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
