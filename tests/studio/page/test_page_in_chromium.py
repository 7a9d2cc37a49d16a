"""The pages as a real browser shows them."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from omote.engine.data import Portrait
from omote.engine.live.adaptive_quality import BudgetStatus
from omote.engine.live.latency import Percentiles
from omote.studio.app.state import Receiver, Stage, Status
from omote.studio.page.server import PageServer
from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.running import until

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
    receivers=(Receiver("<b>game</b>", "2"),),
)

__all__ = ["browser"]
pytestmark = needs_chromium


@pytest.fixture
def page(browser: playwright.Browser) -> Iterator[playwright.Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


def alpha(page: playwright.Page) -> NDArray[np.uint8]:
    """[H,W] the alpha of the window: 0 where the page draws nothing."""
    return np.asarray(Image.open(io.BytesIO(page.screenshot(omit_background=True))).convert("RGBA"))[..., 3]


@pytest.fixture
def server(draw: Draw) -> Iterator[PageServer]:
    """A server that is offered a new portrait fifty times a second."""
    is_over = threading.Event()

    def offer() -> None:
        index = 0
        while not is_over.wait(0.02):
            serving.offer(draw(index))
            index += 1

    with PageServer(port=0) as serving:
        serving.show(STATUS)
        thread = threading.Thread(target=offer)
        thread.start()
        yield serving
        is_over.set()
        thread.join()


CENTRE = """(() => {
  const canvas = document.getElementById("portrait");
  if (canvas.width !== 64) return "";
  return canvas.getContext("2d").getImageData(32, 32, 1, 1).data.join(" ");
})()"""


def test_page_moves(page: playwright.Page, server: PageServer) -> None:
    page.goto(server.url)
    until(lambda: page.evaluate(CENTRE), "a first picture")
    first = page.evaluate(CENTRE)
    until(lambda: page.evaluate(CENTRE) != first, "another picture")


def test_page_shows_the_numbers_as_text(page: playwright.Page, server: PageServer) -> None:
    page.goto(server.url)
    until(lambda: page.evaluate("document.getElementById('p50').textContent") == "41", "the numbers")
    until(lambda: page.evaluate("/[0-9] ms/.test(document.getElementById('age').textContent)"), "the age")
    page.evaluate("document.getElementById('measurements').open = true")
    words = ("Tracked", "of the last", "58 % drawn, 12 % cached, 30 % without motion", "<b>game</b>: 2")

    def says_all() -> bool:
        server.show(replace(STATUS))  # without one for three seconds, the page says that Omote does not answer
        text = page.evaluate("document.body.innerText")
        return all(word in text for word in words)

    until(says_all, "all of the words")
    assert page.evaluate("document.querySelectorAll('#outputs b').length") == 0
    addresses = page.evaluate("[...document.querySelectorAll('#outputs input')].map((one) => one.value)")
    assert addresses == [server.clean_url]


def test_page_tells_of_a_budget_only_where_there_is_one(page: playwright.Page, server: PageServer) -> None:
    page.goto(server.url)
    until(lambda: page.evaluate("document.getElementById('p50').textContent") == "41", "the numbers")
    page.evaluate("document.getElementById('measurements').open = true")
    assert "Budget" not in page.evaluate("document.body.innerText")
    server.show(replace(STATUS, budget=BudgetStatus(60.0, "openvino cpu bf16 384x384 1 step 30/s", False, 2)))
    said = "60 ms, not held by openvino cpu bf16 384x384 1 step 30/s"
    until(lambda: said in page.evaluate("document.body.innerText"), "the budget")


def test_confidence_is_told_where_nothing_of_the_face_is_looked_at(page: playwright.Page, server: PageServer) -> None:
    page.goto(server.url)
    until(lambda: page.evaluate("document.getElementById('p50').textContent") == "41", "the numbers")
    page.evaluate("document.querySelector('#views input[value=off]').click()")
    said = "document.getElementById('confidence-says').textContent"
    server.show(replace(STATUS, confidence=0.62))
    until(lambda: page.evaluate(said) == "62 %", "the confidence")
    server.show(replace(STATUS, confidence=0.0))
    until(lambda: page.evaluate(said) == "no face", "the lost face")


def test_click_that_cannot_be_served_says_why_until_it_is_dismissed(page: playwright.Page, server: PageServer) -> None:
    page.goto(server.url)
    until(lambda: page.evaluate(CENTRE), "the page")
    until(lambda: page.evaluate("document.querySelector('.pad') !== null"), "the state")
    page.evaluate("document.getElementById('neutral').click()")
    shown = "document.getElementById('notices').innerText"
    until(lambda: "Omote is still starting" in page.evaluate(shown), "the notice")
    page.evaluate("document.querySelector('#notices .close').click()")
    assert "Omote is still starting" not in page.evaluate(shown)


def test_page_says_that_omote_is_gone_and_comes_back_by_itself(page: playwright.Page, draw: Draw) -> None:
    with PageServer(port=0) as first:
        first.offer(draw(0))
        page.goto(first.url)
        until(lambda: page.evaluate(CENTRE), "a picture")
    until(lambda: page.evaluate("document.body.dataset.connection") == "lost", "the loss")
    assert page.evaluate("document.getElementById('away').checkVisibility()")
    with PageServer(port=first.port, tokens=first.tokens) as second:
        second.offer(draw(1))
        until(lambda: page.evaluate("document.body.dataset.connection") == "live", "the page to be back")
        until(lambda: page.evaluate(CENTRE) != "0 0 0 0", "the picture to be back")


def test_page_says_that_omote_has_stopped_answering(page: playwright.Page) -> None:
    with PageServer(port=0) as server:
        page.goto(server.url)
        until(lambda: page.evaluate("document.body.dataset.connection") == "live", "the connection")
        server.show(STATUS)
        until(lambda: "Omote does not answer" in page.evaluate("document.body.innerText"), "the warning")
        assert page.evaluate("document.body.dataset.connection") == "lost"
        server.show(replace(STATUS))
        until(lambda: page.evaluate("document.body.dataset.connection") == "live", "the page to be back")
        assert "Omote does not answer" not in page.evaluate("document.body.innerText")


def test_address_with_an_old_token_is_told_what_to_do(page: playwright.Page, draw: Draw) -> None:
    with PageServer(port=0) as first:
        first.offer(draw(0))
        page.goto(first.url)
        until(lambda: page.evaluate(CENTRE), "a picture")
    with PageServer(port=first.port):  # tokens of its own
        said = "document.getElementById('notices').innerText"
        until(lambda: "no longer valid" in page.evaluate(said), "the notice")


def test_clean_page_is_the_portrait_and_nothing_else(page: playwright.Page, server: PageServer) -> None:
    page.set_viewport_size({"width": 640, "height": 400})
    page.goto(server.clean_url)
    until(lambda: page.evaluate(CENTRE), "a first picture")
    shown = alpha(page)
    assert shown.shape == (400, 640)
    assert shown[200, 320] == 255
    assert shown[[0, 0, -1, -1], [0, -1, 0, -1]].max() == 0
    columns = np.flatnonzero(shown.max(axis=0))
    # The disc is 55 of 64 pixels wide; scaled to a height of 400 that is 344, in the middle of 640.
    assert columns[0] == pytest.approx(148, abs=8)
    assert columns[-1] == pytest.approx(492, abs=8)
    assert page.evaluate("document.scrollingElement.scrollHeight <= innerHeight")


def test_clean_page_is_empty_without_a_server_and_comes_back_by_itself(page: playwright.Page, draw: Draw) -> None:
    page.set_viewport_size({"width": 640, "height": 400})
    with PageServer(port=0) as first:
        first.offer(draw(0))
        page.goto(first.clean_url)
        until(lambda: page.evaluate(CENTRE), "a picture")
    until(lambda: alpha(page).max() == 0, "an empty page")
    with PageServer(port=first.port, tokens=first.tokens) as second:
        second.offer(draw(1))
        until(lambda: alpha(page)[200, 320] == 255, "the picture to be back")


def test_picture_that_arrives_when_the_connection_is_lost_is_not_drawn(page: playwright.Page, draw: Draw) -> None:
    page.set_viewport_size({"width": 640, "height": 400})
    with PageServer(port=0) as server:
        server.offer(draw(0))
        page.goto(server.clean_url)
        until(lambda: page.evaluate(CENTRE), "a picture")
        page.evaluate("window.requestAnimationFrame = (callback) => { window.waiting = callback; }; 0")
        server.offer(draw(1))
        until(lambda: page.evaluate("typeof window.waiting === 'function'"), "a picture to wait for the screen")
    until(lambda: page.evaluate(CENTRE) == "0 0 0 0", "an empty page")
    page.evaluate("window.waiting(0)")
    assert page.evaluate(CENTRE) == "0 0 0 0"
