"""What `omote doctor` looks at of performers: the tracker, cameras, and the ports that phones send to."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from importlib import metadata, util
from pathlib import Path

from omote.engine.capture.datagrams import DatagramSource
from omote.engine.capture.network import KINDS, open_network
from omote.engine.capture.source import SourceError
from omote.engine.models import ModelError, model_rows

from . import free_port
from .check import Check
from .config import Config

GL_LIBRARIES = ("libEGL.so.1", "libGLESv2.so.2", "libGL.so.1", "libglib-2.0.so.0")
_APT = "apt-get install -y --no-install-recommends libegl1 libgles2 libgl1 libglib2.0-0"


def sources(config: Config) -> Iterator[Check]:
    """One thing after another; no camera is opened, and no phone is asked."""
    yield package("mediapipe", "pip install omote; without it no webcam and no video")
    if sys.platform == "linux":
        yield _gl_libraries()
    yield from _models()
    yield cameras()
    yield from _listening(config.source)


def package(name: str, cure: str, *, is_needed: bool = False) -> Check:
    """Whether a Python package is installed."""
    is_there = util.find_spec(name) is not None
    return Check(name, is_there, metadata.version(name) if is_there else "not installed", cure, is_needed)


def _gl_libraries() -> Check:
    missing = [name for name in GL_LIBRARIES if not _loads(name)]
    found = f"no {', '.join(missing)}" if missing else "there"
    return Check("GL libraries", not missing, found, f"the tracker needs them; on Debian or Ubuntu: {_APT}")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _models() -> Iterator[Check]:
    try:
        rows = model_rows()
    except ModelError as error:
        yield Check("models", False, str(error))
        return
    for row in rows:
        cure = f"delete {row.path}, it is fetched again" if row.state == "corrupt" else "it is fetched at first use"
        found = f"{row.name} is {row.state}{', sha256 as recorded' if row.state == 'present' else ''}"
        yield Check("tracker model", row.state == "present", found, cure)


def _may_use(device: Path) -> bool:
    return os.access(device, os.R_OK | os.W_OK)


def cameras(folder: Path = Path("/dev"), may_use: Callable[[Path], bool] = _may_use) -> Check:
    """Linux names its cameras without opening them; elsewhere only opening one would tell."""
    name = "camera"
    if sys.platform != "linux":
        return Check(name, True, "not looked for, because looking would open it: omote live --source webcam")
    paths = sorted(folder.glob("video[0-9]*"))
    found = ", ".join(path.name for path in paths)
    if paths and not any(may_use(path) for path in paths):
        cure = "you may not open it: sudo usermod -aG video $USER, and log in again"
        return Check(name, False, found, cure, wrong="closed")
    return Check(name, bool(found), found or "none", "plug one in; demo, videos and phones need none")


def _listening(spec: str) -> Iterator[Check]:
    """The ports of a source that comes over the network, where that is what is set."""
    kind = spec.partition(":")[0]
    if kind not in KINDS:
        return
    try:
        source = open_network(kind, spec)  # it listens in `with`, not yet
    except SourceError as error:
        yield Check("source", False, str(error), is_needed=True)
        return
    for port in source.ports if isinstance(source, DatagramSource) else ():
        is_free = free_port.udp(port)
        found = f"free for {spec}" if is_free else "in use: another program listens there"
        cure = "stop that one, or choose another port"
        yield Check(f"UDP port {port}", is_free, found, cure, is_needed=True, wrong="taken")
