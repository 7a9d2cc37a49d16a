"""Where the denoiser's time goes, kind of operation by kind of operation, by OpenVINO's own counters."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import floor
from network import CHARACTER, asked, copying_from
from record import keep, origin

from omote.engine.model.character_file import load_character
from omote.engine.model.networks import Networks, denoiser_shapes
from omote.engine.model.renderer import MOST_AT_ONCE, Renderer
from omote.engine.models import shipped_networks

WARM_UP, TIMES = 10, 40
LEAST = 0.01  # of the time; what takes less is summed up as "other"
OTHER = "other"


def spent_ms(references: int) -> tuple[dict[str, float], str]:
    """Milliseconds of one call in each kind of operation, the mean of many; and the precision that OpenVINO chose."""
    core = floor.openvino().Core()
    model = core.read_model(str(shipped_networks().denoiser.path))
    model.reshape({name: list(shape) for name, shape in denoiser_shapes(references).items()})
    compiled = core.compile_model(model, "CPU", {"PERFORMANCE_HINT": "LATENCY", "PERF_COUNT": True})
    renderer = Renderer(Networks())
    look = renderer.look(copying_from(load_character(CHARACTER), references))
    request, inputs = compiled.create_infer_request(), asked(renderer, look)[0].inputs
    total: dict[str, float] = {}
    for k in range(WARM_UP + TIMES):
        request.infer(inputs, share_inputs=True, share_outputs=True)
        if k >= WARM_UP:
            for operation in request.profiling_info:
                took_ms = operation.real_time.total_seconds() * 1000.0 / TIMES
                total[operation.node_type] = total.get(operation.node_type, 0.0) + took_ms
    precision = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    return total, f"openvino cpu {precision}".replace("float", "f")


def shares(spent: dict[str, float]) -> dict[str, float]:
    """Of all the time, the largest first; what is small is summed up."""
    whole = sum(spent.values())
    large = {kind: took / whole for kind, took in spent.items() if took >= LEAST * whole}
    rest = 1.0 - sum(large.values())
    ordered = sorted(large.items(), key=lambda pair: pair[1], reverse=True)
    return {kind: round(share, 3) for kind, share in [*ordered, *([(OTHER, rest)] if rest > 5e-4 else [])]}


def measured(references: int) -> dict[str, Any]:
    spent, runtime = spent_ms(references)
    return {
        "runtime": runtime,
        "references": references,
        "times": TIMES,
        "sum_ms": round(sum(spent.values()), 2),
        "shares": shares(spent),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--references",
        type=int,
        choices=range(1, MOST_AT_ONCE + 1),
        default=MOST_AT_ONCE,
        help="that a picture copies from (default: %(default)s)",
    )
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/layers.json")
    chosen = parser.parse_args()
    told = origin()
    result = measured(chosen.references)
    for kind, share in result["shares"].items():
        print(f"{kind:24}{100.0 * share:6.1f} %{share * result['sum_ms']:9.2f} ms")
    keep({**told, **result}, chosen.save)


if __name__ == "__main__":
    main()
