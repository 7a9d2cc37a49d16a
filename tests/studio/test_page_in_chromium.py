"""The pages as a real browser shows them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from omote.engine.data import Portrait
from omote.engine.live.adaptive_quality import BudgetStatus
from omote.engine.live.latency import Percentiles
from omote.studio.app.state import Endpoint, Receiver, Stage, Status
from omote.studio.page.server import PageServer
from tests.studio.devtools import CHROMIUM, Browser, wait_until

Draw = Callable[[int], Portrait]

STATUS = Status(
    source="demo",
    character="hana",
    runtime="openvino cpu f32",
    size=64,
    steps=1,
    cached_share=0.12,
    still_share=0.3,
    fps=29.7,
    pictures=300,
    dropped=2,
    tracked_fraction=0.98,
    presence="tracked",
    latency=Percentiles(41.0, 60.5, 72.0),
    stages=(Stage("capture", Percentiles(5.0, 8.0, 9.0)), Stage("draw", Percentiles(30.0, 40.0, 50.0))),
    endpoints=(Endpoint("video", "tcp://127.0.0.1:5557"), Endpoint("params", "tcp://127.0.0.1:5556")),
    receivers=(Receiver("<b>game</b>", "is sent to"),),
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


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


def test_page_moves(browser: Browser, server: PageServer) -> None:
    browser.open(server.url)
    wait_until(lambda: browser.evaluate(CENTRE), "a first picture")
    first = browser.evaluate(CENTRE)
    wait_until(lambda: browser.evaluate(CENTRE) != first, "another picture")


def test_page_shows_the_numbers_as_text(browser: Browser, server: PageServer) -> None:
    browser.resize(1440, 900)
    browser.open(server.url)
    wait_until(lambda: browser.evaluate("document.getElementById('p50').textContent") == "41", "the numbers")
    wait_until(lambda: browser.evaluate("/[0-9] ms/.test(document.getElementById('age').textContent)"), "the age")
    browser.screenshot()
    text = browser.evaluate("document.body.innerText")
    for word in (
        "Tracked",
        "in 98 % of what came",
        "58 % drawn, 12 % cached, 30 % held still",
        "<b>game</b>: is sent to",
    ):
        assert word in text
    assert browser.evaluate("document.querySelectorAll('#outlets b').length") == 0
    addresses = browser.evaluate("[...document.querySelectorAll('#outlets input')].map((one) => one.value)")
    assert addresses == [server.clean_url, "tcp://127.0.0.1:5557", "tcp://127.0.0.1:5556"]


def test_page_tells_of_a_budget_only_where_there_is_one(browser: Browser, server: PageServer) -> None:
    browser.open(server.url)
    wait_until(lambda: browser.evaluate("document.getElementById('p50').textContent") == "41", "the numbers")
    assert "Budget" not in browser.evaluate("document.body.innerText")
    server.show(replace(STATUS, budget=BudgetStatus(60.0, "openvino cpu bf16 384x384 1 step 30/s", False, 2)))
    said = "60 ms, not held by openvino cpu bf16 384x384 1 step 30/s"
    wait_until(lambda: said in browser.evaluate("document.body.innerText"), "the budget")
    browser.screenshot()


def test_confidence_is_told_where_nothing_of_the_face_is_looked_at(browser: Browser, server: PageServer) -> None:
    browser.open(server.url)
    wait_until(lambda: browser.evaluate("document.getElementById('p50').textContent") == "41", "the numbers")
    browser.evaluate("document.querySelector('#views input[value=off]').click()")
    said = "document.getElementById('confidence-says').textContent"
    server.show(replace(STATUS, confidence=0.62))
    wait_until(lambda: browser.evaluate(said) == "62 %", "the confidence")
    server.show(replace(STATUS, confidence=0.0))
    wait_until(lambda: browser.evaluate(said) == "no face", "the lost face")


def test_click_that_cannot_be_served_says_why_until_it_is_dismissed(browser: Browser, server: PageServer) -> None:
    browser.open(server.url)
    wait_until(lambda: browser.evaluate(CENTRE), "the page")
    wait_until(lambda: browser.evaluate("document.querySelector('.pad') !== null"), "the state")
    browser.evaluate("document.getElementById('neutral').click()")
    shown = "document.getElementById('notices').innerText"
    wait_until(lambda: "Omote is still starting" in browser.evaluate(shown), "the notice")
    browser.screenshot()
    browser.evaluate("document.querySelector('#notices .close').click()")
    assert "Omote is still starting" not in browser.evaluate(shown)


def test_page_says_that_omote_is_gone_and_comes_back_by_itself(browser: Browser, draw: Draw) -> None:
    with PageServer(port=0) as first:
        first.offer(draw(0))
        browser.open(first.url)
        wait_until(lambda: browser.evaluate(CENTRE), "a picture")
    wait_until(lambda: browser.evaluate("document.body.dataset.connection") == "lost", "the loss")
    assert browser.evaluate("document.getElementById('away').checkVisibility()")
    with PageServer(port=first.port, tokens=first.tokens) as second:
        second.offer(draw(1))
        wait_until(lambda: browser.evaluate("document.body.dataset.connection") == "live", "the page to be back")
        wait_until(lambda: browser.evaluate(CENTRE) != "0 0 0 0", "the picture to be back")


def test_page_says_that_omote_has_stopped_answering(browser: Browser) -> None:
    with PageServer(port=0) as page:
        browser.open(page.url)
        wait_until(lambda: browser.evaluate("document.body.dataset.connection") == "live", "the connection")
        page.show(STATUS)
        wait_until(lambda: "Omote does not answer" in browser.evaluate("document.body.innerText"), "the warning")
        assert browser.evaluate("document.body.dataset.connection") == "lost"
        page.show(replace(STATUS))
        wait_until(lambda: browser.evaluate("document.body.dataset.connection") == "live", "the page to be back")
        assert "Omote does not answer" not in browser.evaluate("document.body.innerText")


def test_address_with_an_old_token_is_told_what_to_do(browser: Browser, draw: Draw) -> None:
    with PageServer(port=0) as first:
        first.offer(draw(0))
        browser.open(first.url)
        wait_until(lambda: browser.evaluate(CENTRE), "a picture")
    with PageServer(port=first.port):  # tokens of its own
        said = "document.getElementById('notices').innerText"
        wait_until(lambda: "no longer valid" in browser.evaluate(said), "the notice")


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
    with PageServer(port=first.port, tokens=first.tokens) as second:
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
