"""The command `omote`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .ending import leave, stoppable

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code. Ctrl-C, and SIGTERM too, ends a loop that runs with 0, and what is left unfinished with 130.

    Without `arguments` they are the process's own, which then ends even where a thread hangs.
    """
    # NumPy's own threads spin on after each small product, and take the cores from tracker and network.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        with stoppable():
            from .invocation import invoke  # takes a moment, in which Ctrl-C is heard as well

            code = invoke(arguments)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:  # `omote doctor | head`: nobody reads on, and the flush at exit must not complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    return code if arguments is not None else leave(code)


if __name__ == "__main__":
    raise SystemExit(main())
