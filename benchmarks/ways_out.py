"""What it takes to make a portrait what other programs want: a camera's frame, or colours multiplied by alpha."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from formats import portrait
from PIL import Image
from record import WARM_UP, keep, origin, timed

from omote.bridge.outputs.pictures import Canvas, Premultiplied
from omote.bridge.picture import Pixels

FRAME = 1280, 720
BACKGROUND = 0, 255, 0


def ways(square: Pixels) -> dict[str, tuple[Callable[[Pixels], Pixels], Pixels]]:
    """Each way by its name, and the portrait that it is given."""
    width, height = FRAME
    as_high = np.ascontiguousarray(Image.fromarray(square).resize((height, height), Image.Resampling.LANCZOS))
    return {
        "camera": (Canvas(width, height, BACKGROUND), square),
        "camera, portrait of its height": (Canvas(width, height, BACKGROUND), as_high),
        "premultiplied": (Premultiplied(), square),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=300, help="of each (default: %(default)s)")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/ways_out.json")
    chosen = parser.parse_args()
    told, square = origin(), portrait().pixels
    took = {name: timed(partial(way, rgba), chosen.times) for name, (way, rgba) in ways(square).items()}
    for name, row in took.items():
        print(f"{name:32}{row['p50']:7.2f} ms  p99 {row['p99']:.2f}")
    side, frame = f"{square.shape[1]}x{square.shape[0]}", "x".join(map(str, FRAME))
    keep({**told, "picture": side, "frame": frame, "warm_up": WARM_UP, "took_ms": took}, chosen.save)


if __name__ == "__main__":
    main()
