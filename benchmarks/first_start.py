"""Seconds and megabytes from a clone to the first picture: clone, fresh environment, pip install, `omote live`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from live import STARTING_S, answer, receiving
from record import ROOT, free_endpoints, keep, origin, result_parser

NOT_WANTED = ("torch", "onnx", "onnxruntime", "nncf", "numba")
BUDGET_S = 120.0
BUDGET_MB = 750.0


class Clock:
    """Times one step after another."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began_s = time.monotonic()

    def restart(self) -> None:
        """Discards the time since the last lap."""
        self._began_s = time.monotonic()

    def lap(self, name: str) -> None:
        now_s = time.monotonic()
        self.seconds[name] = round(now_s - self._began_s, 1)
        self._began_s = now_s
        print(f"{name:14}{self.seconds[name]:8.1f} s", flush=True)


def measure(folder: Path, pip: list[str]) -> dict[str, Any]:
    """Installs into this empty folder; only pip's own cache is shared with the machine."""
    clock = Clock()
    _run("git", "clone", "--quiet", str(ROOT), str(folder / "omote"))
    clock.lap("clone")
    _run(sys.executable, "-m", "venv", str(folder / "venv"))
    clock.lap("venv")
    python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    bare_mb = megabytes(folder / "venv")
    _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *pip, str(folder / "omote"))
    clock.lap("pip install")
    runtime = _first_picture(python, folder, clock)
    total_s = round(sum(clock.seconds.values()), 1)
    installed_mb = megabytes(folder / "venv") - bare_mb
    return {
        "seconds": {**clock.seconds, "all": total_s},
        "installed_mb": round(installed_mb, 1),
        "not_installed": [name for name in NOT_WANTED if not _has(python, name)],
        "runtime": runtime,
        "is_within": total_s <= BUDGET_S and installed_mb <= BUDGET_MB and not _has(python, "torch"),
    }


def _first_picture(python: Path, folder: Path, clock: Clock) -> str:
    """Starts Omote with an empty cache until a receiver has a picture; returns its first line of output."""
    params, video, control = free_endpoints(3)
    endpoints = ["--params-endpoint", params, "--video-endpoint", video, "--control-endpoint", control]
    command = [str(python), "-m", "omote.studio.cli.main", "live", "--no-page", "--seconds", "1", *endpoints]
    caches = dict.fromkeys(("XDG_CACHE_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA"), str(folder / "cache"))
    environment = {**os.environ, **caches}
    environment.pop("PYTHONPATH", None)
    with receiving(video, count=1) as receiver:
        clock.restart()  # the start of the receiver does not count
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as omote:
            answer(receiver, STARTING_S)
            clock.lap("first picture")
            out, _ = omote.communicate()
    return out.splitlines()[0] if out else ""


def megabytes(folder: Path) -> float:
    """The size of all files in the folder, in millions of bytes; links are not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e6


def _has(python: Path, package: str) -> bool:
    return subprocess.run([str(python), "-c", f"import {package}"], capture_output=True, check=False).returncode == 0


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} failed:\n{done.stderr[-2000:]}")


def main() -> None:
    parser = result_parser(__doc__, "first_start")
    parser.add_argument("--pip", action="append", default=[], help="an argument of pip install, as --pip=--no-index")
    chosen = parser.parse_args()
    made = origin()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), chosen.pip)
    print(f"{'all':14}{result['seconds']['all']:8.1f} s, {result['installed_mb']:.0f} MB installed")
    keep({**made, **result}, chosen.save)


if __name__ == "__main__":
    main()
