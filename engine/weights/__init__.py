"""The shipped networks: ONNX files for any size and batch, with their checksums in `networks.json`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from omote.engine.diffusion.conditioning import FACE_SIZE
from omote.engine.face.head import FILE
from omote.engine.face.maps import CHANNELS
from omote.engine.nouns import LIGHT_SIZE

_FOLDER = Path(__file__).parent


class WeightsError(Exception):
    """A shipped network is missing or damaged; the message says which and the cure."""


@dataclass(frozen=True)
class NetworkFile:
    """One exported denoiser, which draws pictures of several sizes."""

    file: str
    sha256: str
    size: int  # pixels on a side of the pictures that it was trained on
    sizes: tuple[int, ...]  # that it draws well enough, smallest first
    model: str  # the version that characters must have been made for
    texture: tuple[int, int, int]  # channels, rows, columns
    identity: int
    bank_rows: int  # of a character
    bank_width: int
    head: str  # sha256 of the open head whose maps it was trained on

    @property
    def path(self) -> Path:
        return _FOLDER / self.file

    def shapes(self, size: int, batch: int = 1) -> dict[str, tuple[int, ...]]:
        """The shapes of the network's inputs, by name, for so many pictures of this size at once."""
        grid = size // 2
        return {
            "x": (batch, 4, size, size),
            "t": (batch,),
            "geometry": (batch, CHANNELS, grid, grid),
            "uv": (batch, grid, grid, 2),
            "texture": (batch, *self.texture),
            "face": (batch, FACE_SIZE),
            "light": (batch, LIGHT_SIZE),
            "identity": (batch, self.identity),
            "bank": (batch, self.bank_rows, self.bank_width),
            "present": (batch, 1),
        }

    def check(self) -> None:
        """WeightsError unless the file is there, whole, and the open head is the one that it knows."""
        require_whole(self.path, self.sha256)
        head = hashlib.sha256(FILE.read_bytes()).hexdigest()
        if head != self.head:
            raise WeightsError(
                f"{self.file} knows another head (sha256 {self.head[:16]}) than {FILE.name}: install again"
            )


def require_whole(path: Path, sha256: str) -> None:
    """WeightsError unless the file is there and holds exactly these bytes."""
    if not path.is_file():
        raise WeightsError(f"{path} is missing: install Omote again")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise WeightsError(f"{path} is damaged (sha256 {found[:16]}, wanted {sha256[:16]}): install again")


@cache
def networks() -> tuple[NetworkFile, ...]:
    """What is shipped, one at least; WeightsError where that cannot be known."""
    return listed(_FOLDER / "networks.json")


def listed(path: Path) -> tuple[NetworkFile, ...]:
    """The networks that this list names, one at least; WeightsError where it is missing or damaged."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        files = tuple(_file(row) for row in rows["denoisers"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{path} is missing or damaged ({error}): install Omote again") from error
    if not files:
        raise WeightsError(f"{path} lists no network: install Omote again")
    return files


def _file(row: dict[str, Any]) -> NetworkFile:
    return NetworkFile(**{**row, "texture": tuple(row["texture"]), "sizes": tuple(sorted(row["sizes"]))})
