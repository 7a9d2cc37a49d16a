"""What `omote render` writes: a folder of pictures, and files by their suffixes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from omote.engine.offline.animation import RenderError
from omote.engine.offline.credentials import Credentials, PictureSigner, load_credentials, signed
from omote.engine.offline.job import TABLE
from omote.engine.offline.output import Writer, require_writable
from omote.engine.offline.pictures import PictureFolder
from omote.engine.offline.writers.suffixes import SUFFIXES, VIDEOS, writer_for
from omote.engine.offline.writers.tables import ParamsWriter
from omote.engine.storage import user_path

BACKGROUND = (0, 0, 0)
_OPAQUE = (".mp4", ".gif")  # show a background
_WITHOUT_PICTURES = (".csv", ".glb", ".usda", ".usdc")  # hold only the performance


@dataclass(frozen=True)
class RenderOutputs:
    """The outputs, and the writers of the files."""

    files: tuple[Writer, ...]
    folder: Path | None  # for pictures
    credentials: Credentials | None = None  # that sign the pictures of the folder

    @property
    def paths(self) -> tuple[Path, ...]:
        """The paths of the files."""
        return tuple(writer.path for writer in self.files)

    @property
    def writers(self) -> tuple[Writer, ...]:
        """The writers of the files, and of what the folder holds beside its pictures."""
        if self.folder is None:
            return self.files
        signers = (PictureSigner(PictureFolder(self.folder, 1).path(0), self.credentials),) if self.credentials else ()
        return (*self.files, ParamsWriter(self.folder / TABLE), *signers)

    @property
    def places(self) -> tuple[Path, ...]:
        """The folder and the files."""
        return self.paths if self.folder is None else (self.folder, *self.paths)

    @property
    def words(self) -> str:
        """All of them, in one line."""
        return ", ".join(map(str, self.places))

    @property
    def are_drawn(self) -> bool:
        """Whether any output shows a picture."""
        return self.folder is not None or any(path.suffix.lower() not in _WITHOUT_PICTURES for path in self.paths)

    @property
    def have_sound(self) -> bool:
        """Whether any output has sound."""
        return any(path.suffix.lower() in VIDEOS for path in self.paths)

    def require_writable(self) -> None:
        """RenderError if a folder cannot be written to."""
        for writer in self.writers:
            require_writable(writer.path)


def parse_outputs(
    words: Sequence[str], background: str | None, sources: Iterable[Path], credentials: str | None = None
) -> RenderOutputs:
    """Parses --out; RenderError if an output is invalid or would replace one of the `sources`."""
    colour = BACKGROUND if background is None else parse_colour(background)
    if "" in words:
        raise RenderError("--out takes a file or a folder, got ''")
    if "-" in words:
        raise RenderError("--out - is standard output, and a rendering is written to files: name one, or a folder")
    folders = [_named(user_path(word)) for word in words if _is_folder(word)]
    if len(folders) > 1:
        raise RenderError(f"pictures go into one folder, got {' and '.join(map(str, folders))}: leave one out")
    paths = [user_path(word) for word in words if not _is_folder(word)]
    if len({path.resolve() for path in paths}) < len(paths):
        raise RenderError(f"the same file is given twice: {', '.join(map(str, paths))}")
    for path in (*paths, *(folder / TABLE for folder in folders)):
        if clash := next((source for source in sources if path.exists() and path.samefile(source)), None):
            raise RenderError(f"{clash} is an input and would be replaced: choose another --out")
    writers = tuple(writer_for(path, colour) for path in paths)
    if credentials is not None:
        writers = signed(writers, credentials)
    of_pictures = load_credentials(credentials) if credentials is not None and folders else None
    outputs = RenderOutputs(writers, folders[0] if folders else None, of_pictures)
    if background is not None and not any(path.suffix.lower() in _OPAQUE for path in paths):
        raise RenderError(f"--background needs an --out that shows it: {' or '.join(_OPAQUE)}")
    return outputs


def _named(folder: Path) -> Path:
    """The folder by its name, because a rendering in progress lies beside it under that name."""
    if folder.name in ("", ".."):
        folder = folder.resolve()
    if not folder.name:
        raise RenderError(f"{folder} cannot be a folder for pictures: choose another --out")
    return folder


def parse_colour(word: str) -> tuple[int, int, int]:
    """'#rrggbb' as red, green and blue."""
    digits = word.removeprefix("#")
    try:
        red, green, blue = bytes.fromhex(digits)
    except ValueError:
        raise RenderError(f"--background takes '#rrggbb' as '#20242a', got '{word}'") from None
    return red, green, blue


def _is_folder(word: str) -> bool:
    """Whether it ends in a separator, has no suffix, or has an unknown one and is a folder already."""
    ends = (os.sep, os.altsep or os.sep, "/")
    path = user_path(word)
    is_known = any(path.name.lower().endswith(suffix) for suffix in SUFFIXES)
    return word.endswith(ends) or not path.suffix or (path.is_dir() and not is_known)
