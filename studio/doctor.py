"""`omote doctor`: what this machine has of what Omote wants, in one line each, with the cure for what is missing."""

from __future__ import annotations

import ctypes
import platform
import socket
import sys
import time
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path

from omote.bridge import arkit
from omote.engine.animator import AUTO, Animator
from omote.engine.character import DEFAULT_CHARACTER, CharacterError, load_any, load_character
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.hardware import this_machine
from omote.engine.look import AnimatorError
from omote.engine.models import ModelError, model_rows
from omote.engine.nouns import Character
from omote.engine.runtime.build import Build
from omote.engine.runtime.choice import chosen
from omote.engine.runtime.gpu import gpu_names
from omote.engine.runtime.kept import Kept
from omote.engine.weights import WeightsError, networks

from . import doctor_photoreal
from .check import Check
from .config import Config
from .ending import interruptibly

GL_LIBRARIES = ("libEGL.so.1", "libGLESv2.so.2", "libGL.so.1", "libglib-2.0.so.0")
_APT = "apt-get install -y --no-install-recommends libegl1 libgles2 libgl1 libglib2.0-0"
_PICTURES = 5


def run(config: Config, character: str | None = None) -> int:
    """Prints a line a check; 1 where the demo, or `omote live` with this character, could not run, else 0."""
    if character is None:
        return _told(checks(config), "the demo", "omote live")
    found = load_any(character)
    looked_at = checks(config, found) if isinstance(found, Character) else doctor_photoreal.checks(config, found)
    return _told(looked_at, found.name, f"omote live --character {character}")


def _told(found: Iterator[Check], what: str, command: str) -> int:
    can_run = True
    for check in found:
        print(check.line(), flush=True)
        can_run = can_run and (check.is_ok or not check.is_needed)
    print(f"{what} can run: {command}" if can_run else f"{what} cannot run: see what is missing above")
    return 0 if can_run else 1


def checks(config: Config, character: Character | None = None) -> Iterator[Check]:
    """Looks at one thing after another. Opens no camera and no connection, fetches nothing."""
    machine = this_machine()
    is_supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Check("python", is_supported, platform.python_version(), "Omote wants Python 3.11 to 3.13", is_needed=True)
    yield Check("system", True, machine.platform)
    yield Check("processor", True, f"{machine.cpu}, {machine.cores} cores")
    yield Check("NVIDIA GPU", True, ", ".join(gpu_names()) or "none, and none is needed")
    yield _package("openvino", "pip install openvino", is_needed=True)
    yield interruptibly(lambda: _drawing(config, character))
    yield from _runtime(config)
    yield _package("mediapipe", "pip install omote; without it no webcam and no video")
    if sys.platform == "linux":
        yield _gl_libraries()
    yield from _models()
    yield _cameras()
    yield from _ports(config)


def _package(name: str, cure: str, *, is_needed: bool = False) -> Check:
    is_there = util.find_spec(name) is not None
    return Check(name, is_there, metadata.version(name) if is_there else "not installed", cure, is_needed)


def _drawing(config: Config, character: Character | None) -> Check:
    """Draws this one, or the default one, as `omote live` would; by OpenVINO where what is fastest is not yet known."""
    name, cure = "portrait", "install Omote again"
    try:
        animator = Animator(config.size, runtime=_known(config))
        character = character or load_character(DEFAULT_CHARACTER)
        # A face that does not move is not drawn again.
        warm_up, *faces = (from_weights(arkit.weights({"jawOpen": k / _PICTURES})) for k in range(_PICTURES + 1))
        animator.draw(warm_up, character, studio_light())
        start = time.perf_counter()
        for face in faces:
            animator.draw(face, character, studio_light())
    except (AnimatorError, CharacterError, WeightsError) as error:
        return Check(name, False, str(error), cure, is_needed=True)
    took_ms = (time.perf_counter() - start) / _PICTURES * 1000.0
    found = f"{character.name}, {animator.size}x{animator.size}, {animator.runtime}: {took_ms:.0f} ms a picture"
    return Check(name, True, found, is_needed=True)


def _known(config: Config) -> str:
    if config.runtime != AUTO:
        return config.runtime
    file = networks()[-1]
    found = chosen(file, config.size or file.size, Kept())
    return found.build.name if found else Build().name


def _runtime(config: Config) -> Iterator[Check]:
    """What draws, as an earlier start chose it; nothing is tried here, because that takes a while."""
    if config.runtime != AUTO:
        yield Check("runtime", True, f"{config.runtime}, as it was set")
        return
    try:
        file = networks()[-1]
    except WeightsError as error:
        yield Check("runtime", False, str(error))
        return
    found = chosen(file, config.size or file.size, Kept())
    if found is None:
        yield Check("runtime", True, "not tried yet: the first `omote live` does it, or omote compile")
        return
    yield Check("runtime", True, f"{found.build.name} was the fastest; to try again: omote compile --again")
    for refusal in found.refusals:
        yield Check("runtime", True, f"not chosen: {refusal}")


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
        cure = "delete it, it is fetched again" if row.state == "corrupt" else "it is fetched at first use"
        yield Check("tracker model", row.state == "present", f"{row.name} is {row.state}", cure)


def _cameras() -> Check:
    """Linux names its cameras without opening them; elsewhere only opening one would tell."""
    if sys.platform != "linux":
        return Check("camera", True, "not looked for, because looking would open it: omote live --source webcam")
    found = sorted(path.name for path in Path("/dev").glob("video[0-9]*"))
    return Check("camera", bool(found), ", ".join(found) or "none", "plug one in; demo, videos and phones need none")


def _ports(config: Config) -> Iterator[Check]:
    endpoints = (
        (config.params_endpoint, "--params-endpoint"),
        (config.video_endpoint, "--video-endpoint"),
        (config.control_endpoint, "--control-endpoint"),
    )
    ports = [(config.page_port, "--page-port"), *((_port_of(address), flag) for address, flag in endpoints)]
    for port, flag in ports:
        is_free = _is_free(port)
        found = "free" if is_free else "in use, or none that may be opened"
        yield Check(f"port {port}", is_free, found, f"choose another with {flag}", is_needed=True)


def _port_of(endpoint: str) -> int:
    port = endpoint.rpartition(":")[2]
    return int(port) if port.isdigit() else 0


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        if sys.platform != "win32":  # there it would share the port with whoever has it
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except (OSError, OverflowError):  # the latter of what is no port
            return False
    return True
