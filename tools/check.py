"""Runs all checks, as CI does: format, lint, types, import contracts, and the tests beside them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import environment

# In build, `omote` and all of its parts lie in one folder.
_IMPORTS = "import sys; sys.path.insert(0, 'build'); from importlinter.cli import lint_imports_command as main; main()"
CHECKS = {
    "ruff format": ("-m", "ruff", "format", "--check", "."),
    "ruff check": ("-m", "ruff", "check", "."),
    "mypy": ("-m", "mypy"),
    "lint-imports": ("-c", _IMPORTS),
}
# Some tests wait for a browser, a socket or another process, so there is one worker more than cores. The tests of one
# file share what they have opened.
WORKERS = min((os.cpu_count() or 1) + 1, 4)
# A worker that dies ends the run, because the others would wait for ever for its tests.
SIDE_BY_SIDE = ("-n", str(WORKERS), "--dist", "loadfile", "--max-worker-restart", "0")


def main() -> int:
    """Runs every check; returns 1 if any of them failed."""
    environment.ensure()
    start_s = time.monotonic()
    found: dict[str, subprocess.CompletedProcess[str]] = {}
    beside = threading.Thread(target=_run_checks, args=(found,))
    beside.start()
    environment.run(("tools/kernels.py",))
    tests = environment.run(("-m", "pytest", *SIDE_BY_SIDE, *sys.argv[1:]))
    beside.join()
    for name, done in found.items():
        print(f"== {name}\n{done.stdout}", end="", flush=True)
    failed = [name for name, done in found.items() if done.returncode != 0] + ["pytest"] * (tests != 0)
    print(f"== {', '.join(failed) or 'nothing'} failed, in {time.monotonic() - start_s:.0f} s", flush=True)
    return 1 if failed else 0


def _run_checks(found: dict[str, subprocess.CompletedProcess[str]]) -> None:
    for name, arguments in CHECKS.items():
        found[name] = environment.capture(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
