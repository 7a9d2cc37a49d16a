"""Draws so many pictures in this process, and says what it held on the way, and what going on again takes."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import psutil
from offline import Row, easel, performed
from record import timed
from soak import FLAT_MIB

from omote.engine.offline.render import render_animation
from omote.engine.worker_pool import SerialPool, pool_for

MIB = 1 << 20


@dataclass
class Held:
    """Resident sets in MiB, one of each time that something is done."""

    process: psutil.Process = field(default_factory=psutil.Process)
    here: list[float] = field(default_factory=list)
    workers: list[list[float]] = field(default_factory=list)  # each of them

    def sample(self) -> None:
        self.here.append(self.process.memory_info().rss / MIB)
        family = []
        for one in self.process.children(recursive=True):
            try:
                family.append(one.memory_info().rss / MIB)
            except psutil.NoSuchProcess:
                continue
        self.workers.append(family)

    def summary(self, settled: int) -> Row:
        """Of what was held from this sample on, when all that is opened once is open; of the workers all together."""
        # Those that have ended already, before the last chunks are done, would hide what the others grow by.
        most = max(len(family) for family in self.workers)
        whole = [sum(family) for family in self.workers[settled:] if len(family) == most]
        here, workers = halves(self.here[settled:]), halves(whole)
        is_flat = max(here.get("grown_mib", 0.0), workers.get("grown_mib", 0.0)) <= FLAT_MIB if here else None
        return {"here": here, "workers_held": workers, "is_flat": is_flat}


def halves(samples: list[float]) -> dict[str, float]:
    """First and last half as means; nothing of fewer than two, or where nothing was held."""
    half = len(samples) // 2
    if half == 0 or not any(samples):
        return {}
    first, last = sum(samples[:half]) / half, sum(samples[-half:]) / half
    told = {"first_half_mib": first, "second_half_mib": last, "grown_mib": last - first, "most_mib": max(samples)}
    return {name: round(value, 1) for name, value in told.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--runtime", default="openvino")
    chosen = parser.parse_args()
    threads = 1 if chosen.workers > 1 else None
    script, work, held = performed(chosen.pictures), easel(chosen.size, chosen.runtime, threads), Held()
    with tempfile.TemporaryDirectory() as folder:
        with pool_for(None, chosen.workers, threads) as crew:
            render_animation(script, work, crew, Path(folder), lambda done: held.sample())
        # All is there: what is left is to look through it.
        again = timed(
            lambda: render_animation(script, work, SerialPool(), Path(folder), lambda done: None), 5, warm_up=1
        )
    at = {"pictures": chosen.pictures, "size": chosen.size, "workers": chosen.workers}
    # The first is told before anything is opened; then each worker's first chunk.
    print(json.dumps({**at, **held.summary(2 * chosen.workers + 1), "resume_ms": again}))


if __name__ == "__main__":
    main()
