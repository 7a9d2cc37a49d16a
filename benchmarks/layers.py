"""Where the time of one step goes inside the network, kind of layer by kind of layer, by OpenVINO's own counters."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import floor
from network import inputs_of
from record import keep, origin

from omote.engine.runtime.build import Build
from omote.engine.weights import NetworkFile, networks

WARM_UP, TIMES = 10, 40
LEAST = 0.01  # of the time; what takes less is summed up as "other"
OTHER = "other"


def spent_ms(file: NetworkFile, size: int) -> tuple[dict[str, float], str]:
    """Milliseconds of one step in each kind of layer, the mean of many; and the precision that OpenVINO chose."""
    core = floor.openvino().Core()
    model = core.read_model(str(file.path))
    model.reshape({name: list(shape) for name, shape in file.shapes(size).items()})
    compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY", "PERF_COUNT": True})
    request, inputs = compiled.create_infer_request(), vars(inputs_of(file, Build(size=size)))
    total: dict[str, float] = {}
    for k in range(WARM_UP + TIMES):
        request.infer(inputs, share_inputs=True, share_outputs=True)
        if k >= WARM_UP:
            for layer in request.profiling_info:
                took_ms = layer.real_time.total_seconds() * 1000.0 / TIMES
                total[layer.node_type] = total.get(layer.node_type, 0.0) + took_ms
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return total, f"openvino cpu {precision}".replace("float", "f")


def shares(spent: dict[str, float]) -> dict[str, float]:
    """Of all the time, the largest first; what is small is summed up."""
    whole = sum(spent.values())
    large = {kind: took / whole for kind, took in spent.items() if took >= LEAST * whole}
    rest = 1.0 - sum(large.values())
    ordered = sorted(large.items(), key=lambda pair: pair[1], reverse=True)
    return {kind: round(share, 3) for kind, share in [*ordered, *([(OTHER, rest)] if rest > 5e-4 else [])]}


def measured(file: NetworkFile, size: int) -> dict[str, Any]:
    spent, runtime = spent_ms(file, size)
    return {
        "runtime": runtime,
        "size": size,
        "times": TIMES,
        "sum_ms": round(sum(spent.values()), 2),
        "shares": shares(spent),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, help="of the picture (default: what the model was trained at)")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/layers.json")
    chosen = parser.parse_args()
    told, file = origin(), networks()[-1]
    result = measured(file, chosen.size or file.size)
    for kind, share in result["shares"].items():
        print(f"{kind:24}{100.0 * share:6.1f} %{share * result['sum_ms']:9.2f} ms")
    keep({**told, **result}, chosen.save)


if __name__ == "__main__":
    main()
