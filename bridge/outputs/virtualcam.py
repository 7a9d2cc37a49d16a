"""The portrait as a camera that video calls, browsers and OBS can choose."""

from __future__ import annotations

import sys

from .datagrams import SenderError
from .pictures import Channel

SIZE = (1280, 720)
FPS = 60  # told to the camera; pictures are sent as they come

INSTALL = "pip install 'omote[virtualcam]' (pyvirtualcam, under the GPL 2.0: so it is not part of Omote)"
CURES = {
    "linux": (
        "sudo apt install v4l2loopback-dkms, then "
        "sudo modprobe v4l2loopback devices=1 video_nr=10 card_label=Omote exclusive_caps=1"
    ),
    "win32": "install OBS Studio, which brings a virtual camera, and do not start it in OBS itself; or UnityCapture",
    "darwin": "install OBS Studio 30 or newer, start its virtual camera once, allow it in System Settings, and stop it",
}


def open_camera(device: str | None, width: int, height: int, has_alpha: bool) -> Channel:
    """The camera of that name, or the first that is free; SenderError says what to install where there is none.

    With alpha it takes [height,width,4], which only UnityCapture on Windows passes on; else [height,width,3].
    """
    if has_alpha and sys.platform != "win32":
        raise SenderError(
            "only UnityCapture on Windows passes alpha on: leave out alpha=yes, or use ndi, spout or syphon"
        )
    try:
        import pyvirtualcam
    except ImportError as error:
        raise SenderError(f"a virtual camera wants a package that is not there: {INSTALL}") from error
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
    except (RuntimeError, KeyError) as error:  # KeyError: a backend that this pyvirtualcam does not have
        found = " ".join(str(error).split())
        raise SenderError(f"no virtual camera takes the picture ({found}); {cure()}") from error
    return camera


def cure(platform: str = sys.platform) -> str:
    """What has to be installed besides the package."""
    return CURES.get(platform, "there is none for this system: use ndi, or the clean page in OBS")
