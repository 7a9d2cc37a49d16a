"""How the control page is laid out: for contrast themes, for large and small windows, and by the rules of axe-core."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omote.engine.capture.take import write_take
from omote.studio.app.recording import takes_folder
from omote.studio.app.session import StudioSession
from omote.studio.page.server import PageServer
from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.commands import short_take
from tests.studio.page.layout_faults import layout_faults
from tests.studio.page.test_page_in_chromium import STATUS
from tests.studio.running import until

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")

__all__ = ["browser"]
pytestmark = needs_chromium

TABS = (
    *("characters", "expressions", "movement", "voice", "light", "scene"),
    *("items", "calibration", "library", "face", "stream"),
)
STEPS = ["1 Camera", "2 Character", "3 Calibrate", "4 OBS", "5 Done"]
Open = Callable[..., Any]


@pytest.fixture
def window(browser: playwright.Browser, server: PageServer) -> Iterator[Open]:
    """Opens the page with these options of a browser's context; whatever its scripts complain of fails the test."""
    complaints: list[str] = []

    @contextmanager
    def opened(**options: Any) -> Iterator[playwright.Page]:
        context = browser.new_context(**options)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(server.url)
        page.wait_for_selector(".card[aria-pressed=true]", state="attached")
        yield page
        context.close()

    def beat() -> None:
        while not is_over.wait(0.5):
            server.show(replace(STATUS))  # without one for three seconds, the page turns grey

    is_over = threading.Event()
    thread = threading.Thread(target=beat)
    thread.start()
    yield opened
    is_over.set()
    thread.join()
    assert not complaints


def test_the_cameras_view_is_mirrored_where_the_portrait_is(window: Open, studio: StudioSession) -> None:
    view = "getComputedStyle(document.getElementById('camera')).transform"
    with window() as page:
        assert page.evaluate(view) == "none"
        page.click("#mirror")
        until(lambda: studio.store.settings.tuning.mirror, "the mirror")
        until(lambda: page.evaluate(view).startswith("matrix(-1,"), "the view to be mirrored")


def test_a_word_says_how_the_stream_runs_and_the_measurements_are_one_click_away(window: Open) -> None:
    with window(viewport={"width": 1440, "height": 900}) as page:
        until(lambda: page.inner_text("#verdict") == "Good · 41 ms · 30 fps", "the verdict")
        assert not page.is_visible("#p50")
        page.click("#measurements summary")
        assert page.is_visible("#p50")
        assert "Skipped at the camera" in page.inner_text("#measurements")


def test_portrait_and_cards_grow_with_the_window(window: Open) -> None:
    widths = []
    with window() as page:
        for size in ((1366, 768), (2560, 1440)):
            page.set_viewport_size({"width": size[0], "height": size[1]})
            widths.append([page.locator(part).first.bounding_box()["width"] for part in ("#place", ".card")])
    (portrait, card), (large_portrait, large_card) = widths
    assert large_portrait > 1.7 * portrait
    assert large_card > 1.2 * card


@pytest.mark.parametrize("panel", ["movement", "light"])
def test_what_is_chosen_is_seen_in_a_contrast_theme(window: Open, panel: str) -> None:
    ground = "one => [getComputedStyle(one).backgroundColor, getComputedStyle(one).borderBottomColor].join()"
    with window(forced_colors="active", viewport={"width": 1440, "height": 900}) as page:
        page.click(f"#tab-{panel}")
        page.mouse.move(0, 0)
        chosen = page.locator(f"#tab-{panel}").evaluate(ground)
        assert chosen != page.locator("#tab-characters").evaluate(ground)
        slider = page.locator(f"#panel-{panel} input[type=range]").first
        assert slider.evaluate("one => getComputedStyle(one).forcedColorAdjust") == "none"


def test_five_steps_lead_a_new_user_and_stay_away_once_they_are_done(window: Open) -> None:
    with window() as page:
        assert page.locator(".walk li").all_inner_texts() == [
            "1 Camera",
            "2 Character",
            "3 Calibrate",
            "4 OBS",
            "5 Done",
        ]
        for _ in range(2):
            page.click("#welcome >> text=Next")
        page.click("#welcome >> text=Calibration")
        assert page.is_visible("#panel-calibration")
        page.reload()
        assert page.locator(".walk [aria-current]").inner_text() == "3 Calibrate"
        for _ in range(2):
            page.click("#welcome >> text=Next")
        page.click("#welcome >> text=Finish")
        page.reload()
        page.wait_for_selector(".card", state="attached")
        assert not page.is_visible("#welcome")


def test_profiles_and_takes_are_used_from_the_library(
    window: Open, studio: StudioSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = takes_folder()
    folder.mkdir(parents=True)
    write_take(folder / "evening.csv", short_take(10))
    with window(viewport={"width": 1440, "height": 900}) as page:
        page.click("#tab-library")
        page.get_by_label("New profile").fill("Friday show")
        page.click("text=Save what is set now")
        page.get_by_role("button", name="Use Friday show").wait_for()
        studio.tune({"mirror": True})
        page.get_by_role("button", name="Use Friday show").click()
        until(lambda: not studio.store.settings.tuning.mirror, "the profile")
        page.get_by_role("button", name="Trim evening").click()
        page.get_by_label("End in seconds").fill("0.1")
        page.click(".trim button[type=submit]")
        page.get_by_role("button", name="Play evening part").wait_for()
        page.get_by_role("button", name="Delete the take evening part").click()
        page.click("#confirm button.accent")
        until(lambda: not (folder / "evening part.csv").exists(), "the take to be gone")


SIZES = {1920: 1080, 1366: 768, 1024: 768, 390: 844}
THEMES: dict[str, dict[str, Any]] = {
    "dark": {"color_scheme": "dark"},
    "light": {"color_scheme": "light"},
    "contrast": {"forced_colors": "active"},
}
# All panels below each other, which a person never sees, so that the rules are tried once and not eleven times.
OPEN_ALL = """() => {
  for (const one of document.querySelectorAll(".panel")) one.hidden = false;
  for (const one of document.querySelectorAll("details")) one.open = true;
}"""


@pytest.mark.parametrize("theme", list(THEMES))
def test_axe_finds_no_violation_at_any_size(window: Open, theme: str) -> None:
    violations = []
    with window(reduced_motion="reduce", **THEMES[theme]) as page:
        for width, height in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate(OPEN_ALL)
            for one in axe.Axe().run(page).response["violations"]:
                violations.append((width, one["id"], [node["html"][:120] for node in one["nodes"]]))
    assert violations == []


@pytest.fixture
def take(studio: StudioSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A take of an evening."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    takes_folder().mkdir(parents=True)
    write_take(takes_folder() / "evening.csv", short_take(10))


@pytest.mark.parametrize("language", ["en", "ja", "de"])
def test_no_word_is_cut_off_and_no_control_lies_on_another(window: Open, take: None, language: str) -> None:
    faults: list[tuple[int, str, str]] = []
    with window(viewport={"width": 390, "height": SIZES[390]}, locale=language) as page:

        def look(where: str) -> None:
            faults.extend((width, where, fault) for fault in layout_faults(page))

        for width, height in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            look("first steps")
        page.evaluate("document.getElementById('welcome').hidden = true")
        for name, value in {"#scene-name": "Close up", "#profile-form input[type=text]": "Friday"}.items():
            page.evaluate("(one) => (document.querySelector(one[0]).value = one[1])", [name, value])
            page.evaluate("(one) => document.querySelector(one).form.requestSubmit()", name)
        page.evaluate("document.querySelector('#item-pictures button').click()")
        for made in ("#scene-presets button", "#profiles button", "#items .item"):
            page.wait_for_selector(made, state="attached")
        page.evaluate("() => { for (const one of document.querySelectorAll('details')) one.open = true; }")
        for width, height in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for panel in TABS:
                page.evaluate(f"document.getElementById('tab-{panel}').click()")
                # The longest words of a state that cannot be brought about at will.
                page.evaluate("document.getElementById('verdict').textContent = 'Überlastet · 12.345 ms · 144 fps'")
                look(panel)
            for opener in ("edit-hotkeys", "new-expression", "make-character", "set-up-source"):
                page.evaluate(f"document.getElementById('{opener}').click()")
                look(opener)
                page.evaluate("document.querySelector('dialog[open]')?.close()")
    assert faults == []
