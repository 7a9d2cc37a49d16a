"""How old a 512x512 picture is when a receiver has it, in Python, C# and C++, plain and encrypted, fast and slow."""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import receivers
from feed import FPS, Feed
from receivers import Receiver

from omote.bridge import frame
from omote.bridge.keys import ServerKeys, make_client, make_server
from omote.bridge.publisher import Publisher
from omote.engine.training.provenance import provenance

VIDEO_TOPIC = f"{frame.VIDEO}/{frame.DEFAULT_SUBJECT}"
FREE_PORT = "tcp://127.0.0.1:*"
WARM_UP = 60  # pictures, one second
SLOW_MS = 50.0
READY_S = 60.0
QUANTILES = ("p50", "p95", "p99")


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


def measure(case: Case, receiver: Receiver, seconds: float) -> dict[str, Any]:
    """What the receiver says after so many seconds of pictures, of which the first do not count."""
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
            with _listening([*receiver.command, *arguments]) as process:
                _wait(lambda: VIDEO_TOPIC in publisher.listening, process)
                Feed().run(publisher, seconds + READY_S, lambda: process.poll() is None)
                out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{case.name}: the receiver failed with {process.returncode}")
    return dict(json.loads(out.strip().splitlines()[-1]))


def _warm_up(case: Case) -> int:
    """A second's worth of pictures, as many as the consumer takes in it."""
    return WARM_UP if not case.work_ms else int(1000.0 / case.work_ms)


def _keys(folder: Path) -> tuple[ServerKeys, Path]:
    server, path = make_server(folder), folder / "benchmark.omote-key"
    make_client(server, "benchmark", path)
    return server, path


@contextmanager
def _listening(command: list[str]) -> Iterator[subprocess.Popen[str]]:
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


def row(name: str, told: dict[str, Any]) -> str:
    arrival, used = told["arrival_ms"], told["used_ms"]
    ages = "".join(f"{age[key]:8.2f}" for age in (arrival, used) for key in QUANTILES)
    return f"{name:34}{ages}{told['received']:8}{told['missed']:8}{told['skipped']:8}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each case (default: %(default)s)")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/bridge.json")
    chosen = parser.parse_args()
    found, measured = receivers.build(), {}
    origin = provenance()
    print(f"hardware  {origin['hardware']}\npictures  512x512 RGBA, {FPS:.0f} a second, milliseconds since sent")
    columns = "".join(f"{word:>8}" for word in (*QUANTILES, *QUANTILES, "received", "missed", "skipped"))
    print(f"{'':34}{'arrived':>8}{'':16}{'used':>8}\n{'':34}{columns}")
    for case in cases(found):
        measured[case.name] = measure(case, found[case.receiver], chosen.seconds)
        print(row(case.name, measured[case.name]), flush=True)
    for name in receivers.NAMES:
        if name not in found:
            print(f"{name}: left out, {receivers.why_missing(name)}")
    if chosen.save:
        kept = {**origin, **asdict(receivers.SETTING), "seconds": chosen.seconds, "warm_up": WARM_UP, "cases": measured}
        chosen.save.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
