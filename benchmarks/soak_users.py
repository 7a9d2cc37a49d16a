"""Five minutes of `omote live` beside another user of the machine, who may neither watch nor control.

The other user is a process with another uid, which only root can start. All the time it subscribes to pictures and
parameters, sends control requests, reads the page without a token, and tries to read the performer's files. A receiver
of the same user gets pictures all the while. Exits with 1 if the other user got anything, or ours did not.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from record import FLAT_MIB, free_endpoints, halves, keep, origin, result_parser

from omote.bridge.control import ControlClient
from omote.bridge.control.message import ControlRequest, encode_request
from omote.bridge.payload import Video
from omote.bridge.subscriber import Subscriber
from omote.engine.model.portrait_renderer import CACHE_BYTES

OTHER_UID = 65534  # of the system's user without rights
STARTS_S = 120.0
SAMPLE_S = 1.0
SIDE = 256  # pixels
# Memory counts once this many pictures were drawn: the cache of pictures, 64 MiB, is full by then.
FULL_PICTURES = 2 * CACHE_BYTES // (SIDE * SIDE * 4)
# What is asked for; each would be seen at once.
REQUESTS: tuple[tuple[str, Mapping[str, object]], ...] = (
    ("set_character", {"name": "noah"}),
    ("record", {"on": True}),
    ("set_actor", {"name": "stranger"}),
    ("recalibrate", {}),
    ("characters", {}),
)

# Runs as the other user: tries everything until its stdin closes, then prints what it got.
_STRANGER = """
import encodings.idna, json, os, sys, threading, urllib.error, urllib.request, zmq  # all before it loses its rights
os.setgroups([]); os.setresgid({uid}, {uid}, {uid}); os.setresuid({uid}, {uid}, {uid})
params, video, control, page, home, *requests = sys.argv[1:]
got = {{"tries": 0, "pictures": 0, "parameters": 0, "replies": 0, "pages": 0, "files": 0}}
files, is_over = set(), threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), is_over.set()), daemon=True).start()
context = zmq.Context()

def listen(kind, endpoint):
    socket = context.socket(zmq.SUB); socket.linger = 0; socket.subscribe(b""); socket.connect(endpoint)
    got[kind] += bool(socket.poll(300)); socket.close()

while not is_over.is_set():
    got["tries"] += 1
    listen("pictures", video); listen("parameters", params)
    for request in requests:
        asker = context.socket(zmq.DEALER); asker.linger = 0; asker.connect(control)
        asker.send(bytes.fromhex(request)); got["replies"] += bool(asker.poll(100)); asker.close()
    for path in ("", "api/state", "clean", "api/recording"):
        try:
            with urllib.request.urlopen(page + path, b"{{}}" if path == "api/recording" else None, timeout=2) as answer:
                got["pages"] += answer.status == 200
        except (urllib.error.URLError, OSError):
            pass
    for folder, _, names in (one for part in ('config', 'data') for one in os.walk(os.path.join(home, part))):
        for name in names:
            if os.access(os.path.join(folder, name), os.R_OK):
                got["files"] += 1; files.add(os.path.join(folder, name))
print(*sorted(files), file=sys.stderr)
print(json.dumps(got))
"""


@contextmanager
def live(home: Path, endpoints: list[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `omote live` with a home of its own, and the address of its page without a token."""
    # The cache holds networks and trials, and nothing about the user: others may read it.
    homes = {f"XDG_{name.upper()}_HOME": str(home / name) for name in ("config", "data", "cache")}
    ports = [f"--{name}-endpoint={one}" for name, one in zip(("params", "video", "control"), endpoints, strict=True)]
    options = [f"--size={SIDE}", "--page-port=0", "--runtime=openvino", *ports]
    command = [sys.executable, "-m", "omote.studio.cli.main", "live", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **homes}) as process:
        try:
            assert process.stdout
            found = next(
                (one for line in process.stdout if (one := re.search(r"look at +(http://[^/]+/)", line))), None
            )
            if not found:
                raise SystemExit("omote live ended before it said where to look")
            threading.Thread(target=process.stdout.read, daemon=True).start()
            yield process, found[1]
        finally:
            process.terminate()


def stranger(endpoints: list[str], page: str, home: Path) -> subprocess.Popen[str]:
    """A process of another user that tries everything until its stdin closes."""
    requests = [
        encode_request(ControlRequest(k, method, arguments)).hex() for k, (method, arguments) in enumerate(REQUESTS)
    ]
    code = _STRANGER.format(uid=OTHER_UID)
    command = [sys.executable, "-c", code, *endpoints, page, str(home), *requests]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def measure(seconds: float) -> dict[str, Any]:
    """What the other user got, what we got, and the memory of `omote live` in MiB."""
    endpoints = free_endpoints(3)
    with tempfile.TemporaryDirectory(prefix="omote-soak-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # the folders inside must protect themselves
        with (
            live(home, endpoints) as (process, page),
            Subscriber(endpoints[1]) as ours,
            ControlClient(endpoints[2]) as asker,
        ):
            _wait_for_picture(ours)
            asker.call("record", {"on": True}, timeout_s=10.0)  # a take that others must not read
            other, memory, full_at = stranger(endpoints, page, home), list[float](), None
            until_s, began = time.monotonic() + seconds, ours.reception.received
            while time.monotonic() < until_s:
                time.sleep(min(SAMPLE_S, seconds / 10.0))
                if full_at is None and _drawn(asker) >= FULL_PICTURES:
                    full_at = len(memory)
                memory.append(psutil.Process(process.pid).memory_info().rss / (1 << 20))
            out, _ = other.communicate("", timeout=STARTS_S)
            stats = asker.call("stats", timeout_s=10.0)
            got: dict[str, int] = json.loads(out)
            received = ours.reception.received - began
            takes = [*(home / "data").rglob("*.csv")]
            shown = asker.call("hello", timeout_s=10.0)
        return {
            "seconds": seconds,
            "stranger": got,
            "received": received,
            "missed": ours.reception.missed,
            "takes": len(takes),
            "character": stats.get("character", shown.get("character", "")),
            "memory_mib": growth(memory, full_at),
        }


def growth(memory_mib: list[float], full_at: int | None) -> dict[str, Any]:
    """The mean of each minute, and what was gained once the cache was full, from that sample on."""
    a_minute = round(60.0 / SAMPLE_S)
    minutes = [memory_mib[at : at + a_minute] for at in range(0, len(memory_mib), a_minute)]
    settled = [] if full_at is None else memory_mib[full_at:]
    means = [round(sum(one) / len(one), 1) for one in minutes]
    return {"minutes_mib": means, "full_after_s": full_at and full_at * SAMPLE_S, **halves(settled)}


def _drawn(asker: ControlClient) -> int:
    return int(str(asker.call("stats", timeout_s=10.0)["drawn"]))


def _wait_for_picture(ours: Subscriber) -> None:
    until_s = time.monotonic() + STARTS_S
    while time.monotonic() < until_s:
        if (found := ours.take(1.0)) and isinstance(found.payload, Video):
            return
    raise SystemExit("no picture came from omote live")


def faults(measured: dict[str, Any]) -> list[str]:
    """What went wrong, in sentences."""
    tries = measured["stranger"]["tries"]
    found = [
        f"the other user got {kind}: {count}"
        for kind, count in measured["stranger"].items()
        if kind != "tries" and count
    ]
    if not tries:
        found.append("the other user tried nothing")
    if not measured["received"]:
        found.append("we received nothing")
    if (gained := measured["memory_mib"].get("grown_mib", 0.0)) > FLAT_MIB:
        found.append(f"omote live grew by {gained} MiB")
    if measured["takes"] != 1:
        found.append(f"there are {measured['takes']} takes, and one was to be recorded")
    return found


def main() -> int:
    parser = result_parser(__doc__, "soak_users")
    parser.add_argument("--seconds", type=float, default=300.0)
    typed = parser.parse_args()
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        print("skipped: only root can start a program as another user")
        return 0
    made = {**origin(), **measure(typed.seconds)}
    print(json.dumps(made, indent=2))
    keep(made, typed.save)
    wrong = faults(made)
    print("\n".join(wrong) or "the other user got nothing")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
