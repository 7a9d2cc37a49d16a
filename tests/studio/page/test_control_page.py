"""The control page in a real browser, before the real server and the real loop."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.bridge import arkit
from omote.engine.face.tuning import REGIONS
from omote.engine.model.character_file import DEFAULT_CHARACTER, load_character
from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.on_screen import Pixels, clean, drawn, omote, page, pixels, window
from tests.studio.running import Running, until
from tests.training.vrm_models import squares

__all__ = ["browser", "clean", "omote", "page", "window"]
pytestmark = needs_chromium

EVIL = "<img src=x onerror=globalThis.wasRun=1>"
TABS = ("characters", "expressions", "movement", "light", "calibration", "face", "stream")
PICTURES_AT_REST = 8  # counted, so that a machine that draws slowly is no face at rest
STILL = 1.5  # mean difference of 8-bit values: less is nothing that anybody sees


def away(one: Pixels, other: Pixels) -> float:
    """Mean difference where either shows something."""
    seen = (one[..., 3] > 0) | (other[..., 3] > 0)
    return float(np.abs(one.astype(float) - other.astype(float))[seen].mean())


def redness_of_the_hair(picture: Pixels) -> float:
    upper = picture[: len(picture) // 4].astype(float)
    shown = upper[upper[..., 3] > 200]
    return float((shown[:, 0] - shown[:, 2]).mean()) if len(shown) else 0.0


def is_on(omote: Running, hotkey: str) -> bool:
    return bool(next(one for one in omote.state()["hotkeys"] if one["id"] == hotkey)["is_on"])


@pytest.fixture
def at_rest(omote: Running, clean: playwright.Page) -> Iterator[Pixels]:
    """The picture of a face that the performer cannot move, so that whatever changes it was asked for."""
    none = dict.fromkeys(REGIONS, 0.0)
    omote.post("/api/tuning", gain=none, smoothing={**none, "head": 0.0}, head=0.0, blinks=False, breathes=False)
    # A face that is nearly at rest is held as it is: one that comes from far away is wholly at rest in the end.
    unmoved = still(clean)
    omote.post("/api/trigger/surprise")
    until(lambda: away(pixels(clean), unmoved) > STILL, "surprise")
    surprised = still(clean)
    omote.post("/api/trigger/surprise")
    until(lambda: away(pixels(clean), surprised) > STILL, "surprise to go")
    yield still(clean)
    omote.post("/api/tuning/reset")


def still(clean: playwright.Page) -> Pixels:
    """The clean page's picture, once it has stayed the same."""
    last, since = pixels(clean), drawn(clean)

    def is_still() -> bool:
        nonlocal last, since
        picture, number = pixels(clean), drawn(clean)
        if away(picture, last) > 0.0:
            last, since = picture, number
        return number >= since + PICTURES_AT_REST

    until(is_still, "the face to be still")
    return last


def test_choosing_a_character_changes_the_clean_picture(
    page: playwright.Page, clean: playwright.Page, omote: Running
) -> None:
    assert redness_of_the_hair(pixels(clean)) < 40.0
    page.click("#tab-characters")
    page.click('.card[data-name="noah"]')
    until(lambda: redness_of_the_hair(pixels(clean)) > 55.0, "red hair")
    page.wait_for_selector('.card[data-name="noah"][aria-pressed=true]')
    assert page.inner_text("#character") == "noah"
    page.click(f'.card[data-name="{DEFAULT_CHARACTER}"]')
    until(lambda: redness_of_the_hair(pixels(clean)) < 40.0, "the hair that was there before")
    assert omote.state()["character"] == DEFAULT_CHARACTER


@pytest.mark.parametrize(("way", "has_focus"), [("pointerdown", False), ("keydown", True)])
def test_keys_are_the_hotkeys_again_once_a_source_was_chosen_by_hand(
    page: playwright.Page, omote: Running, way: str, has_focus: bool
) -> None:
    page.focus("#source")
    page.dispatch_event("#source", way)
    with page.expect_response("**/api/source?*"):
        page.select_option("#source", omote.state()["source"]["kind"])
    page.wait_for_function("has => (document.activeElement.id === 'source') === has", arg=has_focus)


def test_an_expression_comes_and_goes_by_its_key(
    page: playwright.Page, clean: playwright.Page, omote: Running, at_rest: Pixels
) -> None:
    page.keyboard.press("3")  # surprise
    until(lambda: away(pixels(clean), at_rest) > STILL, "surprise on the clean page")
    page.wait_for_selector('[data-hotkey="surprise"][aria-pressed=true]')
    page.keyboard.press("3")
    until(lambda: away(pixels(clean), at_rest) < STILL / 2, "the face at rest again")
    assert not is_on(omote, "surprise")


def test_an_expression_comes_and_goes_by_its_button(
    page: playwright.Page, clean: playwright.Page, at_rest: Pixels
) -> None:
    page.click("#tab-expressions")
    page.click('#pads [data-hotkey="surprise"]')
    until(lambda: away(pixels(clean), at_rest) > STILL, "surprise on the clean page")
    page.click('#pads [data-hotkey="surprise"]')
    until(lambda: away(pixels(clean), at_rest) < STILL / 2, "the face at rest again")


def test_the_portrait_is_hidden_and_paused_by_buttons_and_keys(
    page: playwright.Page, clean: playwright.Page, omote: Running
) -> None:
    page.click("#command-hide")
    until(lambda: not pixels(clean).any(), "an empty clean page")
    page.wait_for_selector("#standing >> text=Hidden")
    page.keyboard.press("h")
    until(lambda: pixels(clean)[..., 3].max() == 255, "the portrait again")
    page.keyboard.press("p")
    page.wait_for_selector("#command-pause[aria-pressed=true]")
    page.wait_for_selector("#standing >> text=Paused")
    page.wait_for_selector("body[data-presence=idle]")
    page.click("#command-pause")
    page.wait_for_selector("body[data-presence=tracked]")
    assert not omote.state()["is_paused"]


def test_clear_takes_back_expressions_of_hotkeys_and_scripts(
    page: playwright.Page, clean: playwright.Page, omote: Running, at_rest: Pixels
) -> None:
    page.keyboard.press("3")  # surprise
    omote.post("/api/expression", weights={"tongueOut": 1.0, "jawOpen": 1.0}, hold=None, layer="a script's")
    until(lambda: is_on(omote, "surprise") and away(pixels(clean), at_rest) > STILL, "the expressions")
    page.click("#command-clear")
    until(lambda: away(pixels(clean), at_rest) < STILL / 2, "the face at rest again")
    assert not is_on(omote, "surprise")


def test_of_a_group_that_is_made_on_the_page_one_expression_shows(page: playwright.Page, omote: Running) -> None:
    usual = omote.state()["hotkeys"]
    page.click("#tab-expressions")
    page.click("#edit-hotkeys")
    for at in (0, 1):
        page.locator(".hotkey").nth(at).get_by_label("Group").fill("mood")
    page.locator(".hotkey").first.get_by_label("Fade out, s").fill("1.5")
    page.click("#hotkey-editor button[type=submit]")
    until(lambda: [one["group"] for one in omote.state()["hotkeys"][:3]] == ["mood", "mood", ""], "the group")
    assert [omote.state()["hotkeys"][0][name] for name in ("fade_s", "fade_out_s")] == [0.25, 1.5]
    page.keyboard.press("1")
    until(lambda: is_on(omote, usual[0]["id"]), "the first one")
    page.keyboard.press("2")
    until(lambda: is_on(omote, usual[1]["id"]) and not is_on(omote, usual[0]["id"]), "the second one alone")
    page.click("#command-clear")
    until(lambda: not is_on(omote, usual[1]["id"]), "rest")
    omote.post("/api/hotkeys", hotkeys=usual)


def test_a_key_that_is_held_lets_go_when_the_window_loses_the_keyboard(page: playwright.Page, omote: Running) -> None:
    usual = omote.state()["hotkeys"]
    omote.post("/api/hotkeys", hotkeys=[{**usual[0], "mode": "hold"}, *usual[1:]])
    until(lambda: "Hold" in (page.text_content(f'#pads [data-hotkey="{usual[0]["id"]}"]') or ""), "the pad to know")
    page.keyboard.down(usual[0]["key"])
    until(lambda: is_on(omote, usual[0]["id"]), "the hotkey to be on")
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    until(lambda: not is_on(omote, usual[0]["id"]), "the hotkey to be let go")
    page.keyboard.up(usual[0]["key"])
    omote.post("/api/hotkeys", hotkeys=usual)


def test_a_key_that_is_held_lets_go_whatever_shift_makes_of_it(page: playwright.Page, omote: Running) -> None:
    usual = omote.state()["hotkeys"]
    omote.post("/api/hotkeys", hotkeys=[{**usual[0], "mode": "hold", "key": "1"}, *usual[1:]])
    until(lambda: "Hold" in (page.text_content(f'#pads [data-hotkey="{usual[0]["id"]}"]') or ""), "the pad to know")
    page.keyboard.down("Digit1")
    until(lambda: is_on(omote, usual[0]["id"]), "the hotkey to be on")
    page.keyboard.down("Shift")
    page.keyboard.up("Digit1")  # which is now a "!"
    until(lambda: not is_on(omote, usual[0]["id"]), "the hotkey to be let go")
    page.keyboard.up("Shift")
    omote.post("/api/hotkeys", hotkeys=usual)


def test_a_pad_is_held_by_a_finger_that_drifts(page: playwright.Page, omote: Running) -> None:
    usual = omote.state()["hotkeys"]
    omote.post("/api/hotkeys", hotkeys=[{**usual[0], "mode": "hold"}, *usual[1:]])
    pad = f'#quick [data-hotkey="{usual[0]["id"]}"]'
    until(lambda: "Hold" in (page.text_content(pad) or ""), "the pad to know")
    fingers = page.context.new_cdp_session(page)
    page.set_viewport_size({"width": 390, "height": 844})  # where the page scrolls
    box = page.locator(pad).bounding_box()
    assert box
    fingers.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, down in (("touchStart", 0), *(("touchMove", 10 * k) for k in range(1, 8))):
        at = {"x": box["x"] + 20, "y": box["y"] + 20 - down}
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at]})
    until(lambda: is_on(omote, usual[0]["id"]), "the hotkey to be on")
    assert page.evaluate("scrollY") == 0
    fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    until(lambda: not is_on(omote, usual[0]["id"]), "the hotkey to be let go")
    fingers.send("Emulation.setTouchEmulationEnabled", {"enabled": False})
    page.set_viewport_size({"width": 1440, "height": 900})
    omote.post("/api/hotkeys", hotkeys=usual)


def test_a_key_typed_into_a_field_is_no_hotkey(page: playwright.Page, omote: Running) -> None:
    page.click("#tab-calibration")
    page.click("#calibration input[type=text]")
    page.keyboard.type("3")
    page.click("#tab-expressions")
    page.keyboard.press("4")  # what comes later has come, so nothing else is on its way
    until(lambda: is_on(omote, "wink-left"), "the other hotkey")
    assert not is_on(omote, "surprise")
    page.keyboard.press("4")
    until(lambda: not is_on(omote, "wink-left"), "rest")


def test_hotkeys_are_edited_on_the_page_and_kept(page: playwright.Page, omote: Running) -> None:
    usual = omote.state()["hotkeys"]
    page.click("#tab-expressions")
    page.click("#edit-hotkeys")
    row = page.locator(".hotkey").first
    row.get_by_label("Label").fill("Grin")
    row.get_by_label("Key").press("g")
    row.get_by_label("Mode").select_option("timer")
    page.click("#hotkey-editor button[type=submit]")
    until(lambda: omote.state()["hotkeys"][0]["label"] == "Grin", "the hotkey to be kept")
    page.wait_for_selector("#edit-hotkeys:focus")  # not at the page's beginning again
    assert [omote.state()["hotkeys"][0][name] for name in ("key", "mode")] == ["g", "timer"]
    omote.post("/api/hotkeys", hotkeys=usual)


def test_two_hotkeys_with_one_key_are_marked_and_not_saved(page: playwright.Page, omote: Running) -> None:
    usual = omote.state()["hotkeys"]
    page.click("#tab-expressions")
    page.click("#edit-hotkeys")
    page.locator(".hotkey").nth(1).get_by_label("Key").press("1")
    assert page.locator(".hotkey.is-clashing").count() == 2
    page.click("#hotkey-editor button[type=submit]")
    assert "Two hotkeys have the key “1”" in page.inner_text("#hotkey-problem")
    assert page.locator(".notice").count() == 0  # it would cover Save
    page.locator(".hotkey").nth(1).get_by_label("Key").press("x")
    assert page.inner_text("#hotkey-problem") == ""
    page.keyboard.press("Escape")  # asks first, because something was changed
    page.click("#confirm button.accent")
    page.wait_for_selector("#edit-hotkeys:focus")
    assert omote.state()["hotkeys"] == usual


def test_save_does_not_undo_what_another_page_has_saved(page: playwright.Page, omote: Running) -> None:
    usual = omote.state()["hotkeys"]
    page.click("#tab-expressions")
    page.click("#edit-hotkeys")
    omote.post("/api/hotkeys", hotkeys=[{**usual[0], "label": "Theirs"}, *usual[1:]])
    page.click("#hotkey-editor button[type=submit]")
    until(lambda: "changed elsewhere" in page.inner_text("#hotkey-problem"), "the reason")
    assert omote.state()["hotkeys"][0]["label"] == "Theirs"
    page.keyboard.press("Escape")  # nothing was changed, so nothing is asked
    page.wait_for_selector("#edit-hotkeys:focus")
    omote.post("/api/hotkeys", hotkeys=usual)


def test_what_the_editor_hides_keeps_nobody_from_saving(page: playwright.Page, omote: Running) -> None:
    usual = omote.state()["hotkeys"]
    odd = [{**usual[0], "mode": "timer", "seconds": 1.0 / 3.0, "fade_s": 0.0}, *usual[1:]]
    omote.post("/api/hotkeys", hotkeys=odd)  # no step of a field's arrows
    page.click("#tab-expressions")
    until(lambda: "0.3 s" in page.inner_text(f'#pads [data-hotkey="{usual[0]["id"]}"]'), "the pad to know")
    page.click("#edit-hotkeys")
    row = page.locator(".hotkey").first
    row.get_by_label("Seconds").fill("0")  # too short, and then out of sight
    row.get_by_label("Mode").select_option("toggle")
    page.click("#hotkey-editor button[type=submit]")
    until(lambda: omote.state()["hotkeys"][0]["mode"] == "toggle", "the hotkeys to be kept")
    omote.post("/api/hotkeys", hotkeys=usual)


def test_neutral_needs_a_held_key_and_can_be_undone(page: playwright.Page, omote: Running) -> None:
    page.keyboard.press("n")  # a slip of a finger
    until(lambda: "Hold N" in page.inner_text("#notices"), "the hint")
    assert omote.state()["actor"]["has_own_rest"] is False
    page.keyboard.down("n")
    until(lambda: omote.state()["actor"]["has_own_rest"], "the resting face")
    page.keyboard.up("n")
    page.click(".notice >> text=Undo")
    until(lambda: not omote.state()["actor"]["has_own_rest"], "the resting face to be gone")
    page.click("#neutral")  # a button is pressed on purpose
    page.click("#tab-calibration")
    page.click("#calibration >> text=Forget it")
    until(lambda: not omote.state()["actor"]["has_own_rest"], "the resting face to be forgotten")


def test_news_go_by_themselves_and_errors_stay(page: playwright.Page) -> None:
    page.clock.install()
    page.evaluate(
        """() => import("/static/notices.js").then(({ notice }) => {
          notice("It is so.", { kind: "news" });
          notice("It is not so.");
        })"""
    )
    assert page.locator(".notice").count() == 2
    page.clock.run_for(10_000)
    shown = page.locator(".notice p").all_inner_texts()
    assert "It is not so." in shown  # beside, perhaps, that Omote says nothing: ten seconds have passed for the page
    assert "It is so." not in shown


def test_the_clean_page_is_transparent_around_the_portrait(clean: playwright.Page) -> None:
    clean.set_viewport_size({"width": 320, "height": 256})
    until(lambda: clean.evaluate("innerWidth") == 320, "the other size")
    picture = np.asarray(Image.open(io.BytesIO(clean.screenshot(omit_background=True))).convert("RGBA"))
    assert picture[0, 0, 3] == 0  # beside the portrait
    # Within it; the demo's face moves, and the model may leave a breath of alpha beside moving hair.
    assert max(picture[20, 32 + 20, 3], picture[20, 32 + 235, 3]) < 8
    assert picture[128, 160, 3] > 247
    drawn = pixels(clean)
    assert drawn[10, 10, 3] < 8
    assert drawn[len(drawn) // 2, len(drawn) // 2, 3] > 247


def test_a_slider_is_heard_and_its_delay_is_printed(page: playwright.Page, omote: Running) -> None:
    page.click("#tab-movement")
    page.get_by_label("Brows: strength").fill("2")
    until(lambda: omote.state()["tuning"]["gain"]["brows"] == 2.0, "the strength")
    page.get_by_label("Mouth: smoothing").fill("3")
    until(lambda: omote.state()["tuning"]["smoothing"]["mouth"] == 3.0, "the smoothing")
    costs = f"+ {omote.state()['delays_ms']['mouth']:.0f} ms"
    row = page.locator(".region", has=page.get_by_label("Mouth: smoothing"))
    until(lambda: costs in row.inner_text(), costs)
    page.click("#reset-tuning")
    until(lambda: omote.state()["tuning"]["gain"]["brows"] == 1.0, "the usual")
    until(lambda: page.get_by_label("Brows: strength").input_value() == "1", "the slider to go back")


def test_reset_all_can_be_undone_and_a_reload_shows_the_same_panel(page: playwright.Page, omote: Running) -> None:
    page.click("#tab-movement")
    before = omote.post("/api/tuning", head=2.0, gain={"jaw": 1.5}) and omote.state()["tuning"]
    page.click("#reset-tuning")
    until(lambda: omote.state()["tuning"] != before, "the usual")
    page.click(".notice >> text=Undo")
    until(lambda: omote.state()["tuning"] == before, "what was there before")
    omote.post("/api/tuning/reset")
    page.reload()
    page.wait_for_selector("#panel-movement:not([hidden])")


def test_of_quick_choices_the_last_character_is_shown_and_cannot_be_deleted(
    page: playwright.Page, omote: Running
) -> None:
    page.click("#tab-characters")
    names = [*[one["name"] for one in omote.state()["characters"]][:11], "mine"]
    page.evaluate(
        "(names) => names.forEach((name) => document.querySelector(`.card[data-name=${name}]`).click())", names
    )
    until(lambda: omote.state()["character"] == "mine", "the last one")
    page.wait_for_function("() => !document.querySelector('.card[aria-busy]')")
    assert omote.state()["character"] == "mine"
    page.wait_for_selector('.card[data-name="mine"][aria-pressed=true]')
    assert page.get_by_role("button", name="Delete mine").is_disabled()
    page.click(f'.card[data-name="{DEFAULT_CHARACTER}"]')
    until(lambda: page.get_by_role("button", name="Delete mine").is_enabled(), "another character")


def test_light_is_turned_by_keys(page: playwright.Page, omote: Running) -> None:
    page.click("#tab-light")
    before = omote.state()["light"]["direction"]
    page.press("#ball", "ArrowLeft")
    until(lambda: omote.state()["light"]["mode"] == "ball", "light by hand")
    until(lambda: omote.state()["light"]["direction"][0] < before[0], "light further to the left")
    page.get_by_role("radio", name="Studio").check()
    until(lambda: omote.state()["light"]["mode"] == "studio", "the studio's light")


def test_whoever_has_no_token_gets_nothing(browser: playwright.Browser, omote: Running) -> None:
    control, view = omote.url.partition("token=")[2], omote.clean_url.partition("token=")[2]
    base = omote.url.partition("?")[0]
    for path, token in (("", "wrong"), ("", view), ("clean", "wrong"), ("api/state", view), ("api/state", "")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{base}{path}?token={token}")
        assert refused.value.code == 403, path
        assert control not in refused.value.read().decode()
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(f"{base}?token=wrong")
    assert opened.locator("canvas").count() == 0
    opened.goto(f"{base}clean?token=wrong")  # in a scene that viewers see
    assert opened.locator("body").inner_text() == ""
    blank = np.asarray(Image.open(io.BytesIO(opened.screenshot(omit_background=True))).convert("RGBA"))
    assert blank[..., 3].max() == 0
    context.close()


def test_names_from_anywhere_are_only_text(page: playwright.Page, omote: Running) -> None:
    usual = omote.state()["hotkeys"]
    omote.post("/api/hotkeys", hotkeys=[{**usual[0], "label": EVIL}, *usual[1:]])
    until(lambda: EVIL in page.inner_text("#quick"), "the label")
    page.evaluate(
        """(name) => import("/static/characters.js").then(({ thumbnail }) => {
          document.body.append(thumbnail({ name, has_thumbnail: false }), thumbnail({ name, has_thumbnail: true }));
        })""",
        EVIL,
    )
    page.evaluate("(text) => import('/static/notices.js').then(({ notice }) => notice(text))", EVIL)
    until(lambda: EVIL in page.inner_text("#notices"), "the notice")
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("globalThis.wasRun") is None
    omote.post("/api/hotkeys", hotkeys=usual)


def test_no_character_is_made_without_a_photo(page: playwright.Page, omote: Running) -> None:
    page.click("#tab-characters")
    page.click("#make-character")
    page.locator("#maker").get_by_label("Name").fill("nobody")
    page.click("#maker button[type=submit]")
    page.wait_for_selector("#maker .problem >> text=Choose a file first.")
    assert omote.state()["jobs"] == []
    page.keyboard.press("Escape")


def test_a_drawing_becomes_a_character_with_points_moved_by_hand(
    page: playwright.Page, omote: Running, tmp_path: Path
) -> None:
    drawing = tmp_path / "sketch.png"
    Image.fromarray(load_character("aoi").references[0].rgba).save(drawing)
    page.click("#tab-characters")
    page.click("#make-character")
    page.locator("#of").select_option("drawing")
    page.set_input_files("#maker input[type=file]", drawing)
    page.wait_for_selector("#maker .point")
    assert page.locator("#maker .point").count() == 22
    point = page.get_by_role("button", name="Left brow, inner end", exact=True)
    point.scroll_into_view_if_needed()
    before = point.bounding_box()
    assert before is not None
    point.focus()
    page.keyboard.press("Shift+ArrowDown")
    moved = point.bounding_box()
    assert moved is not None
    assert moved["y"] > before["y"] + 2
    page.mouse.move(moved["x"] + 13, moved["y"] + 13)
    page.mouse.down()
    page.mouse.move(before["x"] + 13, before["y"] + 13, steps=3)
    page.mouse.up()
    dragged = point.bounding_box()
    assert dragged is not None
    assert abs(dragged["y"] - before["y"]) < 1.5
    page.locator("#maker").get_by_label("Name").fill("sketch")
    page.click("#maker .tick")
    page.click("#maker button[type=submit]")
    until(lambda: any(one["name"] == "sketch" for one in omote.state()["characters"]), "the character to be made")
    page.get_by_role("button", name="Delete sketch").click()
    page.click("#confirm button.accent")
    until(lambda: page.locator('.card[data-name="sketch"]').count() == 0, "its card to be gone")


def test_a_model_s_terms_are_shown_before_they_can_be_agreed_to(
    page: playwright.Page, omote: Running, tmp_path: Path
) -> None:
    glb, tick, terms = squares(), page.locator("#consent"), page.locator("#maker .terms")
    glb.json["extensions"]["VRMC_vrm"]["meta"] |= {
        "name": EVIL,
        "modification": "prohibited",
        "copyrightInformation": EVIL,
    }
    (tmp_path / "model.vrm").write_bytes(glb.written())
    del glb.json["extensions"]["VRMC_vrm"]["meta"]
    (tmp_path / "bare.vrm").write_bytes(glb.written())
    (tmp_path / "none.vrm").write_bytes(b"none")
    page.click("#tab-characters")
    page.click("#make-character")
    assert tick.is_enabled()
    page.locator("#of").select_option("model")
    assert tick.is_disabled() and terms.is_hidden()
    page.set_input_files("#maker input[type=file]", tmp_path / "model.vrm")
    terms.get_by_text("Not allowed").wait_for()
    assert f"{EVIL} by Nobody." in terms.inner_text()
    rows = dict(zip(terms.locator("dt").all_inner_texts(), terms.locator("dd").all_inner_texts(), strict=True))
    assert rows == {
        "Licence": "https://vrm.dev/licenses/1.0/",
        "Copyright": EVIL,
        "Commercial use": "Allowed, also to companies",
        "Changes": "Not allowed",
    }
    tick.check()
    page.set_input_files("#maker input[type=file]", tmp_path / "bare.vrm")
    terms.get_by_text("The file states no terms of use").wait_for()
    assert tick.is_enabled() and not tick.is_checked()  # the tick was about the other model
    page.set_input_files("#maker input[type=file]", tmp_path / "none.vrm")
    page.wait_for_selector("#maker .problem >> text=it does not start like a binary glTF file")
    assert tick.is_disabled() and terms.is_hidden()
    page.locator("#of").select_option("person")
    assert tick.is_enabled()
    assert page.evaluate("globalThis.wasRun") is None
    page.keyboard.press("Escape")


def test_an_own_character_is_deleted_only_after_a_question(page: playwright.Page, omote: Running) -> None:
    def names() -> list[str]:
        return [one["name"] for one in omote.state()["characters"]]

    page.click("#tab-characters")
    page.get_by_role("button", name="Delete mine").click()
    page.click("#confirm >> text=Keep")
    assert "mine" in names()
    page.get_by_role("button", name="Delete mine").click()
    page.click("#confirm button.accent")
    until(lambda: "mine" not in names(), "the character to be gone")
    until(lambda: page.locator('.card[data-name="mine"]').count() == 0, "its card to be gone")


def test_the_page_knows_the_weights_by_the_wires_names(page: playwright.Page) -> None:
    known = page.evaluate("import('/static/arkit.js').then(({ NAMES, REGIONS }) => ({ NAMES, REGIONS }))")
    assert tuple(known["NAMES"]) == arkit.NAMES
    assert {name: tuple(weights) for name, weights in known["REGIONS"].items()} == dict(REGIONS)


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (390, 844)])
def test_every_panel_fits_and_every_control_has_a_name(page: playwright.Page, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    for tab in TABS:
        if page.is_visible(f"#tab-{tab}"):
            page.click(f"#tab-{tab}")
        assert page.is_visible(f"#panel-{tab}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), tab
        assert page.evaluate(NAMELESS) == [], tab
        if width < 500:
            assert page.evaluate(SMALL) == [], tab


NAMELESS = """() => [...document.querySelectorAll("button, select, input, canvas")].filter((one) => {
  const said = one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.[0]?.textContent.trim();
  return one.checkVisibility() && !said;
}).map((one) => one.outerHTML)"""
# What a finger is to hit; a label is hit with what it labels.
SMALL = """() => [...document.querySelectorAll("button, select, .switch, input[type=range]")].filter((one) => {
  if (!one.checkVisibility() || one.closest(".segments, .steps")) return false;
  return one.getBoundingClientRect().height < 40;
}).map((one) => one.outerHTML)"""
