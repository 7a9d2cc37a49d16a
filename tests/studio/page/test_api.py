"""The page's HTTP API."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from omote.engine.capture.source import SourceError
from omote.engine.face.expressions import EXPRESSION_NAMES
from omote.engine.face.stabilizer import smoothing_delay_ms
from omote.engine.face.tuning import SMOOTHED
from omote.studio.app.characters import MAX_PICTURE_BYTES, MAX_TERMS_BYTES
from omote.studio.app.session import StudioSession
from omote.studio.page.api import MAX_JSON_BYTES, BodyError, read_object
from omote.studio.page.server import PageServer
from tests.studio.clients import PATIENCE_S, stranger
from tests.training.vrm_models import squares


def test_all_that_the_page_shows_is_in_the_state(api: httpx.Client) -> None:
    state = api.get("/api/state").json()
    source = {"name": "camera", "kind": "demo", "has_picture": True, "camera": None, "ports": []}
    assert (state["character"], state["source"]) == ("hana", source)
    assert [one["kind"] for one in state["sources"]][:2] == ["demo", "webcam"]
    told = {name: f"{ms:.0f}" for name, ms in state["delays_ms"].items()}  # as the page rounds them
    assert told == {name: f"{smoothing_delay_ms(name, 1.0):.0f}" for name in SMOOTHED}
    assert state["expressions"] == list(EXPRESSION_NAMES)
    assert state["light"]["mode"] == "game"
    assert {"hana", "noah"} < {one["name"] for one in state["characters"]}
    assert state["clean_url"].endswith(f"token={state['clean_url'].rpartition('=')[2]}")
    assert (state["calibration"], state["recording"], state["jobs"], state["notice"]) == (None, None, [], "")


def test_requests_change_the_session(api: httpx.Client, studio: StudioSession) -> None:
    scene = studio.running().session
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
    for path in ("pause", "hide", "label"):
        assert api.post(f"/api/{path}", json={"on": True}).json() == {"error": ""}
    assert api.post("/api/clear").json() == {"error": ""}
    state = api.get("/api/state").json()
    assert (state["is_paused"], state["is_hidden"], scene.is_paused, scene.is_hidden) == (True,) * 4
    assert (state["is_labelled"], scene.is_labelled) == (True, True)
    assert (state["tuning"]["head"], state["light"]["preset"], state["character"]) == (0.5, "night", "noah")
    assert (state["actor"]["name"], state["calibration"]["state"]) == ("mika", "ready")
    assert [one["id"] for one in state["hotkeys"]] == ["wave"]
    assert scene.character.name == "noah"
    assert api.post("/api/tuning/reset").json() == {"error": ""}
    assert studio.store.settings.tuning.head == 1.0


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("source", {"source": "/etc/passwd"}, 400, "there are demo, webcam"),
        ("source", {}, 400, "there are demo, webcam"),
        ("source/camera", {"camera": 100}, 400, "from 0 to 99"),
        ("source/camera", {"camera": 87, "width": 8}, 400, "from 16 to 7680"),
        ("source/phone", {"source": "webcam"}, 400, "there are livelink"),
        ("source/phone", {"source": "vtubestudio"}, 409, "the address of the phone is missing"),
        ("source/phone", {"source": "ifacialmocap", "phone": "../x"}, 409, "is no phone's address"),
        ("source/file?name=x.exe", {}, 400, "the name of a video or a take"),
        ("source/file?name=x.csv", {}, 409, ""),
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
        ("pause", {}, 400, "true or false"),
        ("hide", {"on": "yes"}, 400, "true or false"),
        ("characters/photo?name=x", {}, 409, "tick that the person in the photo agrees"),
    ],
)
def test_invalid_requests_are_refused_with_a_sentence(
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
def test_an_invalid_body_is_refused(api: httpx.Client, body: bytes) -> None:
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


def test_a_file_with_a_name_that_is_no_text_does_not_hide_the_state(api: httpx.Client, studio: StudioSession) -> None:
    studio.clean_url = "a file called \udcff"  # so Linux gives bytes that are no UTF-8
    assert api.get("/api/state").json()["clean_url"] == studio.clean_url


def test_a_body_without_an_end_is_cut_off(api: httpx.Client, server: PageServer) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(2 * MAX_JSON_BYTES // 1024):
            yield b" " * 1024

    assert api.post("/api/tuning", content=endless()).status_code == 413
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as raw:
        request = (
            f"POST /api/characters/photo?token={server.tokens.control} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        )
        raw.sendall(f"{request}Content-Length: {MAX_PICTURE_BYTES + 1}\r\n\r\n".encode())
        assert raw.recv(64).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("version", [0, 1])
def test_the_terms_of_a_model_are_read_and_nothing_is_kept(api: httpx.Client, version: int) -> None:
    answer = api.post("/api/characters/terms", content=squares(version).written())
    assert answer.status_code == 200
    found = answer.json()
    assert (found["error"], found["title"], found["author"]) == ("", "Test", "Nobody")
    assert found["terms"]["commercial"] == ("corporation" if version else "Allow")
    assert api.get("/api/state").json()["jobs"] == []


def test_terms_of_anything_else_are_refused_with_a_sentence(api: httpx.Client) -> None:
    for data in (b"", b"MZ" * 99, squares().written()[:99]):
        answer = api.post("/api/characters/terms", content=data)
        assert answer.status_code == 409
        assert answer.json()["error"].startswith("the model cannot be used: it ")
    assert api.post("/api/characters/terms", content=bytes(MAX_TERMS_BYTES + 1)).status_code == 413


def test_a_body_that_breaks_off_is_no_failure_of_ours() -> None:
    told: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> Message:
        return told.pop(0)

    with pytest.raises(BodyError, match="ended before its body was complete"):
        asyncio.run(read_object(Request({"type": "http", "headers": []}, receive)))


def test_other_methods_are_refused(api: httpx.Client) -> None:
    for path in ("/api/light", "/api/source", "/api/hotkeys"):
        answer = api.get(path)
        assert answer.status_code == 405
        assert "POST" in answer.headers["allow"]
        assert path in answer.json()["error"]
    assert "nothing at /api/nothing" in api.get("/api/nothing").json()["error"]


def test_a_button_triggers_a_hotkey_by_an_address_alone(server: PageServer, studio: StudioSession) -> None:
    with stranger(server, server.tokens.control) as button:
        assert button.get("/api/trigger/laugh").json() == {"error": "", "is_on": True}
        assert [one.id for one in studio.hotkeys.active] == ["laugh"]
        assert button.get("/api/trigger/laugh").json() == {"error": "", "is_on": False}
        assert button.get("/api/trigger/laugh", params={"phase": "down"}).json()["is_on"] is True


def test_an_error_of_a_camera_is_the_response(
    api: httpx.Client, studio: StudioSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(kind: str) -> None:
        raise SourceError("camera 0 is in use by another program: close it and click again")

    monkeypatch.setattr(studio.switch, "use", refuse)
    answer = api.post("/api/source", json={"source": "webcam"})
    assert answer.status_code == 409
    assert answer.json()["error"].startswith("camera 0 is in use")


def test_a_character_without_a_picture_has_none_yet(api: httpx.Client) -> None:
    answer = api.get("/api/characters/nobody/thumbnail")
    assert answer.status_code == 404
    assert answer.json()["error"]
    assert api.delete("/api/characters/hana").status_code == 409


def test_server_ends_while_a_camera_is_still_being_opened(
    studio: StudioSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, may_go_on = threading.Event(), threading.Event()

    def open_for_ever(kind: str) -> None:
        asked.set()
        may_go_on.wait()

    monkeypatch.setattr(studio.switch, "use", open_for_ever)
    with PageServer(port=0, studio=studio) as server:
        raw = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)
        body = b'{"source": "webcam"}'
        request = f"POST /api/source?token={server.tokens.control} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        raw.sendall(f"{request}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert asked.wait(PATIENCE_S)
    may_go_on.set()  # only now, after the server has ended
    raw.close()
