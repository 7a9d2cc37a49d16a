"""Measures what light the training pictures have: `python -m omote.engine.training.light_prior`."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from omote.engine.model.lighting import FILE

from .faces.light import sample_light

_COUNT = 4000
_WIDER = 1.5  # photos are taken in more kinds of light
_FLOOR = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    lights = np.stack([sample_light(rng).harmonics() for _ in range(_COUNT)]).astype(np.float64)
    covariance = np.cov(lights.T) * _WIDER**2 + _FLOOR**2 * np.eye(lights.shape[1])
    save_file({"mean": lights.mean(0).astype(np.float32), "covariance": covariance.astype(np.float32)}, args.out)
    print(f"{args.out}: {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
