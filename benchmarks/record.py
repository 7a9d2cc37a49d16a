"""How a measurement is taken and kept: milliseconds after a warm-up, and a JSON file that says where it was made."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from omote.engine.storage import write_text
from omote.engine.training.provenance import provenance

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).resolve().parent / "results"
QUANTILES = (50, 95, 99)
WARM_UP = 10


def percentiles(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """p50, p95 and p99 of these, one at least."""
    return {f"p{q}": round(float(np.percentile(values, q)), digits) for q in QUANTILES}


def timed(
    work: Callable[[], object],
    times: int,
    *,
    warm_up: int = WARM_UP,
    most_s: float = float("inf"),
    clock_ns: Callable[[], int] = time.perf_counter_ns,
) -> dict[str, float]:
    """Milliseconds of one call, after the warm-up, and how many were counted: fewer where `most_s` seconds are over.

    The warm-up, too, ends when half of that time is over, but not before one call; three calls count at least.
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
    """Date, commit and hardware, printed at once: the hardware stands first."""
    told = provenance()
    print(f"hardware  {hardware_line(told['hardware'])}", flush=True)  # type: ignore[arg-type]
    return told


def hardware_line(hardware: Mapping[str, Any]) -> str:
    """The machine in a line; results of older days say less."""
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
    """Writes the result as JSON, whole or not at all; None keeps nothing."""
    if path is None:
        return
    write_text(path, json.dumps(measured, indent=2) + "\n")


def keep_rows(told: Mapping[str, Any], key: str, rows: Mapping[str, Any], path: Path | None, *, is_whole: bool) -> None:
    """Keeps rows beside those of an earlier run; one that measured only some of them does not pass for a new whole."""
    if path is None:
        return
    before = kept(path.stem, path.parent)
    top = dict(told) if is_whole or before is None else {name: before[name] for name in told}
    keep({**top, key: {**(before or {}).get(key, {}), **rows}}, path)


def kept(part: str, folder: Path = RESULTS) -> dict[str, Any] | None:
    """What was kept of this part; None where it was never measured."""
    path = folder / f"{part}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None
