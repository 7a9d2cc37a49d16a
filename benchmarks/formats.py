"""What each format of a picture costs: its bytes, and the time to encode and to decode a drawn portrait of 512x512."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from omote.bridge import picture
from omote.bridge.payload import Video
from omote.bridge.picture import FORMATS, Format
from omote.engine.data import FlameParams
from omote.engine.face.light import studio_light
from omote.engine.model.animator import Animator
from omote.engine.model.character_file import DEFAULT_CHARACTER, load_character
from omote.engine.training.provenance import provenance

SIDE = 512
WARM_UP = 20


def portrait() -> Video:
    """The default character at rest, enlarged to the size that is measured."""
    drawn = Animator().draw(FlameParams.neutral(), load_character(DEFAULT_CHARACTER), studio_light())
    return Video(np.ascontiguousarray(Image.fromarray(drawn.rgba).resize((SIDE, SIDE), Image.Resampling.LANCZOS)))


def timed(work: Callable[[], object], times: int) -> dict[str, float]:
    """Milliseconds, p50, p95 and p99, after the warm-up."""
    took_ns = []
    for k in range(WARM_UP + times):
        began_ns = time.perf_counter_ns()
        work()
        if k >= WARM_UP:
            took_ns.append(time.perf_counter_ns() - began_ns)
    return {f"p{q}": round(float(np.percentile(took_ns, q)) / 1e6, 3) for q in (50, 95, 99)}


def measured(video: Video, format: Format, times: int) -> dict[str, object]:
    header, parts = picture.encode(video, format)
    return {
        "bytes": sum(len(part) for part in parts),
        "encode_ms": timed(lambda: picture.encode(video, format), times),
        "decode_ms": timed(lambda: picture.decode(header, parts), times),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=300, help="of each (default: %(default)s)")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/formats.json")
    chosen = parser.parse_args()
    video = portrait()
    formats = {name: measured(video, Format.parse(name), chosen.times) for name in FORMATS}
    text = json.dumps({**provenance(), "picture": f"{SIDE}x{SIDE}", "warm_up": WARM_UP, "formats": formats}, indent=2)
    print(text)
    if chosen.save:
        chosen.save.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
