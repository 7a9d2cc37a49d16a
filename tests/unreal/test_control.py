"""The Unreal plugin's control client and its keys against a live server."""

from __future__ import annotations

import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from omote.bridge import keys, picture
from omote.bridge.control import ControlError, ControlServer
from omote.bridge.discovery import Announcement, Responder
from omote.bridge.keys import ServerKeys
from omote.bridge.publisher import Publisher

from ..bridge.probe import Command, Probe, ask
from ..bridge.sending import FREE_PORT, checksum, noise, shot, wait_for

SESSION = 0xFEDCBA9876543210
HOUR_NS = 3_600_000_000_000
SIDE = 32


def echo(arguments: Mapping[str, object]) -> Mapping[str, object]:
    return {"heard": dict(arguments)}


def fail(arguments: Mapping[str, object]) -> Mapping[str, object]:
    raise ControlError("failed", "no face is seen")


@pytest.fixture
def server(tmp_path: Path) -> ServerKeys:
    return keys.make_server(tmp_path / "server")


@pytest.fixture
def client(server: ServerKeys, tmp_path: Path) -> Path:
    """The file of a client that is let in."""
    path = tmp_path / "unreal.omote-key"
    keys.make_client(server, "unreal", path)
    return path


def test_arguments_and_results_travel_whole(probe: Command) -> None:
    with ControlServer(FREE_PORT, {"echo": echo}, session=SESSION) as control:
        words = ("name=smile", "attack=0.25", "hold=nil", "weights.jawOpen=1", "fmt=jpeg,rgba8", "harmonics=1,2.5")
        said = ask(probe, control.endpoint, "echo", *words)
    heard = {"name": "smile", "attack": 0.25, "hold": None, "fmt": ["jpeg", "rgba8"], "harmonics": [1.0, 2.5]}
    assert said == {"result": {"heard": heard | {"weights": {"jawOpen": 1.0}}}}


def test_refusals_carry_their_code(probe: Command) -> None:
    with ControlServer(FREE_PORT, {"fail": fail}, session=SESSION) as control:
        assert ask(probe, control.endpoint, "fail") == {"error": {"code": "failed", "message": "no face is seen"}}
        unknown = ask(probe, control.endpoint, "nonsense")["error"]
    assert isinstance(unknown, dict)
    assert unknown["code"] == "unsupported"


def test_nobody_there_is_a_timeout(probe: Command) -> None:
    error = ask(probe, "tcp://127.0.0.1:9", "hello")["error"]
    assert isinstance(error, dict)
    assert error["code"] == "timeout"


def test_clock_of_another_machine_is_measured(probe: Command) -> None:
    """The offset is right by no more than it says: server and probe read the same clock here, an hour apart."""
    with ControlServer(FREE_PORT, {}, session=SESSION, clock=lambda: time.perf_counter_ns() + HOUR_NS) as control:
        said = ask(probe, control.endpoint, "measure")
    offset_ns, uncertainty_ns = said["offset_ns"], said["uncertainty_ns"]
    assert isinstance(offset_ns, int) and isinstance(uncertainty_ns, int)
    assert said["session"] == str(SESSION)
    assert abs(offset_ns - HOUR_NS) <= uncertainty_ns


def test_client_that_is_known_receives_and_asks(probe: Command, server: ServerKeys, client: Path) -> None:
    video = noise(1, SIDE)
    with Publisher(FREE_PORT, FREE_PORT, keys=server) as source:
        with Probe(probe, source.video_endpoint, "--keys", client, "--frames", "--count", 1) as listener:
            wait_for(lambda: "v/omote" in source.listening)
            source.publish(shot(5, video))
            assert listener.frame()[4] == checksum(video, picture.RGBA8)
        assert source.rejected_handshakes == 0
    with ControlServer(FREE_PORT, {"echo": echo}, session=SESSION, keys=server) as control:
        assert ask(probe, control.endpoint, "echo", "--keys", str(client)) == {"result": {"heard": {}}}


class WebServer(socketserver.BaseRequestHandler):
    """Says what a web server says to what is no request."""

    def handle(self) -> None:
        self.request.recv(1)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@contextmanager
def web_server() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), WebServer) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield http.server_address[1]
        http.shutdown()
        thread.join()


def diagnosis(probe: Command, endpoint: str, *arguments: object) -> tuple[object, str]:
    """The state that a receiver ends in, and what it says is wrong."""
    with Probe(probe, endpoint, *arguments, "--seconds", 4) as listener:
        figures = listener.figures()
    assert figures["received"] == 0
    return figures["state"], str(figures["error"])


def test_each_wrong_key_has_its_own_sentence(probe: Command, server: ServerKeys, client: Path, tmp_path: Path) -> None:
    other, removed = tmp_path / "other.omote-key", tmp_path / "removed.omote-key"
    keys.make_client(keys.make_server(tmp_path / "other"), "unreal", other)
    keys.make_client(server, "removed", removed)
    (server.clients / "removed.toml").unlink()
    with Publisher(FREE_PORT, FREE_PORT, keys=server) as encrypted, Publisher(FREE_PORT, FREE_PORT) as plain:
        cases: list[tuple[str, tuple[object, ...], str]] = [
            (encrypted.video_endpoint, ("--keys", other), "the key file is of another Omote"),
            (encrypted.video_endpoint, (), "has no key file"),
            (encrypted.video_endpoint, ("--keys", removed), "does not know this key"),
            (plain.video_endpoint, ("--keys", client), "is not encrypted"),
        ]
        with ThreadPoolExecutor() as pool:
            found = [*pool.map(lambda case: diagnosis(probe, case[0], *case[1]), cases)]
        assert encrypted.rejected_handshakes > 0
    for (state, said), (_, _, wanted) in zip(found, cases, strict=True):
        assert (state, wanted in said) == ("refused", True), said


def test_ports_that_are_none_of_omotes_are_told_apart(probe: Command, client: Path) -> None:
    """Without a key and with one, which libzmq and not our own reader uses."""
    with web_server() as port, ThreadPoolExecutor() as pool:
        endpoints = ["tcp://127.0.0.1:9", f"tcp://127.0.0.1:{port}"]
        cases = [(endpoint, arguments) for arguments in ((), ("--keys", client)) for endpoint in endpoints]
        found = [*pool.map(lambda case: diagnosis(probe, case[0], *case[1]), cases)]
    for (state, said), wanted in zip(
        found, ["nothing listens", "does not speak ZeroMQ, it said 'HTTP"] * 2, strict=True
    ):
        assert (state, wanted in said) == ("connecting", True), said


def test_client_that_is_let_in_later_need_not_be_started_again(
    probe: Command, server: ServerKeys, client: Path
) -> None:
    entry = server.clients / "unreal.toml"
    elsewhere = entry.rename(entry.with_suffix(".away"))
    with (
        Publisher(FREE_PORT, FREE_PORT, keys=server) as source,
        Probe(probe, source.video_endpoint, "--keys", client, "--frames", "--count", 1) as listener,
    ):
        wait_for(lambda: source.rejected_handshakes > 0)
        elsewhere.rename(entry)
        wait_for(lambda: "v/omote" in source.listening)
        source.publish(shot(5, noise(1, SIDE)))
        assert listener.frame()[0] == "5"


def test_key_file_that_is_none_is_named(probe: Command, tmp_path: Path) -> None:
    path = tmp_path / "empty.omote-key"
    path.write_text("")
    with pytest.raises(AssertionError, match=r"empty\.omote-key"), Probe(probe, FREE_PORT, "--keys", path) as listener:
        listener.line_that_begins("ready")


def test_senders_of_this_machine_are_found_by_name(probe: Command) -> None:
    session = (1 << 64) - 6
    sender = Announcement("studio", "omote", session, "tcp://127.0.0.1:5557", "tcp://127.0.0.1:5556", "", True)
    with Responder(lambda: sender) as responder:
        if not responder.port:
            pytest.skip("all ports of discovery are taken here")
        done = subprocess.run([*probe, "discover"], check=True, capture_output=True, text=True, timeout=120.0)
    (ours,) = (line for line in done.stdout.splitlines() if line.startswith(f"{session} "))
    assert ours == f"{session} studio omote tcp://127.0.0.1:5557 tcp://127.0.0.1:5556  True"
