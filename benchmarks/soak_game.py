"""Ten minutes as games use Omote: 60 pictures a second, controlled all the while, to clients that come and go.

The stream is a real `omote live` (its loop, session, control endpoint, page and publisher) whose renderer hands out
prepared pictures, because few machines draw 60 a second at 512x512. Light is set 60 times a second, expressions are
triggered and characters changed. Receivers in Python, C#, C++, JavaScript and of the page's WebSocket live for 10 to
40 s each; every third is killed. One more Python receiver stays, and its counts must explain every picture that was
sent. Exits with 1 where anything failed, or memory grew.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil
import receivers
from receivers import Receiver
from record import FLAT_MIB, free_endpoints, halves, keep, origin, result_parser

from omote.bridge.control import ControlClient, ControlError
from omote.engine.capture.sources import open_source
from omote.engine.data import AnyCharacter, Array, FlameParams, Portrait, Stamp
from omote.engine.face.light import studio_light
from omote.engine.model.character_file import DEFAULT_CHARACTER, load_any_character
from omote.engine.model.portrait_renderer import FACE_ALONE, DrawCounts, DrawOptions
from omote.studio.app.config import DEFAULTS
from omote.studio.cli import live

HERE = Path(__file__).resolve().parent
SIDE, FPS = 512, 60.0
STARTS_S = 120.0
OUTLIVES_S = 45.0  # by which the resident receiver outlives the sender, to get its last picture
SETTLE_S = 60.0  # before memory counts: each kind of client has come once
SAMPLE_S = 5.0
LIFE_S = 10.0, 40.0
PAUSE_S = 1.0, 5.0
KILLED = 3  # one client of so many is killed
VISITORS = receivers.PYTHON, receivers.CSHARP, receivers.C, receivers.JAVASCRIPT
PAGE = "websocket"
TOPIC = "v/omote"
CHARACTERS = "hana", "noah", "aoi"
EXPRESSIONS = "smile", "surprise", "blush"
IN_FLIGHT = 10  # pictures between a publisher's count and a receiver's


class PreparedRenderer:
    """Hands out pictures that were made before, each shifted so that no two in a row are equal."""

    size, steps, runtime = SIDE, 1, "prepared"

    def __init__(self) -> None:
        self.counts = DrawCounts()
        rng = np.random.default_rng(0)
        self._pictures = [rng.integers(0, 256, (SIDE, SIDE, 4), np.uint8) for _ in range(4)]

    def check(self, character: AnyCharacter) -> None:
        """Every character has the same pictures."""

    def draw(
        self, params: FlameParams, character: AnyCharacter, light: Array, options: DrawOptions = FACE_ALONE
    ) -> Portrait:
        if not np.isfinite(light).all():
            raise ValueError("the light is not finite")
        self.counts = DrawCounts(drawn=self.counts.drawn + 1)
        picture = self._pictures[self.counts.drawn % len(self._pictures)]
        return Portrait(options.stamp or Stamp.now(), picture, options.signal, params, options.presence, light)


def main_sender(words: list[str]) -> int:
    """Runs `omote live` with the prepared renderer until it is interrupted, and writes its report."""
    parser = argparse.ArgumentParser(description=main_sender.__doc__)
    parser.add_argument("endpoints", nargs=3, help="params, video, control")
    parser.add_argument("report", type=Path)
    chosen = parser.parse_args(words)
    params, video, control = chosen.endpoints
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background ignores it
    config = replace(
        DEFAULTS,
        size=SIDE,
        page_port=0,
        report=chosen.report,
        params_endpoint=params,
        video_endpoint=video,
        control_endpoint=control,
    )
    source = open_source("demo", fps=FPS, loop=True)
    loaded = live.LoadedRun(source, load_any_character(DEFAULT_CHARACTER), PreparedRenderer())
    return live.run(config, lambda _: loaded)


def main_page(words: list[str]) -> int:
    """A receiver of the page's WebSocket, with the options and the line of JSON of the other receivers."""
    from websockets.sync.client import connect

    from omote.studio.page.streams import PORTRAIT_HEADER, PORTRAIT_MAGIC

    parser = argparse.ArgumentParser(description=main_page.__doc__)
    parser.add_argument("--endpoint", required=True, help="the clean page's address")
    parser.add_argument("--seconds", type=float, required=True)
    chosen = parser.parse_args(words)
    address = urlsplit(chosen.endpoint)
    end_s, received, missed, rejected, last = time.monotonic() + chosen.seconds, 0, 0, 0, 0
    with connect(f"ws://{address.netloc}/pictures?{address.query}", max_size=16 << 20, compression=None) as page:
        while time.monotonic() < end_s:
            page.send("next")
            data = page.recv(STARTS_S)
            assert isinstance(data, bytes)
            magic, width, height, number, *_ = PORTRAIT_HEADER.unpack_from(data)
            is_whole = len(data) == PORTRAIT_HEADER.size + width * height * 4
            rejected += magic != PORTRAIT_MAGIC or not is_whole or (width, height) != (SIDE, SIDE)
            missed += max(number - last - 1, 0) if last else 0
            received, last = received + 1, number
    print(json.dumps({"received": received, "missed": missed, "rejected": rejected}))
    return 0


@dataclass
class Visits:
    """What the clients of one kind received, all together."""

    came: int = 0
    killed: int = 0
    received: int = 0
    missed: int = 0  # by their sequence numbers; of the page, pictures that it was not ready for
    rejected: int = 0
    failures: list[str] = field(default_factory=list)


class Visitor(threading.Thread):
    """Starts a client, ends it or lets it end, and starts the next."""

    def __init__(self, command: tuple[str, ...], endpoint: str, seed: int, is_over: threading.Event) -> None:
        super().__init__(daemon=True)
        self.visits = Visits()
        self._command, self._endpoint, self._is_over = command, endpoint, is_over
        self._random = random.Random(seed)

    def run(self) -> None:
        while not self._is_over.wait(self._random.uniform(*PAUSE_S)):
            self.visits.came += 1
            self._visit(self._random.uniform(*LIFE_S), is_killed=self.visits.came % KILLED == 0)

    def _visit(self, seconds: float, *, is_killed: bool) -> None:
        command = [*self._command, "--endpoint", self._endpoint, "--seconds", f"{seconds:.1f}"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
            if is_killed or self._is_over.is_set():
                self._is_over.wait(seconds / 2)
                process.kill()
                self.visits.killed += 1
                return
            out, errors = process.communicate(timeout=seconds + STARTS_S)
        self._add(process.returncode, out, errors)

    def _add(self, status: int, out: str, errors: str) -> None:
        if status:
            if not self._is_over.is_set():
                self.visits.failures.append(f"ended with {status}: {errors.strip()[-200:]}")
            return
        row = json.loads(out.strip().splitlines()[-1])
        for name in ("received", "missed", "rejected"):
            setattr(self.visits, name, getattr(self.visits, name) + row[name])


class Commands(threading.Thread):
    """Calls `send` so many times a second, and counts what was refused."""

    def __init__(
        self, endpoint: str, per_s: float, send: Callable[[ControlClient, int], None], is_over: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self.sent = self.late = 0
        self.refused: list[str] = []
        self._endpoint, self._period_s, self._send, self._is_over = endpoint, 1.0 / per_s, send, is_over

    def run(self) -> None:
        due_s = time.monotonic()
        with ControlClient(self._endpoint) as client:
            while not self._is_over.wait(max(due_s - time.monotonic(), 0.0)):
                due_s = max(due_s + self._period_s, time.monotonic() - 1.0)
                self.sent += 1
                try:
                    self._send(client, self.sent)
                except ControlError as error:
                    if error.code == "timeout":
                        self.late += 1
                    else:
                        self.refused.append(str(error))


def set_light(client: ControlClient, count: int) -> None:
    """A light that turns; every ten seconds the game has none for a moment."""
    turned = studio_light() * (1.0 + 0.5 * math.sin(count / 30.0))
    client.call("set_light", {"harmonics": None if count % 600 == 0 else [float(one) for one in turned]})


def set_expression(client: ControlClient, count: int) -> None:
    times = {"attack": 0.05 * (count % 4), "hold": 0.2 * (count % 5), "release": 0.1 * (count % 3)}
    client.call("set_expression", {"name": EXPRESSIONS[count % len(EXPRESSIONS)], **times})


def set_character(client: ControlClient, count: int) -> None:
    client.call("set_character", {"name": CHARACTERS[count % len(CHARACTERS)]}, timeout_s=10.0)


@dataclass
class Sender:
    """The running stream."""

    process: subprocess.Popen[str]
    endpoints: list[str]
    page: str
    report: Path
    log: Path

    def end(self) -> tuple[int, dict[str, Any], list[str]]:
        """Its exit status, its report, and its warnings and tracebacks."""
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(STARTS_S)
        report = json.loads(self.report.read_text(encoding="utf-8")) if self.report.is_file() else {}
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return status, report, [line for line in lines if re.search(r"warn|error|Traceback|Exception", line, re.I)]


@contextmanager
def sending(folder: Path) -> Iterator[Sender]:
    homes = {f"XDG_{name}_HOME": str(folder / name) for name in ("CONFIG", "DATA", "CACHE")}
    endpoints, report, log = free_endpoints(3), folder / "report.json", folder / "log.txt"
    command = [sys.executable, str(Path(__file__).resolve()), "sender", *endpoints, str(report)]
    environment = {**os.environ, **homes}
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as process,
    ):
        try:
            assert process.stdout
            page = next((found[1] for line in process.stdout if (found := re.search(r"OBS +(\S+)", line))), None)
            if page is None:
                raise SystemExit(f"omote live ended before it said where to look:\n{log.read_text()}")
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield Sender(process, endpoints, page, report, log)
        finally:
            process.kill()


def measure(seconds: float, found: dict[str, Receiver]) -> dict[str, Any]:
    """What was sent, received and refused in this time, and memory in MiB."""
    is_over = threading.Event()
    with tempfile.TemporaryDirectory(prefix="omote-soak-") as name, ExitStack() as stack:
        sender = stack.enter_context(sending(Path(name)))
        _, video, control = sender.endpoints
        resident = subprocess.Popen(
            [*found[receivers.PYTHON].command, "--endpoint", video, "--seconds", str(seconds + OUTLIVES_S)],
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(resident.kill)
        _wait_for_listener(control)
        commands = {
            "set_light": Commands(control, 60.0, set_light, is_over),
            "set_expression": Commands(control, 2.0, set_expression, is_over),
            "set_character": Commands(control, 0.25, set_character, is_over),
        }
        names = [name for name in VISITORS if name in found]
        visitors = {one: Visitor(found[one].command, video, at, is_over) for at, one in enumerate(names)}
        page_command = (sys.executable, str(Path(__file__).resolve()), "page")
        visitors[PAGE] = Visitor(page_command, sender.page, len(names), is_over)
        for each in (*commands.values(), *visitors.values()):
            each.start()
        memory = _watch(seconds, {"sender": sender.process.pid, "resident": resident.pid})
        is_over.set()
        for each in (*commands.values(), *visitors.values()):
            each.join(STARTS_S)
        with ControlClient(control) as client:
            stats = client.call("stats", timeout_s=10.0)
        status, report, log = sender.end()
        rows = resident.communicate(timeout=STARTS_S)[0].strip().splitlines()
    return {
        "seconds": seconds,
        "sender": {
            "status": status,
            **{name: report.get(name) for name in ("pictures", "failed", "fps", "dropped")},
            "sent_pictures": stats["sent_pictures"],
            "rejected_requests": stats["rejected_requests"],
            "log": log[:20],
        },
        "resident": json.loads(rows[-1]),
        "visitors": {name: vars(each.visits) for name, each in visitors.items()},
        "commands": {
            name: {"sent": each.sent, "late": each.late, "refused": each.refused[:5]} for name, each in commands.items()
        },
        "memory": {name: halves(samples) for name, samples in memory.items()},
    }


def _wait_for_listener(control: str) -> None:
    """Until the resident has subscribed, so that it gets the first picture of all."""
    end_s = time.monotonic() + STARTS_S
    with ControlClient(control) as client:
        while TOPIC not in client.call("stats", timeout_s=STARTS_S)["listening"]:  # type: ignore[operator]
            if time.monotonic() > end_s:
                raise SystemExit("the resident receiver did not connect")
            time.sleep(0.05)


def _watch(seconds: float, pids: dict[str, int]) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {name: [] for name in pids}
    began_s = time.monotonic()
    while (passed_s := time.monotonic() - began_s) < seconds:
        time.sleep(min(SAMPLE_S, seconds - passed_s))
        for name, pid in pids.items() if passed_s >= min(SETTLE_S, seconds / 4) else ():
            if psutil.pid_exists(pid):
                samples[name].append(round(psutil.Process(pid).memory_info().rss / (1 << 20), 1))
    return samples


def faults(measured: dict[str, Any]) -> list[str]:
    """What went wrong, in sentences."""
    found = []
    sender, resident = measured["sender"], measured["resident"]
    if sender["status"] or sender["failed"] or sender["log"]:
        found.append(f"the sender: status {sender['status']}, {sender['failed']} failed pictures, log {sender['log']}")
    if sender["rejected_requests"]:
        found.append(f"{sender['rejected_requests']} requests were rejected")
    unexplained = sender["sent_pictures"] - resident["received"] - resident["missed"]
    if abs(unexplained) > IN_FLIGHT:
        found.append(f"{unexplained} pictures were sent, and neither received nor missed by their numbers")
    if resident["sessions"] != 1 or resident["rejected"]:
        found.append(f"the resident: {resident['sessions']} sessions, {resident['rejected']} rejected")
    for name, visits in measured["visitors"].items():
        if visits["failures"] or visits["rejected"] or not visits["received"]:
            found.append(f"{name}: {visits}")
    for name, command in measured["commands"].items():
        if command["refused"] or command["late"]:
            found.append(f"{name}: {command['late']} late, refused {command['refused']}")
    for name, memory in measured["memory"].items():
        if memory.get("grown_mib", 0.0) > FLAT_MIB:
            found.append(f"{name} grew by {memory['grown_mib']} MiB")
    return found


def main(words: list[str]) -> int:
    parser = result_parser(__doc__, "soak_game")
    parser.add_argument("--minutes", type=float, default=10.0, help="default: %(default)s")
    chosen = parser.parse_args(words)
    made, found = origin(), receivers.build()
    for name in VISITORS:
        if name not in found:
            raise SystemExit(f"the soak needs a receiver in {name}: {receivers.missing_requirement(name)}")
    measured = measure(60.0 * chosen.minutes, found)
    wrong = faults(measured)
    result = {**made, **receivers.SENT, "minutes": chosen.minutes, **measured, "faults": wrong}
    print(json.dumps(result, indent=2))
    keep(result, chosen.save)
    return 1 if wrong else 0


if __name__ == "__main__":
    parts = {"sender": main_sender, "page": main_page}
    first = sys.argv[1] if len(sys.argv) > 1 else ""
    raise SystemExit(parts[first](sys.argv[2:]) if first in parts else main(sys.argv[1:]))
