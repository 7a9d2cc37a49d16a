"""Runs a Python module in a child process that ends with its parent, also where the parent is killed.

The parent reads the child's stdout. Once that pipe has no reader, the child ends within a second.
"""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable

from omote.bridge.errors import OmoteError

_HEARTBEAT_S = 0.5
_CANCEL_POLL_S = 0.2

IsCancelled = Callable[[], bool]


class ChildCancelled(OmoteError):
    """A child process was ended because its caller no longer needs it."""


def run_child(
    module: str,
    *words: str,
    sent: bytes = b"",
    timeout_s: float,
    niceness: int = 0,
    is_cancelled: IsCancelled = lambda: False,
) -> subprocess.CompletedProcess[bytes]:
    """Runs `python -m MODULE WORDS` with `sent` as its stdin; returns its exit code and what it wrote.

    Parameters
    ----------
    niceness
        For POSIX, 0 to 19. On Windows any niceness above 0 is the class "below normal".
    is_cancelled
        Called five times a second. Once it returns True, the child is killed.

    Returns
    -------
    `stdout` has an empty line for each half second besides what the module wrote.

    Raises
    ------
    ChildCancelled, subprocess.TimeoutExpired after `timeout_s`, OSError where no process can be started.
    """
    # Without -P, Python would import a file such as json.py from the current folder.
    command, pipe = (sys.executable, "-P", "-m", __name__, str(niceness), module, *words), subprocess.PIPE
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    if niceness:
        flags |= getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0)
    # A file, because a `communicate` that has timed out never sends the rest of what a pipe could not take.
    with tempfile.TemporaryFile() as file:
        file.write(sent)
        file.seek(0)
        with subprocess.Popen(command, stdin=file, stdout=pipe, stderr=pipe, creationflags=flags) as process:
            try:
                output, errors = _communicate(process, timeout_s, is_cancelled)
            except BaseException:
                process.kill()
                raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def _communicate(process: subprocess.Popen[bytes], timeout_s: float, is_cancelled: IsCancelled) -> tuple[bytes, bytes]:
    end_s = time.monotonic() + timeout_s
    while True:
        try:
            return process.communicate(timeout=_CANCEL_POLL_S)
        except subprocess.TimeoutExpired:
            if is_cancelled():
                raise ChildCancelled("it was cancelled") from None
            if time.monotonic() > end_s:
                raise


# In the child.


def _main() -> None:
    niceness, module, *words = sys.argv[1:]
    if hasattr(os, "nice"):
        os.nice(int(niceness))
    threading.Thread(target=_end_with_reader, name="heartbeat", daemon=True).start()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as in the command `omote`, before NumPy is imported
    sys.argv[1:] = words
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_with_reader() -> None:
    while True:
        time.sleep(_HEARTBEAT_S)
        try:
            os.write(sys.stdout.fileno(), b"\n")
        except OSError:
            os._exit(1)


if __name__ == "__main__":
    _main()
