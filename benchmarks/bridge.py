"""Latency at receivers in Python, C# and C++, and the cost of each picture format.

The first word selects the part: `bridge` (the default), `formats` or `conversions`.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import receivers
from feed import FPS, Feed
from PIL import Image
from receivers import Receiver
from record import QUANTILES, WARM_UP, keep, origin, result_parser, run_part, timed

from omote.bridge import frame, picture
from omote.bridge.keys import ServerKeys, make_client, make_server
from omote.bridge.outputs.conversion import Canvas, FixedSize
from omote.bridge.payload import Video
from omote.bridge.picture import FORMATS, Format, Pixels
from omote.bridge.publisher import Publisher
from omote.engine.data import FlameParams
from omote.engine.face.light import studio_light
from omote.engine.model.animator import Animator
from omote.engine.model.character_file import DEFAULT_CHARACTER, load_character

VIDEO_TOPIC = f"{frame.VIDEO}/{frame.DEFAULT_SUBJECT}"
FREE_PORT = "tcp://127.0.0.1:*"
LATENCY_WARM_UP = 60  # pictures, one second
SLOW_MS = 50.0
READY_S = 60.0
SIDE = 512
FORMAT_WARM_UP = 20
CAMERA_FRAME = 1280, 720
BACKGROUND = 0, 255, 0


@dataclass(frozen=True)
class Case:
    """A receiver, how it is connected, and how long it is busy with each picture."""

    receiver: str
    is_encrypted: bool = False
    work_ms: float = 0.0

    @property
    def name(self) -> str:
        words = (
            self.receiver,
            "CURVE" if self.is_encrypted else "",
            f"{self.work_ms:.0f} ms a picture" if self.work_ms else "",
        )
        return ", ".join(word for word in words if word)


def cases(found: dict[str, Receiver]) -> list[Case]:
    plain = [Case(name) for name in found]
    encrypted = [Case(name, is_encrypted=True) for name, receiver in found.items() if receiver.has_curve]
    return plain + encrypted + [Case(name, work_ms=SLOW_MS) for name in found]


def measure_case(case: Case, receiver: Receiver, seconds: float) -> dict[str, Any]:
    """The receiver's own result after so many seconds of pictures; the first pictures do not count."""
    with tempfile.TemporaryDirectory() as folder:
        keys, client = _keys(Path(folder)) if case.is_encrypted else (None, None)
        with Publisher(FREE_PORT, FREE_PORT, keys=keys) as publisher:
            arguments = [
                "--endpoint",
                publisher.video_endpoint,
                "--seconds",
                str(seconds),
                "--warm-up",
                str(_warm_up(case)),
            ]
            arguments += ["--work-ms", str(case.work_ms)] + (["--keys", str(client)] if client else [])
            with _running([*receiver.command, *arguments]) as process:
                _wait(lambda: VIDEO_TOPIC in publisher.listening, process)
                Feed().run(publisher, seconds + READY_S, lambda: process.poll() is None)
                out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{case.name}: the receiver failed with {process.returncode}")
    return dict(json.loads(out.strip().splitlines()[-1]))


def _warm_up(case: Case) -> int:
    """The number of pictures that the consumer takes in the first second."""
    return LATENCY_WARM_UP if not case.work_ms else int(1000.0 / case.work_ms)


def _keys(folder: Path) -> tuple[ServerKeys, Path]:
    server, path = make_server(folder), folder / "benchmark.omote-key"
    make_client(server, "benchmark", path)
    return server, path


@contextmanager
def _running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _wait(is_true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end_s = time.monotonic() + READY_S
    while not is_true():
        if process.poll() is not None or time.monotonic() > end_s:
            raise SystemExit(f"{process.args!r} did not connect within {READY_S:.0f} s")
        time.sleep(0.01)


def case_row(name: str, row: dict[str, Any]) -> str:
    arrival, used = row["arrival_ms"], row["used_ms"]
    ages = "".join(f"{age[key]:8.2f}" for age in (arrival, used) for key in QUANTILES)
    return f"{name:34}{ages}{row['received']:8}{row['missed']:8}{row['skipped']:8}"


def default_portrait() -> Video:
    """The default character at rest, enlarged to the size that is measured."""
    drawn = Animator(runtime="openvino").draw(FlameParams.neutral(), load_character(DEFAULT_CHARACTER), studio_light())
    return Video(np.ascontiguousarray(Image.fromarray(drawn.rgba).resize((SIDE, SIDE), Image.Resampling.LANCZOS)))


def measure_format(video: Video, format: Format, times: int) -> dict[str, object]:
    header, parts = picture.encode(video, format)
    return {
        "bytes": sum(len(part) for part in parts),
        "encode_ms": timed(lambda: picture.encode(video, format), times, warm_up=FORMAT_WARM_UP),
        "decode_ms": timed(lambda: picture.decode(header, parts), times, warm_up=FORMAT_WARM_UP),
    }


def conversions(square: Pixels) -> dict[str, tuple[Callable[[Pixels], Pixels], Pixels]]:
    """Each conversion by name, with its input."""
    width, height = CAMERA_FRAME
    as_high = np.ascontiguousarray(Image.fromarray(square).resize((height, height), Image.Resampling.LANCZOS))
    return {
        "camera": (Canvas(width, height, BACKGROUND), square),
        "camera, portrait of its height": (Canvas(width, height, BACKGROUND), as_high),
        "premultiplied": (FixedSize(is_premultiplied=True), square),
    }


def main_bridge(words: Sequence[str]) -> None:
    """How old a 512x512 picture is at each receiver, plain and encrypted, with a fast and a slow consumer."""
    parser = result_parser(main_bridge.__doc__, "bridge")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each case (default: %(default)s)")
    chosen = parser.parse_args(words)
    found, measured = receivers.build(), {}
    made = origin()
    print(f"pictures  512x512 RGBA, {FPS:.0f} a second, milliseconds since sent")
    columns = "".join(f"{word:>8}" for word in (*QUANTILES, *QUANTILES, "received", "missed", "skipped"))
    print(f"{'':34}{'arrived':>8}{'':16}{'used':>8}\n{'':34}{columns}")
    for case in cases(found):
        measured[case.name] = measure_case(case, found[case.receiver], chosen.seconds)
        print(case_row(case.name, measured[case.name]), flush=True)
    for name in receivers.NAMES:
        if name not in found:
            print(f"{name}: left out, {receivers.missing_requirement(name)}")
    settings = {**receivers.SENT, "seconds": chosen.seconds, "warm_up": LATENCY_WARM_UP}
    keep({**made, **settings, "cases": measured}, chosen.save)


def main_formats(words: Sequence[str]) -> None:
    """The size of each picture format, and what it costs to encode and to decode."""
    parser = result_parser(main_formats.__doc__, "formats")
    parser.add_argument("--times", type=int, default=300, help="of each (default: %(default)s)")
    chosen = parser.parse_args(words)
    made, video = origin(), default_portrait()
    formats = {name: measure_format(video, Format.parse(name), chosen.times) for name in FORMATS}
    for name, row in formats.items():
        print(f"{name:16}{row['bytes']:10} bytes, encode {row['encode_ms']}, decode {row['decode_ms']}")
    keep({**made, "picture": f"{SIDE}x{SIDE}", "warm_up": FORMAT_WARM_UP, "formats": formats}, chosen.save)


def main_conversions(words: Sequence[str]) -> None:
    """What a virtual camera's frame and premultiplied colours cost."""
    parser = result_parser(main_conversions.__doc__, "ways_out")
    parser.add_argument("--times", type=int, default=300, help="of each (default: %(default)s)")
    chosen = parser.parse_args(words)
    made, pixels = origin(), default_portrait().pixels
    took = {name: timed(partial(call, rgba), chosen.times) for name, (call, rgba) in conversions(pixels).items()}
    for name, row in took.items():
        print(f"{name:32}{row['p50']:7.2f} ms  p99 {row['p99']:.2f}")
    side, frame = f"{pixels.shape[1]}x{pixels.shape[0]}", "x".join(map(str, CAMERA_FRAME))
    keep({**made, "picture": side, "frame": frame, "warm_up": WARM_UP, "took_ms": took}, chosen.save)


if __name__ == "__main__":
    raise SystemExit(run_part({"bridge": main_bridge, "formats": main_formats, "conversions": main_conversions}))
