"""How long others take for a picture of 512x512 on this machine, in the same run as Omote: Stable Diffusion Turbo and
LivePortrait. Each peer runs in a process of its own, so that one that fails costs a line."""

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
from pathlib import Path
from typing import Any

from peers.measured import Measured, Refused
from peers.timing import WHOLE, Effort
from record import keep, origin

FAST = Effort(warm_up=5, most=60, seconds=8.0)
SLOW = Effort(warm_up=1, most=5, seconds=10.0)  # a picture takes seconds
LONGEST_S = 240.0
WANTED = ("torch", "diffusers", "openvino", "onnx")
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


def _portrait(arithmetic: str = "") -> Measured:
    from peers import portrait

    return portrait.in_torch(arithmetic, SLOW) if arithmetic else portrait.in_openvino(SLOW)


CASES: dict[str, Callable[[], Measured]] = {
    OURS: _ours,
    f"{OURS} f32": lambda: _ours("f32"),
    "SD-Turbo + TAESD, torch f32": lambda: _turbo("f32"),
    "SD-Turbo + TAESD, torch bf16": lambda: _turbo("bf16"),
    "SD-Turbo + TAESD, OpenVINO": _turbo,
    "LivePortrait, torch f32": lambda: _portrait("f32"),
    "LivePortrait, torch bf16": lambda: _portrait("bf16"),
    "LivePortrait, OpenVINO": _portrait,
}


def alone(name: str) -> dict[str, Any]:
    """One case, measured in this process: what is kept of it, or {"refused": why}."""
    try:
        measured = CASES[name]()
    except Refused as error:
        return {"refused": str(error)}
    except ModuleNotFoundError as error:
        return {"refused": f"no module {error.name}: {CURE}"}
    kept = asdict(measured) | {"parameters": measured.parameters, "macs": measured.macs}
    kept["networks"] = {part: asdict(one) | {"shape": one.shape} for part, one in measured.networks.items()}
    return kept


def apart(name: str) -> dict[str, Any]:
    """The same in a process of its own, whose memory is free again when it ends."""
    # Hugging Face's libraries neither report their use nor look for anything outside.
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
        said = done.stderr.strip().splitlines() or ["nothing was said"]
        return {"refused": f"failed with {done.returncode}: {said[-1]}"}
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "wall_s": round(time.monotonic() - began_s, 1)}


def compare(rows: dict[str, dict[str, Any]]) -> None:
    """Gives each row how many times as long as ours it takes, where ours was measured in this run."""
    if "took_ms" not in rows.get(OURS, {}):
        return
    own_ms = rows[OURS]["took_ms"][WHOLE]["p50"]
    for row in rows.values():
        if "took_ms" in row:
            row[RATIO] = round(row["took_ms"][WHOLE]["p50"] / own_ms, 2)


def table(rows: Mapping[str, Mapping[str, Any]]) -> str:
    """A line for each case, and under it one for each of its parts where there are several."""
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
                # Compositing is no network: nothing is counted of it.
                network = row["networks"].get(part)
                lines.append(f"{'  ' + part:31}{_took(took)}{_counted(network) if network else ''}")
    return "\n".join(lines)


def _took(took: Mapping[str, Any]) -> str:
    return f"{took['p50']:10.1f}{took['p95']:10.1f}{took['count']:5}"


def _counted(network: Mapping[str, Any]) -> str:
    return f"{network['parameters'] / 1e6:8.2f}{network['macs'] / 1e9:8.1f}"


def versions() -> dict[str, str]:
    """Of what the peers are made with; the cure for what is missing."""
    return {name: _version(name) for name in WANTED}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return f"missing: {CURE}"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=CASES, help="measure this case (repeat for more)")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/rivals.json")
    parser.add_argument("--alone", choices=CASES, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.alone:
        print(json.dumps(alone(chosen.alone)))
        return
    if chosen.only and chosen.save:
        parser.error("--save wants every case: what is compared was measured in one run")
    told = {**origin(), "versions": versions(), "effort": {"fast": asdict(FAST), "slow": asdict(SLOW)}}
    print(f"made with {told['versions']}", flush=True)
    rows = {}
    for name in chosen.only or CASES:
        rows[name] = apart(name)
        print(table({name: rows[name]}).splitlines()[1], flush=True)
    compare(rows)
    print(f"\n{table(rows)}")
    keep({**told, "cases": rows}, chosen.save)


if __name__ == "__main__":
    main()
