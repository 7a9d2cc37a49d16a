"""Access to the page: tokens, tickets, Host, Origin and Sec-Fetch-Site."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import stat
import sys
from pathlib import Path

import httpx
import pytest
from starlette.responses import PlainTextResponse
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from omote.studio.app.session import StudioSession
from omote.studio.page.access import (
    SHARED_PATHS,
    TOKENS_FILE,
    AccessControl,
    Tickets,
    Tokens,
    load_tokens,
    renew_tokens,
)
from omote.studio.page.server import PageServer
from tests.studio.clients import PATIENCE_S, Draw, base, listening, next_of, stranger

EVIL = "http://evil.example"

PATHS = ("/", "/api/state", "/api/status", "/api/trigger/smile", "/nothing")


@pytest.mark.parametrize("path", PATHS)
def test_a_request_without_the_token_is_refused(server: PageServer, studio: StudioSession, path: str) -> None:
    for token in ("", "x" * 32, server.tokens.view, server.tokens.control[:-1]):
        with stranger(server, token) as client:
            answer = client.get(path)
            assert answer.status_code == 403
            assert "omote live" in answer.text
            assert server.tokens.control not in answer.text
            assert client.post(path).status_code == 403
    assert studio.hotkeys.active == ()


@pytest.mark.parametrize("path", ["/events", "/camera", "/pictures", "/faces"])
def test_no_socket_opens_without_the_token(server: PageServer, path: str) -> None:
    tokens = ["", "x" * 32, *([] if path in SHARED_PATHS else [server.tokens.view])]
    for token in tokens:
        address = f"ws://127.0.0.1:{server.port}{path}?token={token}"
        with pytest.raises(InvalidStatus) as refused, connect(address, origin=Origin(base(server)), proxy=None):
            pass
        assert refused.value.response.status_code == 403


def test_a_socket_that_is_refused_again_and_again_fills_no_log(
    studio: StudioSession, caplog: pytest.LogCaptureFixture
) -> None:
    with PageServer(port=0, studio=studio) as server:  # as a scene of OBS with an old address asks, twice a second
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


@pytest.mark.parametrize(
    "headers", [{"Origin": EVIL}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:1"}, {"Host": "evil.example"}]
)
def test_another_sites_script_is_refused_even_with_the_token(
    server: PageServer, studio: StudioSession, headers: dict[str, str]
) -> None:
    with stranger(server, server.tokens.control, **headers) as client:
        for method in ("GET", "POST", "OPTIONS", "DELETE"):
            answer = client.request(method, "/api/trigger/smile")
            assert answer.status_code == 403
            assert "access-control-allow-origin" not in answer.headers
    assert studio.hotkeys.active == ()


def test_an_allowed_origin_opens_pictures_and_faces_with_a_token_and_nothing_else(draw: Draw) -> None:
    friend = "http://127.0.0.1:8080"
    with PageServer(port=0, origins=(friend,)) as server:
        server.offer(draw(0))
        for path in ("/pictures", "/faces", "/events", "/camera"):
            for token in (server.tokens.view, server.tokens.control, ""):
                for origin in (friend, EVIL):
                    address = f"ws://127.0.0.1:{server.port}{path}?token={token}"
                    if path in SHARED_PATHS and token and origin == friend:
                        with connect(address, origin=Origin(origin), proxy=None) as client:
                            client.send("next")
                            assert client.recv(timeout=PATIENCE_S)
                    else:
                        with pytest.raises(InvalidStatus), connect(address, origin=Origin(origin), proxy=None):
                            pass
        with stranger(server, server.tokens.control, Origin=friend) as client:
            assert client.get("/api/state").status_code == client.get("/").status_code == 403


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
    server: PageServer, studio: StudioSession, site: str, mode: str
) -> None:
    said = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": "document"}
    with stranger(server, server.tokens.control, **said) as visitor:
        assert visitor.get("/api/trigger/laugh").status_code == 403
        assert visitor.get("/").status_code == (200 if mode == "navigate" else 403)  # a link to the page is a link
    assert studio.hotkeys.active == ()
    with stranger(server, server.tokens.control, **{"Sec-Fetch-Site": "none"}) as typed:
        assert typed.get("/api/trigger/laugh").json()["is_on"] is True


def test_a_request_is_not_echoed_into_the_refusal(server: PageServer) -> None:
    with stranger(server, "<script>alert(1)</script>") as client:
        answer = client.get("/<script>alert(1)</script>")
    assert answer.status_code == 403
    assert "alert" not in answer.text


def test_two_tokens_are_refused(server: PageServer) -> None:
    with stranger(server) as client:
        assert client.get(f"/api/state?token=x&token={server.tokens.control}").status_code == 403


def test_every_response_forbids_foreign_scripts_and_referrers(server: PageServer, api: httpx.Client) -> None:
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


@pytest.mark.parametrize("path", ["/", "/clean", "/api/status", "/static/stream.js"])
def test_foreign_host_is_refused_so_that_rebinding_a_name_gains_nothing(server: PageServer, path: str) -> None:
    with stranger(server, server.tokens.control, Host=f"evil.example:{server.port}") as client:
        answer = client.get(path)
    assert answer.status_code == 403
    assert "evil.example" in answer.text
    assert f"127.0.0.1:{server.port}" in answer.text


@pytest.mark.parametrize("site", [EVIL, "null", "http://127.0.0.1:1"])
@pytest.mark.parametrize("path", ["/pictures", "/events", "/camera"])
def test_socket_of_a_foreign_origin_is_refused_with_a_reason_whatever_its_token(
    server: PageServer, path: str, site: str
) -> None:
    address = f"ws://127.0.0.1:{server.port}{path}?token={server.tokens.control}"
    with pytest.raises(InvalidStatus) as refused, connect(address, origin=Origin(site), proxy=None):
        pass
    assert refused.value.response.status_code == 403
    assert b"Origin" in (refused.value.response.body or b"")


def test_socket_with_a_foreign_host_is_refused(server: PageServer) -> None:
    here = socket.create_connection(("127.0.0.1", server.port))
    address, own = f"ws://evil.example:{server.port}/pictures?token={server.tokens.view}", Origin(base(server))
    with here, pytest.raises(InvalidStatus) as refused, connect(address, sock=here, origin=own, proxy=None):
        pass
    assert refused.value.response.status_code == 403


def test_tokens_are_saved_and_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there"
    first = load_tokens(folder)
    assert load_tokens(folder) == first
    assert first.control != first.view
    assert min(len(first.control), len(first.view)) >= 22  # letters of 6 bits: 128 bits and more


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights, which the user's folder gives")
def test_the_tokens_file_is_private(tmp_path: Path) -> None:
    load_tokens(tmp_path)
    assert stat.S_IMODE((tmp_path / TOKENS_FILE).stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == [TOKENS_FILE]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights, which the user's folder gives")
def test_tokens_that_others_could_read_are_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = load_tokens(tmp_path)
    (tmp_path / TOKENS_FILE).chmod(0o640)
    with caplog.at_level(logging.WARNING):
        new = load_tokens(tmp_path)
    assert "others on this machine can read it (mode 640)" in caplog.text
    assert new.role_of(old.control) is None
    assert load_tokens(tmp_path) == new


def test_new_tokens_invalidate_old_addresses(tmp_path: Path) -> None:
    old = load_tokens(tmp_path)
    new = renew_tokens(tmp_path)
    assert load_tokens(tmp_path) == new
    assert new.role_of(old.control) is None
    assert new.role_of(old.view) is None


def test_each_token_opens_what_it_is_for_and_no_other_word_opens_anything() -> None:
    tokens = Tokens.random()
    assert tokens.role_of(tokens.control) == "control"
    assert tokens.role_of(tokens.view) == "view"
    for word in ("", "x", tokens.control[:-1], tokens.control + "x", tokens.view.swapcase(), "é", "\ud800"):
        assert tokens.role_of(word) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        '{"control": "short", "view": "shorter"}',
        '{"control": 1, "view": 2}',
        json.dumps({"control": "a" * 32}),
        json.dumps({"control": "a" * 32, "view": "a" * 32}),
        json.dumps({"control": "a b" * 20, "view": "c" * 32}),
        "[" * 100_000,
    ],
)
def test_a_damaged_tokens_file_is_replaced_with_a_warning(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / TOKENS_FILE).write_text(text)
    (tmp_path / TOKENS_FILE).chmod(0o600)
    with caplog.at_level(logging.WARNING):
        tokens = load_tokens(tmp_path)
    assert "the page's addresses are new" in caplog.text
    assert load_tokens(tmp_path) == tokens


def test_tokens_work_without_a_writable_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with caplog.at_level(logging.WARNING):
        tokens = load_tokens(blocked / "folder")
    assert "hold for this run only" in caplog.text
    assert tokens.role_of(tokens.control) == "control"
    assert tokens.control not in caplog.text


def test_tokens_do_not_show_themselves() -> None:
    tokens = Tokens.random()
    assert tokens.control not in repr(tokens)
    assert tokens.view not in f"{tokens}"
