"""A lock on a file: one process holds it, and the system takes it from a process that ends, however it ends."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .script import RenderError

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock of this file, which is made and removed; RenderError where another process holds it.

    A disk that knows no locks keeps nobody out. OSError where the file cannot be made.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            _take(handle)
        except OSError as error:
            if error.errno in _HELD:
                raise _busy(path) from error
        if not _is_still(path, handle):  # whoever had it before removed it a moment ago
            raise _busy(path)
        try:
            yield
        finally:
            if sys.platform != "win32":  # which removes no open file
                with suppress(OSError):
                    path.unlink(missing_ok=True)
    finally:
        os.close(handle)
    if sys.platform == "win32":  # elsewhere it may be the next one's by now
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _busy(path: Path) -> RenderError:
    return RenderError(f"another omote is rendering in {path.parent}: wait for it, or choose another --out")


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except OSError:
        return False
