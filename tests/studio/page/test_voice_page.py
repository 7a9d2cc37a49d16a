"""The voice through the API, as events, and on its panel in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from omote.engine.capture.microphone import MicrophoneInfo
from omote.engine.face.lipsync import VoiceError
from omote.engine.testing.capture import HummingMicrophone
from omote.studio.app import voice as voice_module
from omote.studio.app.session import StudioSession
from omote.studio.page.server import PageServer
from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.clients import listening, next_of
from tests.studio.running import until

__all__ = ["browser"]


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch, studio: StudioSession) -> Iterator[list[str]]:
    """What was opened and closed, in order, of two microphones."""
    opened: list[str] = []
    known = (MicrophoneInfo(1, "Desk", True), MicrophoneInfo(2, "<b>Headset</b>", False))
    monkeypatch.setattr(voice_module, "open_sound", lambda spec: HummingMicrophone(spec, opened))
    monkeypatch.setattr(voice_module, "microphones", lambda: known)
    yield opened
    studio.voice.close()


def test_a_script_lists_opens_tunes_and_closes_microphones(api: httpx.Client, log: list[str]) -> None:
    listed = api.get("/api/voice/microphones").json()
    assert [one["device"] for one in listed["microphones"]] == ["default", "Desk", "<b>Headset</b>"]
    assert not log
    assert api.post("/api/voice", json={"device": "Desk", "share": 0.5}).status_code == 200
    voice = api.get("/api/state").json()["voice"]
    assert (voice["device"], voice["name"], voice["share"], voice["error"]) == ("Desk", "Desk", 0.5, "")
    assert api.post("/api/voice", json={"device": None}).status_code == 200
    assert api.get("/api/state").json()["voice"]["device"] is None


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"device": "/tmp/a.wav"}, 400, "is a file"),
        ({"device": "unplugged"}, 400, "cannot be opened"),
        ({"share": 2}, 400, "from 0 to 1"),
        ({"volume": 1}, 400, "the voice has no setting"),
    ],
)
def test_what_a_script_cannot_have_is_refused(
    api: httpx.Client, body: dict[str, object], status: int, words: str
) -> None:
    answer = api.post("/api/voice", json=body)
    assert answer.status_code == status and words in answer.json()["error"]


def test_what_a_voice_does_is_sent_only_to_those_that_ask(server: PageServer, studio: StudioSession) -> None:
    studio.use_voice({"device": "Desk"})
    with listening(server) as client:
        client.send("voice on")
        now = next_of(client, "voice")
        assert set(now) == {"type", "level_db", "viseme", "is_mouth_hidden", "delay_ms", "heard_ms"}
        client.send("voice off")
        client.send("face on")
        studio.use_voice({"share": 0.1})
        while next_of(client, "state")["state"]["voice"]["share"] != 0.1:
            pass


@pytest.fixture
def page(browser: playwright.Browser, server: PageServer) -> Iterator[playwright.Page]:
    context = browser.new_context(viewport={"width": 1366, "height": 900})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    opened.goto(server.url)
    opened.click("#tab-voice")
    opened.wait_for_selector("#microphone option[value=Desk]", state="attached")
    yield opened
    context.close()
    assert not complaints


@needs_chromium
def test_the_panel_opens_a_microphone_shows_its_level_and_closes_it(page: playwright.Page, log: list[str]) -> None:
    assert page.locator("#microphone option").all_inner_texts() == [
        *("Off", "The system's microphone", "Desk", "<b>Headset</b>")
    ]
    assert page.is_hidden("#voice-now") and not log
    page.select_option("#microphone", "Desk")
    until(lambda: page.text_content("#voice-db") == "-20 dB", "the level")
    assert page.get_attribute("#voice-level", "aria-valuenow") == "-20"
    assert page.get_attribute("#voice-level", "data-level") == "voice"
    page.select_option("#microphone", "")
    page.wait_for_selector("#voice-now", state="hidden")
    until(lambda: log == ["open Desk", "close Desk"], "the microphone to be closed")


@needs_chromium
def test_the_panel_says_why_a_microphone_has_ended(
    page: playwright.Page, studio: StudioSession, log: list[str]
) -> None:
    studio.use_voice({"device": "loose"})
    until(lambda: log == ["open loose", "close loose"], "the microphone to fail")
    until(lambda: "loose failed" in str(page.text_content("#voice-note")), "why")
    assert page.input_value("#microphone") == "" and page.is_hidden("#voice-now")


@needs_chromium
def test_a_slider_of_the_panel_tunes_the_voice_and_moves_the_mark(page: playwright.Page, studio: StudioSession) -> None:
    slider = page.get_by_role("slider", name="Loud from")
    slider.focus()
    slider.press("ArrowRight")
    until(lambda: studio.voice.tuning.loud_db == -17.0, "the tuning to change")
    place = "node => node.style.getPropertyValue('--loud-at')"
    until(lambda: page.eval_on_selector("#voice-level", place).startswith("78.75"), "the mark to move")


@needs_chromium
def test_without_a_library_the_panel_says_what_to_install(
    page: playwright.Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise VoiceError(
            "microphones need the package sounddevice, which is missing: to install it, pip install 'omote[voice]'"
        )

    monkeypatch.setattr(voice_module, "microphones", missing)
    page.click("#tab-light")
    page.click("#tab-voice")
    until(lambda: "omote[voice]" in str(page.text_content("#voice-note")), "what to install")
