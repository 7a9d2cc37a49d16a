"""Sources set up on the page: cameras by name, phones by address and QR code, files."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from omote.engine.capture.cameras import Camera, CameraFormat
from omote.engine.capture.datagrams import lan_addresses
from omote.engine.capture.source import TrackedPicture
from omote.engine.capture.take import write_take
from omote.studio.app import session as app_session
from omote.studio.app.cameras import CameraChoice, read_camera_choice
from omote.studio.app.session import StudioSession
from omote.studio.page import source_api
from omote.studio.page.server import PageServer
from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.clients import PATIENCE_S
from tests.studio.clients import Camera as FakeCamera
from tests.studio.commands import short_take
from tests.studio.on_screen import omote, page, window
from tests.studio.running import Running, until

__all__ = ["browser", "omote", "page", "window"]

CAMERAS = (Camera(0, "Built-in", "/dev/video0"), Camera(2, "HD Webcam", "/dev/video2"))


@pytest.mark.parametrize(
    ("plugged_in", "index"),
    [
        (CAMERAS, 2),
        ((Camera(5, "HD Webcam", "/dev/video5"),), 5),  # in another socket
        ((Camera(1, "HD Webcam", "/dev/video1"), *CAMERAS), 2),  # two of the same name
        ((Camera(0, "Built-in", "/dev/video0"),), 2),  # gone
    ],
)
def test_a_chosen_camera_is_found_by_its_name_and_place(plugged_in: tuple[Camera, ...], index: int) -> None:
    choice = CameraChoice(CAMERAS[1], CameraFormat(1280, 720, 60.0))
    assert choice.spec(plugged_in) == f"webcam:{index}:1280x720@60"
    assert read_camera_choice(choice.as_json()) == choice
    assert read_camera_choice(None) is None


@pytest.mark.parametrize(
    "data", [[], {"name": "x"}, {"index": 0, "name": 1, "path": ""}, {"index": -1, "name": "", "path": ""}]
)
def test_a_camera_choice_that_makes_no_sense_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        read_camera_choice(data)


@pytest.fixture
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (app_session, source_api):
        monkeypatch.setattr(module, "list_cameras", lambda: CAMERAS)


def test_cameras_have_names_and_the_chosen_one_is_kept(
    api: httpx.Client, studio: StudioSession, plugged_in: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, str]] = []
    monkeypatch.setattr(studio.switch, "choose", lambda kind, spec: opened.append((kind, spec)))
    assert api.get("/api/cameras").json()["cameras"] == [
        {"index": 0, "name": "Built-in"},
        {"index": 2, "name": "HD Webcam"},
    ]
    asked = {"camera": 2, "width": 1280, "height": 720, "fps": 60, "reads_mouth": True}
    assert api.post("/api/source/camera", json=asked).json() == {"error": ""}
    assert opened == [("webcam", "webcam:2:1280x720@60+mouth")]
    assert studio.store.settings.camera == CameraChoice(CAMERAS[1], CameraFormat(1280, 720, 60.0, True))
    kept = api.get("/api/state").json()["source"]["camera"]
    assert (kept["name"], kept["width"], kept["fps"]) == ("HD Webcam", 1280, 60.0)


class OpenCamera(FakeCamera):
    """The camera that plays, as its number 2; it remembers the formats that it was asked for."""

    index = 2

    def __init__(self) -> None:
        super().__init__()
        self.formats: list[CameraFormat] = []

    def use_format(self, format: CameraFormat) -> None:
        self.formats.append(format)


class TestTheCameraThatPlays:
    @pytest.fixture
    def camera(self) -> FakeCamera:
        return OpenCamera()

    def test_it_changes_its_format_without_a_second_opening(
        self, api: httpx.Client, camera: OpenCamera, plugged_in: None
    ) -> None:
        asked = {"camera": 2, "width": 1920, "height": 1080}
        assert api.post("/api/source/camera", json=asked).json() == {"error": ""}
        assert camera.formats == [CameraFormat(1920, 1080, 30.0)]

    def test_its_preview_is_the_picture_that_is_tracked(self, api: httpx.Client, camera: OpenCamera) -> None:
        assert "no picture yet" in api.get("/api/cameras/2/picture").json()["error"]
        picture = np.full((480, 640, 3), 90, np.uint8)
        camera.tracked_picture = TrackedPicture(picture, np.zeros((0, 2), np.float32), 0)
        answer = api.get("/api/cameras/2/picture")
        assert (answer.headers["content-type"], answer.content[:2]) == ("image/jpeg", b"\xff\xd8")

    def test_a_camera_that_is_not_there_has_no_preview(self, api: httpx.Client) -> None:
        answer = api.get("/api/cameras/87/picture")
        assert (answer.status_code, "cannot be opened" in answer.json()["error"]) == (409, True)


def test_a_phone_is_shown_the_address_of_this_machine_alone(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_api, "lan_addresses", lambda: ("192.168.1.5",))
    assert api.get("/api/phones/addresses").json()["addresses"] == ["192.168.1.5"]
    code = api.get("/api/phones/addresses/192.168.1.5/qr")
    assert (code.headers["content-type"], code.text[:4]) == ("image/svg+xml", "<svg")
    assert api.get("/api/phones/addresses/example.org/qr").status_code == 400


def half_an_upload(server: PageServer, content: bytes, sent: int) -> socket.socket:
    """A connection on which so many bytes of a take were sent."""
    head = f"POST /api/source/file?name=slow.csv HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
    head += f"Authorization: Bearer {server.tokens.control}\r\nContent-Length: {len(content)}\r\n\r\n"
    connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)
    connection.sendall(head.encode() + content[:sent])
    return connection


def upload(api: httpx.Client, take: Path) -> dict[str, object]:
    answer = api.post(f"/api/source/file?name={take.name}", content=take.read_bytes())
    return dict(answer.json())


def test_a_file_that_still_arrives_is_not_removed_by_one_that_is_played(
    server: PageServer, api: httpx.Client, studio: StudioSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio, "use_file", lambda path: None)
    monkeypatch.setattr(source_api, "data_folder", lambda: tmp_path)
    take = tmp_path / "quick.csv"
    write_take(take, short_take(3))
    played = tmp_path / source_api.PLAYED_FOLDER
    with half_an_upload(server, take.read_bytes(), 100) as slow:
        until(lambda: list(played.glob("*/slow.csv")), "the first file to arrive")
        assert upload(api, take) == {"error": ""}
        assert len(list(played.iterdir())) == 2
        slow.sendall(take.read_bytes()[100:])
        assert b"200 OK" in slow.recv(4096)
    assert [path.name for path in played.glob("*/*")] == ["slow.csv"]


def test_the_page_answers_while_an_earlier_file_is_removed(
    server: PageServer, api: httpx.Client, studio: StudioSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio, "use_file", lambda path: None)
    monkeypatch.setattr(source_api, "data_folder", lambda: tmp_path)
    take = tmp_path / "take.csv"
    write_take(take, short_take(3))
    upload(api, take)
    is_removing, is_answered = threading.Event(), threading.Event()

    def rmtree(folder: Path, ignore_errors: bool) -> None:
        is_removing.set()
        assert is_answered.wait(PATIENCE_S)

    monkeypatch.setattr("omote.studio.page.source_api.shutil.rmtree", rmtree)
    with ThreadPoolExecutor(1) as second:
        done = second.submit(upload, api, take)
        assert is_removing.wait(PATIENCE_S)
        assert api.get("/api/cameras").status_code == 200
        is_answered.set()
        assert done.result(PATIENCE_S) == {"error": ""}


def test_a_file_that_stops_to_arrive_is_given_up(
    server: PageServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_api, "PART_TIMEOUT_S", 0.05)
    monkeypatch.setattr(source_api, "data_folder", lambda: tmp_path)
    with half_an_upload(server, b"half of it" + bytes(90), 10) as half:
        assert b"no part of the file came" in half.recv(4096) + half.recv(4096)
    assert not list((tmp_path / source_api.PLAYED_FOLDER).iterdir())


# On the page.


@needs_chromium
def test_a_take_plays_as_a_source_from_the_page_and_only_the_last_is_kept(
    page: playwright.Page, omote: Running, tmp_path: Path
) -> None:
    for name in ("first one.csv", "second.csv"):
        take = tmp_path / name
        write_take(take, short_take(30, jawOpen=0.5))
        page.click("#set-up-source")
        page.locator("#source-setup").get_by_role("radio", name="File").check()
        page.set_input_files("#source-setup input[type=file]", take)
        page.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_selector("#source-setup:not([open])", state="attached")
        until(lambda name=name: omote.state()["source"]["name"] == name, "the take to play")  # type: ignore[misc]
    assert page.locator("#source option:checked").inner_text() == "second.csv"
    page.select_option("#source", "demo")
    until(lambda: omote.state()["source"]["kind"] == "demo", "the demo")
    page.select_option("#source", "file")
    until(lambda: omote.state()["source"]["name"] == "second.csv", "the take again")
    page.select_option("#source", "demo")
    until(lambda: omote.state()["source"]["kind"] == "demo", "the demo again")


@needs_chromium
def test_cameras_that_are_found_late_do_not_replace_what_was_chosen_since(
    page: playwright.Page, omote: Running
) -> None:
    waiting: list[playwright.Route] = []

    def wait(route: playwright.Route) -> None:
        waiting.append(route)

    page.route("**/api/cameras?*", wait)
    page.click("#set-up-source")
    page.locator("#source-setup").get_by_role("radio", name="File").check()
    with page.expect_response("**/api/cameras?*"):
        waiting[0].fulfill(body='{"error": "", "cameras": []}', content_type="application/json")
    page.evaluate("() => new Promise((shown) => requestAnimationFrame(shown))")
    assert page.get_by_role("button", name="Play", exact=True).is_visible()
    page.unroute("**/api/cameras?*")
    page.get_by_role("button", name="Close", exact=True).click()


@needs_chromium
def test_a_file_that_cannot_be_played_is_refused_in_the_dialog(
    page: playwright.Page, omote: Running, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("no take")
    page.click("#set-up-source")
    page.locator("#source-setup").get_by_role("radio", name="File").check()
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_selector("#source-problem >> text=Choose a file first.")
    page.set_input_files("#source-setup input[type=file]", broken)
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_selector("#source-problem >> text=broken.csv")
    assert omote.state()["source"]["kind"] == "demo"
    page.keyboard.press("Escape")


@needs_chromium
def test_a_phones_instructions_stand_in_large_type_and_it_is_listened_to(page: playwright.Page, omote: Running) -> None:
    page.click("#set-up-source")
    page.locator("#source-setup").get_by_role("radio", name="Phone").check()
    page.locator("#source-setup").get_by_label("App").select_option("vtubestudio")
    page.get_by_role("button", name="Listen").click()
    page.wait_for_selector("#source-problem >> text=type the phone's address")
    page.locator("#source-setup").get_by_label("App").select_option("livelink")
    own = (*lan_addresses(), "in no network")[0]
    page.wait_for_selector(f"#own-address >> text={own}")
    if lan_addresses():
        page.wait_for_function("() => document.querySelector('.qr').naturalWidth > 0")
    page.get_by_role("button", name="Listen").click()
    until(lambda: omote.state()["source"]["kind"] == "livelink", "Live Link Face")
    page.select_option("#source", "demo")
    until(lambda: omote.state()["source"]["kind"] == "demo", "the demo")


@needs_chromium
def test_a_camera_is_chosen_by_its_name_with_a_preview(page: playwright.Page, omote: Running) -> None:
    found = '{"error": "", "cameras": [{"index": 86, "name": "Built-in"}, {"index": 87, "name": "HD Webcam"}]}'
    page.route("**/api/cameras?*", lambda route: route.fulfill(body=found, content_type="application/json"))
    page.click("#set-up-source")
    page.locator("#source-setup").get_by_role("radio", name="Camera").check()
    page.locator(".camera-choice", has_text="HD Webcam").get_by_role("button", name="Preview").click()
    page.wait_for_selector("#source-problem >> text=HD Webcam gives no picture")
    page.get_by_label("HD Webcam").check()
    page.locator("#source-setup").get_by_label("Size").select_option("1280x720")
    page.get_by_role("button", name="Use this camera").click()
    page.wait_for_selector("#source-problem >> text=camera 87 cannot be opened")
    assert omote.state()["source"]["kind"] == "demo"
    page.keyboard.press("Escape")
