"""The shipped networks: two ONNX files, with their checksums in `networks.json`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LIST = "networks.json"
_UNLISTED = "unlisted"


class WeightsError(Exception):
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
        found = digest(self.path)
        if found != self.sha256:
            raise WeightsError(
                f"{self.path} is damaged (sha256 {found[:16]}, wanted {self.sha256[:16]}): install Omote again"
            )


@dataclass(frozen=True)
class ModelFiles:
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
def shipped() -> ModelFiles:
    """What is shipped; WeightsError where that cannot be known."""
    return listed(FOLDER / LIST)


def files_in(folder: Path) -> ModelFiles:
    """The networks in this folder: as its list says, or an export that has none, as it lies there."""
    if (folder / LIST).is_file():
        return listed(folder / LIST)
    try:
        files = {name: NetworkFile(folder / f"{name}.onnx", digest(folder / f"{name}.onnx")) for name in _NAMES}
    except OSError as error:
        raise WeightsError(f"{folder} holds no denoiser.onnx and encoder.onnx ({error}): name another") from error
    return ModelFiles(_UNLISTED, **files)


def listed(path: Path) -> ModelFiles:
    """The networks that this list names; WeightsError where it is missing or damaged."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return ModelFiles(str(told["model"]), **{name: _file(path.parent, told[name]) for name in _NAMES})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{path} is missing or damaged ({error}): install Omote again") from error


def write_list(folder: Path, model: str) -> None:
    """Lists the networks in this folder as those of this version."""
    told: dict[str, Any] = {"model": model}
    for name in _NAMES:
        file = f"{name}.onnx"
        told[name] = {"file": file, "sha256": digest(folder / file)}
    (folder / LIST).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def digest(path: Path) -> str:
    """sha256 in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


_NAMES = ("denoiser", "encoder")


def _file(folder: Path, told: dict[str, str]) -> NetworkFile:
    if Path(told["file"]).name != told["file"]:
        raise ValueError(f"{told['file']} lies elsewhere")
    return NetworkFile(folder / told["file"], str(told["sha256"]))
