"""Memory of Omote and of its receivers while a peer sends without an end, and what others receive meanwhile."""

from __future__ import annotations

import argparse
import itertools
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import receivers
from feed import Feed
from record import keep, origin, result_parser

from omote.bridge.control.server import ControlServer
from omote.bridge.endpoint import port_of
from omote.bridge.publisher import Publisher
from omote.bridge.subscriber import Subscriber

FREE_PORT = "tcp://127.0.0.1:*"
SETTLE_S = 3.0
READY_S = 60.0
SAMPLE_S = 0.05
TIMEOUT_S = 5.0
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
PARTS = (b"\x03" + struct.pack(">Q", 1000) + bytes(1000)) * 256  # of a message that never ends

# The most MiB before anything was bounded, as found by hand with parts of 16 kB and 300,000 subscriptions. There `omote
# live` was attacked, which took 427 MiB beforehand.
UNBOUNDED_MIB = {
    "sender, parts without end": 1724.0,
    "sender, subscriptions without end": 497.0,
    "c# libzmq": 1136.0,
    "c++": 1324.0,
}

Flood = Callable[[socket.socket, float], None]


def main_victim(words: list[str]) -> int:
    """A sender with a control endpoint; prints its endpoints and publishes until it is killed."""
    argparse.ArgumentParser(description=main_victim.__doc__).parse_args(words)
    with Publisher(FREE_PORT, FREE_PORT) as publisher, ControlServer(FREE_PORT, {}, session=1) as control:
        print(json.dumps({"video": publisher.video_endpoint, "control": control.endpoint}), flush=True)
        Feed(fps=30.0, side=64).run(publisher, float("inf"))
    return 0


def handshake(connection: socket.socket, kind: bytes) -> None:
    """ZMTP's, as a socket of this kind."""
    ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
    connection.sendall(GREETING + bytes([4, len(ready)]) + ready)
    heard = b""
    while b"READY" not in heard:
        heard += connection.recv(4096)


def endless_parts(connection: socket.socket, end_s: float) -> None:
    while time.monotonic() < end_s:
        connection.sendall(PARTS)


def subscriptions(connection: socket.socket, end_s: float) -> None:
    for first in itertools.count(0, 1000):
        connection.sendall(b"".join(b"\x00\x15\x01%020d" % number for number in range(first, first + 1000)))
        if time.monotonic() > end_s:
            return


def attack_as_client(endpoint: str, kind: bytes, flood: Flood, end_s: float) -> None:
    """Connects and floods, and again each time it is thrown out."""
    while time.monotonic() < end_s:
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", port_of(endpoint)), timeout=TIMEOUT_S) as connection,
        ):
            handshake(connection, kind)
            flood(connection, end_s)
        time.sleep(SAMPLE_S)


def attack_as_server(listener: socket.socket, end_s: float) -> None:
    """Floods each client that comes."""
    while time.monotonic() < end_s:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(TIMEOUT_S)
                handshake(connection, b"PUB")
                endless_parts(connection, end_s)


def memory_under(pid: int, attack: threading.Thread) -> dict[str, float]:
    """Resident MiB of a process before and the most while it is attacked."""
    process = psutil.Process(pid)
    before = most = process.memory_info().rss / (1 << 20)
    attack.start()
    while attack.is_alive():
        most = max(most, process.memory_info().rss / (1 << 20))
        time.sleep(SAMPLE_S)
    return {"before_mib": round(before, 1), "most_mib": round(most, 1)}


@contextmanager
def running(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def measure_sender(target: str, kind: bytes, flood: Flood, seconds: float) -> dict[str, Any]:
    """A sender that is flooded at one of its endpoints while another receiver listens."""
    with ExitStack() as stack:
        victim = stack.enter_context(running([sys.executable, str(Path(__file__).resolve()), "victim"]))
        assert victim.stdout
        endpoints = json.loads(victim.stdout.readline())
        listener = stack.enter_context(Subscriber(endpoints["video"]))
        time.sleep(SETTLE_S)
        end_s, began = time.monotonic() + seconds, listener.reception.received
        arguments = (endpoints[target], kind, flood, end_s)
        memory = memory_under(victim.pid, threading.Thread(target=attack_as_client, args=arguments))
        counts = listener.reception
    return {**memory, "received": counts.received - began, "missed": counts.missed}


def measure_receiver(command: tuple[str, ...], seconds: float) -> dict[str, Any]:
    """A receiver that connects to a hostile server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(1.0)
        endpoint = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        arguments = ["--endpoint", endpoint, "--seconds", str(seconds + READY_S)]
        with running([*command, *arguments]) as process:
            connection, _ = _first(listener)  # it is up now; its memory settles before the attack
            connection.close()
            time.sleep(SETTLE_S)
            attack = threading.Thread(target=attack_as_server, args=(listener, time.monotonic() + seconds))
            return {**memory_under(process.pid, attack), "is_running": process.poll() is None}


def _first(listener: socket.socket) -> tuple[socket.socket, Any]:
    end_s = time.monotonic() + READY_S
    while True:
        try:
            return listener.accept()
        except TimeoutError:
            if time.monotonic() > end_s:
                raise SystemExit("the receiver did not connect") from None


def main(words: list[str]) -> int:
    parser = result_parser(__doc__, "hostile")
    parser.add_argument("--seconds", type=float, default=12.0, help="of each attack (default: %(default)s)")
    chosen = parser.parse_args(words)
    made, found = origin(), receivers.build()
    attacks: dict[str, tuple[str, bytes, Flood]] = {
        "sender, parts without end": ("video", b"SUB", endless_parts),
        "sender, subscriptions without end": ("video", b"SUB", subscriptions),
        "control, parts without end": ("control", b"DEALER", endless_parts),
    }
    cases: dict[str, dict[str, Any]] = {}
    for name, (target, kind, flood) in attacks.items():
        cases[name] = measure_sender(target, kind, flood, chosen.seconds)
        print(name, cases[name], flush=True)
    for name, receiver in found.items():
        cases[name] = measure_receiver(receiver.command, chosen.seconds)
        print(name, cases[name], flush=True)
    keep({**made, "seconds": chosen.seconds, "cases": cases, "unbounded_mib": UNBOUNDED_MIB}, chosen.save)
    return 0


if __name__ == "__main__":
    is_victim = sys.argv[1:2] == ["victim"]
    raise SystemExit(main_victim(sys.argv[2:]) if is_victim else main(sys.argv[1:]))
