"""What native libraries need and say: missing shared objects named with their cure, start-up chatter held back."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from .source import SourceError

_APT = "apt-get install -y --no-install-recommends libegl1 libgles2 libgl1 libglib2.0-0"
_SHARED_OBJECT = re.compile(r"(\S+\.so[.\d]*): cannot open shared object file")
# Notices of absl and TensorFlow Lite at start. Neither has a switch that this version of MediaPipe heeds.
_CHATTER = re.compile(rb"WARNING: All log messages before absl|[IW]\d{4} |INFO: |\s*$")


def missing_library(error: ImportError | OSError) -> SourceError:
    """The tracker cannot be loaded: what is missing, and the command that brings it."""
    if found := _SHARED_OBJECT.search(str(error)):
        return SourceError(
            f"the face tracker needs the system library {found[1]}, which is missing; on Debian or Ubuntu: {_APT} "
            "(`--source demo` works without it)"
        )
    if isinstance(error, ModuleNotFoundError):
        return SourceError(
            f"the face tracker needs the Python package {error.name}, which is missing: pip install omote"
        )
    return SourceError(f"the face tracker cannot be loaded: {error}")


@contextmanager
def without_chatter() -> Iterator[None]:
    """Holds back what is written to stderr meanwhile, then passes on all lines but known start-up notices."""
    try:
        sys.stderr.flush()
        stderr = os.dup(2)
    except (OSError, AttributeError):  # no stderr: started without a console
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            for line in held:
                if not _CHATTER.match(line):
                    os.write(2, line)
