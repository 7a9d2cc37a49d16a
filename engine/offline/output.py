"""Output files: the writer protocol, atomic output, and checks of free disk space before the work starts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ..storage import atomic_write
from .animation import Animation, RenderError
from .pictures import PictureFolder

OnProgress = Callable[[int], None]  # is told how many pictures are written


class Writer(Protocol):
    """The file appears when all of it is written, and replaces what was there."""

    @property
    def path(self) -> Path:
        """Of the file."""
        ...

    def check(self, script: Animation, size: int) -> None:
        """RenderError where this cannot be written here: a codec, a library, a size; costs less than a second."""
        ...

    def bytes_of(self, script: Animation, size: int) -> int:
        """How large the file will be at most, about: for pictures of so many pixels on a side."""
        ...

    def write(self, script: Animation, pictures: PictureFolder, tell: OnProgress) -> None:
        """Writes it; the same pictures give the same bytes on one machine. RenderError where that fails."""
        ...


@contextmanager
def atomic_output(path: Path, *beside: Path) -> Iterator[Path]:
    """As `storage.atomic_write`; RenderError where the disk takes no more."""
    try:
        with atomic_write(path, *beside) as partial:
            yield partial
    except OSError as error:
        raise RenderError(
            f"cannot write {path}: {error.strerror or error}; make room, or choose a folder that may be written to, "
            "then go on with --resume"
        ) from error


_PER_PIXEL = 2.5  # bytes of a PNG at most, about: small portraits take 1.9, large ones less
_BLOCK = 4096  # bytes that a file takes up besides its own


def free_bytes(folder: Path) -> int:
    """On the disk of this folder."""
    return shutil.disk_usage(folder).free


def require_writable(path: Path) -> None:
    """Makes the folder that this file is to be in; RenderError where it can be written to by nobody here."""
    if path.is_dir():
        raise RenderError(f"{path} is a folder, and a file is to be written there: choose another --out")
    trial = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise RenderError(
            f"cannot write to {path.parent} ({error.strerror or error}): choose another folder for --out"
        ) from error


def require_disk_space(
    writers: Sequence[Writer],
    script: Animation,
    size: int,
    pictures: Path,
    kept: int = 0,
    replaced: int = 0,
    free_bytes: Callable[[Path], int] = free_bytes,
) -> None:
    """RenderError where the disks have no room for the pictures that are not there yet, and for what is made of them.

    `pictures` is a folder that is there, and so are those of what the writers write; `replaced` are bytes in it that
    make room.
    """
    drawn = max(len(script) - kept, 0) * (round(size * size * _PER_PIXEL) + _BLOCK) - replaced
    needs = [(pictures, drawn), *((writer.path.parent, writer.bytes_of(script, size)) for writer in writers)]
    needed: dict[int, int] = {}
    places: dict[int, Path] = {}
    for folder, count in needs:
        disk = folder.stat().st_dev
        needed[disk] = needed.get(disk, 0) + count
        places.setdefault(disk, folder)
    for disk, folder in places.items():
        if (free := free_bytes(folder)) < needed[disk]:
            raise RenderError(
                f"{format_bytes(needed[disk])} may be needed on the disk of {folder}, and "
                f"{format_bytes(free)} are free: make room, "
                "choose another disk for --out, or a smaller --size"
            )


def format_bytes(count: int) -> str:
    """So many bytes, for people."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1000.0
    return f"{size:.1f} GB"
