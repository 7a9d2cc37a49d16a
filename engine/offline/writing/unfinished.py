"""A result that stands at its place only when all of it is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omote.engine.offline.script import RenderError
from omote.engine.storage import atomic_write


@contextmanager
def unfinished(path: Path, *beside: Path) -> Iterator[Path]:
    """As `storage.atomic_write`; RenderError where the disk takes no more."""
    try:
        with atomic_write(path, *beside) as partial:
            yield partial
    except OSError as error:
        raise RenderError(
            f"cannot write {path}: {error.strerror or error}; make room, or choose a folder that may be written to, "
            "then go on with --resume"
        ) from error
