"""The events of the page, and the camera's picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from omote.bridge import arkit
from omote.engine.capture.source import TrackedPicture
from omote.engine.data import Signal, Stamp
from omote.engine.live.latency import Percentiles
from omote.studio.app.session import StudioSession
from omote.studio.app.state import Endpoint, Stage, Status
from omote.studio.page.server import PageServer
from omote.studio.page.streams import CAMERA_HEADER, CAMERA_MAGIC, MAX_CAMERA_WIDTH
from tests.studio.clients import PATIENCE_S, Camera, Draw, listening, next_of

STATUS = Status(
    source="demo",
    character="<b>Aki</b>",
    runtime="openvino cpu f32",
    size=64,
    steps=1,
    fps=29.7,
    pictures=300,
    dropped=2,
    tracked_fraction=0.98,
    presence="tracked",
    latency=Percentiles(41.0, 60.5, 72.0),
    stages=(Stage("draw", Percentiles(30.0, 40.0, 50.0)),),
    endpoints=(Endpoint("video", "tcp://127.0.0.1:5557"),),
)


def state_with(client: ClientConnection, is_such: Callable[[dict[str, Any]], bool]) -> None:
    while not is_such(next_of(client, "state")["state"]):
        pass


def test_the_state_comes_at_once_and_after_each_change(server: PageServer, api: httpx.Client) -> None:
    with listening(server) as client:
        assert next_of(client, "state")["state"]["tuning"]["mirror"] is False
        api.post("/api/tuning", json={"mirror": True})
        state_with(client, lambda state: state["tuning"]["mirror"] is True)


def test_of_many_changes_the_last_is_sent_and_few_of_the_others(server: PageServer, studio: StudioSession) -> None:
    with listening(server) as client:
        next_of(client, "state")
        for step in range(200):
            studio.tune({"head": step / 100})
        count = 0
        while next_of(client, "state")["state"]["tuning"]["head"] != 1.99:
            count += 1
        assert count < 100


def test_recognised_expressions_are_sent_in_their_order(server: PageServer, studio: StudioSession, draw: Draw) -> None:
    with listening(server) as client:
        next_of(client, "state")
        for index in range(300):
            studio.offer(replace(draw(index), recognised=("smile",) if index % 2 == 0 else ()))
        heard = [next_of(client, "recognised") for _ in range(300)]
    assert [one["is_on"] for one in heard] == [True, False] * 150
    assert {one["name"] for one in heard} == {"smile"}


def test_status_is_served_as_it_was_shown_last(server: PageServer, api: httpx.Client) -> None:
    assert api.get("/api/status").json() is None
    with listening(server) as client:
        server.show(STATUS)
        assert next_of(client, "status")["character"] == "<b>Aki</b>"
    status = api.get("/api/status").json()
    assert status["latency"] == {"p50": 41.0, "p95": 60.5, "p99": 72.0}
    assert status["stages"] == [{"name": "draw", "took_ms": {"p50": 30.0, "p95": 40.0, "p99": 50.0}}]
    assert status["endpoints"] == [{"name": "video", "address": "tcp://127.0.0.1:5557"}]
    assert (status["receivers"], status["confidence"]) == ([], 0.0)


def test_faces_are_sent_only_on_request(server: PageServer, draw: Draw) -> None:
    weights = np.zeros(arkit.COUNT, np.float32)
    weights[arkit.INDEX["jawOpen"]] = 0.25
    signal = Signal(Stamp(0, 0, 0), weights, confidence=0.75)
    with listening(server) as client:
        next_of(client, "state")
        server.offer(replace(draw(0), signal=signal))
        client.send("face on")
        face = next_of(client, "face")
        assert (face["weights"][arkit.INDEX["jawOpen"]], face["confidence"]) == (0.25, 0.75)
        assert (len(face["weights"]), len(face["shown"]), face["head"]) == (52, 52, [0, 0, 0])
        client.send("face off")
        for index in range(5):
            server.offer(replace(draw(index), signal=signal))
        with pytest.raises(TimeoutError):
            while True:
                client.recv(timeout=0.3)


def test_a_client_with_an_unknown_command_is_disconnected(server: PageServer) -> None:
    for word in ("face", "x" * 2000, b"face on"):
        with listening(server) as client, pytest.raises(ConnectionClosed):
            client.send(word)
            while True:
                client.recv(timeout=PATIENCE_S)


@pytest.mark.slow
def test_a_slow_client_does_not_delay_others(server: PageServer, studio: StudioSession, draw: Draw) -> None:
    with listening(server) as deaf, listening(server) as client:
        next_of(client, "state")
        for index in range(3000):
            studio.offer(replace(draw(0), recognised=("smile",) if index % 2 == 0 else ()))
            studio.tune({"head": index / 1000})
        state_with(client, lambda state: state["tuning"]["head"] == 2.999)
        assert deaf.recv(timeout=PATIENCE_S)


def test_the_cameras_picture_is_small_and_its_points_stand_where_the_face_is(
    server: PageServer, camera: Camera
) -> None:
    picture = np.zeros((720, 1280, 3), np.uint8)
    picture[:, 640:] = (200, 40, 20)  # blue at the right
    points = np.array([[0, 0], [1280, 720], [640, 360]], np.float32)
    with listening(server, "/camera") as client:
        client.send("next")
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.2)
        camera.tracked_picture = TrackedPicture(
            picture, points, captured_ns=time.perf_counter_ns(), confidence=0.5, others=2
        )
        message = client.recv(timeout=PATIENCE_S)
        assert isinstance(message, bytes)
        magic, width, height, count, others, confidence, size, number, _ = CAMERA_HEADER.unpack_from(message)
        assert (magic, width, height, count, others, number) == (CAMERA_MAGIC, MAX_CAMERA_WIDTH, 270, 3, 2, 1)
        assert confidence == 0.5
        at = np.frombuffer(message, "<f4", 6, CAMERA_HEADER.size).reshape(3, 2)
        np.testing.assert_allclose(at, [[0, 0], [480, 270], [240, 135]])
        jpeg = message[CAMERA_HEADER.size + 24 :]
        assert len(jpeg) == size
        shown = np.asarray(Image.open(BytesIO(jpeg)))
        assert shown.shape == (270, 480, 3)
        np.testing.assert_allclose(shown[100, 400], (20, 40, 200), atol=12)
        client.send("next")
        with pytest.raises(TimeoutError):
            client.recv(timeout=0.3)  # the same picture is not sent again


def test_a_camera_picture_is_sent_only_on_request(server: PageServer, camera: Camera) -> None:
    camera.tracked_picture = TrackedPicture(np.zeros((4, 4, 3), np.uint8), np.zeros((0, 2), np.float32), 0)
    with listening(server, "/camera") as client, pytest.raises(TimeoutError):
        client.recv(timeout=0.3)
