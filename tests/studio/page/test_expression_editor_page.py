"""The editor of one's own expressions on the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from omote.studio.app.session import StudioSession
from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.on_screen import omote, page, window
from tests.studio.running import Running, until

__all__ = ["browser", "omote", "page", "window"]


def own(omote: Running) -> list[dict[str, Any]]:
    return [one for one in omote.state()["hotkeys"] if one["weights"]]


@pytest.fixture
def editor(page: playwright.Page, omote: Running) -> Iterator[playwright.Locator]:
    """The open editor of a new expression; the hotkeys are as before in the end."""
    usual = omote.state()["hotkeys"]
    page.click("#tab-expressions")
    page.click("#new-expression")
    yield page.locator("#expression-editor")
    omote.post("/api/hotkeys", hotkeys=usual)


def test_without_a_face_there_is_nothing_to_capture(api: httpx.Client, studio: StudioSession) -> None:
    answer = api.get("/api/expression/now")
    assert (answer.status_code, "no face was seen" in answer.json()["error"]) == (409, True)


@needs_chromium
def test_an_expression_is_made_with_sliders_kept_as_a_hotkey_and_edited(
    page: playwright.Page, editor: playwright.Locator, omote: Running
) -> None:
    editor.get_by_label("Name").fill("Grin")
    editor.locator("#expression-key").press("g")
    editor.locator("button[type=submit]").click()
    page.wait_for_selector("#expression-problem >> text=this expression changes nothing")
    editor.get_by_label("Mouth smile left").fill("0.9")
    editor.locator("button[type=submit]").click()
    (made,) = until(lambda: own(omote), "the expression")
    assert (made["label"], made["key"]) == ("Grin", "g")
    assert made["weights"] == {"mouthSmileLeft": 0.9, "mouthSmileRight": 0.9}
    page.wait_for_selector(f'#pads [data-hotkey="{made["id"]}"]')  # the page knows its key
    page.keyboard.press("g")
    until(lambda: own(omote)[0]["is_on"], "the expression to be on")
    page.click("#command-clear")
    page.click("#own-expressions button >> text=Grin")
    page.get_by_label("Both sides at once").uncheck()
    editor.get_by_label("Mouth smile right").fill("0")
    editor.locator("button[type=submit]").click()
    until(lambda: own(omote)[0]["weights"] == {"mouthSmileLeft": 0.9}, "one side alone")


@needs_chromium
def test_the_face_of_now_becomes_an_expression_that_is_exported_and_read_again(
    page: playwright.Page, editor: playwright.Locator, omote: Running, tmp_path: Path
) -> None:
    def captured() -> bool:  # the demo blinks and talks
        editor.get_by_role("button", name="Capture what I do now").click()
        page.wait_for_selector("#expression-note >> text=half second")
        return any(float(one.input_value()) > 0 for one in editor.locator("input[type=range]").all()[:40])

    until(captured, "a weight above 0")
    editor.get_by_label("Name").fill("Now")
    with page.expect_download() as download:
        editor.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename == "Now.expression.json"
    path = tmp_path / "now.json"
    download.value.save_as(path)
    exported = json.loads(path.read_text())
    assert exported["name"] == "Now"
    assert all(0.05 <= value <= 1.0 for value in exported["weights"].values())
    editor.get_by_role("button", name="All to 0").click()
    page.set_input_files("#expression-editor input[type=file]", path)
    editor.locator("button[type=submit]").click()
    assert until(lambda: own(omote), "the expression")[0]["weights"] == exported["weights"]


@needs_chromium
@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"omote_expression": 1, "weights": {"nose": 1}}', '{"omote_expression": 1, "weights": {"jawOpen": 7}}'],
)
def test_another_file_is_no_expression(page: playwright.Page, editor: playwright.Locator, text: str) -> None:
    wrong = [{"name": "wrong.json", "mimeType": "application/json", "buffer": text.encode()}]
    page.set_input_files("#expression-editor input[type=file]", wrong)
    page.wait_for_selector("#expression-problem >> text=wrong.json is not an expression")
