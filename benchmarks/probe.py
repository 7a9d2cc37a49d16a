"""A receiver that measures how old pictures are; the C# and C++ probes have the same flags and the same answer."""

from __future__ import annotations

import argparse
import gc
import json
import time
import zlib
from collections import deque
from pathlib import Path

import numpy as np

from omote.bridge import frame
from omote.bridge.frame import Frame
from omote.bridge.keys import ClientKeys
from omote.bridge.payload import Video
from omote.bridge.subscriber import Subscriber

MOST_AGES = 4096  # that are kept, the last: an hour of pictures must not look like a leak


class Ages:
    """Milliseconds since `sent`, of the last pictures after the warm-up."""

    def __init__(self, warm_up: int) -> None:
        self._to_come = warm_up
        self._values_ms: deque[float] = deque(maxlen=MOST_AGES)

    def add(self, age_ns: int) -> None:
        if self._to_come > 0:
            self._to_come -= 1
        else:
            self._values_ms.append(age_ns / 1e6)

    def summary(self) -> dict[str, float]:
        kept = list(self._values_ms) or [0.0]
        p50, p95, p99 = np.percentile(kept, [50, 95, 99])
        return {"p50": round(p50, 3), "p95": round(p95, 3), "p99": round(p99, 3), "max": round(max(kept), 3)}


def main() -> None:
    chosen = _parser().parse_args()
    keys = ClientKeys.load(chosen.keys) if chosen.keys else None
    arrived, used = Ages(chosen.warm_up), Ages(chosen.warm_up)
    with Subscriber(
        chosen.endpoint, chosen.subject, format=chosen.format, keys=keys, on_arrival=arrived.add
    ) as subscriber:
        print("ready", flush=True)
        taken = _receive(subscriber, chosen, used)
        reception, skipped, is_stale = subscriber.reception, subscriber.skipped, subscriber.is_stale
    answer = {
        "received": reception.received,
        "taken": taken,
        "missed": reception.missed,
        "skipped": skipped,
        "rejected": reception.rejected,
        "sessions": reception.sessions,
        "stale": is_stale,
        "arrival_ms": arrived.summary(),
        "used_ms": used.summary(),
        "gc": gc.get_stats()[0]["collections"],
    }
    print(json.dumps(answer), flush=True)


def _receive(subscriber: Subscriber, chosen: argparse.Namespace, used: Ages) -> int:
    """How many pictures were taken before the time or the count was over."""
    taken, end_s = 0, time.monotonic() + chosen.seconds
    while time.monotonic() < end_s and (chosen.count is None or taken < chosen.count):
        message = subscriber.take(0.1)
        if message is None or message.kind != frame.VIDEO:
            continue
        used.add(time.perf_counter_ns() + subscriber.offset_ns - message.header.sent_ns)
        taken += 1
        if chosen.frames:
            print(_line(message), flush=True)
        if chosen.work_ms:
            time.sleep(chosen.work_ms / 1000.0)
    return taken


def _line(message: Frame) -> str:
    assert isinstance(message.payload, Video)
    pixels = np.ascontiguousarray(message.payload.pixels)
    height, width, _ = pixels.shape
    header = message.header
    return f"frame {header.index} {header.sequence} {width} {height} {zlib.crc32(pixels.tobytes()):08x}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--subject", default=frame.DEFAULT_SUBJECT)
    parser.add_argument("--format", default="rgba8")
    parser.add_argument("--transport", default="libzmq", choices=("libzmq",))
    parser.add_argument("--keys", type=Path, help="a client key file of `omote keys new NAME`")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--count", type=int)
    parser.add_argument("--work-ms", type=float, default=0.0, help="how long the consumer is busy with each picture")
    parser.add_argument("--warm-up", type=int, default=0, help="first pictures that do not count")
    parser.add_argument("--frames", action="store_true", help="a line for each picture")
    return parser


if __name__ == "__main__":
    main()
