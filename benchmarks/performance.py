"""Plays `omote live` in a process of its own, with receivers in theirs, and gives back what each of them saw."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WARM_UP_S = 3.0
FIRST_S = 1.0  # of what counts: how old these pictures are is not counted
STARTING_S = 120.0  # for a first start, which may try runtimes before it draws


@dataclass(frozen=True)
class Performance:
    """What is played and how; None leaves it to Omote."""

    source: str = "demo"
    fps: float = 30.0
    seconds: float = 20.0
    size: int | None = None
    steps: int = 1
    runtime: str | None = None
    budget_ms: float | None = None

    def arguments(self) -> list[str]:
        """As `omote live` takes them."""
        told = {"--source": self.source, "--fps": self.fps, "--seconds": self.seconds, "--steps": self.steps}
        told |= {"--size": self.size, "--runtime": self.runtime, "--budget-ms": self.budget_ms}
        return ["--loop", "--no-page", *(str(word) for pair in told.items() if pair[1] is not None for word in pair)]


@dataclass(frozen=True)
class Seen:
    """What came of it."""

    report: dict[str, Any]  # as `omote live --report` writes it
    receivers: tuple[dict[str, Any], ...]  # as `receive.py` prints it, one for each


class PerformanceError(Exception):
    """`omote live` or a receiver did not come to its end; the message is what it said last."""


def play(
    performance: Performance,
    receivers: int = 1,
    *,
    has_warm_up: bool = True,
    mouths: Path | None = None,
    on_pid: Callable[[int], None] | None = None,
) -> Seen:
    """What a performance is like, after a short one that does not count.

    `mouths` is where the first receiver keeps them; `on_pid` is told which process draws.
    """
    if has_warm_up:
        play(replace(performance, seconds=WARM_UP_S), has_warm_up=False)
    params, video, control = free_endpoints(3)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        report = Path(folder) / "report.json"
        listening = [
            stack.enter_context(receiving(video, FIRST_S, mouths if k == 0 else None)) for k in range(receivers)
        ]
        endpoints = ["--params-endpoint", params, "--video-endpoint", video, "--control-endpoint", control]
        command = [sys.executable, "-m", "omote.studio.cli.main", "live", *performance.arguments(), *endpoints]
        _draw([*command, "--report", str(report)], performance.seconds + STARTING_S, on_pid)
        told = tuple(answer(process) for process in listening)
        return Seen(json.loads(report.read_text(encoding="utf-8")), told)


def _draw(command: list[str], patience_s: float, on_pid: Callable[[int], None] | None) -> None:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        if on_pid:
            on_pid(process.pid)
        try:
            _, said = process.communicate(timeout=patience_s)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise PerformanceError(f"omote live did not end within {patience_s:.0f} s") from error
    if process.returncode:
        lines = said.strip().splitlines()
        raise PerformanceError(lines[-1] if lines else f"omote live ended with {process.returncode}")


@contextmanager
def receiving(
    endpoint: str, warm_up_s: float = 0.0, mouths: Path | None = None, count: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A receiver that is connecting already; it is killed in the end, where it has not ended by itself."""
    command = [sys.executable, str(HERE / "receive.py"), "--endpoint", endpoint, "--warm-up-s", str(warm_up_s)]
    command += ["--mouths", str(mouths)] if mouths else []
    command += ["--count", str(count)] if count else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            process.stdout.readline()  # "ready"
            yield process
        finally:
            process.kill()


def answer(process: subprocess.Popen[str], patience_s: float = 30.0) -> dict[str, Any]:
    """What a receiver says in the end; it ends when no picture has come for two seconds."""
    try:
        said, _ = process.communicate(timeout=patience_s)
    except subprocess.TimeoutExpired as error:
        raise PerformanceError("a receiver never got a picture") from error
    if process.returncode or not said.strip():
        raise PerformanceError(f"a receiver ended with {process.returncode}")
    return dict(json.loads(said.strip().splitlines()[-1]))


def free_endpoints(count: int) -> list[str]:
    """Addresses on this machine at which nobody listens now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"tcp://127.0.0.1:{each.getsockname()[1]}" for each in sockets]
