"""Outputs to other programs, switched while the stream runs."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from omote.bridge.outputs import pictures
from omote.engine.data import FlameParams, Portrait, Stamp
from omote.engine.face.light import studio_light
from omote.studio.app.session import StudioSession
from tests.bridge.memory import MemoryChannel
from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.on_screen import omote, page, window
from tests.studio.running import Running, until

__all__ = ["browser", "omote", "page", "window"]

PATIENCE_S = 60.0


def portrait(value: int) -> Portrait:
    rgba = np.full((8, 8, 4), value, np.uint8)
    return Portrait(Stamp(value, 0, 0), rgba, None, FlameParams.neutral(), 1.0, studio_light())


def test_a_picture_output_is_opened_gets_pictures_and_is_closed(
    api: httpx.Client, studio: StudioSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels = [MemoryChannel(), MemoryChannel()]
    opened = iter(channels)
    monkeypatch.setattr(pictures, "open_ndi", lambda name: next(opened))
    for _ in range(2):  # a second click changes nothing
        assert api.post("/api/output", json={"destination": "ndi", "on": True}).json() == {"error": ""}
    (row,) = api.get("/api/state").json()["outputs"]
    assert (row["destination"], row["name"], row["trouble"]) == ("ndi", "ndi Omote", "")
    assert (studio.store.settings.outputs, studio.switch.destinations) == (("ndi",), ("ndi",))
    studio.outputs.offer(portrait(7))
    assert api.post("/api/output", json={"destination": "ndi", "on": False}).json() == {"error": ""}
    assert channels[0].is_closed
    assert channels[0].pixels is not None
    assert (channels[0].pixels == 7).all()
    studio.outputs.offer(portrait(8))
    assert (channels[0].pixels == 7).all()
    assert (studio.store.settings.outputs, studio.outputs.programs) == ((), ())
    assert api.post("/api/output", json={"destination": "ndi", "on": True}).json() == {"error": ""}
    studio.outputs.close("ndi")


def test_outputs_of_the_page_are_on_again_at_the_next_start(
    studio: StudioSession, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pictures, "open_ndi", lambda name: MemoryChannel())
    studio.use_output("ndi", True)
    studio.outputs.close("ndi")  # as at the end of a run
    studio.store.update(lambda settings: type(settings)(outputs=("ndy", "ndi")))
    studio.bind(studio.running())
    assert studio.outputs.destinations == ("ndi",)
    assert "the output ndy of the page cannot be opened" in caplog.text
    studio.outputs.close("ndi")


@pytest.mark.parametrize(
    ("destination", "is_on", "status", "said"),
    [
        ("ndy", True, 409, "ndy"),
        ("vmc://nobody.invalid", True, 409, "nobody.invalid"),
        ("ndi", False, 409, "on are: none"),
        ("x" * 300, True, 400, "at most 256 letters"),
    ],
)
def test_an_output_that_cannot_be_switched_says_why(
    api: httpx.Client, destination: str, is_on: bool, status: int, said: str
) -> None:
    answer = api.post("/api/output", json={"destination": destination, "on": is_on})
    assert (answer.status_code, said in answer.json()["error"]) == (status, True), answer.text


@pytest.fixture
def receiver() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        one.settimeout(PATIENCE_S)
        yield one


@needs_chromium
def test_an_endpoint_is_moved_and_switched_off_and_on_from_the_page(page: playwright.Page, omote: Running) -> None:
    box = page.locator('[data-endpoint="params"]')
    address = box.get_by_label("params: address")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        before = address.input_value()
        box.get_by_label("Port of params").fill(str(taken))
        box.get_by_label("Port of params").press("Enter")
        page.wait_for_selector('[data-endpoint="params"] .problem >> text=is taken by another program')
        assert address.input_value() == before
    box.get_by_label("Port of params").fill(str(taken))
    box.get_by_label("Port of params").press("Enter")
    until(lambda: address.input_value() == f"tcp://127.0.0.1:{taken}", "the new address")
    box.get_by_role("button", name="Switch off params").click()
    box.get_by_role("button", name="Switch on params").wait_for()
    assert address.input_value() == "off"
    with socket.socket() as probe:
        until(lambda: probe.connect_ex(("127.0.0.1", taken)), "the port to be closed")
    box.get_by_role("button", name="Switch on params").click()
    until(lambda: address.input_value() == f"tcp://127.0.0.1:{taken}", "the address again")


@needs_chromium
def test_a_face_is_sent_to_another_program_from_the_page_and_no_longer(
    page: playwright.Page, omote: Running, receiver: socket.socket
) -> None:
    port = receiver.getsockname()[1]
    page.locator("#program-switch select").select_option("vmc")
    page.locator("#program-switch").get_by_label("Host").fill("nobody.invalid")
    page.get_by_role("button", name="Switch on").click()
    page.wait_for_selector("#output-problem >> text=nobody.invalid")
    page.locator("#program-switch").get_by_label("Host").fill(f"127.0.0.1:{port}")
    page.get_by_role("button", name="Switch on").click()
    page.wait_for_selector(f'.program[data-destination="vmc://127.0.0.1:{port}"]')
    assert b"/VMC/Ext/" in receiver.recv(65536)
    page.get_by_role("button", name=f"Switch off vmc 127.0.0.1:{port}").click()
    page.wait_for_selector(".program", state="detached")
    until(lambda: not omote.state()["outputs"], "the output to end")
