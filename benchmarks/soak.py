"""Ten minutes at 60 pictures a second: a publisher that is killed and comes back, three receivers, one asleep."""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
import receivers
from receivers import Receiver

from omote.engine.training.provenance import provenance

HERE = Path(__file__).resolve().parent
SETTLE_S = 20.0  # before a process's memory counts: buffers fill, code is compiled
SAMPLE_S = 5.0
ASLEEP_MS = 5000.0
FLAT_MIB = 8.0  # the most that memory may grow after it has settled


@dataclass
class Memory:
    """What a process holds, sampled: the resident set in MiB."""

    pid: int
    began_s: float = field(default_factory=time.monotonic)
    samples_mib: list[float] = field(default_factory=list)

    def sample(self) -> None:
        try:
            resident = psutil.Process(self.pid).memory_info().rss
        except psutil.NoSuchProcess:
            return
        if time.monotonic() - self.began_s >= SETTLE_S:
            self.samples_mib.append(round(resident / (1 << 20), 1))

    def summary(self) -> dict[str, float]:
        """First and last half as means, so that one sample in the middle of a picture does not decide."""
        half = len(self.samples_mib) // 2
        if half == 0:
            return {}
        first, last = sum(self.samples_mib[:half]) / half, sum(self.samples_mib[-half:]) / half
        return {
            "first_half_mib": round(first, 1),
            "second_half_mib": round(last, 1),
            "grown_mib": round(last - first, 1),
            "most_mib": max(self.samples_mib),
        }


@dataclass
class Listening:
    """A receiver at work."""

    receiver: Receiver
    process: subprocess.Popen[str]
    memory: Memory

    def result(self) -> dict[str, Any]:
        out, _ = self.process.communicate(timeout=60.0)
        return {**json.loads(out.strip().splitlines()[-1]), "memory": self.memory.summary()}


class Soak:
    """Runs everything for so long and keeps what it saw."""

    def __init__(self, seconds: float, restarts: int) -> None:
        self._seconds, self._restarts = seconds, restarts
        self._endpoints = [f"tcp://127.0.0.1:{port}" for port in _free_ports(2)]

    def run(self) -> dict[str, Any]:
        period_s = self._seconds / (self._restarts + 1)
        publishers: list[dict[str, float]] = []
        with ExitStack() as stack:
            listening = {name: stack.enter_context(self._listen(who, work)) for name, who, work in _cast()}
            for turn in range(self._restarts + 1):
                with self._publishing() as memory:
                    self._watch(period_s, [memory, *(each.memory for each in listening.values())])
                publishers.append(memory.summary())
                print(f"publisher {turn + 1} of {self._restarts + 1}: {publishers[-1]}", flush=True)
            results = {name: each.result() for name, each in listening.items()}
        return {"receivers": results, "publishers": publishers}

    @contextmanager
    def _listen(self, receiver: Receiver, work_ms: float) -> Iterator[Listening]:
        # Longer than the publishers live by less than a stale half second would need.
        arguments = ["--endpoint", self._endpoints[1], "--seconds", str(self._seconds + 5.0), "--work-ms", str(work_ms)]
        with subprocess.Popen([*receiver.command, *arguments], stdout=subprocess.PIPE, text=True) as process:
            try:
                yield Listening(receiver, process, Memory(process.pid))
            finally:
                process.kill()

    @contextmanager
    def _publishing(self) -> Iterator[Memory]:
        command = [
            sys.executable,
            str(HERE / "publish.py"),
            "--params",
            self._endpoints[0],
            "--video",
            self._endpoints[1],
        ]
        with subprocess.Popen(command) as process:
            try:
                yield Memory(process.pid)
                if process.poll() is not None:
                    raise SystemExit(f"the publisher ended by itself with {process.returncode}")
            finally:
                process.kill()  # not asked politely: as if it had crashed

    def _watch(self, seconds: float, memories: list[Memory]) -> None:
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0.0:
            time.sleep(min(SAMPLE_S, left_s))
            for memory in memories:
                memory.sample()


def _cast() -> list[tuple[str, Receiver, float]]:
    everybody = receivers.build()
    for name in ("python", "c# managed", "c++"):
        if name not in everybody:
            raise SystemExit(f"the soak wants a receiver in {name}: {receivers.why_missing(name)}")
    return [
        ("python", everybody["python"], 0.0),
        ("c# managed", everybody["c# managed"], 0.0),
        ("c++, asleep 5 s after each picture", everybody["c++"], ASLEEP_MS),
    ]


def faults(result: dict[str, Any], restarts: int) -> list[str]:
    """What was not as it should be, in sentences; none is the wish."""
    found = []
    for name, told in result["receivers"].items():
        if told["sessions"] != restarts + 1:
            found.append(f"{name} saw {told['sessions']} of {restarts + 1} publishers")
        if told["rejected"]:
            found.append(f"{name} refused {told['rejected']} messages")
        if told["memory"].get("grown_mib", 0.0) > FLAT_MIB:
            found.append(f"{name} grew by {told['memory']['grown_mib']} MiB")
    for turn, memory in enumerate(result["publishers"]):
        if memory.get("grown_mib", 0.0) > FLAT_MIB:
            found.append(f"publisher {turn + 1} grew by {memory['grown_mib']} MiB")
    return found


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def main() -> int:
    """1 where a connection was lost or memory grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="default: %(default)s")
    parser.add_argument("--restarts", type=int, default=4, help="of the publisher (default: %(default)s)")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/soak.json")
    chosen = parser.parse_args()
    result = Soak(60.0 * chosen.minutes, chosen.restarts).run()
    wrong = faults(result, chosen.restarts)
    kept = {**provenance(), **asdict(receivers.SETTING), "minutes": chosen.minutes, "restarts": chosen.restarts}
    text = json.dumps({**kept, **result, "faults": wrong}, indent=2)
    print(text)
    if chosen.save:
        chosen.save.write_text(text + "\n", encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
