"""The portrait over NDI, with its alpha, to OBS and to mixers on other machines of the same network."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ..picture import Pixels
from .datagrams import SenderError
from .pictures import Channel

FPS = 60  # told to receivers; pictures are sent as they come
INSTALL = (
    "pip install 'omote[ndi]' (cyndilib, which brings NDI's own library under NDI's terms: https://ndi.video; "
    "NDI is a trademark of Vizrt NDI AB)"
)
WARNING = "NDI announces the picture to this network: whoever is in it can look"


def open_sender(name: str) -> Channel:
    """A sender of that name, for [H,W,4] of straight alpha, as NDI wants it; SenderError where NDI is missing."""
    try:
        import cyndilib.sender  # noqa: F401  # what the channel needs is there, or is missed before anything runs
    except (ImportError, OSError) as error:  # OSError: the library that it brings cannot be loaded
        raise SenderError(f"NDI wants a package that is not there ({error}): {INSTALL}") from error
    return NdiChannel(name)


class NdiChannel:
    """One sender; it is made when the first picture tells the size, and made anew where that changes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._sender: Any = None  # of cyndilib, which has no types that can be checked
        self._shape: tuple[int, ...] = ()

    def send(self, pixels: Pixels, /) -> None:
        """Shows this picture."""
        if pixels.shape != self._shape:
            self.close()
            self._sender = _opened(self._name, pixels.shape[1], pixels.shape[0])
            self._shape = pixels.shape
        # cyndilib takes no memory that must not be written to, though it only reads.
        self._sender.write_video(np.require(pixels, requirements=("C", "W")).reshape(-1))

    def close(self) -> None:
        sender, self._sender, self._shape = self._sender, None, ()
        if sender is not None:
            sender.close()


def _opened(name: str, width: int, height: int) -> Any:
    from cyndilib.sender import Sender
    from cyndilib.video_frame import VideoSendFrame
    from cyndilib.wrapper.ndi_structs import FourCC

    frame = VideoSendFrame()
    frame.set_fourcc(FourCC.RGBA)
    frame.set_resolution(width, height)
    frame.set_frame_rate(Fraction(FPS, 1))
    sender = Sender(name, clock_video=False)  # true would make each picture wait for its turn
    sender.set_video_frame(frame)
    sender.open()
    return sender
