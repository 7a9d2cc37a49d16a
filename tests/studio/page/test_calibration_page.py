"""A calibration on the control page, by a take of a scripted person: what is saved is who performed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.calibration.actor_file import actor_path, load_actor
from omote.calibration.poses import POSES
from omote.engine.live.loop import LiveLoop
from omote.engine.live.session import LiveSession
from omote.engine.testing.drawing import FlatRenderer, shipped_character
from omote.studio.app.session import StudioSession
from omote.studio.page.server import PageServer
from tests.calibration.scripted_person import Person, session_take
from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.running import PATIENCE_S, until
from tests.studio.waiting import Waiting

__all__ = ["browser"]
pytestmark = needs_chromium

REST = arkit.weights({"browDownLeft": 0.3, "browDownRight": 0.3, "jawOpen": 0.05, "cheekPuff": 0.05})
ANA = Person(REST, {"jawOpen": 0.55}, np.full(arkit.COUNT, 0.01, np.float32))


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Waiting:
    monkeypatch.setenv("OMOTE_ACTORS", str(tmp_path))
    return Waiting("rehearsal.csv", session_take(ANA))


@pytest.fixture
def server(source: Waiting) -> Iterator[PageServer]:
    """The real loop, the real desk and the real server; only the drawing is flat, and takes no time."""
    with StudioSession("rehearsal.csv") as studio, PageServer(port=0, studio=studio) as page:
        live = LiveLoop(source, LiveSession(FlatRenderer(), shipped_character(), [page, studio]))
        studio.bind(live)
        thread = threading.Thread(target=live.run, args=(10 * PATIENCE_S,))
        thread.start()
        yield page
        source.begin.set()  # the take plays to its end, and so does the loop
        thread.join(PATIENCE_S)


def test_a_session_on_the_page_saves_who_performed(
    browser: playwright.Browser, server: PageServer, source: Waiting
) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_selector("body[data-connection=live]")
    page.click("#tab-calibration")
    page.fill("#calibration input[type=text]", "ana")
    page.get_by_role("button", name="Start calibration").click()  # it is for who stands there, without "Use"
    page.locator("button:focus", has_text="Begin").wait_for()  # whoever works by keyboard goes on there
    page.keyboard.press("Enter")
    page.wait_for_selector("#calibration .count:not([hidden])")
    # There is none for the relaxed face, which cannot be left out.
    assert page.locator("#calibration").get_by_role("button", name="Skip").count() == 0
    source.begin.set()
    titles: list[str] = []

    def is_over() -> bool:
        titles.append(page.inner_text("#calibration h2"))
        return titles[-1] == "Calibrated"

    until(is_over, "the end of the session")
    assert any(title.startswith("Step ") for title in titles)
    assert page.locator("#calibration .step.done").count() == len(POSES)
    page.get_by_role("button", name="Save and use").click()
    page.get_by_role("link", name="Open the report").wait_for()
    kept = load_actor(actor_path("ana", source.name))
    assert kept.actor.name == "ana"
    # Five times the error of the median of the session's pictures, as its own tests have it.
    assert np.abs(kept.actor.neutral - REST)[REST > 0.03].max() < 0.01
    assert page.inner_text("#calibration .facts").count("not yet") == 0

    with context.expect_page() as opened:
        page.get_by_role("link", name="Open the report").click()
    report = opened.value
    report.wait_for_load_state()
    assert "ana" in report.inner_text("h1")
    assert report.evaluate("document.fonts && getComputedStyle(document.querySelector('main')).maxWidth") != "none"
    context.close()
