"""The receivers that are measured: this file, `receiver.mjs`, and programs in C# and C++ that are built on demand."""

from __future__ import annotations

import argparse
import gc
import json
import shutil
import subprocess
import sys
import time
import zlib
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from record import ROOT, percentiles

from omote.bridge import frame
from omote.bridge.frame import Frame
from omote.bridge.keys import ClientKeys
from omote.bridge.payload import Video
from omote.bridge.subscriber import Subscriber

BUILT = ROOT / "build" / "receiver-programs"
CORE_IN_C = ROOT / "unreal_plugin" / "Omote" / "Source" / "ThirdParty" / "OmoteCore"

SENT = {"picture": "512x512 rgba8", "fps": 60.0}  # in every measurement
MOST_AGES = 4096  # only the last are kept: an hour of pictures must not look like a leak
PYTHON, CSHARP, CSHARP_LIBZMQ, C, JAVASCRIPT = NAMES = ("python", "c# managed", "c# libzmq", "c++", "javascript")
_TOOLS = {PYTHON: (), CSHARP: ("mcs", "mono"), CSHARP_LIBZMQ: ("mcs", "mono"), C: ("cmake",), JAVASCRIPT: ("node",)}


@dataclass(frozen=True)
class Receiver:
    """A program that receives, measures and prints a line of JSON; all take the options of `_parser`."""

    command: tuple[str, ...]
    has_curve: bool


def build() -> dict[str, Receiver]:
    """Every receiver that this machine can build, by name, in the order of `NAMES`."""
    found = {PYTHON: Receiver((sys.executable, str(Path(__file__).resolve())), has_curve=True)}
    if not _missing(CSHARP):
        probe = _build_csharp()
        found[CSHARP] = Receiver(("mono", probe, "--transport", "managed"), has_curve=False)
        found[CSHARP_LIBZMQ] = Receiver(("mono", probe, "--transport", "libzmq"), has_curve=True)
    if not _missing(C):
        found[C] = Receiver((_build_cpp(),), has_curve=True)
    if not _missing(JAVASCRIPT):
        found[JAVASCRIPT] = Receiver(("node", str(Path(__file__).with_name("receiver.mjs"))), has_curve=False)
    return found


def missing_requirement(name: str) -> str:
    """Why `build` left a receiver out."""
    return f"not installed: {_missing(name)}"


def _missing(name: str) -> str:
    return ", ".join(tool for tool in _TOOLS[name] if not shutil.which(tool))


def _build_csharp() -> str:
    folder = BUILT / "csharp"
    _make(sys.executable, "-m", "tests.unity.core_build", str(folder))
    return str(folder / "probe.exe")


def _build_cpp() -> str:
    folder = BUILT / "c"
    _make("cmake", "-S", str(CORE_IN_C), "-B", str(folder), "-DCMAKE_BUILD_TYPE=Release")
    _make("cmake", "--build", str(folder), "--config", "Release", "--target", "probe", "--parallel")
    return str(next(path for path in folder.rglob("probe*") if path.suffix in ("", ".exe") and path.is_file()))


def _make(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


class LatencyLog:
    """Milliseconds since a picture was sent, of the last pictures after the warm-up."""

    def __init__(self, warm_up: int) -> None:
        self._warm_up_left = warm_up
        self._values_ms: deque[float] = deque(maxlen=MOST_AGES)

    def add(self, transit_ns: int) -> None:
        if self._warm_up_left > 0:
            self._warm_up_left -= 1
        else:
            self._values_ms.append(transit_ns / 1e6)

    def summary(self) -> dict[str, float]:
        kept = list(self._values_ms) or [0.0]
        return {**percentiles(kept), "max": round(max(kept), 3)}


def main() -> None:
    chosen = _parser().parse_args()
    keys = ClientKeys.load(chosen.keys) if chosen.keys else None
    arrived, used = LatencyLog(chosen.warm_up), LatencyLog(chosen.warm_up)
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


def _receive(subscriber: Subscriber, chosen: argparse.Namespace, used: LatencyLog) -> int:
    """The number of pictures taken within the time or the count."""
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
    parser.add_argument("--keys", type=Path, help="a client key file of `omote keys new NAME`")
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--count", type=int)
    parser.add_argument("--work-ms", type=float, default=0.0, help="how long the consumer is busy with each picture")
    parser.add_argument("--warm-up", type=int, default=0, help="first pictures that do not count")
    parser.add_argument("--frames", action="store_true", help="a line for each picture")
    return parser


if __name__ == "__main__":
    main()
