"""How a benchmark is run, timed and kept: its parts, milliseconds after a warm-up, a JSON file with provenance."""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from omote.engine.storage import write_text
from omote.engine.training.provenance import provenance

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).resolve().parent / "results"
QUANTILES = ("p50", "p95", "p99")
WARM_UP = 10  # calls that do not count
FLAT_MIB = 8.0  # memory is flat if its second half is at most this much above its first half

# Parts that are not a program of their own: the program and the word that selects the part.
PROGRAM_OF = {
    "layers": ("network.py", "layers"),
    "jaw_code": ("live.py", "jaw_code"),
    "voice_rate": ("live.py", "voice_rate"),
    "formats": ("bridge.py", "formats"),
    "ways_out": ("bridge.py", "conversions"),
    "offline_smoothness": ("smoothing.py", "smoothness"),
}


def program_of(part: str) -> tuple[str, ...]:
    """The words that run this part: a program in this folder and, where it has several parts, which of them."""
    return PROGRAM_OF.get(part, (f"{part}.py",))


def run_part(parts: Mapping[str, Callable[[Sequence[str]], int | None]]) -> int:
    """Runs the part that the first word of the command line names, or the first part; returns its exit status."""
    words = sys.argv[1:]
    name = words.pop(0) if words and words[0] in parts else next(iter(parts))
    return parts[name](words) or 0


def result_parser(description: str | None, part: str) -> argparse.ArgumentParser:
    """A parser with `--save`, which every part has."""
    parser = argparse.ArgumentParser(prog=" ".join(program_of(part)), description=description)
    parser.add_argument("--save", type=Path, help=f"where to keep the result, as benchmarks/results/{part}.json")
    return parser


def percentiles(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """p50, p95 and p99 of at least one value."""
    return {name: round(float(np.percentile(values, int(name[1:]))), digits) for name in QUANTILES}


def timed(
    work: Callable[[], object],
    times: int,
    *,
    warm_up: int = WARM_UP,
    most_s: float = float("inf"),
    clock_ns: Callable[[], int] = time.perf_counter_ns,
) -> dict[str, float]:
    """Milliseconds of one call after the warm-up, and the number of calls: fewer than `times` after `most_s` seconds.

    The warm-up takes at most half of that time, but at least one call; at least three calls are counted.
    """
    began_ns = clock_ns()
    for k in range(warm_up):
        if k and clock_ns() - began_ns > most_s * 0.5e9:
            break
        work()
    took_ms: list[float] = []
    while len(took_ms) < times and (len(took_ms) < 3 or clock_ns() - began_ns < most_s * 1e9):
        call_ns = clock_ns()
        work()
        took_ms.append((clock_ns() - call_ns) / 1e6)
    return {**percentiles(took_ms), "times": len(took_ms)}


def origin() -> dict[str, Any]:
    """Date, commit and hardware. Prints the hardware, which comes first in every output."""
    made = provenance()
    print(f"hardware  {hardware_line(made['hardware'])}", flush=True)  # type: ignore[arg-type]
    return made


def hardware_line(hardware: Mapping[str, Any]) -> str:
    """The machine in one line. Older results have fewer fields."""
    memory = hardware.get("memory_gib")
    parts = (
        str(hardware["cpu"]),
        f"{hardware['cores']} cores",
        " ".join(hardware.get("flags", ())),
        f"{memory:g} GiB" if memory else "",
        ", ".join(hardware.get("gpus", ())),
        f"Python {hardware['python']}",
        str(hardware["platform"]),
    )
    return ", ".join(part for part in parts if part)


def keep(measured: Mapping[str, Any], path: Path | None) -> None:
    """Writes the result as JSON, whole or not at all; does nothing if the path is None."""
    if path is not None:
        write_text(path, json.dumps(measured, indent=2) + "\n")


def keep_rows(made: Mapping[str, Any], key: str, rows: Mapping[str, Any], path: Path | None, *, is_whole: bool) -> None:
    """Merges rows into those of an earlier run, whose date and commit stay unless all rows are new (`is_whole`)."""
    if path is None:
        return
    before = kept(path.stem, path.parent)
    top = dict(made) if is_whole or before is None else {name: before[name] for name in made}
    keep({**top, key: {**(before or {}).get(key, {}), **rows}}, path)


def kept(part: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """The result of this part; None if it was never measured."""
    path = folder / f"{part}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def run_with_limit(
    command: Sequence[str],
    limit_s: float,
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    is_captured: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Runs a command as `subprocess.run` does; captures its output if asked, else it goes to the terminal.

    At the limit the process and its descendants are killed before subprocess.TimeoutExpired is raised: an `omote live`
    that went on would slow down the next measurement.
    """
    pipe = subprocess.PIPE if is_captured else None
    with subprocess.Popen(command, cwd=cwd, env=env, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            out, errors = process.communicate(timeout=limit_s)
        except BaseException:
            kill_tree(process.pid)
            raise
        return subprocess.CompletedProcess(list(command), process.returncode, out, errors)


def kill_tree(pid: int) -> None:
    """Kills a process and its descendants. The list of descendants needs the parent, so it is read first."""
    import psutil  # not installed with omote[peers] alone, which runs rivals.py

    try:
        parent = psutil.Process(pid)
        family = [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return
    for each in family:
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue


def halves(samples: Sequence[float]) -> dict[str, float]:
    """Mean of the first and the last half of samples in MiB, growth and maximum; empty without memory to compare."""
    half = len(samples) // 2
    if half == 0 or not any(samples):
        return {}
    first, last = sum(samples[:half]) / half, sum(samples[-half:]) / half
    summary = {"first_half_mib": first, "second_half_mib": last, "grown_mib": last - first, "most_mib": max(samples)}
    return {name: round(value, 1) for name, value in summary.items()}


def free_endpoints(count: int) -> list[str]:
    """Addresses on this machine that are free now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"tcp://127.0.0.1:{each.getsockname()[1]}" for each in sockets]
