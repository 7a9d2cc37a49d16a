"""Backgrounds, places and scenes on the control page, and what the clean page shows of them."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from websockets.sync.client import connect

from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.on_screen import clean, omote, page, pixels, window
from tests.studio.running import Running, until

__all__ = ["browser", "clean", "omote", "page", "window"]

pytestmark = needs_chromium
GREEN = (0, 177, 64, 255)


def corner(clean: playwright.Page) -> tuple[int, ...]:
    """The colour of the upper left pixel."""
    return tuple(int(one) for one in pixels(clean)[0, 0])


def middle_x(clean: playwright.Page) -> float:
    """The middle of what is opaque, in shares of the width."""
    alpha = pixels(clean)[..., 3]
    return float(np.nonzero(alpha > 128)[1].mean() / alpha.shape[1])


def drawing() -> bytes:
    """A blue picture, half of it transparent."""
    rgba = np.zeros((30, 40, 4), np.uint8)
    rgba[:, :, 2], rgba[:, :20, 3] = 255, 255
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "PNG")
    return file.getvalue()


def test_a_background_is_chosen_on_the_page_and_left_out_by_an_address(
    page: playwright.Page, clean: playwright.Page, omote: Running
) -> None:
    assert corner(clean)[3] == 0
    page.click("#tab-scene")
    page.click("#scene-backgrounds label:has-text('Colour')")
    until(lambda: corner(clean) == GREEN, "a green background")

    # The picture of a file, over the colour where it is transparent.
    page.set_input_files("#scene-file", {"name": "my sea!.png", "mimeType": "image/png", "buffer": drawing()})
    page.wait_for_selector('[data-picture="my sea"][aria-pressed=true]')
    until(lambda: corner(clean) == (0, 0, 255, 255), "a blue background")
    until(lambda: tuple(pixels(clean)[0, -1]) == GREEN, "the colour where the picture is transparent")

    # An address with a background of its own gets the portrait alone.
    with page.expect_popup() as opened:
        page.evaluate("address => void open(address)", f"{omote.clean_url}&bg=203040")
    own = opened.value
    own.wait_for_selector("canvas", state="attached")
    until(lambda: pixels(own)[..., 3].max() == 255, "a picture")
    assert corner(own)[3] == 0
    assert own.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(32, 48, 64)"
    own.close()

    page.click('[aria-label="Delete my sea"]')
    page.click("#confirm button.accent")
    until(lambda: corner(clean) == GREEN, "the colour without the picture")
    assert omote.state()["pictures"] == []
    assert 'there is no picture "my sea"' in omote.state()["notice"]
    page.click("#scene-backgrounds label:has-text('Transparent')")
    until(lambda: corner(clean)[3] == 0, "no background")


def test_the_portrait_is_dragged_and_its_place_is_of_one_character(
    page: playwright.Page, clean: playwright.Page, omote: Running
) -> None:
    page.click("#tab-scene")
    box = page.locator("#portrait").bounding_box()
    assert box
    before = middle_x(clean)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + box["width"] / 4, y, steps=4)
    page.mouse.up()
    until(lambda: omote.state()["scene"]["placement"]["x"] == pytest.approx(0.25, abs=0.02), "the place to be known")
    until(lambda: middle_x(clean) > before + 0.1, "the portrait on the right")
    page.mouse.wheel(0, 100)
    until(lambda: omote.state()["scene"]["placement"]["zoom"] == pytest.approx(1 / 1.05), "the wheel to count")
    here = omote.state()["character"]
    omote.post("/api/character", name="noah")
    assert omote.state()["scene"]["placement"]["x"] == 0.0
    omote.post("/api/character", name=here)
    assert omote.state()["scene"]["placement"]["x"] == pytest.approx(0.25, abs=0.02)
    page.click("#scene-centre")
    until(lambda: omote.state()["scene"]["placement"]["x"] == 0.0, "the middle")


def test_a_scene_is_kept_shown_and_removed(page: playwright.Page, clean: playwright.Page, omote: Running) -> None:
    page.click("#tab-scene")
    page.click("#scene-green")
    page.click("#scene-shapes label:has-text('16:9')")
    until(lambda: pixels(clean).shape[:2] == (256, 456), "a wide picture")
    page.fill("#scene-name", "Just chatting")
    page.click("#scene-keep button")
    page.wait_for_selector('[data-scene="Just chatting"]')
    page.click("#scene-backgrounds label:has-text('Transparent')")
    page.click("#scene-shapes label:has-text('Square')")
    until(lambda: pixels(clean).shape[:2] == (256, 256) and corner(clean)[3] == 0, "a square without a background")
    page.click('[data-scene="Just chatting"] .chip')
    until(lambda: pixels(clean).shape[:2] == (256, 456) and corner(clean) == GREEN, "the scene")

    # By a hotkey, too.
    usual = omote.state()["hotkeys"]
    omote.post("/api/hotkeys", hotkeys=[*usual[:-1], {"id": "chat", "key": "c", "scene": "Just chatting"}])
    omote.post("/api/scene", background="none", aspect="1:1")
    until(lambda: corner(clean)[3] == 0, "no background")
    page.wait_for_selector('[data-hotkey="chat"]', state="attached")
    page.locator("#scene-whose").click()
    page.keyboard.press("c")
    until(lambda: corner(clean) == GREEN, "the scene of the hotkey")
    omote.post("/api/hotkeys", hotkeys=usual)

    page.click('[aria-label="Remove the scene Just chatting"]')
    until(lambda: omote.state()["scene"]["presets"] == [], "the scene to be removed")
    omote.post("/api/scene", background="none", aspect="1:1")


def test_the_portrait_is_made_alive_and_lit_by_a_picture(page: playwright.Page, omote: Running) -> None:
    page.click("#tab-movement")
    for name in ("Breath", "Sway", "Glances", "Blink help"):
        page.get_by_label(name, exact=True).press("End")
    until(lambda: omote.state()["tuning"]["blink_help"] == 1.0, "the last slider")
    assert [omote.state()["tuning"][name] for name in ("breath", "sway", "glances")] == [3.0, 3.0, 3.0]
    omote.post("/api/tuning/reset")

    page.click("#tab-scene")
    page.set_input_files("#scene-file", {"name": "sea.png", "mimeType": "image/png", "buffer": drawing()})
    page.wait_for_selector('[data-picture="sea"][aria-pressed=true]')
    page.click("#tab-light")
    page.click("#light-modes label:has-text('Picture')")
    page.wait_for_selector("#light-picture select >> text=The background (sea)", state="attached")
    page.select_option("#light-picture select", "sea")
    until(lambda: omote.state()["light"]["picture"] == "sea", "the picture to be chosen")
    page.get_by_label("Ambient", exact=True).press("Home")
    until(lambda: omote.state()["light"]["ambient"] == 0.0, "the ambient light")
    assert omote.state()["light"]["mode"] == "picture"
    page.click("#light-modes label:has-text('From the game')")
    page.click("#tab-scene")
    page.click('[aria-label="Delete sea"]')
    page.click("#confirm button.accent")
    until(lambda: omote.state()["pictures"] == [], "no picture")
    omote.post("/api/scene", background="none")


def test_a_hat_is_worn_and_a_tomato_is_thrown(page: playwright.Page, clean: playwright.Page, omote: Running) -> None:
    def colour_count(red: int, green: int, blue: int) -> int:
        off = np.abs(pixels(clean)[..., :3].astype(int) - (red, green, blue)).max(-1)
        return int(((off < 12) & (pixels(clean)[..., 3] > 200)).sum())

    page.click("#tab-items")
    page.click('[aria-label="Add Hat"]')
    page.wait_for_selector('[data-item="hat"]')
    until(lambda: colour_count(178, 52, 62) > 100, "the ribbon of the hat")
    page.get_by_label("hat: Shown").click()
    until(lambda: colour_count(178, 52, 62) < 20, "no hat")
    usual = omote.state()["hotkeys"]
    omote.post("/api/hotkeys", hotkeys=[*usual[:-1], {"id": "hat", "key": "k", "item": "hat"}])
    omote.post("/api/trigger/hat")
    until(lambda: omote.state()["items"][0]["is_shown"], "the hotkey to show the hat")
    page.click('[aria-label="Remove hat"]')
    until(lambda: omote.state()["items"] == [], "no item")
    omote.post("/api/hotkeys", hotkeys=usual)

    omote.post("/api/items/throw", picture="tomato", count=12)
    until(lambda: colour_count(214, 52, 40) > 50, "a tomato")
    page.click('[aria-label="Throw Tomato"]')
    until(lambda: colour_count(214, 52, 40) == 0, "the tomatoes to be gone")


def test_a_program_is_allowed_in_a_dialog_and_forgotten(page: playwright.Page, omote: Running) -> None:
    address = omote.url.replace("http", "ws").partition("/?")[0] + "/apps"
    with connect(address, proxy=None) as bot:
        bot.send(json.dumps({"app": "Chat bot", "developer": "me", "wants": ["items", "characters"]}))
        assert json.loads(bot.recv(timeout=60))["type"] == "asking"
        page.wait_for_selector("#app-request[open] >> text=May Chat bot control Omote?")
        page.get_by_label("change the character").uncheck()
        page.get_by_role("button", name="Allow").click()
        assert json.loads(bot.recv(timeout=60))["grants"] == ["items"]
        page.wait_for_selector("#app-request:not([open])", state="attached")
        page.click("#tab-items")
        page.wait_for_selector('[data-app="Chat bot"] >> text=connected · show, hide and throw items')
        page.get_by_role("button", name="Forget").click()
        until(lambda: omote.state()["apps"]["allowed"] == [], "the program to be forgotten")
