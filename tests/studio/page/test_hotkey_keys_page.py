"""Keys of hotkeys on the page: chords, gamepads, MIDI, and the switch for other programs."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from omote.studio.app.hotkeys import Hotkey, HotkeyError
from omote.studio.app.session import StudioSession
from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.on_screen import omote, page
from tests.studio.running import Running, until

__all__ = ["browser", "omote", "page"]

DEVICES = """
globalThis.pressed = [false, false, false, false];
navigator.getGamepads = () => [null, { buttons: globalThis.pressed.map((pressed) => ({ pressed })) }];
globalThis.keyboard = {};
navigator.requestMIDIAccess = async () => ({ inputs: new Map([["1", globalThis.keyboard]]) });
"""


def is_on(omote: Running, at: int = 0) -> bool:
    return bool(omote.state()["hotkeys"][at]["is_on"])


@pytest.fixture(scope="module")
def window(browser: playwright.Browser) -> Iterator[playwright.BrowserContext]:
    """A window with a gamepad and a MIDI keyboard."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(DEVICES)
    yield context
    context.close()


def test_global_hotkeys_say_why_they_are_not_heard(
    api: httpx.Client, studio: StudioSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    answer = api.post("/api/hotkeys/global", json={"on": True})
    assert (answer.status_code, "DISPLAY is not set" in answer.json()["error"]) == (400, True)
    assert api.get("/api/state").json()["global_hotkeys"] == {"is_on": False, "problem": "", "heard": []}
    assert not studio.store.settings.global_hotkeys


def test_global_hotkeys_are_kept_and_a_failure_at_the_next_start_is_shown(
    api: httpx.Client, studio: StudioSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio.global_hotkeys, "turn", lambda is_on: None)
    studio.use_hotkeys((Hotkey("one", "One", "F5", expression="smile"), Hotkey("two", "Two", "k", expression="sad")))
    assert api.post("/api/hotkeys/global", json={"on": True}).json() == {"error": ""}
    assert studio.store.settings.global_hotkeys

    def refused(is_on: bool) -> None:
        raise HotkeyError("no keyboard is heard")

    monkeypatch.setattr(studio.global_hotkeys, "turn", refused)
    studio.bind(studio.running())
    assert api.get("/api/state").json()["global_hotkeys"]["problem"] == "no keyboard is heard"
    monkeypatch.undo()


@needs_chromium
def test_a_chord_a_gamepads_button_and_a_note_become_keys_and_press_their_hotkeys(
    page: playwright.Page, omote: Running
) -> None:
    usual = omote.state()["hotkeys"]
    page.click("#tab-expressions")
    page.click("#use-midi")
    page.wait_for_selector("#midi-note >> text=1 MIDI input")
    page.click("#edit-hotkeys")
    keys = page.locator(".hotkey").get_by_label("Key")
    keys.nth(0).press("Control+Shift+K")
    keys.nth(1).focus()
    page.evaluate("globalThis.pressed[3] = true")
    page.wait_for_function("() => document.activeElement.value === 'Pad 3'")
    page.evaluate("globalThis.pressed[3] = false")
    keys.nth(2).focus()
    page.evaluate("globalThis.keyboard.onmidimessage({ data: [0x90, 60, 100] })")
    page.evaluate("globalThis.keyboard.onmidimessage({ data: [0x80, 60, 0] })")
    page.locator(".hotkey").nth(2).get_by_label("Mode").select_option("hold")
    page.click("#hotkey-editor button[type=submit]")
    expected = ["Ctrl+Shift+K", "Pad 3", "Midi 60"]
    until(lambda: [one["key"] for one in omote.state()["hotkeys"][:3]] == expected, "the keys to be kept")
    page.wait_for_selector("#pads kbd >> text=Midi 60")
    assert not any(is_on(omote, at) for at in range(3))

    page.keyboard.press("Control+Shift+K")
    until(lambda: is_on(omote, 0), "the chord")
    page.evaluate("globalThis.pressed[3] = true")
    until(lambda: is_on(omote, 1), "the gamepad")
    page.evaluate("globalThis.keyboard.onmidimessage({ data: [0x93, 60, 100] })")
    until(lambda: is_on(omote, 2), "the note")
    page.evaluate("globalThis.keyboard.onmidimessage({ data: [0x93, 60, 0] })")
    until(lambda: not is_on(omote, 2), "the note to end")
    page.evaluate("globalThis.pressed[3] = false")
    page.click("#command-clear")
    omote.post("/api/hotkeys", hotkeys=usual)
