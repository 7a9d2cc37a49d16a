"""A file that is being written beside its place, and stands there only when all of it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from omote.engine.offline.script import RenderError


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """Where to write; of the same suffix, since libraries go by it. RenderError where the disk takes no more.

    At the end it replaces what was at `path`; where writing fails, nothing is left of it and nothing is replaced.
    """
    partial = beside(path)
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise RenderError(
            f"cannot write {path}: {error.strerror or error}; make room, or choose a folder that may be written to, "
            "then go on with --resume"
        ) from error
    finally:
        with suppress(OSError):  # the one that is on its way says more
            partial.unlink(missing_ok=True)


def beside(path: Path) -> Path:
    """Where what is to be at `path` is written first; of a process that is killed, something may be left there."""
    return path.with_name(f".{path.stem}.part{path.suffix}")
