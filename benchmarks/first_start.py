"""From nothing to the first picture: clone, a fresh environment, pip install, `omote live`; seconds and megabytes."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from performance import STARTING_S, answer, free_endpoints, receiving
from record import ROOT, keep, origin

NOT_WANTED = ("torch", "onnx", "onnxruntime", "nncf", "numba")
BUDGET_S = 120.0
BUDGET_MB = 750.0


class Clock:
    """Counts the seconds of one thing after another."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began_s = time.monotonic()

    def restart(self) -> None:
        """What went by since the last lap counts for nothing."""
        self._began_s = time.monotonic()

    def lap(self, name: str) -> None:
        now_s = time.monotonic()
        self.seconds[name] = round(now_s - self._began_s, 1)
        self._began_s = now_s
        print(f"{name:14}{self.seconds[name]:8.1f} s", flush=True)


def measured(folder: Path, pip: list[str]) -> dict[str, Any]:
    """Everything happens in this empty folder; only pip's own cache is the machine's."""
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
    """Starts Omote as after a first install, with an empty cache of its own, until a receiver has a picture."""
    params, video, control = free_endpoints(3)
    endpoints = ["--params-endpoint", params, "--video-endpoint", video, "--control-endpoint", control]
    command = [str(python), "-m", "omote.studio.cli.main", "live", "--no-page", "--seconds", "1", *endpoints]
    caches = dict.fromkeys(("XDG_CACHE_HOME", "WIN_PD_OVERRIDE_LOCAL_APPDATA"), str(folder / "cache"))
    environment = {**os.environ, **caches}
    environment.pop("PYTHONPATH", None)
    with receiving(video, count=1) as receiver:
        clock.restart()  # the receiver is ours, its start does not count
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as omote:
            answer(receiver, STARTING_S)
            clock.lap("first picture")
            said, _ = omote.communicate()
    return said.splitlines()[0] if said else ""


def megabytes(folder: Path) -> float:
    """What the files in it hold, a million bytes each; links are not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) / 1e6


def _has(python: Path, package: str) -> bool:
    return subprocess.run([str(python), "-c", f"import {package}"], capture_output=True, check=False).returncode == 0


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} failed:\n{done.stderr[-2000:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pip", action="append", default=[], help="a word for pip install, as --pip=--no-index")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/first_start.json")
    chosen = parser.parse_args()
    told = origin()
    with tempfile.TemporaryDirectory() as folder:
        result = measured(Path(folder), chosen.pip)
    print(f"{'all':14}{result['seconds']['all']:8.1f} s, {result['installed_mb']:.0f} MB installed")
    keep({**told, **result}, chosen.save)


if __name__ == "__main__":
    main()
