"""Time of one denoiser step on an NVIDIA GPU in PyTorch, eager and compiled: the reference that runtimes must beat."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from omote.engine.diffusion.denoiser import Denoiser, Shape
from omote.engine.training.export import Flat, example_inputs

WARM_UP, TIMED = 50, 500


def timed(denoiser: Callable[..., tuple[torch.Tensor, torch.Tensor]]) -> dict[str, float]:
    """Milliseconds of one picture, p50, p95 and p99, after the warm-up."""
    inputs = [part.cuda() for part in example_inputs(Shape())]
    took_ms = []
    with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16):
        for k in range(WARM_UP + TIMED):
            began_ns = time.perf_counter_ns()
            denoiser(*inputs)
            torch.cuda.synchronize()
            if k >= WARM_UP:
                took_ms.append((time.perf_counter_ns() - began_ns) / 1e6)
    return {name: float(np.percentile(took_ms, q)) for name, q in (("p50", 50), ("p95", 95), ("p99", 99))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", type=Path, help="where to keep the figures as JSON")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("torch sees no CUDA device here")
    denoiser = Flat(Denoiser(Shape())).cuda().eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    record = {
        "date": time.strftime("%Y-%m-%d"),
        "hardware": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "eager_ms": timed(denoiser),
        "compiled_ms": timed(torch.compile(denoiser, mode="reduce-overhead")),
    }
    print(json.dumps(record, indent=1))
    if args.save:
        args.save.parent.mkdir(parents=True, exist_ok=True)
        args.save.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
