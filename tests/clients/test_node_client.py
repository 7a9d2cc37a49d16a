"""The node client against golden vectors, a live publisher, a control server and servers that break the rules."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
import zmq

from omote.bridge import frame, picture
from omote.bridge.control.server import ControlServer
from omote.bridge.discovery import Announcement, Responder
from omote.bridge.frame import Frame
from omote.bridge.keys import make_server
from omote.bridge.picture import Format
from omote.bridge.publisher import Publisher

from ..bridge.sending import FREE_PORT, noise, shot, wait_for
from .node import CLIENT, NODE, PATIENCE_S, needs_node, require_packages, run_node

pytestmark = needs_node

RECEIVE = """
import { Receiver } from "./src/node.js";
import { createHash } from "node:crypto";
const [endpoint, format] = process.argv.slice(1);
const receiver = new Receiver(endpoint, { format });
const sha = (bytes) => bytes && createHash("sha256").update(bytes).digest("hex");
const say = (fields) => console.log(JSON.stringify(fields));
receiver.on("open", () => say({ open: true }));
receiver.on("lost", (error) => say({ lost: error.message }));
receiver.on("stale", () => say({ stale: true }));
receiver.on("refused", (error) => say({ refused: error.message, counts: receiver.counts }));
receiver.on("picture", (one) => say({
  index: Number(one.header.index), seq: Number(one.header.seq), size: [one.width, one.height],
  age: receiver.ageMs(one.header), sha: sha(one.data), alpha: sha(one.alphaPlane),
  counts: receiver.counts, rss: process.memoryUsage().rss,
}));
receiver.on("face", ({ header, weights, shownWeights }) =>
  say({ index: Number(header.index), jaw: weights[17], shown: shownWeights[17] }));
"""


class Lines:
    """What a running script prints, one JSON object a line."""

    def __init__(self, stdout: IO[str]) -> None:
        self._stdout = stdout

    def until(self, key: str) -> dict[str, Any]:
        """The next object with this key."""
        for line in self._stdout:
            found = json.loads(line)
            if key in found:
                return dict(found)
        raise AssertionError(f"the script ended without {key}")


@contextmanager
def receiving(endpoint: str, format: str = "rgba8") -> Iterator[Lines]:
    command = [str(NODE), "--input-type=module", "-e", RECEIVE, endpoint, format]
    with subprocess.Popen(command, cwd=CLIENT, stdout=subprocess.PIPE, text=True) as process:
        watchdog = threading.Timer(PATIENCE_S, process.kill)
        watchdog.start()
        try:
            assert process.stdout
            yield Lines(process.stdout)
        finally:
            watchdog.cancel()
            process.kill()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_golden_vectors_decode_as_elsewhere() -> None:
    assert "# fail 0" in run_node("--test", "--test-reporter=tap", "test/")


def test_types_are_those_of_the_sources(tmp_path: Path) -> None:
    require_packages("typescript", "@types/node")
    tsc = CLIENT / "node_modules/typescript/bin/tsc"
    run_node(tsc, "--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--outDir", tmp_path)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text(encoding="utf-8") for path in (CLIENT / "types").iterdir()}
    assert made == kept, "run: npm run types"


@pytest.mark.parametrize("name", ["rgba8", "bgra8.premultiplied", "jpeg+lz4a", "rgba8.bottom"])
def test_pictures_arrive_byte_for_byte(name: str) -> None:
    format = Format.parse(name)
    topic = frame.topic(frame.VIDEO, "omote", format).decode()
    with Publisher(FREE_PORT, FREE_PORT) as source, receiving(source.video_endpoint, name) as lines:
        wait_for(lambda: topic in source.listening)
        for index in range(3):
            video = noise(index, 300 + index)
            source.publish(shot(index, video))
            found = lines.until("sha")
            _, parts = picture.encode(video, format)
            height, width, _ = video.pixels.shape
            assert (found["index"], found["seq"], found["size"]) == (index, index, [width, height])
            assert found["sha"] == sha256(bytes(parts[0]))
            assert 0.0 <= found["age"] < 1000.0 * PATIENCE_S
            if name == "jpeg+lz4a":
                assert found["alpha"] == sha256(video.pixels[..., 3].tobytes())
        assert lines.until("stale")


def test_faces_arrive_and_a_restart_of_the_publisher_is_survived() -> None:
    with Publisher(FREE_PORT, FREE_PORT) as source:
        params, video = source.params_endpoint, source.video_endpoint
        with receiving(params) as lines:
            wait_for(lambda: "p/omote" in source.listening)
            source.publish(shot(41, noise(0, 8), seen=0.25, shown=0.5))
            assert lines.until("jaw") == {"index": 41, "jaw": 0.25, "shown": 0.5}
            source.__exit__()
            assert lines.until("lost")
            with Publisher(params, video) as again:
                wait_for(lambda: "p/omote" in again.listening)
                again.publish(shot(7, noise(0, 8)))
                assert lines.until("jaw")["index"] == 7


def test_messages_that_break_a_rule_are_counted_and_survived() -> None:
    video = noise(3, 32)
    header = frame.Header(session=1, sequence=0, index=9, captured_ns=1, generated_ns=2, sent_ns=3, wall_ns=4)
    topic, head, pixels = (bytes(part) for part in frame.encode(Frame(header, video)))
    broken = [
        [topic],
        [topic, head],
        [topic, b"\xc1", pixels],
        [topic, b"x" * 5000, pixels],
        [topic, head, pixels[:-1]],
        [topic, head, *[pixels] * 10],
    ]
    with zmq.Context() as context, context.socket(zmq.XPUB) as source:
        source.linger = 0
        port = source.bind_to_random_port("tcp://127.0.0.1")
        with receiving(f"tcp://127.0.0.1:{port}") as lines:
            while source.recv() != b"\x01v/omote":
                pass
            for parts in broken:
                source.send_multipart(parts)
            for parts in ([topic + b"-2", head, pixels], [topic, head, pixels]):  # a subscription is a prefix
                source.send_multipart(parts)
            found = lines.until("sha")
    assert found["index"] == 9
    assert (found["counts"]["received"], found["counts"]["refused"]) == (1, len(broken))


def test_parts_without_end_take_no_memory() -> None:
    video = noise(3, 32)
    header = frame.Header(session=1, sequence=0, index=9, captured_ns=1, generated_ns=2, sent_ns=3, wall_ns=4)
    parts = [bytes(part) for part in frame.encode(Frame(header, video))]
    with zmq.Context() as context, context.socket(zmq.XPUB) as source:
        source.linger, source.sndhwm = 0, 2000
        port = source.bind_to_random_port("tcp://127.0.0.1")
        with receiving(f"tcp://127.0.0.1:{port}") as lines:
            while source.recv() != b"\x01v/omote":
                pass
            source.send_multipart(parts)
            before = lines.until("rss")["rss"]
            source.send_multipart([*parts, *[b"x" * 16384] * 16384])  # 256 MiB in one message
            source.send_multipart(parts)
            assert lines.until("refused")["refused"] == "a message has 3 to 8 parts, got 16387"
            assert lines.until("rss")["rss"] - before < 64 << 20


@pytest.mark.parametrize(
    ("said", "word"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "not ZeroMQ"), (b"", "closed")],
)
def test_ports_of_other_programs_are_named(said: bytes, word: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        receiving(f"tcp://127.0.0.1:{listener.getsockname()[1]}") as lines,
    ):
        peer, _ = listener.accept()
        with peer:
            peer.recv(64)
            peer.sendall(said)
        assert word in lines.until("lost")["lost"]


def test_encrypted_sender_is_named(tmp_path: Path) -> None:
    keys = make_server(tmp_path / "server")
    with Publisher(FREE_PORT, FREE_PORT, keys=keys) as source, receiving(source.video_endpoint) as lines:
        assert "encryption" in lines.until("lost")["lost"]


def test_control_sends_every_kind_of_value_and_measures_the_clock() -> None:
    script = """
import { Control, ControlError } from "./src/node.js";
const control = new Control(process.argv[1], { timeoutMs: 60000 });
const sent = { name: "smile", attack: 0.25, hold: null, weights: { jawOpen: 0.5 }, fmt: ["jpeg", "rgba8"], big: -3 };
const { heard } = await control.request("echo", sent);
const refused = await control.request("nonsense").catch((error) => [error instanceof ControlError, error.code]);
const clock = await control.measureClock();
const offset = Math.abs(Number(clock.offsetNs)) <= Number(clock.uncertaintyNs);
console.log(JSON.stringify({ heard, refused, session: String(clock.session), offset }));
control.close();
"""
    session = (1 << 64) - 3
    with ControlServer(FREE_PORT, {"echo": lambda given: {"heard": dict(given)}}, session=session) as server:
        found = json.loads(run_node("--input-type=module", "-e", script, server.endpoint))
    heard = {"name": "smile", "attack": 0.25, "hold": None, "weights": {"jawOpen": 0.5}, "fmt": ["jpeg", "rgba8"]}
    assert found["heard"] == {**heard, "big": -3}
    assert found["refused"] == [True, "unsupported"]
    assert found["session"] == str(session)
    if sys.platform == "linux":  # the same clock on both sides
        assert found["offset"]


def test_senders_of_this_machine_are_found_by_name() -> None:
    script = """
import { discover } from "./src/node.js";
const found = await discover({ timeoutMs: 1000 });
console.log(JSON.stringify(found.map((one) => ({ ...one, session: String(one.session) }))));
"""
    session = (1 << 64) - 5
    video, control = "tcp://127.0.0.1:5557", "tcp://127.0.0.1:5558"
    sender = Announcement("a name", "omote", session, video, "", control, True, "0.1.0")
    with Responder(lambda: sender) as responder:
        if not responder.port:
            pytest.skip("all ports of discovery are taken here")
        found = json.loads(run_node("--input-type=module", "-e", script))
    (ours,) = (one for one in found if one["session"] == str(session))
    names = {"name": "a name", "subject": "omote", "video": video, "params": "", "control": control}
    assert ours == names | {"session": str(session), "curve": True, "omote": "0.1.0"}


def test_example_prints_what_arrives() -> None:
    with Publisher(FREE_PORT, FREE_PORT) as source:
        said = run_node("examples/listen.js", source.video_endpoint, "--seconds", "0.2")
    assert json.loads(said.splitlines()[-1])["received"] == 0
