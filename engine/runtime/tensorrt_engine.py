"""Engines of TensorRT and TensorRT-RTX: built from a network, and kept on disk with a label."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omote.bridge.errors import OmoteError

from ..storage import cache_folder, write_bytes, write_text
from .session import RuntimeUnavailable

log = logging.getLogger(__name__)

_ERROR = 1  # of the severities: internal error, error, warning, info, verbose


class BuildLog:
    """The library's messages. All go to the debug log; errors go to the error log if `is_logged`."""

    def __init__(self, trt: Any, is_logged: bool = False) -> None:
        self._error = ""
        self._last = "no reason given"
        self._error_level = logging.ERROR if is_logged else logging.DEBUG
        build_log = self

        class Logger(trt.ILogger):  # type: ignore[misc]
            def __init__(self) -> None:
                trt.ILogger.__init__(self)

            def log(self, severity: Any, message: str) -> None:
                build_log.note(int(severity), message)

        self.logger = Logger()

    def note(self, severity: int, message: str) -> None:
        self._last = " ".join(message.split())
        if severity <= _ERROR:
            self._error = self._last
        log.log(self._error_level if severity <= _ERROR else logging.DEBUG, "%s", self._last)

    @property
    def reason(self) -> str:
        """The last error, or the last message."""
        return self._error or self._last


def built_engine(trt: Any, network: bytes | Path, configure: Callable[[Any], None], library: str) -> bytes:
    """The engine of this ONNX network; RuntimeUnavailable with the library's own reason.

    A network whose weights lie beside it is given by its path; `library` is the name for messages.
    """
    build_log = BuildLog(trt)
    builder = trt.Builder(build_log.logger)
    # Types are kept as written: always since TensorRT 11, before that with this flag.
    definition = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(definition, build_log.logger)
    parsed = parser.parse(network) if isinstance(network, bytes) else parser.parse_from_file(str(network))
    if not parsed:
        reason = parser.get_error(0).desc() if parser.num_errors else build_log.reason
        raise RuntimeUnavailable(f"{library} cannot read the network ({reason}): choose another --runtime")
    config = builder.create_builder_config()
    configure(config)
    engine = builder.build_serialized_network(definition, config)
    if engine is None:
        raise RuntimeUnavailable(f"{library} cannot compile the network ({build_log.reason}): choose another --runtime")
    return bytes(engine)


SUFFIX = ".engine"


class EngineMismatch(OmoteError):
    """An engine is damaged, or for another network or GPU; the message says which, and the cure."""


@dataclass(frozen=True)
class EngineSpec:
    """What an engine was compiled from; engines of one spec are interchangeable."""

    network: str  # sha256 of the exported network
    precision: str
    shapes: str  # digest of the inputs' shapes
    library: str  # "tensorrt-rtx 1.7.1.116": another version cannot read the engine

    def difference(self, wanted: EngineSpec) -> str | None:
        """The first difference, found and wanted; None if there is none."""
        for (name, found), want in zip(asdict(self).items(), asdict(wanted).values(), strict=True):
            if found != want:
                return f"{name} {str(found)[:24]}, wanted {str(want)[:24]}"
        return None


@dataclass(frozen=True)
class EngineLabel:
    """Describes an engine, in a JSON file beside it."""

    make: EngineSpec
    targets: tuple[str, ...]  # compute capabilities as "sm89", or the name of the one GPU on which it was built
    made: str  # when: ISO 8601
    sha256: str  # of the engine


def engine_folder() -> Path:
    """The folder of engines in the user's cache; those compiled on another machine go here, too."""
    return cache_folder() / "engines"


def save_engine(folder: Path, engine: bytes, spec: EngineSpec, targets: tuple[str, ...], made: str) -> Path:
    """Writes an engine, and its label beside it; returns the engine's path. RuntimeUnavailable without room."""
    label = EngineLabel(spec, targets, made, hashlib.sha256(engine).hexdigest())
    runtime = spec.library.split()[0]
    target = "-".join("".join(letter for letter in each if letter.isalnum()) for each in targets)
    path = folder / f"{runtime}-{spec.network[:8]}-{spec.precision}-{spec.shapes[:8]}-{target}{SUFFIX}"
    try:
        write_bytes(path, engine)
        write_text(path.with_suffix(".json"), json.dumps(asdict(label), indent=2) + "\n")
    except OSError as error:
        raise RuntimeUnavailable(
            f"the engine cannot be kept in {folder} ({error}): make room or choose --out"
        ) from error
    return path


def keep_engine(engine: bytes, spec: EngineSpec, target: str, made: str) -> Path:
    """Keeps an engine for the next start if possible; returns the path where it is, or would be."""
    try:
        return save_engine(engine_folder(), engine, spec, (target,), made)
    except RuntimeUnavailable as error:
        log.warning("%s; each start builds it again", error)
        return engine_folder() / f"not-kept{SUFFIX}"


def read_engine_label(path: Path) -> EngineLabel:
    """The label beside this engine; EngineMismatch if it is missing or damaged."""
    beside = path.with_suffix(".json")
    try:
        label = json.loads(beside.read_text(encoding="utf-8"))
        return EngineLabel(
            EngineSpec(**label["make"]), tuple(label["targets"]), str(label["made"]), str(label["sha256"])
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise EngineMismatch(f"{beside} is missing or damaged ({error}): omote compile --again") from error


def read_engine(path: Path, wanted: EngineSpec, target: str) -> bytes:
    """The engine, whose label and bytes fit spec and target; else EngineMismatch."""
    label = read_engine_label(path)
    if differs := label.make.difference(wanted):
        raise EngineMismatch(f"{path.name} was made of another {differs}: omote compile --again")
    if target not in label.targets:
        raise EngineMismatch(f"{path.name} was made for {', '.join(label.targets)}, wanted {target}: omote compile")
    engine = path.read_bytes()
    if (found := hashlib.sha256(engine).hexdigest()) != label.sha256:
        raise EngineMismatch(
            f"{path.name} is damaged (sha256 {found[:16]}, wanted {label.sha256[:16]}): omote compile --again"
        )
    return engine


def find_engine(folder: Path, wanted: EngineSpec, target: str) -> tuple[Path, bytes] | None:
    """The first engine in the folder of this spec and for this target."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            return path, read_engine(path, wanted, target)
        except (EngineMismatch, OSError):
            continue  # of another network, other shapes or another version
    return None
