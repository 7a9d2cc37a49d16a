"""Programs that ask the user, and what they may do then."""

from __future__ import annotations

import importlib.util
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from omote.bridge import arkit
from omote.engine.face.expressions import Expression
from omote.studio.app.apps import APPS_FILE, MOST_PENDING, AppError, AppRegistry, read_request
from omote.studio.app.session import StudioSession
from omote.studio.page.apps import MOST_A_SECOND
from omote.studio.page.server import PageServer

PATIENCE_S = 30.0
ALL = ["expressions", "hotkeys", "characters", "scenes", "items", "events"]
EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "chat_items.py"


@contextmanager
def app(server: PageServer) -> Iterator[ClientConnection]:
    with connect(f"ws://127.0.0.1:{server.port}/apps", proxy=None) as client:
        yield client


def say(client: ClientConnection, **message: object) -> dict[str, Any]:
    client.send(json.dumps(message))
    return heard(client)


def heard(client: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(client.recv(timeout=PATIENCE_S))
    return message


def allow(api: httpx.Client, grants: list[str]) -> None:
    (question,) = api.get("/api/state").json()["apps"]["pending"]
    answer = api.post("/api/apps/answer", json={"id": question["id"], "grants": grants})
    assert answer.status_code == 200, answer.text


def admitted(client: ClientConnection, api: httpx.Client, grants: list[str]) -> str:
    """The token of a program that the user allows now."""
    assert say(client, app="Bot", developer="me", wants=ALL) == {"type": "asking"}
    allow(api, grants)
    welcome = heard(client)
    assert (welcome["type"], welcome["grants"]) == ("welcome", grants)
    return str(welcome["token"])


def test_a_program_is_let_in_by_the_user_and_then_by_its_token(server: PageServer, api: httpx.Client) -> None:
    with app(server) as client:
        token = admitted(client, api, ["items", "events"])
        (kept,) = api.get("/api/state").json()["apps"]["allowed"]
        assert kept == {"name": "Bot", "developer": "me", "grants": ["items", "events"], "is_connected": True}
        assert token not in api.get("/api/state").text
    with app(server) as again:
        assert say(again, app="Bot", wants=ALL, token=token)["grants"] == ["items", "events"]
        assert api.post("/api/apps/revoke", json={"name": "Bot"}).status_code == 200
        with pytest.raises(ConnectionClosed):
            again.recv(timeout=PATIENCE_S)
    with app(server) as third:
        assert say(third, app="Bot", wants=ALL, token=token) == {"type": "asking"}
        allow(api, [])
        assert heard(third) == {"type": "denied"}
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{server.port}/apps", origin=Origin("https://evil.example"), proxy=None)


def test_requests_do_what_was_granted_and_nothing_else(
    server: PageServer, api: httpx.Client, studio: StudioSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[tuple[Expression, str]] = []
    monkeypatch.setattr(studio, "express", lambda expression, layer: shown.append((expression, layer)))
    thrown: list[tuple[str, int]] = []
    monkeypatch.setattr(studio, "throw", lambda picture, count: thrown.append((picture, count)))
    studio.add_item("hat")
    with app(server) as client:
        admitted(client, api, ["expressions", "hotkeys", "characters", "items"])
        names = say(client, id=1, do="list")["result"]
        assert "smile" in names["expressions"]
        assert (names["items"], "tomato" in names["pictures"]) == (["hat"], True)
        for request in (
            {"do": "expression", "name": "smile", "hold": None},
            {"do": "throw", "picture": "tomato", "count": 3},
            {"do": "item", "name": "hat", "is_shown": False},
            {"do": "character", "name": "noah"},
        ):
            assert say(client, id="a", **request) == {"type": "reply", "id": "a", "result": {}}
        assert say(client, id=2, do="hotkey", name="laugh")["result"] == {"is_on": True}
        assert (shown[0][1], thrown, studio.items.items[0].is_shown) == ("app Bot", [("tomato", 3)], False)
        assert studio.character_name() == "noah"
        for request, said in (
            ({"do": "scene", "name": "x"}, 'needs the permission "scenes"'),
            ({"do": "dance"}, "there are list"),
            ({"do": "expression", "name": "smiel"}, 'did you mean "smile"?'),
            ({"do": "throw", "picture": "tomato", "count": 99}, "from 1 to 12"),
            ({"do": "item", "name": "sock", "is_shown": True}, "there is no item"),
        ):
            assert said in say(client, id=3, **request)["error"], request
        for invalid, said in (
            ("[1]", "a message must be a JSON object, got list"),
            (b"{}", "a message must be text, not bytes"),
        ):
            client.send(invalid)
            assert heard(client) == {"type": "reply", "id": None, "error": said}


def test_an_expression_may_have_all_weights(server: PageServer, api: httpx.Client) -> None:
    with app(server) as client:
        admitted(client, api, ["expressions"])
        weights = dict.fromkeys(arkit.NAMES, 0.123456789012345)
        assert say(client, id=1, do="expression", weights=weights) == {"type": "reply", "id": 1, "result": {}}


def test_a_flood_of_requests_is_refused_and_the_program_stays(server: PageServer, api: httpx.Client) -> None:
    with app(server) as client:
        admitted(client, api, ["items"])
        for number in range(3 * MOST_A_SECOND):
            client.send(json.dumps({"id": number, "do": "scene", "name": "x"}))
        errors = [heard(client)["error"] for _ in range(3 * MOST_A_SECOND)]
        assert any("requests a second" in one for one in errors)
        assert not all("requests a second" in one for one in errors)


def test_a_program_hears_what_happens(server: PageServer, api: httpx.Client, studio: StudioSession) -> None:
    with app(server) as client:
        admitted(client, api, ["events"])
        assert api.post("/api/trigger/laugh", json={}).json()["is_on"]
        assert heard(client) == {"type": "event", "event": "hotkey", "name": "laugh", "is_on": True}
        studio.recognised = ("smile",)
        assert heard(client) == {"type": "event", "event": "expression", "name": "smile", "is_on": True}
        studio.recognised = ()
        assert heard(client) == {"type": "event", "event": "expression", "name": "smile", "is_on": False}
        api.post("/api/character", json={"name": "noah"})
        assert heard(client) == {"type": "event", "event": "character", "name": "noah"}


@pytest.mark.parametrize(
    ("hello", "said"),
    [
        ("{", "it is not JSON"),
        (b"{}", "must be text, not bytes"),
        ("[]", "must be a JSON object"),
        ('{"app": "", "wants": ["items"]}', '"app" must be a text'),
        ('{"app": "x", "wants": []}', '"wants" must be a list of some of expressions'),
        ('{"app": "x", "wants": ["root"]}', '"wants" must be a list'),
        ('{"app": "x", "wants": ["items"], "developer": 7}', '"developer" must be a text'),
    ],
)
def test_an_invalid_first_message_ends_the_connection(server: PageServer, hello: str | bytes, said: str) -> None:
    with app(server) as client:
        client.send(hello)
        answer = heard(client)
        assert answer["type"] == "error"
        assert said in answer["error"]
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=PATIENCE_S)


def test_a_program_that_leaves_takes_its_question_with_it(server: PageServer, api: httpx.Client) -> None:
    with app(server) as client:
        assert say(client, app="Bot", wants=ALL) == {"type": "asking"}
    for _ in range(200):
        if not api.get("/api/state").json()["apps"]["pending"]:
            return
    pytest.fail("the question is still open")


def test_allowed_programs_are_kept_privately_and_a_damaged_file_lets_nobody_in(tmp_path: Path) -> None:
    registry = AppRegistry(tmp_path, lambda: None)
    ids = [registry.ask({"app": f"Bot {at}", "wants": ["items"]}) for at in range(MOST_PENDING)]
    with pytest.raises(AppError, match="too many programs ask"):
        registry.ask({"app": "one more", "wants": ["items"]})
    registry.answer(ids[0], ["items"])
    answer = registry.answered(ids[0])
    assert answer is not None
    with pytest.raises(AppError, match="no longer asks"):
        registry.answer(ids[0], ["items"])
    with pytest.raises(AppError, match='"grants" must be some of items'):
        registry.answer(ids[1], ["characters"])
    path = tmp_path / APPS_FILE
    assert answer.token not in path.read_text("utf-8")
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0
    again = AppRegistry(tmp_path, lambda: None)
    assert again.grants_of("Bot 0", answer.token) == ("items",)
    assert again.grants_of("Bot 1", answer.token) is None
    assert again.grants_of("Bot 0", "") is None
    path.write_text('[{"name": "Bot 0", "grants": ["items"], "token_sha256": 7}]')
    assert AppRegistry(tmp_path, lambda: None).allowed == ()
    assert read_request({"app": "a\nb", "wants": ["items"]}).name == "a?b"


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("chat_items", EXAMPLE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_client_plays_what_a_chat_says(
    server: PageServer, api: httpx.Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chat, address, file = example(), f"ws://127.0.0.1:{server.port}/apps", tmp_path / "token"
    with app(server) as client:
        assert say(client, app=chat.APP, wants=chat.WANTS) == {"type": "asking"}
        allow(api, chat.WANTS)
        file.write_text(heard(client)["token"])
    with connect(address, proxy=None) as client:
        chat.introduce(client, file)
        chat.play(client, io.StringIO("hello\n!smile\n!throw tomato\n!throw brick\n"))
    done = capsys.readouterr().out.splitlines()
    assert done[:2] == ["done: !smile", "done: !throw tomato"]
    assert 'there is no picture "brick"' in done[2]
