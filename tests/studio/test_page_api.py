"""The page's HTTP interface, its events and its camera, over real sockets, asked by friends and by strangers."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Message
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from omote.bridge import arkit
from omote.engine.capture.source import SourceError, TrackedPicture
from omote.engine.data import Actor, Portrait, Signal, Stamp
from omote.engine.face.expressions import EXPRESSION_NAMES
from omote.engine.face.light import studio_light
from omote.engine.face.stabilizer import smoothing_delay_ms
from omote.engine.face.tuning import SMOOTHED
from omote.engine.live.loop import LiveLoop
from omote.engine.model.character_file import load_character
from omote.engine.testing.drawing import FlatRenderer
from omote.studio.app.session import StudioSession
from omote.studio.app.settings import SettingsStore
from omote.studio.page.access import AccessControl, Tickets, Tokens
from omote.studio.page.api import MAX_JSON_BYTES, MAX_PHOTO_BYTES, BodyError, read_object
from omote.studio.page.server import PageServer
from omote.studio.page.streams import CAMERA_HEADER, CAMERA_MAGIC, MAX_CAMERA_WIDTH

Draw = Callable[[int], Portrait]
PATIENCE_S = 30.0
EVIL = "http://evil.example"


class Camera:
    """A source that sees what it is given, and never ends."""

    name, dropped = "camera", 0

    def __init__(self) -> None:
        self.sight: TrackedPicture | None = None

    def __enter__(self) -> Camera:
        return self

    def __exit__(self, *error: object) -> None: ...

    def read(self, timeout_s: float) -> Signal | None:
        return None


@pytest.fixture
def camera() -> Camera:
    return Camera()


@pytest.fixture
def desk(camera: Camera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudioSession:
    """A desk whose loop stands still."""
    for name in ("OMOTE_ACTORS", "OMOTE_CHARACTERS"):
        monkeypatch.setenv(name, str(tmp_path / name))
    desk = StudioSession("demo", SettingsStore())
    desk.bind(LiveLoop(camera, FlatRenderer(), load_character("hana"), Actor(), studio_light(), []))
    return desk


@pytest.fixture
def server(desk: StudioSession) -> Iterator[PageServer]:
    with PageServer(port=0, desk=desk) as page:
        yield page


@pytest.fixture
def api(server: PageServer) -> Iterator[httpx.Client]:
    """A script with the token, as a Stream Deck's: it sends no Origin."""
    token = {"Authorization": f"Bearer {server.tokens.control}"}
    with httpx.Client(base_url=base(server), headers=token, timeout=PATIENCE_S, trust_env=False) as client:
        yield client


def base(server: PageServer) -> str:
    return f"http://127.0.0.1:{server.port}"


def stranger(server: PageServer, token: str = "", **headers: str) -> httpx.Client:
    query = {"token": token} if token else {}
    return httpx.Client(base_url=base(server), params=query, headers=headers, timeout=PATIENCE_S, trust_env=False)


@contextmanager
def listening(server: PageServer, path: str = "/events") -> Iterator[ClientConnection]:
    address = f"ws://127.0.0.1:{server.port}{path}?token={server.tokens.control}"
    with connect(address, origin=Origin(base(server)), proxy=None) as client:
        yield client


def next_of(client: ClientConnection, type: str) -> dict[str, Any]:
    """The next message of this type."""
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        said: dict[str, Any] = json.loads(client.recv(timeout=PATIENCE_S))
        if said["type"] == type:
            return said
    pytest.fail(f"no {type} came")


def state_with(client: ClientConnection, is_such: Callable[[dict[str, Any]], bool]) -> None:
    while not is_such(next_of(client, "state")["state"]):
        pass


# Who is let in.

PATHS = ("/", "/api/state", "/api/status", "/api/trigger/smile", "/nothing")


@pytest.mark.parametrize("path", PATHS)
def test_without_the_token_nothing_is_told_or_done(server: PageServer, desk: StudioSession, path: str) -> None:
    for token in ("", "x" * 32, server.tokens.view, server.tokens.control[:-1]):
        with stranger(server, token) as client:
            answer = client.get(path)
            assert answer.status_code == 403
            assert "omote live" in answer.text
            assert server.tokens.control not in answer.text
            assert client.post(path).status_code == 403
    assert desk.switchboard.on == ()


@pytest.mark.parametrize("path", ["/events", "/camera", "/pictures"])
def test_no_socket_opens_without_the_token(server: PageServer, path: str) -> None:
    tokens = ["", "x" * 32, *([] if path == "/pictures" else [server.tokens.view])]
    for token in tokens:
        address = f"ws://127.0.0.1:{server.port}{path}?token={token}"
        with pytest.raises(InvalidStatus) as refused, connect(address, origin=Origin(base(server)), proxy=None):
            pass
        assert refused.value.response.status_code == 403


def test_a_socket_that_is_refused_again_and_again_fills_no_log(
    desk: StudioSession, caplog: pytest.LogCaptureFixture
) -> None:
    with PageServer(port=0, desk=desk) as server:  # as a scene of OBS with an old address asks, twice a second
        with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{server.port}/pictures?token=old", proxy=None):
            pass
        with stranger(server, server.tokens.control) as client:
            assert client.get("/api/status").status_code == 200  # what was logged of the refusal is logged by now
    assert [record.getMessage() for record in caplog.records if not record.name.startswith("http")] == []


def test_the_view_token_opens_the_clean_page_and_its_pictures_alone(server: PageServer, draw: Draw) -> None:
    with stranger(server, server.tokens.view) as client:
        assert client.get("/clean").status_code == 200
        assert client.get("/").status_code == 403
    address = f"ws://127.0.0.1:{server.port}/pictures?token={server.tokens.view}"
    with connect(address, proxy=None) as client:  # a program has no Origin
        server.offer(draw(0))
        client.send("next")
        assert client.recv(timeout=PATIENCE_S)
        assert server.viewers == {"control": 0, "view": 1}


@pytest.mark.parametrize("headers", [{"Origin": EVIL}, {"Origin": "null"}, {"Host": "evil.example"}])
def test_another_sites_script_is_refused_even_with_the_token(
    server: PageServer, desk: StudioSession, headers: dict[str, str]
) -> None:
    with stranger(server, server.tokens.control, **headers) as client:
        for method in ("GET", "POST", "OPTIONS", "DELETE"):
            answer = client.request(method, "/api/trigger/smile")
            assert answer.status_code == 403
            assert "access-control-allow-origin" not in answer.headers
    assert desk.switchboard.on == ()


@pytest.mark.parametrize(("port", "status"), [(80, 200), (81, 403)])
def test_the_usual_port_is_left_out_as_browsers_do(port: int, status: int) -> None:
    tokens = Tokens.random()
    app = AccessControl(PlainTextResponse("in"), port, tokens, Tickets())

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return await client.get(f"http://127.0.0.1/?token={tokens.control}", headers={"Origin": "http://127.0.0.1"})

    assert asyncio.run(ask()).status_code == status


def test_a_ticket_leads_to_the_page_one_time(server: PageServer) -> None:
    address = server.url_for_once()
    assert server.tokens.control not in address
    with httpx.Client(trust_env=False) as browser:
        assert browser.head(address).status_code == 403  # nothing but a look opens it
        answer = browser.get(address)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/?token={server.tokens.control}")
        assert browser.get(address, follow_redirects=True).status_code == 403
        assert browser.get(server.url_for_once(), follow_redirects=True).status_code == 200
        other = server.url_for_once()
        assert browser.get(other, headers={"Origin": "http://evil.example"}).status_code == 403
        assert browser.get(other.replace("/?", "/api/state?")).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])  # the second is another port of this machine
@pytest.mark.parametrize("mode", ["no-cors", "navigate"])
def test_what_another_site_loads_as_a_picture_or_follows_presses_nothing_even_with_the_token(
    server: PageServer, desk: StudioSession, site: str, mode: str
) -> None:
    said = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": "document"}
    with stranger(server, server.tokens.control, **said) as visitor:
        assert visitor.get("/api/trigger/laugh").status_code == 403
        assert visitor.get("/").status_code == (200 if mode == "navigate" else 403)  # a link to the page is a link
    assert desk.switchboard.on == ()
    with stranger(server, server.tokens.control, **{"Sec-Fetch-Site": "none"}) as typed:
        assert typed.get("/api/trigger/laugh").json()["is_on"] is True


def test_what_a_stranger_said_is_not_put_into_a_page(server: PageServer) -> None:
    with stranger(server, "<script>alert(1)</script>") as client:
        answer = client.get("/<script>alert(1)</script>")
    assert answer.status_code == 403
    assert "alert" not in answer.text


def test_a_token_said_twice_is_no_token(server: PageServer) -> None:
    with stranger(server) as client:
        assert client.get(f"/api/state?token=x&token={server.tokens.control}").status_code == 403


def test_every_answer_forbids_foreign_scripts_and_tells_no_referrer(server: PageServer, api: httpx.Client) -> None:
    with stranger(server) as nobody:
        for answer in (api.get("/"), api.get("/api/state"), api.get("/api/nothing"), nobody.get("/"), nobody.get("/x")):
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
            assert "unsafe" not in policy
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_token_is_in_no_log(server: PageServer, api: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)  # of all loggers that do not say otherwise themselves
    with listening(server) as client:
        next_of(client, "state")
    with stranger(server, server.tokens.control, Origin=EVIL) as client:
        client.get("/")
    logged = " ".join(record.getMessage() for record in caplog.records if not record.name.startswith("http"))
    assert server.tokens.control not in logged


# What is asked.


def test_all_that_the_page_shows_is_in_the_state(api: httpx.Client) -> None:
    state = api.get("/api/state").json()
    assert (state["character"], state["source"]) == ("hana", {"name": "camera", "kind": "demo", "has_picture": True})
    assert [one["kind"] for one in state["sources"]][:2] == ["demo", "webcam"]
    told = {name: f"{ms:.0f}" for name, ms in state["delays_ms"].items()}  # as the page rounds them
    assert told == {name: f"{smoothing_delay_ms(name, 1.0):.0f}" for name in SMOOTHED}
    assert state["expressions"] == list(EXPRESSION_NAMES)
    assert state["light"]["mode"] == "game"
    assert {"hana", "noah"} < {one["name"] for one in state["characters"]}
    assert state["clean_url"].endswith(f"token={state['clean_url'].rpartition('=')[2]}")
    assert (state["calibration"], state["recording"], state["jobs"], state["notice"]) == (None, None, [], "")


def test_what_is_asked_is_done(api: httpx.Client, desk: StudioSession) -> None:
    scene = desk.running().scene
    for path, body in {
        "tuning": {"head": 0.5},
        "light": {"mode": "preset", "preset": "night"},
        "character": {"name": "noah"},
        "actor": {"name": "mika"},
        "expression": {"name": "smile", "hold": None},
        "hotkeys": {"hotkeys": [{"id": "wave", "expression": "laugh"}]},
        "calibration": {"do": "start"},
    }.items():
        answer = api.post(f"/api/{path}", json=body)
        assert (answer.status_code, answer.json()) == (200, {"error": ""}), path
    state = api.get("/api/state").json()
    assert (state["tuning"]["head"], state["light"]["preset"], state["character"]) == (0.5, "night", "noah")
    assert (state["actor"]["name"], state["calibration"]["state"]) == ("mika", "ready")
    assert [one["id"] for one in state["hotkeys"]] == ["wave"]
    assert scene.character.name == "noah"
    assert api.post("/api/tuning/reset").json() == {"error": ""}
    assert desk.keeper.settings.tuning.head == 1.0


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("source", {"source": "/etc/passwd"}, 400, "there are demo, webcam"),
        ("source", {}, 400, "there are demo, webcam"),
        ("character", {"name": "../hana"}, 409, "../hana"),
        ("character", {"name": 7}, 400, "must be a text"),
        ("tuning", {"nose": 1}, 400, 'nothing is called "nose"'),
        ("tuning", {"head": 1e9}, 400, "from 0 to 3"),
        ("light", {"mode": "disco"}, 400, "there are studio"),
        ("expression", {"name": "smiel"}, 400, 'did you mean "smile"?'),
        ("expression", {"name": "smile", "layer": "x" * 200}, 400, "at most 128 letters"),
        ("hotkeys", {}, 400, "a list of at most"),
        ("trigger/none", {}, 400, "no hotkey is called"),
        ("trigger/smile", {"phase": "double"}, 400, "there are press, down, up"),
        ("actor", {"name": ""}, 409, ""),
        ("recalibrate", {}, 409, "no face was seen"),
        ("calibration", {"do": "begin"}, 409, "no calibration is under way"),
        ("calibration", {"do": "dance"}, 400, "did you mean"),
        ("recording", {"on": 1}, 400, "true or false"),
        ("characters/photo?name=x", {}, 409, "tick that the person in the photo agrees"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    api: httpx.Client, path: str, body: dict[str, object], status: int, said: str
) -> None:
    answer = api.post(f"/api/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]
    assert answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"x"',
        b'{"head": NaN}',
        b'{"head": 1e999}',
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b"\xff",
        b"{" + b" " * MAX_JSON_BYTES,
    ],
)
def test_a_body_that_is_none_is_refused(api: httpx.Client, body: bytes) -> None:
    answer = api.post("/api/tuning", content=body)
    assert answer.status_code in (400, 413)
    assert "body" in answer.json()["error"]


@pytest.mark.parametrize("path", ["tuning", "light", "hotkeys", "calibration", "actor", "expression"])
@pytest.mark.parametrize(
    "body", [b'{"\\ud800": 1}', b'{"name": "\\ud800", "seed": 1}', b'{"' + b"a" * 60_000 + b'": 1}']
)
def test_a_text_that_no_answer_can_repeat_is_refused_with_a_sentence_all_the_same(
    api: httpx.Client, path: str, body: bytes
) -> None:
    answer = api.post(f"/api/{path}", content=body)
    assert answer.status_code in (400, 409)
    assert 0 < len(answer.json()["error"]) < 1000


def test_a_file_with_a_name_that_is_no_text_does_not_hide_the_state(api: httpx.Client, desk: StudioSession) -> None:
    desk.clean_url = "a file called \udcff"  # so Linux gives bytes that are no UTF-8
    assert api.get("/api/state").json()["clean_url"] == desk.clean_url


def test_a_body_without_an_end_is_cut_off(api: httpx.Client, server: PageServer) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(2 * MAX_JSON_BYTES // 1024):
            yield b" " * 1024

    assert api.post("/api/tuning", content=endless()).status_code == 413
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as raw:
        request = (
            f"POST /api/characters/photo?token={server.tokens.control} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        )
        raw.sendall(f"{request}Content-Length: {MAX_PHOTO_BYTES + 1}\r\n\r\n".encode())
        assert raw.recv(64).startswith(b"HTTP/1.1 413")


def test_a_body_that_breaks_off_is_no_failure_of_ours() -> None:
    told: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return told.pop(0)

    with pytest.raises(BodyError, match="broke off"):
        asyncio.run(read_object(Request({"type": "http", "headers": []}, receive)))


def test_other_methods_are_refused(api: httpx.Client) -> None:
    for path in ("/api/light", "/api/source", "/api/hotkeys"):
        answer = api.get(path)
        assert answer.status_code == 405
        assert "POST" in answer.headers["allow"]
        assert path in answer.json()["error"]
    assert "nothing at /api/nothing" in api.get("/api/nothing").json()["error"]


def test_a_button_triggers_a_hotkey_by_an_address_alone(server: PageServer, desk: StudioSession) -> None:
    with stranger(server, server.tokens.control) as button:
        assert button.get("/api/trigger/laugh").json() == {"error": "", "is_on": True}
        assert [one.id for one in desk.switchboard.on] == ["laugh"]
        assert button.get("/api/trigger/laugh").json() == {"error": "", "is_on": False}
        assert button.get("/api/trigger/laugh", params={"phase": "down"}).json()["is_on"] is True


def test_a_camera_that_cannot_be_opened_is_told_to_who_clicked(
    api: httpx.Client, desk: StudioSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(kind: str) -> None:
        raise SourceError("camera 0 is in use by another program: close it and click again")

    monkeypatch.setattr(desk.switch, "use", refuse)
    answer = api.post("/api/source", json={"source": "webcam"})
    assert answer.status_code == 409
    assert answer.json()["error"].startswith("camera 0 is in use")


def test_a_character_without_a_picture_has_none_yet(api: httpx.Client) -> None:
    answer = api.get("/api/characters/nobody/thumbnail")
    assert answer.status_code == 404
    assert answer.json()["error"]
    assert api.delete("/api/characters/hana").status_code == 409


def test_server_ends_while_a_camera_is_still_being_opened(desk: StudioSession, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, may_go_on = threading.Event(), threading.Event()

    def open_for_ever(kind: str) -> None:
        asked.set()
        may_go_on.wait()

    monkeypatch.setattr(desk.switch, "use", open_for_ever)
    with PageServer(port=0, desk=desk) as server:
        raw = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)
        body = b'{"source": "webcam"}'
        request = f"POST /api/source?token={server.tokens.control} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        raw.sendall(f"{request}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert asked.wait(PATIENCE_S)
    may_go_on.set()  # only now, after the server has ended
    raw.close()


# What is told.


def test_the_state_comes_at_once_and_after_each_change(server: PageServer, api: httpx.Client) -> None:
    with listening(server) as client:
        assert next_of(client, "state")["state"]["tuning"]["mirror"] is False
        api.post("/api/tuning", json={"mirror": True})
        state_with(client, lambda state: state["tuning"]["mirror"] is True)


def test_of_many_changes_the_last_is_told_and_few_of_the_others(server: PageServer, desk: StudioSession) -> None:
    with listening(server) as client:
        next_of(client, "state")
        for step in range(200):
            desk.tune({"head": step / 100})
        count = 0
        while next_of(client, "state")["state"]["tuning"]["head"] != 1.99:
            count += 1
        assert count < 100


def test_recognised_expressions_are_told_in_their_order(server: PageServer, desk: StudioSession, draw: Draw) -> None:
    with listening(server) as client:
        next_of(client, "state")
        for index in range(300):
            desk.offer(replace(draw(index), recognised=("smile",) if index % 2 == 0 else ()))
        heard = [next_of(client, "recognised") for _ in range(300)]
    assert [one["is_on"] for one in heard] == [True, False] * 150
    assert {one["name"] for one in heard} == {"smile"}


def test_numbers_are_told_to_who_listens(server: PageServer) -> None:
    from tests.studio.test_page import STATUS

    with listening(server) as client:
        server.show(STATUS)
        told = next_of(client, "status")
    assert (told["character"], told["receivers"], told["confidence"]) == ("<b>Aki</b>", [], 0.0)


def test_faces_are_told_only_while_somebody_wants_them(server: PageServer, draw: Draw) -> None:
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


def test_a_listener_that_says_something_else_is_sent_away(server: PageServer) -> None:
    for word in ("face", "x" * 2000, b"face on"):
        with listening(server) as client, pytest.raises(ConnectionClosed):
            client.send(word)
            while True:
                client.recv(timeout=PATIENCE_S)


def test_a_listener_that_does_not_read_holds_nobody_up(server: PageServer, desk: StudioSession, draw: Draw) -> None:
    with listening(server) as deaf, listening(server) as client:
        next_of(client, "state")
        for index in range(3000):
            desk.offer(replace(draw(0), recognised=("smile",) if index % 2 == 0 else ()))
            desk.tune({"head": index / 1000})
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
            client.recv(timeout=0.2)  # it waits for the first
        camera.sight = TrackedPicture(picture, points, captured_ns=time.perf_counter_ns(), confidence=0.5, others=2)
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


def test_no_picture_of_the_camera_goes_out_unasked(server: PageServer, camera: Camera) -> None:
    camera.sight = TrackedPicture(np.zeros((4, 4, 3), np.uint8), np.zeros((0, 2), np.float32), 0)
    with listening(server, "/camera") as client, pytest.raises(TimeoutError):
        client.recv(timeout=0.3)
