"""Sends the newest picture to another program from a thread: a virtual camera, NDI, Spout or Syphon."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from fractions import Fraction
from typing import Any, Protocol, Self

import numpy as np

from ..errors import SenderError
from ..latest import Latest
from ..picture import Pixels

RETRY_S = 3.0
FPS = 60  # the rate that receivers are told; pictures are sent as they come
CAMERA_SIZE = (1280, 720)

INSTALL = {
    "virtualcam": "to install it, pip install 'omote[virtualcam]' (pyvirtualcam, under the GPL 2.0: "
    "so it is not part of Omote)",
    "ndi": "to install it, pip install 'omote[ndi]' (cyndilib, which brings NDI's own library under NDI's terms: "
    "https://ndi.video; NDI is a trademark of Vizrt NDI AB)",
    "spout": "to install it, pip install 'omote[spout]' (SpoutGL)",
    "syphon": "to install it, pip install 'omote[syphon]' (syphon-python)",
}
CAMERA_CURES = {
    "linux": "sudo apt install v4l2loopback-dkms, then "
    "sudo modprobe v4l2loopback devices=1 video_nr=10 card_label=Omote exclusive_caps=1",
    "win32": "install OBS Studio, which brings a virtual camera, and do not start it in OBS itself; or UnityCapture",
    "darwin": "install OBS Studio 30 or newer, start its virtual camera once, allow it in System Settings, and stop it",
}
NDI_WARNING = "NDI announces the picture in this network: everyone there can watch"

_POLL_S = 0.25
_SHUTDOWN_S = 2.0
_GL_RGBA = 0x1908

_log = logging.getLogger(__name__)


class Channel(Protocol):
    """An open connection to another program. The thread that opened it also uses and closes it."""

    def send(self, pixels: Pixels, /) -> object:
        """Shows this picture. May block, and raises whatever its library raises."""
        ...

    def close(self) -> object: ...


class PictureSender:
    """Sends the newest picture, and drops those that came while it was busy.

    `with` opens the channel and raises SenderError, with the cure, where that is
    impossible. A later failure is logged once, and the channel is opened again
    every few seconds while pictures come.
    """

    def __init__(
        self,
        name: str,
        open_channel: Callable[[], Channel],
        convert: Callable[[Pixels], Pixels],
        *,
        warning: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.sent = self.failed = 0  # pictures
        self.trouble = ""  # why the newest picture could not be sent, in one line; empty where it could
        self._warning = warning  # logged when it opens
        self._open, self._convert = open_channel, convert
        self._clock = clock
        self._may_open_s = 0.0
        self._mailbox: Latest[Pixels] = Latest()
        self._channel: Channel | None = None
        self._is_open: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._is_open.result()
        if self._warning:
            _log.warning("%s: %s", self.name, self._warning)
        return self

    def __exit__(self, *error: object) -> None:
        self._mailbox.close()
        self._thread.join(_SHUTDOWN_S)
        if self._thread.is_alive():
            _log.warning("%s does not stop; its thread is left running", self.name)

    def offer(self, rgba: Pixels) -> None:
        """Makes this the next picture: [H,W,4], straight alpha, never written to again. Never blocks."""
        self._mailbox.put(rgba)

    def _run(self) -> None:
        try:
            self._channel = self._open()
        except BaseException as error:  # `__enter__` waits for the result, whatever it is
            self._is_open.set_exception(error)
            return
        self._is_open.set_result(None)
        while True:
            pixels = self._mailbox.take(_POLL_S)
            if pixels is not None:
                self._send(pixels)
            elif self._mailbox.is_closed:
                break
        self._close()

    def _send(self, pixels: Pixels) -> None:
        try:
            if self._channel is None and self._clock() >= self._may_open_s:
                self._channel = self._open()
            if self._channel is None:
                self.failed += 1
                return
            self._channel.send(self._convert(pixels))
        except Exception as error:  # other programs' libraries may raise anything, and the stream goes on
            self._fail(error)
        else:
            if self.trouble:
                _log.warning("%s is back", self.name)
                self.trouble = ""
            self.sent += 1

    def _fail(self, error: Exception) -> None:
        message = " ".join(f"{error}".split()) or type(error).__name__
        if not self.trouble:
            _log.warning("%s: %s; the stream goes on, and it is tried again every %g s", self.name, message, RETRY_S)
        self.trouble = message
        self._may_open_s = self._clock() + RETRY_S
        self._close()
        self.failed += 1

    def _close(self) -> None:
        channel, self._channel = self._channel, None
        if channel is None:
            return
        try:
            channel.close()
        except Exception as error:  # as above
            _log.info("%s could not be closed: %s", self.name, error)


# A virtual camera.


def open_camera(device: str | None, width: int, height: int, has_alpha: bool) -> Channel:
    """The camera of this name, or the first free one; SenderError says what to install where there is none.

    It takes [height,width,3], or with alpha, which needs UnityCapture on Windows, [height,width,4].
    """
    if has_alpha and sys.platform != "win32":
        raise SenderError(
            "only UnityCapture on Windows passes alpha on: leave out alpha=yes, or use ndi, spout or syphon"
        )
    try:
        import pyvirtualcam
    except ImportError as error:
        raise SenderError(f"a virtual camera needs a package that is missing: {INSTALL['virtualcam']}") from error
    formats = pyvirtualcam.PixelFormat
    try:
        camera: Channel = pyvirtualcam.Camera(
            width=width,
            height=height,
            fps=FPS,
            fmt=formats.RGBA if has_alpha else formats.RGB,
            device=device,
            backend="unitycapture" if has_alpha else None,
        )
    except (RuntimeError, KeyError) as error:  # KeyError: this pyvirtualcam lacks the backend
        found = " ".join(str(error).split())
        raise SenderError(f"no virtual camera takes the picture ({found}); {camera_cure()}") from error
    return camera


def camera_cure(platform: str = sys.platform) -> str:
    """What to install besides the package."""
    return CAMERA_CURES.get(platform, "there is none for this system: use ndi, or the clean page in OBS")


# NDI, to programs on this machine and in its network.


def open_ndi(name: str) -> Channel:
    """An NDI source of this name, which takes [H,W,4] with straight alpha; SenderError where NDI is missing."""
    try:
        import cyndilib.sender  # noqa: F401  # so that a missing package is reported before the first picture
    except (ImportError, OSError) as error:  # OSError: its library cannot be loaded
        raise SenderError(f"NDI needs a package that is missing ({error}): {INSTALL['ndi']}") from error
    return NdiChannel(name)


class NdiChannel:
    """One sender, which is made again when the size of the pictures changes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._sender: Any = None  # of cyndilib, which has no types
        self._shape: tuple[int, ...] = ()

    def send(self, pixels: Pixels, /) -> None:
        if pixels.shape != self._shape:
            self.close()
            self._sender = self._open_sender(pixels.shape[1], pixels.shape[0])
            self._shape = pixels.shape
        # cyndilib only reads, but accepts writable memory only.
        self._sender.write_video(np.require(pixels, requirements=("C", "W")).reshape(-1))

    def close(self) -> None:
        sender, self._sender, self._shape = self._sender, None, ()
        if sender is not None:
            sender.close()

    def _open_sender(self, width: int, height: int) -> Any:
        from cyndilib.sender import Sender
        from cyndilib.video_frame import VideoSendFrame
        from cyndilib.wrapper.ndi_structs import FourCC

        frame = VideoSendFrame()
        frame.set_fourcc(FourCC.RGBA)
        frame.set_resolution(width, height)
        frame.set_frame_rate(Fraction(FPS, 1))
        sender = Sender(self._name, clock_video=False)  # a clock would delay each picture
        sender.set_video_frame(frame)
        sender.open()
        return sender


# A GPU texture that is shared on the same machine: Spout on Windows, Syphon on macOS.


def open_spout(name: str) -> Channel:
    """A sender of this name, which takes [H,W,4] with premultiplied alpha; SenderError where Spout is missing."""
    if sys.platform != "win32":
        raise SenderError("Spout is for Windows: use syphon on a Mac, ndi or virtualcam elsewhere")
    try:
        import SpoutGL
    except ImportError as error:
        raise SenderError(f"Spout needs a package that is missing: {INSTALL['spout']}") from error
    sender = SpoutGL.SpoutSender()
    sender.setSenderName(name)
    return SpoutChannel(sender, name)


class SpoutChannel:
    """A SpoutSender of SpoutGL, which makes its own OpenGL context in the thread that uses it."""

    def __init__(self, sender: Any, name: str) -> None:
        self._sender, self._name = sender, name

    def send(self, pixels: Pixels, /) -> None:
        height, width = pixels.shape[:2]
        if not self._sender.sendImage(pixels.tobytes(), width, height, _GL_RGBA, False, 0):
            raise OSError("Spout took no picture: is there a graphics driver with DirectX 11?")
        self._sender.setFrameSync(self._name)

    def close(self) -> None:
        self._sender.releaseSender()


def open_syphon(name: str) -> Channel:
    """A server of this name, which takes [H,W,4] with premultiplied alpha; SenderError where Syphon is missing."""
    if sys.platform != "darwin":
        raise SenderError("Syphon is for macOS: use spout on Windows, ndi or virtualcam elsewhere")
    try:
        import syphon
        from syphon.utils import raw
    except ImportError as error:
        raise SenderError(f"Syphon needs a package that is missing: {INSTALL['syphon']}") from error
    return SyphonChannel(syphon.SyphonMetalServer(name), raw)


class SyphonChannel:
    """A SyphonMetalServer, and the texture that its pictures are copied to."""

    def __init__(self, server: Any, raw: Any) -> None:
        """`raw` makes and fills textures: `syphon.utils.raw`."""
        self._server, self._raw = server, raw
        self._texture: Any = None
        self._shape: tuple[int, ...] = ()

    def send(self, pixels: Pixels, /) -> None:
        """Shows this picture. The rows of Metal's textures begin at the top, those of Syphon's at the bottom."""
        if pixels.shape != self._shape:
            height, width = pixels.shape[:2]
            self._texture = self._raw.create_mtl_texture(self._server.device, width, height)
            self._shape = pixels.shape
        self._raw.copy_bytes_to_mtl_texture(pixels.tobytes(), self._texture)
        self._server.publish_frame_texture(self._texture, is_flipped=True)

    def close(self) -> None:
        self._server.stop()
