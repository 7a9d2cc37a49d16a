"""`omote doctor`: checks this machine and the user's files, and prints one line for each check, with the cure."""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from omote.bridge import arkit, keys
from omote.bridge.keys import KeysError, ServerKeys
from omote.bridge.outputs import availability
from omote.calibration.actor_file import ACTOR_SUFFIX, ActorError, actors_folder, load_actor
from omote.engine.capture.datagrams import ANY_ADDRESS
from omote.engine.capture.source import SourceError
from omote.engine.capture.sources import NETWORK_KINDS, open_network
from omote.engine.data import Character, PhotorealCharacter
from omote.engine.errors import AnimatorError
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.hardware import ResultCache, gpu_names, this_machine
from omote.engine.model.animator import Animator, runtime_options
from omote.engine.model.autotune import remembered_choice
from omote.engine.model.character_file import (
    DEFAULT_CHARACTER,
    load_any_character,
    load_character,
    shipped_character_names,
    user_character_names,
)
from omote.engine.model.kinds import Finding, kind
from omote.engine.model.renderer import references_at_once
from omote.engine.models import ModelError, WeightsError, model_rows, shipped_networks
from omote.engine.runtime.session import AUTO, Build
from omote.engine.storage import user_path
from omote.engine.tensor_file import CharacterError

from ..app.config import Config, keys_folder, user_config_path
from ..app.recording import takes_folder
from ..app.settings import SETTINGS_FILE, settings_folder
from ..app.validation import JsonError, parse_json
from .interrupts import run_interruptibly
from .parser import add_config_option, config_of
from .terminal import say

_REINSTALL = "install Omote again"
_PICTURES = 5
_GPU_RUNTIMES = (("TensorRT-RTX", "tensorrt_rtx"), ("TensorRT", "tensorrt"))
GL_LIBRARIES = ("libEGL.so.1", "libGLESv2.so.2", "libGL.so.1", "libglib-2.0.so.0")
_APT_COMMAND = "apt-get install -y --no-install-recommends libegl1 libgles2 libgl1 libglib2.0-0"
_OBS_HINT = "install it from obsproject.com, then add a browser source with the address of the clean page"
MIN_FREE_BYTES = 500_000_000  # three hours of a phone at 60 faces a second
_DAMAGED = "damaged"
_COMPARED = "--compare draws a photoreal character in every way"


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    name: str
    is_ok: bool
    found: str
    cure: str = ""  # what to do if it is not ok
    is_needed: bool = False  # nothing can run without it
    wrong: str = "missing"  # the label if it is not ok

    def line(self) -> str:
        text = f"{self.found}: {self.cure}" if self.cure and not self.is_ok else self.found
        return f"{'ok' if self.is_ok else self.wrong:8}{self.name:18}{text}"


def main(typed: argparse.Namespace) -> int:
    """Runs `omote doctor`; returns the exit code."""
    return run(config_of(typed), getattr(typed, "character", None), getattr(typed, "compare", None))


def run(config: Config, character: str | None = None, compare: Path | None = None) -> int:
    """Prints a line for each check. Returns 1 if the demo, or this character, cannot run, else 0."""
    if character is None:
        if compare:
            raise CharacterError(f"{_COMPARED}, and none was named: add --character NAME")
        return _print_checks(checks(config), "the demo", "omote live")
    found = load_any_character(character)
    if isinstance(found, PhotorealCharacter):
        results = _of_kind(kind().doctor(found, config.for_kinds(), compare))
    elif compare:
        raise CharacterError(
            f"{_COMPARED}, and {found.name} is an ordinary one: make one of the same photo with --kind photoreal, "
            "without --live copied, and name it with --character"
        )
    else:
        results = checks(config, found)
    return _print_checks(results, found.name, f"omote live --character {character}")


def _print_checks(found: Iterator[Check], what: str, command: str) -> int:
    can_run = True
    for check in found:
        say(check.line())
        can_run = can_run and (check.is_ok or not check.is_needed)
    say(f"{what} can run: {command}" if can_run else f"{what} cannot run: see what is missing above")
    return 0 if can_run else 1


def _of_kind(findings: Iterator[Finding]) -> Iterator[Check]:
    while (found := run_interruptibly(lambda: next(findings, None))) is not None:
        yield Check(*(getattr(found, one) for one in Check.__dataclass_fields__))


def checks(config: Config, character: Character | None = None) -> Iterator[Check]:
    """Runs all checks. They open no camera and no connection, and download nothing."""
    machine = this_machine()
    is_supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Check("python", is_supported, platform.python_version(), "Omote needs Python 3.11 to 3.13", is_needed=True)
    yield Check("system", True, machine.platform)
    yield Check("processor", True, f"{machine.cpu}, {machine.cores} cores")
    gpus = gpu_names()
    yield Check("NVIDIA GPU", True, ", ".join(gpus) or "none, and none is needed")
    yield from check_gpu_runtime(gpus)
    yield check_package("openvino", "pip install openvino", is_needed=True)
    yield from check_weights()
    yield run_interruptibly(lambda: check_drawing(config, character))
    yield from check_runtime(config)
    yield from check_sources(config)
    yield from check_outputs(config)
    yield from check_files(config)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--character", metavar="NAME", help="check what this character needs")
    parser.add_argument(
        "--compare", type=Path, metavar="DIR", help="draw a photoreal character in every way, and write a sheet there"
    )
    parser.add_argument("--steps", type=int, help="steps of the sampler, as for omote live")
    parser.add_argument("--runtime", choices=runtime_options(), metavar="NAME", help="see `omote compile`")


def is_installed(module: str) -> bool:
    """Whether this module is installed; it is not imported."""
    return util.find_spec(module) is not None


def check_weights() -> Iterator[Check]:
    """Checks the shipped networks and characters against their digests."""
    try:
        files = shipped_networks()
        files.check()
    except WeightsError as error:
        yield Check("weights", False, str(error), is_needed=True)
    else:
        yield Check("weights", True, f"{', '.join(file.path.name for file in files.networks)}, sha256 as recorded")
    damaged = []
    for name in shipped_character_names():
        try:
            load_character(name)
        except CharacterError as error:
            damaged.append(str(error))
    found = "; ".join(damaged) or f"{len(shipped_character_names())} are shipped, none is damaged"
    yield Check("characters", not damaged, found, _REINSTALL)


def check_gpu_runtime(gpus: tuple[str, ...], is_there: Callable[[str], bool] = is_installed) -> Iterator[Check]:
    """Checks the runtimes for these NVIDIA GPUs, if there are any."""
    if not gpus:
        return
    found = [name for name, module in _GPU_RUNTIMES if is_there(module)]
    lacks = [] if is_there("cuda") else ["no CUDA bindings"]
    summary = ", ".join([*found, *lacks]) or "none, so the processor draws"
    yield Check("GPU runtime", bool(found) and not lacks, summary, "pip install 'omote[nvidia]'")


def check_drawing(config: Config, character: Character | None) -> Check:
    """Draws this or the default character as `omote live` would, with OpenVINO if no trial has run yet."""
    name = "portrait"
    try:
        character = character or load_character(DEFAULT_CHARACTER)
        animator = Animator(config.size, runtime=_cached_runtime(config), references=references_at_once(character))
        # A face that does not move would not be drawn again.
        warm_up, *faces = (from_weights(arkit.weights({"jawOpen": k / _PICTURES})) for k in range(_PICTURES + 1))
        animator.draw(warm_up, character, studio_light())
        start = time.perf_counter()
        for face in faces:
            animator.draw(face, character, studio_light())
    except (AnimatorError, CharacterError, WeightsError) as error:
        return Check(name, False, str(error), _REINSTALL, is_needed=True)
    took_ms = (time.perf_counter() - start) / _PICTURES * 1000.0
    found = f"{character.name}, {animator.size}x{animator.size}, {animator.runtime}: {took_ms:.0f} ms a picture"
    return Check(name, True, found, is_needed=True)


def _cached_runtime(config: Config) -> str:
    if config.runtime != AUTO:
        return config.runtime
    found = remembered_choice(shipped_networks(), ResultCache())
    return found.build.name if found else Build().name


def check_runtime(config: Config) -> Iterator[Check]:
    """The runtime that an earlier start chose; trials would take too long here."""
    if config.runtime != AUTO:
        yield Check("runtime", True, f"{config.runtime}, as set")
        return
    try:
        found = remembered_choice(shipped_networks(), ResultCache())
    except WeightsError as error:
        yield Check("runtime", False, str(error))
        return
    if found is None:
        yield Check("runtime", True, "not chosen yet: the first `omote live` or omote compile does it")
        return
    yield Check("runtime", True, f"{found.build.name} was the fastest; to try again: omote compile --again")
    for refusal in found.refusals:
        yield Check("runtime", True, f"not chosen: {refusal}")


def check_sources(config: Config) -> Iterator[Check]:
    """Checks the sources without opening them."""
    yield check_package("mediapipe", "pip install omote; webcams and videos need it")
    if sys.platform == "linux":
        yield _check_gl_libraries()
    yield from _check_models()
    yield check_cameras()
    yield from _check_source_ports(config.source)


def check_package(name: str, cure: str, *, is_needed: bool = False) -> Check:
    """Whether a Python package is installed."""
    is_there = util.find_spec(name) is not None
    return Check(name, is_there, metadata.version(name) if is_there else "not installed", cure, is_needed)


def _check_gl_libraries() -> Check:
    missing = [name for name in GL_LIBRARIES if not _can_load(name)]
    found = f"no {', '.join(missing)}" if missing else "there"
    return Check("GL libraries", not missing, found, f"the tracker needs them; on Debian or Ubuntu: {_APT_COMMAND}")


def _can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _check_models() -> Iterator[Check]:
    try:
        rows = model_rows()
    except ModelError as error:
        yield Check("models", False, str(error))
        return
    for row in rows:
        cure = (
            f"delete {row.path}; the next use downloads it" if row.state == "corrupt" else "the first use downloads it"
        )
        found = f"{row.name} is {row.state}{', sha256 as recorded' if row.state == 'present' else ''}"
        yield Check("tracker model", row.state == "present", found, cure)


def _may_use(device: Path) -> bool:
    return os.access(device, os.R_OK | os.W_OK)


def check_cameras(folder: Path = Path("/dev"), may_use: Callable[[Path], bool] = _may_use) -> Check:
    """Lists the cameras on Linux; other systems would have to open them."""
    name = "camera"
    if sys.platform != "linux":
        return Check(name, True, "not checked, because this would open it: omote live --source webcam")
    paths = sorted(folder.glob("video[0-9]*"))
    found = ", ".join(path.name for path in paths)
    if paths and not any(may_use(path) for path in paths):
        cure = "you have no access: sudo usermod -aG video $USER, and log in again"
        return Check(name, False, found, cure, wrong="closed")
    return Check(name, bool(found), found or "none", "connect one; demo, videos and phones need none")


def _check_source_ports(spec: str) -> Iterator[Check]:
    """Checks the UDP ports of a network source, if one is set."""
    kind = spec.partition(":")[0]
    if kind not in NETWORK_KINDS:
        return
    try:
        source = open_network(kind, spec)  # does not listen yet
    except SourceError as error:
        yield Check("source", False, str(error), is_needed=True)
        return
    for port in source.ports:
        is_free = _is_udp_port_free(port)
        found = f"free for {spec}" if is_free else "in use: another program listens there"
        cure = "stop that program, or choose another port"
        yield Check(f"UDP port {port}", is_free, found, cure, is_needed=True, wrong="taken")


def check_outputs(config: Config) -> Iterator[Check]:
    """Checks the outputs; only ports are opened, for a moment."""
    yield from _check_ports(config)
    if config.curve:
        yield _check_keys(keys_folder())
    place = find_obs()
    yield Check("OBS", place is not None, str(place or "not found in the usual places"), _OBS_HINT)
    for row in availability():
        yield Check(row.name, row.is_there, row.found, row.cure)


def _check_ports(config: Config) -> Iterator[Check]:
    endpoints = (
        (config.params_endpoint, "--params-endpoint"),
        (config.video_endpoint, "--video-endpoint"),
        (config.control_endpoint, "--control-endpoint"),
    )
    ports = [(config.page_port, "--page-port"), *((_endpoint_port(address), flag) for address, flag in endpoints)]
    for port, flag in ports:
        is_free = _is_tcp_port_free(port)
        found = "free" if is_free else "in use or not allowed"
        cure = f"end the other program, maybe another Omote, or choose a port with {flag}"
        yield Check(f"port {port}", is_free, found, cure, is_needed=True, wrong="taken")


def _endpoint_port(endpoint: str) -> int:
    port = endpoint.rpartition(":")[2]
    return int(port) if port.isdigit() else 0


def _is_tcp_port_free(port: int) -> bool:
    """Whether the page or ZeroMQ can bind this port on loopback."""
    with socket.socket() as trial:
        if sys.platform != "win32":  # Windows would share the port
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _can_bind(trial, "127.0.0.1", port)


def _is_udp_port_free(port: int) -> bool:
    """Whether a source can bind this port; nothing is read."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        return _can_bind(trial, ANY_ADDRESS, port)


def _can_bind(trial: socket.socket, host: str, port: int) -> bool:
    try:
        trial.bind((host, port))
    except (OSError, OverflowError):  # OverflowError: not a port
        return False
    return True


def _check_keys(folder: Path) -> Check:
    """Checks the keys of an encrypted connection."""
    try:
        ServerKeys.load(folder)
        clients = keys.client_keys(folder / keys.CLIENTS_FOLDER)
    except KeysError as error:
        return Check("keys", False, str(error), is_needed=True)
    found = f"in {folder}; {', '.join(clients) or 'no machine'} may receive"
    return Check("keys", bool(clients), found, "admit a machine: omote keys new NAME")


def find_obs(
    platform: str = sys.platform, environment: Mapping[str, str] = os.environ, home: Path | None = None
) -> Path | None:
    """The path of OBS Studio, or None if it is in none of the usual places."""
    found = shutil.which("obs", path=environment.get("PATH", "")) if platform == "linux" else None
    places = [Path(found)] if found else _obs_paths(platform, environment, home or user_path("~"))
    return next((place for place in places if place.exists()), None)


def _obs_paths(platform: str, environment: Mapping[str, str], home: Path) -> list[Path]:
    if platform == "win32":
        folders = [environment[name] for name in ("ProgramFiles", "ProgramFiles(x86)") if name in environment]
        return [
            *(Path(folder) / "obs-studio" / "bin" / "64bit" / "obs64.exe" for folder in folders),
            *(Path(folder) / "Steam" / "steamapps" / "common" / "OBS Studio" for folder in folders),
        ]
    if platform == "darwin":
        return [Path("/Applications/OBS.app"), home / "Applications" / "OBS.app"]
    flatpak = Path("flatpak") / "app" / "com.obsproject.Studio"
    return [Path("/var/lib") / flatpak, home / ".local" / "share" / flatpak, Path("/snap/bin/obs-studio")]


def check_files(config: Config) -> Iterator[Check]:
    """Checks the user's files; damaged ones are left as they are."""
    yield from _check_settings()
    yield from _check_actors()
    yield from _check_characters()
    yield _check_takes_folder(config.record.parent if config.record else takes_folder())


def _check_settings() -> Iterator[Check]:
    """Checks the settings. config.toml is valid, because it was read already."""
    own = user_config_path()
    yield Check("settings", True, str(own) if own.is_file() else f"no file of your own; it would be {own}")
    path = settings_folder() / SETTINGS_FILE
    if not path.exists():
        return
    try:
        if not isinstance(parse_json(path.read_bytes()), dict):
            raise JsonError("it is not an object")
    except (OSError, JsonError) as error:
        cure = "remove it, or let the next omote live rename it"
        yield Check("page's settings", False, f"{path} is damaged: {error}", cure, wrong=_DAMAGED)
    else:
        yield Check("page's settings", True, str(path))


def _check_actors() -> Iterator[Check]:
    """Checks the saved calibrations."""
    paths = sorted(path for path in actors_folder().glob(f"*@*{ACTOR_SUFFIX}") if not path.name.startswith("."))
    whole = []
    for path in paths:
        try:
            load_actor(path)
        except ActorError as error:
            yield Check("actor", False, str(error), wrong=_DAMAGED)
        else:
            whole.append(path.name.removesuffix(ACTOR_SUFFIX))
    if whole or not paths:
        yield Check("actors", True, ", ".join(whole) or "no calibration yet: omote calibrate")


def _check_characters() -> Iterator[Check]:
    """Checks the characters that were made here."""
    damaged = []
    for name in user_character_names():
        try:
            load_any_character(name)
        except CharacterError as error:
            damaged.append(name)
            yield Check("character", False, str(error), wrong=_DAMAGED)
    if found := ", ".join(name for name in user_character_names() if name not in damaged):
        yield Check("own characters", True, found)


def _check_takes_folder(folder: Path) -> Check:
    """Checks that a recording can be written here."""
    name = "takes"
    there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), Path())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        found = f"{folder} cannot be written to ({error.strerror or error})"
        return Check(name, False, found, "make it writable, or record elsewhere with --record FILE.csv")
    found = f"{folder}, {free / 1e9:.1f} GB free"
    return Check(name, free >= MIN_FREE_BYTES, found, "free some space: an hour of a phone takes 150 MB")
