"""How long the geometry maps take on one core of this machine, from FLAME parameters to arrays."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from omote.engine.face.head import open_head
from omote.engine.face.maps import GRID, MapMaker
from omote.engine.face.retarget import from_weights
from omote.engine.nouns import FlameParams
from omote.engine.training.provenance import provenance

WARM_UP = 20
FACES = 16
THREADS = "OPENBLAS_NUM_THREADS"  # read when NumPy is loaded


def main() -> None:
    """Draws sixteen faces in turn and prints the milliseconds, the hardware first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=400, help="how many to measure (default: %(default)s)")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/maps.json")
    chosen = parser.parse_args()
    if os.environ.get(THREADS) != "1":
        os.execve(sys.executable, sys.orig_argv, {**os.environ, THREADS: "1"})  # again, on one core as it says
    head = open_head()
    maker = MapMaker(head.shaped(np.zeros(head.shape_size, np.float32)))
    faces = _faces()
    for k in range(WARM_UP):
        maker.draw(faces[k % FACES])
    maps_ns, pose_ns = [], []
    wall_ns = time.perf_counter_ns()
    for k in range(chosen.pictures):
        face = faces[k % FACES]
        began_ns = time.process_time_ns()
        head.pose(maker.shaped, face)
        posed_ns = time.process_time_ns()
        maker.draw(face)
        pose_ns.append(posed_ns - began_ns)
        maps_ns.append(time.process_time_ns() - posed_ns)
    wall_ns = time.perf_counter_ns() - wall_ns
    took = {"maps": maps_ns, "of which pose": pose_ns}
    measured = {
        **provenance(),
        "numpy": np.__version__,
        "grid": GRID,
        "triangles": len(head.triangle),
        "pictures": chosen.pictures,
        "warm_up": WARM_UP,
        # Time of this process on its core: what others compute beside it is not counted, though it slows memory down.
        "core_share": round((sum(maps_ns) + sum(pose_ns)) / wall_ns, 3),
        "cpu_ms": {name: _percentiles(values) for name, values in took.items()},
    }
    if chosen.save:
        chosen.save.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    print(f"hardware  {measured['hardware']}")
    print(f"numpy     {np.__version__}, {GRID}x{GRID}, {len(head.triangle)} triangles, one core")
    print(f"\n{'milliseconds':16}{'p50':>8}{'p95':>8}{'p99':>8}")
    for name, values in took.items():
        print(f"{name:16}" + "".join(f"{value:8.2f}" for value in _percentiles(values).values()))


def _faces() -> list[FlameParams]:
    """Random expressions and head turns, always the same, the resting face first."""
    rng = np.random.default_rng(0)
    faces = [FlameParams.neutral()]
    for _ in range(FACES - 1):
        weights = np.clip(rng.random(52) - 0.5, 0.0, 1.0).astype(np.float32)
        turn = (0.2 * rng.standard_normal(3)).astype(np.float32)
        faces.append(replace(from_weights(weights), neck_pose=turn))
    return faces


def _percentiles(took_ns: list[int]) -> dict[str, float]:
    return {f"p{share}": float(np.percentile(took_ns, share)) / 1e6 for share in (50, 95, 99)}


if __name__ == "__main__":
    main()
