"""Engines of TensorRT and TensorRT-RTX: built from a network, and kept on disk with a label that says for what."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from omote.bridge.errors import OmoteError

from ..storage import cache_folder, write_bytes, write_text
from .session import RuntimeUnavailable

log = logging.getLogger(__name__)

_WORST = 1  # of their severities: internal error, error, warning, info, verbose


class BuildLog:
    """What the library says while it does one thing; the log gets it too, its errors `aloud` where nobody else does."""

    def __init__(self, trt: Any, aloud: bool = False) -> None:
        self._error = ""
        self._last = "no reason given"
        self._error_level = logging.ERROR if aloud else logging.DEBUG
        journal = self

        class Logger(trt.ILogger):  # type: ignore[misc]
            def __init__(self) -> None:
                trt.ILogger.__init__(self)

            def log(self, severity: Any, message: str) -> None:
                journal.note(int(severity), message)

        self.logger = Logger()

    def note(self, severity: int, message: str) -> None:
        self._last = " ".join(message.split())
        if severity <= _WORST:
            self._error = self._last
        log.log(self._error_level if severity <= _WORST else logging.DEBUG, "%s", self._last)

    @property
    def reason(self) -> str:
        """The last error, or what was said last."""
        return self._error or self._last


def built_engine(trt: Any, network: bytes | Path, configure: Callable[[Any], None], of: str) -> bytes:
    """The engine of this ONNX network; RuntimeUnavailable with the library's own reason, which `of` introduces.

    A network whose weights lie beside it is given by its path.
    """
    journal = BuildLog(trt)
    builder = trt.Builder(journal.logger)
    # Types are kept as written: since TensorRT 11 always, before that where it is asked for.
    definition = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(definition, journal.logger)
    parsed = parser.parse(network) if isinstance(network, bytes) else parser.parse_from_file(str(network))
    if not parsed:
        said = parser.get_error(0).desc() if parser.num_errors else journal.reason
        raise RuntimeUnavailable(f"{of} cannot read the network ({said}): choose another --runtime")
    config = builder.create_builder_config()
    configure(config)
    engine = builder.build_serialized_network(definition, config)
    if engine is None:
        raise RuntimeUnavailable(f"{of} cannot compile the network ({journal.reason}): choose another --runtime")
    return bytes(engine)


SUFFIX = ".engine"


class EngineMismatch(OmoteError):
    """An engine is not the one that is wanted, or damaged; the message says by what, and the cure."""


@dataclass(frozen=True)
class EngineSpec:
    """What two engines must have in common for one to do as the other."""

    network: str  # sha256 of the exported network
    precision: str
    shapes: str  # digest of the inputs' shapes
    library: str  # "tensorrt-rtx 1.7.1.116": engines of one version are not read by another

    def difference(self, wanted: EngineSpec) -> str | None:
        """The first of these in which they differ, found and wanted, or None."""
        for (name, found), want in zip(asdict(self).items(), asdict(wanted).values(), strict=True):
            if found != want:
                return f"{name} {str(found)[:24]}, wanted {str(want)[:24]}"
        return None


@dataclass(frozen=True)
class EngineLabel:
    """What is said beside an engine."""

    make: EngineSpec
    targets: tuple[str, ...]  # compute capabilities as "sm89", or the name of the one GPU on which it was built
    made: str  # when: ISO 8601
    sha256: str  # of the engine


def engine_folder() -> Path:
    """Where engines are looked for and kept, in the user's cache: one that was made elsewhere is put here, too."""
    return cache_folder() / "engines"


def save_engine(folder: Path, engine: bytes, make: EngineSpec, targets: tuple[str, ...], made: str) -> Path:
    """The path of the engine; its label has the same name and ends in `.json`; RuntimeUnavailable without room."""
    label = EngineLabel(make, targets, made, hashlib.sha256(engine).hexdigest())
    runtime = make.library.split()[0]
    target = "-".join("".join(letter for letter in each if letter.isalnum()) for each in targets)
    path = folder / f"{runtime}-{make.network[:8]}-{make.precision}-{make.shapes[:8]}-{target}{SUFFIX}"
    try:
        write_bytes(path, engine)
        write_text(path.with_suffix(".json"), json.dumps(asdict(label), indent=2) + "\n")
    except OSError as error:
        raise RuntimeUnavailable(
            f"the engine cannot be kept in {folder} ({error}): make room or choose --out"
        ) from error
    return path


def keep_engine(engine: bytes, make: EngineSpec, target: str, made: str) -> Path:
    """Where an engine that was built here lies for the next start, or would: it serves now all the same."""
    try:
        return save_engine(engine_folder(), engine, make, (target,), made)
    except RuntimeUnavailable as error:
        log.warning("%s; each start builds it again", error)
        return engine_folder() / f"not-kept{SUFFIX}"


def read_engine_label(path: Path) -> EngineLabel:
    """What is said beside this engine; EngineRefused where that is nothing or nonsense."""
    beside = path.with_suffix(".json")
    try:
        said = json.loads(beside.read_text(encoding="utf-8"))
        return EngineLabel(EngineSpec(**said["make"]), tuple(said["targets"]), str(said["made"]), str(said["sha256"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EngineMismatch(f"{beside} is missing or damaged ({error}): omote compile --again") from error


def read_engine(path: Path, wanted: EngineSpec, target: str) -> bytes:
    """The engine, if its label and its bytes are what is wanted for this target; else EngineRefused."""
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
    """The first engine in the folder that is what is wanted for this target."""
    for path in _engines(folder):
        try:
            return path, read_engine(path, wanted, target)
        except (EngineMismatch, OSError):
            continue  # of another network, other shapes or another version: they stand side by side
    return None


def _engines(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else ())
