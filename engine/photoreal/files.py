"""Finds the published files that a user brings, and knows them again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..data import SourceFile
from ..models import FOLDER_VARIABLE, models_folder
from .hub_cache import HubCache, hub_cache
from .ledger import Ledger, PublishedError
from .published_file import FILES, PublishedFile, files_that_draw

__all__ = [
    "FILES",
    "Published",
    "PublishedError",
    "PublishedFile",
    "default_folder",
    "model_digest",
    "published",
    "published_file",
]


@dataclass(frozen=True)
class Published:
    """Where the files are; each is looked for in these folders in turn, then in the Hub's cache."""

    folders: tuple[Path, ...]  # at least one, the first being where files are put
    hub: HubCache
    ledger: Ledger

    def find(self, name: str) -> Path | None:
        """Where this file is; None where it is nowhere."""
        file = published_file(name)
        for folder in self.folders:
            if (folder / name).is_file():
                return folder / name
        return self.hub.find(file.repository, file.path_in_repository) if file.repository else None

    def path(self, name: str) -> Path:
        """The same; PublishedError says what is missing, where it goes, and the command."""
        found = self.find(name)
        if found is None:
            raise PublishedError(self._missing(published_file(name)))
        return found

    def part(self, name: str) -> SourceFile:
        """The file as part of a character; PublishedError where it is missing or another than when first used."""
        file = published_file(name)
        return SourceFile(name, self.ledger.sha256(self.path(name)), file.licence, file.is_commercial)

    def parts(self, names: Iterable[str]) -> tuple[SourceFile, ...]:
        """Each of these as a part, in this order."""
        return tuple(self.part(name) for name in names)

    def model(self, sampler: str, reference_scale: float) -> str:
        """The digest of all that draws a character of this sampler, as characters and exported networks name it."""
        digest = model_digest(self.parts(files_that_draw(sampler)))
        return hashlib.sha256(f"{digest} {sampler} {reference_scale:.6f}".encode()).hexdigest()

    def _missing(self, file: PublishedFile) -> str:
        cure = "`omote models get arc2face` downloads it" if file.repository else "`omote train arc2face` makes it"
        return (
            f"{file.name} ({file.purpose}; {file.origin}) is missing: {cure}, or put it at "
            f"{self.folders[0] / file.name}; looked in {', '.join(map(str, self.folders))} and {self.hub.folder}. "
            f'`photoreal = "FOLDER"` in config.toml or {FOLDER_VARIABLE} names another place'
        )


def published(folder: Path | None = None) -> Published:
    """The files in this folder (the configuration's), else in $OMOTE_MODELS/arc2face, else in the Hub's cache."""
    folders = (default_folder(),) if folder is None else (folder.expanduser(), default_folder())
    return Published(tuple(dict.fromkeys(folders)), hub_cache(), Ledger(models_folder() / "arc2face.json"))


def default_folder() -> Path:
    """Where published files are kept unless the configuration names another folder."""
    return models_folder() / "arc2face"


def published_file(name: str) -> PublishedFile:
    """The one of this name; KeyError where there is none."""
    return {file.name: file for file in FILES}[name]


def model_digest(parts: Iterable[SourceFile]) -> str:
    """One name for these weights together: the same in any order, another where a byte is another."""
    lines = sorted(f"{part.name} {part.sha256}\n" for part in parts)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
