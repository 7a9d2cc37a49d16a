"""The pages as a real browser shows them."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from websockets.sync.client import ClientConnection, connect

from omote.engine.gear import Budget
from omote.engine.nouns import Portrait
from omote.studio.page.server import PageServer
from omote.studio.page.status import Endpoint, Percentiles, Stage, Status

Draw = Callable[[int], Portrait]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_S = 60
STATUS = Status(
    source="demo",
    character="<img src=x onerror=alert(1)>",
    runtime="openvino cpu f32",
    size=64,
    steps=1,
    cached_share=0.12,
    still_share=0.3,
    fps=29.7,
    pictures=300,
    dropped=2,
    tracked_fraction=0.98,
    is_tracked=True,
    latency=Percentiles(41.0, 60.5, 72.0),
    stages=(Stage("capture", Percentiles(5.0, 8.0, 9.0)), Stage("draw", Percentiles(30.0, 40.0, 50.0))),
    endpoints=(Endpoint("video", "tcp://127.0.0.1:5557"), Endpoint("params", "tcp://127.0.0.1:5556")),
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


class Browser:
    """A headless Chromium with one tab, driven by the DevTools protocol."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._socket: ClientConnection | None = None
        self._asked = 0

    def __enter__(self) -> Self:
        assert CHROMIUM is not None
        flags = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
        flags += " disable-component-update disable-sync hide-scrollbars remote-debugging-port=0"
        switches = [f"--{flag}" for flag in flags.split()]
        with ExitStack() as opening:
            process = subprocess.Popen(
                [CHROMIUM, *switches, f"--user-data-dir={self._folder}", "--window-size=1280,800", "about:blank"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            opening.callback(process.wait, PATIENCE_S)
            opening.callback(process.terminate)
            port_file = self._folder / "DevToolsActivePort"
            wait_until(lambda: port_file.exists() and port_file.read_text().count("\n") == 1, "Chromium to start")
            port, path = port_file.read_text().split()
            with connect(f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None) as self._socket:
                tab = self._ask("Target.createTarget", url="about:blank")["targetId"]
            page = connect(f"ws://127.0.0.1:{port}/devtools/page/{tab}", max_size=None, proxy=None)
            self._socket = opening.enter_context(page)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def open(self, url: str) -> None:
        self._ask("Page.navigate", url=url)
        is_there = f"location.href === {json.dumps(url)} && document.readyState === 'complete'"
        wait_until(lambda: self.evaluate(is_there), url)

    def evaluate(self, script: str) -> Any:
        """What the expression is worth in the page; promises are awaited."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self) -> NDArray[np.uint8]:
        """[H,W,4] the window, over nothing: alpha is 0 where the page draws nothing."""
        self._ask("Emulation.setDefaultBackgroundColorOverride", color={"r": 0, "g": 0, "b": 0, "a": 0})
        png = base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"])
        keep = os.environ.get("OMOTE_SCREENSHOTS")
        if keep:
            (Path(keep) / f"{self._folder.name}-{self._asked}.png").write_bytes(png)
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))

    def resize(self, width: int, height: int) -> None:
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def _ask(self, method: str, **params: Any) -> Any:
        assert self._socket is not None
        self._asked += 1
        self._socket.send(json.dumps({"id": self._asked, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if answer.get("id") == self._asked:
                assert "error" not in answer, answer
                return answer["result"]


def wait_until(is_true: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_true():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {PATIENCE_S} s for {what}")
        time.sleep(0.05)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


@pytest.fixture
def server(draw: Draw) -> Iterator[PageServer]:
    """A server that is offered a new portrait fifty times a second."""
    is_over = threading.Event()

    def offer() -> None:
        index = 0
        while not is_over.wait(0.02):
            page.offer(draw(index))
            index += 1

    with PageServer(port=0) as page:
        page.show(STATUS)
        thread = threading.Thread(target=offer)
        thread.start()
        yield page
        is_over.set()
        thread.join()


CENTRE = """(() => {
  const canvas = document.getElementById("portrait");
  if (canvas.width !== 64) return "";
  return canvas.getContext("2d").getImageData(32, 32, 1, 1).data.join(" ");
})()"""


def test_preview_moves(browser: Browser, server: PageServer) -> None:
    browser.open(server.url)
    wait_until(lambda: browser.evaluate(CENTRE), "a first picture")
    first = browser.evaluate(CENTRE)
    wait_until(lambda: browser.evaluate(CENTRE) != first, "another picture")


def test_preview_shows_the_numbers_as_text(browser: Browser, server: PageServer) -> None:
    browser.open(server.url)
    wait_until(lambda: "41.0" in browser.evaluate("document.body.innerText"), "the numbers")
    wait_until(lambda: browser.evaluate("/[0-9]/.test(document.getElementById('age').textContent)"), "the age")
    browser.screenshot()
    text = browser.evaluate("document.body.innerText")
    for word in ("demo", "face seen, 98 %", "tcp://127.0.0.1:5557", server.clean_url, "<img src=x onerror=alert(1)>"):
        assert word in text
    assert browser.evaluate("document.querySelectorAll('dd img').length") == 0


def test_preview_tells_of_a_budget_only_where_there_is_one(browser: Browser, server: PageServer) -> None:
    browser.open(server.url)
    wait_until(lambda: "41.0" in browser.evaluate("document.body.innerText"), "the numbers")
    text = browser.evaluate("document.body.innerText")
    assert "12 % drawn before, 30 % held still" in text
    assert "Budget" not in text
    server.show(replace(STATUS, budget=Budget(60.0, "openvino cpu int8 192x192 1 step 30/s", False, 2)))
    said = "60 ms, not held by openvino cpu int8 192x192 1 step 30/s"
    wait_until(lambda: said in browser.evaluate("document.body.innerText"), "the budget")
    browser.screenshot()


def test_click_that_cannot_be_served_says_why(browser: Browser, server: PageServer) -> None:
    browser.open(server.url)
    wait_until(lambda: browser.evaluate(CENTRE), "the page")
    browser.evaluate("document.getElementById('camera').click()")
    shown = "document.getElementById('notice').checkVisibility() && document.getElementById('notice').textContent"
    wait_until(lambda: browser.evaluate(shown) == "the source cannot be changed here", "the notice")
    browser.screenshot()


def test_clean_page_is_the_portrait_and_nothing_else(browser: Browser, server: PageServer) -> None:
    browser.resize(640, 400)
    browser.open(server.clean_url)
    wait_until(lambda: browser.evaluate(CENTRE), "a first picture")
    picture = browser.screenshot()
    alpha = picture[..., 3]
    assert picture.shape == (400, 640, 4)
    assert alpha[200, 320] == 255
    assert alpha[[0, 0, -1, -1], [0, -1, 0, -1]].max() == 0
    columns = np.flatnonzero(alpha.max(axis=0))
    # The disc is 55 of 64 pixels wide; scaled to a height of 400 that is 344, in the middle of 640.
    assert columns[0] == pytest.approx(148, abs=8)
    assert columns[-1] == pytest.approx(492, abs=8)
    assert browser.evaluate("document.scrollingElement.scrollHeight <= innerHeight")


def test_clean_page_is_empty_without_a_server_and_comes_back_by_itself(browser: Browser, draw: Draw) -> None:
    browser.resize(640, 400)
    with PageServer(port=0) as first:
        first.offer(draw(0))
        browser.open(first.clean_url)
        wait_until(lambda: browser.evaluate(CENTRE), "a picture")
    wait_until(lambda: browser.screenshot()[..., 3].max() == 0, "an empty page")
    with PageServer(port=first.port) as second:
        second.offer(draw(1))
        wait_until(lambda: browser.screenshot()[200, 320, 3] == 255, "the picture to be back")


def test_picture_that_was_on_its_way_when_the_connection_was_lost_is_not_drawn(browser: Browser, draw: Draw) -> None:
    browser.resize(640, 400)
    with PageServer(port=0) as server:
        server.offer(draw(0))
        browser.open(server.clean_url)
        wait_until(lambda: browser.evaluate(CENTRE), "a picture")
        browser.evaluate("window.requestAnimationFrame = (callback) => { window.waiting = callback; }; 0")
        server.offer(draw(1))
        wait_until(lambda: browser.evaluate("typeof window.waiting === 'function'"), "a picture to wait for the screen")
    wait_until(lambda: browser.evaluate(CENTRE) == "0 0 0 0", "an empty page")
    browser.evaluate("window.waiting(0)")
    assert browser.evaluate(CENTRE) == "0 0 0 0"
