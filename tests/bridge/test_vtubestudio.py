"""The face in VTube Studio: authentication, the stored token, parameters, and lost connections."""

from __future__ import annotations

import json
import logging
import os
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.bridge import arkit
from omote.bridge.outputs.vtubestudio import VtsSender
from omote.bridge.outputs.vtubestudio_api import (
    CUSTOM,
    DEFAULTS,
    TOKEN_FILE,
    TokenStore,
    VtsError,
    VtsSession,
    custom_parameters,
    default_parameters,
    is_token,
)

from .fake_vtube_studio import TOKEN, FakeVtubeStudio
from .sending import PATIENCE_S, params

SEEN = arkit.weights({"jawOpen": 1.0})
SMILE = params(SEEN, arkit.weights({"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "jawOpen": 0.25}))


@pytest.fixture
def studio() -> Iterator[FakeVtubeStudio]:
    with FakeVtubeStudio() as found:
        yield found


def sender(studio: FakeVtubeStudio, folder: Path | None = None, has_arkit: bool = False) -> VtsSender:
    return VtsSender("127.0.0.1", studio.port, folder, has_arkit, retries_s=(0.02,))


def until_trouble(sender: VtsSender, word: str) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while word not in sender.trouble:
        assert time.monotonic() < deadline_s, sender.trouble
        time.sleep(0.005)


def test_the_user_is_asked_once_and_never_again(studio: FakeVtubeStudio, tmp_path: Path) -> None:
    for _ in range(2):
        before = len(studio.faces)
        with sender(studio, tmp_path) as vts:
            vts.offer(0, SMILE)
            studio.until(lambda: len(studio.faces) > before)  # noqa: B023
            assert vts.trouble == ""
    assert studio.asked == 1
    kept = tmp_path / TOKEN_FILE
    assert json.loads(kept.read_text("utf-8")) == {f"127.0.0.1:{studio.port}": TOKEN}
    if os.name == "posix":
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_face_arrives_as_parameters_and_again_though_nothing_changes(studio: FakeVtubeStudio) -> None:
    with sender(studio) as vts:
        vts.offer(0, SMILE)
        studio.until(lambda: len(studio.faces) >= 3)  # what does not come for a second is lost there
    assert all(face["faceFound"] is True and face["mode"] == "set" for face in studio.faces)
    assert studio.values == default_parameters(SMILE)
    assert {*studio.values} == {*DEFAULTS}


def test_after_a_refusal_the_user_is_not_asked_again_in_this_run(
    studio: FakeVtubeStudio, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    studio.allows = False
    with caplog.at_level(logging.WARNING), sender(studio, tmp_path) as vts:
        vts.offer(0, SMILE)
        vts._thread.join(PATIENCE_S)
        assert "Omote was denied" in vts.trouble
    assert studio.asked == 1
    assert not (tmp_path / TOKEN_FILE).exists()
    assert sum("was denied" in record.message for record in caplog.records) == 1


def test_the_user_is_told_to_click_allow(studio: FakeVtubeStudio) -> None:
    clicks = threading.Event()
    studio.hesitates = clicks.wait
    with sender(studio) as vts:
        vts.offer(0, SMILE)
        until_trouble(vts, "click Allow")
        clicks.set()
        studio.until(lambda: bool(studio.faces))
        assert vts.trouble == ""


def test_a_token_that_is_refused_is_asked_for_anew(studio: FakeVtubeStudio, tmp_path: Path) -> None:
    place = f"127.0.0.1:{studio.port}"
    TokenStore(tmp_path).store(place, "an-old-one")
    TokenStore(tmp_path).store("192.168.1.9:8001", "of-another-machine")
    with sender(studio, tmp_path) as vts:
        vts.offer(0, SMILE)
        studio.until(lambda: bool(studio.faces))
    assert studio.asked == 1
    assert TokenStore(tmp_path).load(place) == TOKEN
    assert TokenStore(tmp_path).load("192.168.1.9:8001") == "of-another-machine"


def test_a_token_that_is_revoked_is_asked_for_again(studio: FakeVtubeStudio, tmp_path: Path) -> None:
    with sender(studio, tmp_path) as vts:
        vts.offer(0, SMILE)
        studio.until(lambda: bool(studio.faces))
        studio.tokens.clear()
        studio.until(lambda: studio.asked >= 2)
        count = len(studio.faces)
        studio.tokens.add(TOKEN)
        studio.until(lambda: len(studio.faces) > count)


def test_a_studio_that_goes_and_comes_back_is_found_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with FakeVtubeStudio() as first:
        vts = sender(first, tmp_path)
        with caplog.at_level(logging.WARNING):
            vts.__enter__()
        vts.offer(0, SMILE)
        first.until(lambda: bool(first.faces))
    until_trouble(vts, "start VTube Studio")
    with FakeVtubeStudio(first.port) as second:
        second.until(lambda: bool(second.faces))  # the face that was last, though no new one was offered
        assert second.asked == 0
        vts.__exit__()


def test_a_parameter_that_it_does_not_have_costs_no_other(
    studio: FakeVtubeStudio, caplog: pytest.LogCaptureFixture
) -> None:
    studio.parameters.remove("CheekPuff")
    with caplog.at_level(logging.WARNING), sender(studio) as vts:
        vts.offer(0, SMILE)
        studio.until(lambda: bool(studio.faces))
        assert {*studio.values} == {*DEFAULTS} - {"CheekPuff"}
        studio.parameters.remove("TongueOut")  # and one that goes while it runs
        studio.until(lambda: {*studio.values} == {*DEFAULTS} - {"CheekPuff", "TongueOut"})
        assert vts.trouble == ""
    said = [record.message for record in caplog.records]
    assert any("no parameters called CheekPuff" in one for one in said)
    assert any("TongueOut is left out" in one for one in said)


def test_what_another_plugin_holds_costs_no_other_though_no_error_names_it(
    studio: FakeVtubeStudio, caplog: pytest.LogCaptureFixture
) -> None:
    studio.held = {"MouthOpen", "MouthSmile"}
    with caplog.at_level(logging.WARNING), sender(studio) as vts:
        vts.offer(0, SMILE)
        studio.until(lambda: bool(studio.faces) and {*studio.values} == {*DEFAULTS} - studio.held)
        assert vts.trouble == ""
    assert any("MouthOpen, MouthSmile is left out" in record.message for record in caplog.records)


def test_where_another_plugin_holds_all_that_is_said(studio: FakeVtubeStudio) -> None:
    studio.held = {*DEFAULTS}
    with sender(studio) as vts:
        vts.offer(0, SMILE)
        until_trouble(vts, "takes no parameters: Another plugin already controls")


def test_the_weights_of_arkit_are_parameters_of_their_own(studio: FakeVtubeStudio) -> None:
    with sender(studio, has_arkit=True) as vts:
        vts.offer(0, SMILE)
        studio.until(lambda: bool(studio.faces))
    assert studio.created == [*CUSTOM]
    assert studio.values["OmoteJawOpen"] == 0.25
    assert len(studio.values) == len(DEFAULTS) + arkit.COUNT


def test_where_there_is_room_for_a_few_weights_only_these_are_sent(studio: FakeVtubeStudio) -> None:
    studio.takes_created = 7
    with sender(studio, has_arkit=True) as vts:
        vts.offer(0, SMILE)
        studio.until(lambda: bool(studio.faces))
        assert vts.trouble == ""
    assert len(studio.values) == len(DEFAULTS) + 7


def test_other_messages_are_ignored(studio: FakeVtubeStudio) -> None:
    studio.noise = lambda: json.dumps({"messageType": "ModelLoadedEvent", "requestID": "of-another-plugin", "data": {}})
    with sender(studio) as vts:
        vts.offer(0, SMILE)
        studio.until(lambda: bool(studio.faces))


def test_another_program_is_recognised_as_such(studio: FakeVtubeStudio) -> None:
    studio.noise = lambda: "Hello, stranger"
    with sender(studio) as vts:
        until_trouble(vts, "this is not VTube Studio: it sent 'Hello, stranger'")


def test_an_unknown_host_is_tried_again() -> None:
    with VtsSender("nobody.invalid", retries_s=(0.02,)) as vts:
        until_trouble(vts, "there is no machine of this name")
        assert vts._thread.is_alive()


def test_another_machine_is_said_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), VtsSender("vts.invalid", retries_s=(0.02,)) as vts:
        until_trouble(vts, "")
    assert any("leaves this machine" in record.message for record in caplog.records)
    assert not any("127.0.0.1" in record.message for record in caplog.records)


def test_no_more_than_sixty_faces_a_second_are_sent() -> None:
    """By its own clock: between two faces it waits for the rest of a sixtieth."""
    waits: list[float] = []
    vts = VtsSender("127.0.0.1", clock=iter(0.001 * step for step in range(10_000)).__next__, wait=waits.append)

    class Answers:
        """A socket that answers at once, and ends the run after five faces."""

        def __init__(self) -> None:
            self._asked: dict[str, str] = {}

        def send(self, message: str, /) -> None:
            self._asked = json.loads(message)
            vts.offer(0, SMILE)

        def recv(self, timeout: float | None = None) -> str:
            rows = [{"name": name} for name in DEFAULTS]
            data = {"authenticated": True, "authenticationToken": "t", "defaultParameters": rows}
            if vts.sent == 4:
                vts._is_stopping.set()
            return json.dumps({"requestID": self._asked["requestID"], "messageType": "x", "data": data})

    vts._send_faces(Answers())
    assert vts.sent == 5
    assert len(waits) == 5
    assert all(0 < wait <= 1 / 60 for wait in waits)


def test_a_face_in_its_parameters_is_that_of_a_mirror() -> None:
    def value(name: str, **weights: float) -> float:
        return default_parameters(params(SEEN, arkit.weights(weights)))[name]

    turned = default_parameters(params(SEEN, None, neck_pose=[0.0, np.radians(20.0), 0.0]))
    assert turned["FaceAngleX"] == pytest.approx(-20.0, abs=1e-3)  # to the performer's left: the screen's left
    assert default_parameters(params(SEEN, None, neck_pose=[np.radians(-10), 0, 0]))["FaceAngleY"] == pytest.approx(
        10, abs=1e-3
    )
    assert default_parameters(params(SEEN, None, neck_pose=[0, 0, np.radians(15)]))["FaceAngleZ"] == pytest.approx(
        15, abs=1e-3
    )
    assert value("MouthSmile") == 0.5
    assert value("MouthSmile", mouthSmileLeft=1.0, mouthSmileRight=1.0) == 1.0
    assert value("MouthSmile", mouthFrownLeft=1.0, mouthFrownRight=1.0) == 0.0
    assert value("EyeOpenLeft", eyeBlinkLeft=0.75) == 0.25
    assert value("EyeOpenRight", eyeBlinkLeft=0.75) == 1.0
    assert value("EyeLeftX", eyeLookInLeft=0.5) == value("EyeRightX", eyeLookOutRight=0.5) == 0.5
    assert value("EyeLeftY", eyeLookUpLeft=0.5) == 0.5
    assert value("BrowLeftY", browDownLeft=1.0) == 0.0
    assert value("Brows", browInnerUp=1.0, browOuterUpLeft=1.0, browOuterUpRight=1.0) == 1.0


@given(
    st.lists(st.floats(0, 1, width=32), min_size=52, max_size=52), st.lists(st.floats(-9, 9), min_size=3, max_size=3)
)
def test_every_parameter_stays_in_its_range(weights: list[float], turn: list[float]) -> None:
    face = params(SEEN, np.array(weights, np.float32), neck_pose=turn)
    for name, value in {**default_parameters(face), **custom_parameters(face)}.items():
        least, most = (-90, 90) if "Face" in name else (-1, 1) if name[:3] == "Eye" and name[-1] in "XY" else (0, 1)
        assert least <= value <= most, name


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_any_reply_raises_only_a_vts_error(answer: bytes | str) -> None:
    class Says:
        def send(self, message: str, /) -> None:
            pass

        def recv(self, timeout: float | None = None) -> bytes | str:
            return answer

    steps = iter(range(100))
    with pytest.raises(VtsError):
        VtsSession(Says(), "here", TokenStore(None), lambda: False, str, lambda: float(next(steps))).begin(
            has_arkit=True
        )


@given(st.binary(max_size=100))
def test_a_damaged_file_of_tokens_is_none(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / TOKEN_FILE).write_bytes(data)
        found = TokenStore(Path(folder)).load("127.0.0.1:8001")
        assert found is None or is_token(found)
