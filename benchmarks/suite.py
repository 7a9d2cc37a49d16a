"""`make bench`: every benchmark in a process of its own; skips what this commit has measured on this machine."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tables
from record import RESULTS, ROOT, kept, origin, program_of, run_with_limit
from sections import BF16

from omote.engine.hardware import this_machine
from omote.engine.training.provenance import provenance

HERE = Path(__file__).resolve().parent
HOUR_S = 3600.0
_NOT_INHERITED = ("OPENBLAS_NUM_THREADS",)  # each program chooses for itself


@dataclass(frozen=True)
class Part:
    """A part of a benchmark program; the result has its name."""

    name: str
    about_minutes: float

    def command(self, folder: Path) -> list[str]:
        program, *words = program_of(self.name)
        return [sys.executable, str(HERE / program), *words, "--save", str(folder / f"{self.name}.json")]


# Timings come first; the peers need much memory, so only parts that need no speed follow them.
PARTS = (
    Part("network", 6.0),
    Part("layers", 0.2),
    Part("live", 3.5),
    Part("jaw_code", 0.8),
    Part("growth", 4.0),
    Part("formats", 0.5),
    Part("bridge", 4.5),
    Part("offline", 13.0),
    Part("offline_smoothness", 4.0),
    Part("rivals", 8.0),
    Part("first_start", 2.0),
    Part("smoothing", 1.5),
    Part("voice", 1.0),
)


def is_fresh(result: Mapping[str, Any] | None, commit: str, hardware: Mapping[str, Any]) -> bool:
    """Whether this was measured at this commit on this machine."""
    return result is not None and result.get("commit") == commit and result.get("hardware") == dict(hardware)


def chosen_parts(only: str | None) -> list[Part]:
    """The parts with these names, in the order of the suite. Raises ValueError on an unknown name."""
    if only is None:
        return list(PARTS)
    names = only.split(",")
    if unknown := [name for name in names if name not in {part.name for part in PARTS}]:
        raise ValueError(f"there are {', '.join(part.name for part in PARTS)}, not {', '.join(unknown)}")
    return [part for part in PARTS if part.name in names]


def run(part: Part, folder: Path, environment: Mapping[str, str]) -> str:
    """Runs a part; returns "", or what went wrong in a line."""
    try:
        done = run_with_limit(part.command(folder), HOUR_S, cwd=ROOT, env=environment)
    except subprocess.TimeoutExpired:
        return f"did not end within {HOUR_S:.0f} s"
    return f"ended with {done.returncode}" if done.returncode else ""


def measure(parts: Sequence[Part], folder: Path, *, is_again: bool) -> dict[str, str]:
    """Runs the parts that are not fresh in this folder of results; returns the failures by name."""
    commit, hardware = str(provenance()["commit"]), hardware_as_json()
    environment = {key: value for key, value in os.environ.items() if key not in _NOT_INHERITED}
    failed = {}
    for part in parts:
        if not is_again and is_fresh(kept(part.name, folder), commit, hardware):
            print(f"== {part.name}: measured at {commit} already; --again measures it anew", flush=True)
            continue
        print(f"\n== {part.name}, about {part.about_minutes:g} minutes", flush=True)
        began_s = time.monotonic()
        if wrong := run(part, folder, environment):
            failed[part.name] = wrong
        print(f"== {part.name} took {time.monotonic() - began_s:.0f} s {wrong}", flush=True)
    return failed


def hardware_as_json() -> dict[str, Any]:
    """This machine as it is read back from a result."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(this_machine()).items()}


def main() -> int:
    """Runs every part; returns 1 if one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help=f"some of {','.join(part.name for part in PARTS)}, with commas")
    parser.add_argument("--again", action="store_true", help="measure again what this commit has measured")
    parser.add_argument("--bf16", action="store_true", help="keep the results of a processor with bf16 apart")
    chosen = parser.parse_args()
    try:
        parts = chosen_parts(chosen.only)
    except ValueError as error:
        parser.error(f"--only: {error}")
    origin()
    failed = measure(parts, RESULTS / BF16 if chosen.bf16 else RESULTS, is_again=chosen.again)
    tables.write()
    for name, wrong in failed.items():
        print(f"{name} failed: {wrong}")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
