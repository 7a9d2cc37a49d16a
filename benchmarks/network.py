"""How long one step of the shipped network takes on this machine's processor, in each runtime that is installed."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from omote.engine.face import atlas
from omote.engine.face.maps import CHANNELS, GRID
from omote.engine.runtime.network import Inputs, Network, RuntimeUnavailable
from omote.engine.runtime.onnxruntime import OnnxRuntimeNetwork
from omote.engine.runtime.openvino import OpenVinoNetwork
from omote.engine.training.provenance import provenance
from omote.engine.weights import NetworkFile, networks

WARM_UP = 20
RUNTIMES: tuple[Callable[[Path], Network], ...] = (OpenVinoNetwork, OnnxRuntimeNetwork)


def inputs_of(file: NetworkFile) -> Inputs:
    """Random numbers of the right shapes: what a step costs does not depend on them."""
    rng = np.random.default_rng(0)

    def some(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32) * np.float32(0.5)

    return Inputs(
        x=some(1, 4, file.size, file.size),
        t=np.ones(1, np.float32),
        geometry=some(1, CHANNELS, GRID, GRID),
        uv=some(1, GRID, GRID, 2),
        texture=some(1, file.texture[0], atlas.HEIGHT, atlas.WIDTH),
        face=some(1, 64),
        light=some(1, 27),
        identity=some(1, file.identity),
        bank=some(1, file.bank_rows, file.bank_width),
        present=np.ones((1, 1), np.float32),
    )


def timed(network: Network, inputs: Inputs, pictures: int) -> dict[str, float]:
    """Milliseconds of one step, p50, p95 and p99, after the warm-up."""
    took_ns = []
    for k in range(WARM_UP + pictures):
        began_ns = time.perf_counter_ns()
        network.run(inputs)
        if k >= WARM_UP:
            took_ns.append(time.perf_counter_ns() - began_ns)
    return {f"p{q}": round(float(np.percentile(took_ns, q)) / 1e6, 2) for q in (50, 95, 99)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=300, help="how many to measure (default: %(default)s)")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/network.json")
    chosen = parser.parse_args()
    file, steps_ms = networks()[-1], {}
    for runtime in RUNTIMES:
        try:
            network = runtime(file.path)
        except RuntimeUnavailable as error:
            print(error)
            continue
        steps_ms[network.name] = timed(network, inputs_of(file), chosen.pictures)
    measured = {
        **provenance(),
        "network": file.file,
        "model": file.model,
        "size": file.size,
        "warm_up": WARM_UP,
        "pictures": chosen.pictures,
        "step_ms": steps_ms,
    }
    text = json.dumps(measured, indent=2)
    print(text)
    if chosen.save:
        chosen.save.parent.mkdir(parents=True, exist_ok=True)
        chosen.save.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
