"""Output files: the writer protocol, atomic output, and checks of free disk space before the work starts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from ..storage import atomic_write
from .animation import Animation, RenderError
from .pictures import PictureFolder

_BYTES_PER_PIXEL = 2.5  # of a PNG at most, about: small portraits have 1.9, large ones fewer
_BYTES_PER_FILE = 4096  # that a file takes besides its content

OnProgress = Callable[[int], None]  # called with the number of pictures that are written


class Writer(Protocol):
    """Writes one file, which appears when it is complete and replaces an earlier one."""

    @property
    def path(self) -> Path:
        """The path of the file."""
        ...

    def check(self, animation: Animation, size: int) -> None:
        """RenderError if this cannot be written here (codec, library, size); takes less than a second."""
        ...

    def max_bytes(self, animation: Animation, size: int) -> int:
        """About the largest size that the file can have, with pictures of `size` pixels on a side."""
        ...

    def write(self, animation: Animation, pictures: PictureFolder, on_progress: OnProgress) -> None:
        """Writes it; the same pictures give the same bytes on one machine. RenderError if that fails."""
        ...


@contextmanager
def atomic_output(path: Path, *beside: Path) -> Iterator[Path]:
    """As `storage.atomic_write`; RenderError if the file cannot be written."""
    try:
        with atomic_write(path, *beside) as partial:
            yield partial
    except OSError as error:
        raise RenderError(
            f"cannot write {path}: {error.strerror or error}; make room, or choose a folder that may be written to, "
            "then go on with --resume"
        ) from error


def require_writable(path: Path) -> None:
    """Makes the folder of this file; RenderError if the file cannot be written there."""
    if path.is_dir():
        raise RenderError(f"{path} is a folder, and a file is to be written there: choose another --out")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass  # it has no name, so nothing is left if this process is killed
    except OSError as error:
        raise RenderError(
            f"cannot write to {path.parent} ({error.strerror or error}): choose another folder for --out"
        ) from error


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def require_disk_space(
    writers: Sequence[Writer],
    animation: Animation,
    size: int,
    pictures: Path,
    kept: int = 0,
    replaced: int = 0,
    free_bytes: Callable[[Path], int] = _free_bytes,
) -> None:
    """RenderError if a disk has no room for the missing pictures and the files of all writers.

    `pictures` and the folders of the files exist. `kept` pictures are there already, and `replaced` bytes become free.
    """
    drawn = max(len(animation) - kept, 0) * (round(size * size * _BYTES_PER_PIXEL) + _BYTES_PER_FILE) - replaced
    needs = [(pictures, drawn), *((writer.path.parent, writer.max_bytes(animation, size)) for writer in writers)]
    needed: dict[int, int] = {}
    folders: dict[int, Path] = {}
    for folder, count in needs:
        disk = folder.stat().st_dev
        needed[disk] = needed.get(disk, 0) + count
        folders.setdefault(disk, folder)
    for disk, folder in folders.items():
        if (free := free_bytes(folder)) < needed[disk]:
            raise RenderError(
                f"{format_bytes(needed[disk])} may be needed on the disk of {folder}, and {format_bytes(free)} are "
                "free: make room, choose another disk for --out, or a smaller --size"
            )


def format_bytes(count: int) -> str:
    """For people: "512 bytes", "1.5 kB", "250 MB"."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1000.0
    return f"{size:.1f} GB"
