"""The networks by which characters are made: an encoder of pictures and a completion of textures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import WeightsError, require_whole

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class MakerFile:
    """One exported network."""

    file: str
    sha256: str
    model: str  # the version of the model whose characters it makes

    @property
    def path(self) -> Path:
        return _FOLDER / self.file

    def check(self) -> None:
        """WeightsError unless the file is there and whole."""
        require_whole(self.path, self.sha256)


@dataclass(frozen=True)
class MakerFiles:
    """What makes the characters of one model."""

    encoder: MakerFile
    completion: MakerFile

    @property
    def model(self) -> str:
        return self.encoder.model


@cache
def maker_files() -> MakerFiles:
    """What is shipped; WeightsError where that cannot be known."""
    return listed(_FOLDER / "networks.json")


def listed(path: Path) -> MakerFiles:
    """What this list names; WeightsError where it is missing or damaged, or names two models."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        files = MakerFiles(MakerFile(**rows["encoder"]), MakerFile(**rows["completion"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{path} is missing, damaged or names no encoder ({error}): install Omote again") from error
    if files.encoder.model != files.completion.model:
        raise WeightsError(
            f'{path} names an encoder of model "{files.encoder.model}" and a completion of model '
            f'"{files.completion.model}": install Omote again'
        )
    return files
