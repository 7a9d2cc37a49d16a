"""The time that Stable Diffusion Turbo and LivePortrait take for a 512x512 picture, in the same run as Omote.

Each peer runs in a process of its own, so a failure costs only a line.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from peers.measured import WHOLE, Effort, Measured, Refused
from record import keep, origin, result_parser

FAST = Effort(warm_up=5, most=60, seconds=8.0)
SLOW = Effort(warm_up=1, most=5, seconds=10.0)  # a picture takes seconds
LONGEST_S = 240.0
PACKAGES = ("torch", "diffusers", "openvino", "onnx")
CURE = "pip install 'omote[peers]'"
SIZE = 512
OURS = f"ours {SIZE}"  # what the others are compared with
RATIO = "times_as_long_as_ours"


def _ours(precision: str = "") -> Measured:
    from peers import ours

    return ours.measured(SIZE, precision, FAST)


def _turbo(arithmetic: str = "") -> Measured:
    from peers import turbo

    return turbo.in_torch(arithmetic, SLOW) if arithmetic else turbo.in_openvino(SLOW)


def _liveportrait(arithmetic: str = "") -> Measured:
    from peers import liveportrait

    return liveportrait.in_torch(arithmetic, SLOW) if arithmetic else liveportrait.in_openvino(SLOW)


CASES: dict[str, Callable[[], Measured]] = {
    OURS: _ours,
    f"{OURS} f32": lambda: _ours("f32"),
    "SD-Turbo + TAESD, torch f32": lambda: _turbo("f32"),
    "SD-Turbo + TAESD, torch bf16": lambda: _turbo("bf16"),
    "SD-Turbo + TAESD, OpenVINO": _turbo,
    "LivePortrait, torch f32": lambda: _liveportrait("f32"),
    "LivePortrait, torch bf16": lambda: _liveportrait("bf16"),
    "LivePortrait, OpenVINO": _liveportrait,
}


def measure_here(name: str) -> dict[str, Any]:
    """The result of one case, measured in this process, or {"refused": why}."""
    try:
        measured = CASES[name]()
    except Refused as error:
        return {"refused": str(error)}
    except ModuleNotFoundError as error:
        return {"refused": f"no module {error.name}: {CURE}"}
    kept = asdict(measured) | {"parameters": measured.parameters, "macs": measured.macs}
    kept["networks"] = {part: asdict(one) | {"shape": one.shape} for part, one in measured.networks.items()}
    return kept


def measure_in_process(name: str) -> dict[str, Any]:
    """The same in a process of its own, which frees its memory when it ends."""
    # Hugging Face libraries must not use the network.
    quiet = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
    command = [sys.executable, __file__, "--alone", name]
    began_s = time.monotonic()
    try:
        done = subprocess.run(
            command, env=os.environ | quiet, capture_output=True, text=True, timeout=LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired:
        return {"refused": f"took more than {LONGEST_S:.0f} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        return {"refused": f"failed with {done.returncode}: {lines[-1]}"}
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "wall_s": round(time.monotonic() - began_s, 1)}


def compare(rows: dict[str, dict[str, Any]]) -> None:
    """Adds to each row its time as a multiple of ours, if ours was measured in this run."""
    if "took_ms" not in rows.get(OURS, {}):
        return
    own_ms = rows[OURS]["took_ms"][WHOLE]["p50"]
    for row in rows.values():
        if "took_ms" in row:
            row[RATIO] = round(row["took_ms"][WHOLE]["p50"] / own_ms, 2)


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """A line for each case, followed by one for each of its parts if it has several."""
    head = f"{'p50 ms':>10}{'p95 ms':>10}{'n':>5}{'M':>8}{'GMAC':>8}{'x ours':>9}  shape"
    lines = [f"{'':31}{head}"]
    for name, row in rows.items():
        if "refused" in row:
            lines.append(f"{name:31}left out: {row['refused']}")
            continue
        counted = f"{_took(row['took_ms'][WHOLE])}{_counted(row)}"
        lines.append(f"{name:31}{counted}{row.get(RATIO, '-'):>9}  {row['shape']}; {row['runtime']}")
        for part, took in row["took_ms"].items():
            if part != WHOLE:
                # Compositing is no network and has no counts.
                network = row["networks"].get(part)
                lines.append(f"{'  ' + part:31}{_took(took)}{_counted(network) if network else ''}")
    return "\n".join(lines)


def _took(took: Mapping[str, Any]) -> str:
    return f"{took['p50']:10.1f}{took['p95']:10.1f}{took['count']:5}"


def _counted(network: Mapping[str, Any]) -> str:
    return f"{network['parameters'] / 1e6:8.2f}{network['macs'] / 1e9:8.1f}"


def versions() -> dict[str, str]:
    """Versions of the packages that the peers need; the cure for missing ones."""
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return f"missing: {CURE}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = result_parser(__doc__, "rivals")
    parser.add_argument("--only", action="append", choices=CASES, help="measure this case (repeat for more)")
    parser.add_argument("--alone", choices=CASES, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.alone:
        print(json.dumps(measure_here(chosen.alone)))
        return
    if chosen.only and chosen.save:
        parser.error("--save needs every case, because only times of one run are compared")
    made = {**origin(), "versions": versions(), "effort": {"fast": asdict(FAST), "slow": asdict(SLOW)}}
    print(f"made with {made['versions']}", flush=True)
    rows = {}
    for name in chosen.only or CASES:
        rows[name] = measure_in_process(name)
        print(table({name: rows[name]}).splitlines()[1], flush=True)
    compare(rows)
    print(f"\n{table(rows)}")
    keep({**made, "cases": rows}, chosen.save)


if __name__ == "__main__":
    main()
