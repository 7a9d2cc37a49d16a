"""A compiled engine on disk, with a label beside it that says what it was made of, for what, and by which library."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from omote.engine.storage import cache_folder, write_bytes, write_text

from .session import RuntimeUnavailable

log = logging.getLogger(__name__)

SUFFIX = ".engine"


class EngineRefused(Exception):
    """An engine is not the one that is wanted, or damaged; the message says by what, and the cure."""


@dataclass(frozen=True)
class Make:
    """What two engines must have in common for one to do as the other."""

    network: str  # sha256 of the exported network
    precision: str
    shapes: str  # digest of the inputs' shapes
    library: str  # "tensorrt-rtx 1.7.1.116": engines of one version are not read by another

    def difference(self, wanted: Make) -> str | None:
        """The first of these in which they differ, found and wanted, or None."""
        for (name, found), want in zip(asdict(self).items(), asdict(wanted).values(), strict=True):
            if found != want:
                return f"{name} {str(found)[:24]}, wanted {str(want)[:24]}"
        return None


@dataclass(frozen=True)
class Label:
    """What is said beside an engine."""

    make: Make
    targets: tuple[str, ...]  # compute capabilities as "sm89", or the name of the one GPU on which it was built
    made: str  # when: ISO 8601
    sha256: str  # of the engine


def engine_folder() -> Path:
    """Where engines are looked for and kept, in the user's cache: one that was made elsewhere is put here, too."""
    return cache_folder() / "engines"


def save_engine(folder: Path, engine: bytes, make: Make, targets: tuple[str, ...], made: str) -> Path:
    """The path of the engine; its label has the same name and ends in `.json`; RuntimeUnavailable without room."""
    label = Label(make, targets, made, hashlib.sha256(engine).hexdigest())
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


def keep_engine(engine: bytes, make: Make, target: str, made: str) -> Path:
    """Where an engine that was built here lies for the next start, or would: it serves now all the same."""
    try:
        return save_engine(engine_folder(), engine, make, (target,), made)
    except RuntimeUnavailable as error:
        log.warning("%s; each start builds it again", error)
        return engine_folder() / f"not-kept{SUFFIX}"


def read_label(path: Path) -> Label:
    """What is said beside this engine; EngineRefused where that is nothing or nonsense."""
    beside = path.with_suffix(".json")
    try:
        said = json.loads(beside.read_text(encoding="utf-8"))
        return Label(Make(**said["make"]), tuple(said["targets"]), str(said["made"]), str(said["sha256"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EngineRefused(f"{beside} is missing or damaged ({error}): omote compile --again") from error


def read_engine(path: Path, wanted: Make, target: str) -> bytes:
    """The engine, if its label and its bytes are what is wanted for this target; else EngineRefused."""
    label = read_label(path)
    if differs := label.make.difference(wanted):
        raise EngineRefused(f"{path.name} was made of another {differs}: omote compile --again")
    if target not in label.targets:
        raise EngineRefused(f"{path.name} was made for {', '.join(label.targets)}, wanted {target}: omote compile")
    engine = path.read_bytes()
    if (found := hashlib.sha256(engine).hexdigest()) != label.sha256:
        raise EngineRefused(
            f"{path.name} is damaged (sha256 {found[:16]}, wanted {label.sha256[:16]}): omote compile --again"
        )
    return engine


def found_engine(folder: Path, wanted: Make, target: str) -> tuple[Path, bytes] | None:
    """The first engine in the folder that is what is wanted for this target."""
    for path in _engines(folder):
        try:
            return path, read_engine(path, wanted, target)
        except (EngineRefused, OSError):
            continue  # of another network, other shapes or another version: they stand side by side
    return None


def _engines(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else ())
