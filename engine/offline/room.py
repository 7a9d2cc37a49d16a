"""Whether there is room for a rendering: asked before the work, not after it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from .script import RenderError, Script
from .writing.writer import Writer

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


def require_room(
    writers: Sequence[Writer],
    script: Script,
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
                f"{told(needed[disk])} may be needed on the disk of {folder}, and {told(free)} are free: make room, "
                "choose another disk for --out, or a smaller --size"
            )


def told(count: int) -> str:
    """So many bytes, for people."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1000.0
    return f"{size:.1f} GB"
