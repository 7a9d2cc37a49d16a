"""Ten minutes at 60 pictures a second: a publisher that is restarted, and three receivers, one of them slow."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import receivers
from receivers import Receiver
from record import FLAT_MIB, free_endpoints, halves, keep, origin, result_parser

HERE = Path(__file__).resolve().parent
SETTLE_S = 20.0  # before a process's memory counts: buffers fill, code is compiled
SAMPLE_S = 5.0
ASLEEP_MS = 5000.0


@dataclass
class Memory:
    """Resident memory of a process in MiB, sampled after it has settled."""

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
        return halves(self.samples_mib)


@dataclass
class RunningReceiver:
    """A receiver, its process and its memory."""

    receiver: Receiver
    process: subprocess.Popen[str]
    memory: Memory

    def result(self) -> dict[str, Any]:
        out, _ = self.process.communicate(timeout=60.0)
        return {**json.loads(out.strip().splitlines()[-1]), "memory": self.memory.summary()}


class Soak:
    """Runs a publisher and the receivers for this long."""

    def __init__(self, seconds: float, restarts: int) -> None:
        self._seconds, self._restarts = seconds, restarts
        self._endpoints = free_endpoints(2)

    def run(self) -> dict[str, Any]:
        period_s = self._seconds / (self._restarts + 1)
        publishers: list[dict[str, float]] = []
        with ExitStack() as stack:
            running = {
                name: stack.enter_context(self._listen(receiver, work_ms))
                for name, receiver, work_ms in _chosen_receivers()
            }
            for turn in range(self._restarts + 1):
                with self._publishing() as memory:
                    self._watch(period_s, [memory, *(each.memory for each in running.values())])
                publishers.append(memory.summary())
                print(f"publisher {turn + 1} of {self._restarts + 1}: {publishers[-1]}", flush=True)
            results = {name: each.result() for name, each in running.items()}
        return {"receivers": results, "publishers": publishers}

    @contextmanager
    def _listen(self, receiver: Receiver, work_ms: float) -> Iterator[RunningReceiver]:
        # A receiver outlives the publishers, so that it gets their last picture.
        arguments = ["--endpoint", self._endpoints[1], "--seconds", str(self._seconds + 5.0), "--work-ms", str(work_ms)]
        with subprocess.Popen([*receiver.command, *arguments], stdout=subprocess.PIPE, text=True) as process:
            try:
                yield RunningReceiver(receiver, process, Memory(process.pid))
            finally:
                process.kill()

    @contextmanager
    def _publishing(self) -> Iterator[Memory]:
        command = [
            sys.executable,
            str(HERE / "feed.py"),
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
                process.kill()  # as if it had crashed

    def _watch(self, seconds: float, memories: list[Memory]) -> None:
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0.0:
            time.sleep(min(SAMPLE_S, left_s))
            for memory in memories:
                memory.sample()


def _chosen_receivers() -> list[tuple[str, Receiver, float]]:
    found = receivers.build()
    for name in ("python", "c# managed", "c++"):
        if name not in found:
            raise SystemExit(f"the soak needs a receiver in {name}: {receivers.missing_requirement(name)}")
    return [
        ("python", found["python"], 0.0),
        ("c# managed", found["c# managed"], 0.0),
        ("c++, asleep 5 s after each picture", found["c++"], ASLEEP_MS),
    ]


def faults(result: dict[str, Any], restarts: int) -> list[str]:
    """What went wrong, in sentences."""
    found = []
    for name, row in result["receivers"].items():
        if row["sessions"] != restarts + 1:
            found.append(f"{name} saw {row['sessions']} of {restarts + 1} publishers")
        if row["rejected"]:
            found.append(f"{name} refused {row['rejected']} messages")
        if row["memory"].get("grown_mib", 0.0) > FLAT_MIB:
            found.append(f"{name} grew by {row['memory']['grown_mib']} MiB")
    for turn, memory in enumerate(result["publishers"]):
        if memory.get("grown_mib", 0.0) > FLAT_MIB:
            found.append(f"publisher {turn + 1} grew by {memory['grown_mib']} MiB")
    return found


def main() -> int:
    """Returns 1 if a connection was lost or memory grew."""
    parser = result_parser(__doc__, "soak")
    parser.add_argument("--minutes", type=float, default=10.0, help="default: %(default)s")
    parser.add_argument("--restarts", type=int, default=4, help="of the publisher (default: %(default)s)")
    chosen = parser.parse_args()
    made = origin()
    result = Soak(60.0 * chosen.minutes, chosen.restarts).run()
    wrong = faults(result, chosen.restarts)
    settings = {**receivers.SENT, "minutes": chosen.minutes, "restarts": chosen.restarts}
    measured = {**made, **settings, **result, "faults": wrong}
    print(json.dumps(measured, indent=2))
    keep(measured, chosen.save)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
