"""The command `omote`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from .ending import exit_code, leave, stoppable


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 for a loop that Ctrl-C or SIGTERM ends, 130 or 143 for what they leave unfinished.

    Without `arguments` they are the process's own, which then ends even where a thread hangs.
    """
    # NumPy's own threads spin on after each small product, and take the cores from tracker and network.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        with stoppable():
            from .invocation import invoke  # takes a moment, in which Ctrl-C is heard as well

            code = invoke(arguments)
    except KeyboardInterrupt as interrupt:
        code = exit_code(interrupt)
    except BrokenPipeError:  # `omote doctor | head`: nobody reads on, and the flush at exit must not complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    return code if arguments is not None else leave(code)


if __name__ == "__main__":
    raise SystemExit(main())
