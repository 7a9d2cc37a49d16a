"""The local file for OBS, which waits for Omote."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from omote.studio.page.access import FILE_ORIGINS, Tokens
from omote.studio.page.obs_page import write_obs_page
from omote.studio.page.server import PageServer
from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.clients import Draw

__all__ = ["browser"]


@needs_chromium
def test_the_file_shows_the_portrait_whichever_is_started_first(
    browser: playwright.Browser, tmp_path: Path, draw: Draw
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    server = PageServer(port=port, tokens=Tokens.random())
    path = write_obs_page(tmp_path, server.clean_url)
    assert path is not None
    page = browser.new_context().new_page()
    page.goto(path.as_uri())
    page.wait_for_timeout(1500)  # it has tried once, and shows nothing
    assert page.title() == "Omote, waiting"
    with server:
        server.offer(draw(3))
        page.wait_for_url("**/clean?token=*")
        page.wait_for_function("document.getElementById('portrait')?.width === 64")
    page.context.close()


@pytest.mark.parametrize("origin", FILE_ORIGINS)
def test_a_local_file_may_watch_with_the_token_and_do_nothing_else(server: PageServer, origin: str) -> None:
    address = f"ws://127.0.0.1:{server.port}"
    with connect(f"{address}/pictures?token={server.tokens.view}", origin=Origin(origin), proxy=None):
        pass
    for path in (
        "/pictures",
        "/pictures?token=wrong",
        f"/events?token={server.tokens.control}",
        f"/camera?token={server.tokens.control}",
        "/apps",
    ):
        with pytest.raises(InvalidStatus), connect(f"{address}{path}", origin=Origin(origin), proxy=None):
            pass


def test_the_file_is_private_and_a_folder_that_cannot_be_written_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_obs_page(tmp_path, "http://127.0.0.1:1/clean?token=abc")
    assert path is not None
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0
    (tmp_path / "file").write_text("")
    assert write_obs_page(tmp_path / "file", "http://127.0.0.1:1/clean?token=abc") is None
    assert "use the address of the clean page" in caplog.text
