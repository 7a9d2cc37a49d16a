"""Which ways out this machine has, and what to install for the others; nothing is opened to find out."""

from __future__ import annotations

import errno
import socket
import sys
from importlib import metadata, util
from pathlib import Path
from typing import NamedTuple

from . import ndi, spout, syphon, virtualcam
from .vtubestudio_session import ALLOW, PORT

_VIDEO_DEVICES = Path("/sys/devices/virtual/video4linux")  # Linux lists here the cameras that are none


class Availability(NamedTuple):
    """One way out."""

    name: str
    is_there: bool
    found: str
    cure: str  # what to do about what is not there; empty where it is


def availability(platform: str = sys.platform) -> list[Availability]:
    """A row for each way out that this system can have."""
    rows = [_virtual_camera(platform), _package("NDI", "cyndilib", "cyndilib", ndi.INSTALL)]
    if platform == "win32":
        rows.append(_package("Spout", "SpoutGL", "SpoutGL", spout.INSTALL))
    if platform == "darwin":
        rows.append(_package("Syphon", "syphon", "syphon-python", syphon.INSTALL))
    return [*rows, _vtube_studio()]


def _package(name: str, module: str, distribution: str, install: str) -> Availability:
    if util.find_spec(module) is None:
        return Availability(name, False, f"{distribution} is not installed", install)
    return Availability(name, True, f"{distribution} {metadata.version(distribution)}", "")


def _virtual_camera(platform: str) -> Availability:
    row = _package("virtual camera", "pyvirtualcam", "pyvirtualcam", virtualcam.INSTALL)
    if not row.is_there or platform != "linux":
        return row
    devices = sorted(path.name for path in _VIDEO_DEVICES.glob("video*"))
    if not devices:
        return Availability(row.name, False, f"{row.found}, but no v4l2loopback device", virtualcam.cure(platform))
    return Availability(row.name, True, f"{row.found}, /dev/{', /dev/'.join(devices)}", "")


def _vtube_studio() -> Availability:
    """Whether its port is taken on this machine: no connection is made."""
    with socket.socket() as trial:
        try:
            trial.bind(("127.0.0.1", PORT))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return Availability("VTube Studio", True, f"something listens on port {PORT}", "")
    return Availability("VTube Studio", False, f"nothing listens on port {PORT}", f"start VTube Studio, and {ALLOW}")
