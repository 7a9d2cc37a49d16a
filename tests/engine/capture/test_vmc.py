"""What a VMC performer sends, as a signal."""

from __future__ import annotations

import numpy as np
import pytest

from omote.bridge import arkit
from omote.bridge.outputs import face_sender
from omote.engine.capture.vmc import Vmc
from omote.engine.data import Portrait, Stamp
from omote.engine.face.retarget import from_weights, gaze_from_weights
from omote.engine.live.outputs import FaceOutput
from omote.engine.testing.clock import ManualClock
from tests.bridge.osc import message

from .phones import FakePhone, listener, moved, read, recorded

WEIGHTS = arkit.weights({"jawOpen": 0.4, "mouthSmileLeft": 0.7, "eyeBlinkRight": 1.0, "eyeLookUpLeft": 0.5})
TURN = np.array([0.2, -0.3, 0.1], np.float32)


@pytest.mark.parametrize("options", ["", "?names=pascal", "?presets=no"])
def test_what_our_own_vmc_sender_shows_comes_back_equal(options: str) -> None:
    params = from_weights(WEIGHTS, gaze_from_weights(WEIGHTS), TURN)
    shown = Portrait(Stamp(0, 0, 0), np.zeros((2, 2, 4), np.uint8), None, params, 0.0, np.zeros(27, np.float32))
    with (
        listener(Vmc()) as source,
        FaceOutput(face_sender(f"vmc://127.0.0.1:{source.port}{options}")) as output,
    ):
        output.offer(shown)
        signal = read(source)
    np.testing.assert_allclose(signal.weights, WEIGHTS, atol=1e-6)
    np.testing.assert_allclose(signal.head_rotation, TURN, atol=1e-6)
    np.testing.assert_allclose(signal.gaze, params.eye_pose[:, :2], atol=1e-6)


def test_a_performer_without_arkits_names_is_read_by_its_presets_and_neck_and_head_are_one_turn() -> None:
    with FakePhone() as phone, listener(Vmc()) as source:
        phone.send(source.port, recorded("phone_vmc_vrm0"))
        signal = read(source)
        assert moved(signal)["eyeBlinkLeft"] == 1.0
        assert moved(signal)["eyeBlinkRight"] == 0.25
        assert moved(signal)["jawOpen"] == 0.5
        assert moved(signal)["mouthSmileRight"] == 0.25
        # The neck 30 degrees down, and on it the head 30 to the left: the face is lower than it is turned.
        rotation = signal.head_rotation
        assert np.linalg.norm(rotation) == pytest.approx(2 * np.arccos(np.cos(np.radians(15)) ** 2), abs=1e-6)
        assert rotation[0] == pytest.approx(rotation[1], abs=1e-6)
        assert rotation[2] > 0
    with FakePhone() as phone, listener(Vmc()) as source:
        phone.send(source.port, recorded("phone_vmc_vrm1"))
        said = moved(read(source))
        assert (said["jawOpen"], said["eyeBlinkLeft"], said["browInnerUp"]) == (0.5, 1.0, 0.25)


def test_an_avatar_with_presets_and_one_of_arkits_names_is_read_by_both() -> None:
    with FakePhone() as phone, listener(Vmc()) as source:
        values = {"A": 0.5, "Blink": 1.0, "TongueOut": 0.25}
        said = [message("/VMC/Ext/Blend/Val", "sf", name, value) for name, value in values.items()]
        phone.send(source.port, *said, message("/VMC/Ext/Blend/Apply", ""))
        weights = {"jawOpen": 0.5, "eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "tongueOut": 0.25}
        assert moved(read(source)) == weights
        phone.send(source.port, message("/VMC/Ext/Blend/Val", "sf", "jawOpen", 0.0))
        phone.send(source.port, message("/VMC/Ext/Blend/Apply", ""))
        del weights["jawOpen"]
        assert moved(read(source)) == weights


def test_bones_without_a_face_are_not_accepted_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    with FakePhone() as phone, listener(Vmc(), clock) as source:
        phone.send(source.port, message("/VMC/Ext/Bone/Pos", "sfffffff", "Head", 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0))
        assert source.read(0.2) is None
        clock.sleep(6.0)
        assert source.read(0.0) is None
    assert "127.0.0.1 sends VMC, but no face" in caplog.text


def test_a_picture_of_vmc_is_whole_only_when_it_is_applied() -> None:
    bundles = _datagrams(recorded("vmc_face"))
    assert len(bundles) > 1
    with FakePhone() as phone, listener(Vmc()) as source:
        phone.send(source.port, *bundles[:-1])
        assert source.read(0.2) is None
        phone.send(source.port, bundles[-1])
        assert moved(read(source))["eyeBlinkLeft"] == 1.0
        assert source.dropped == 0


def _datagrams(data: bytes) -> list[bytes]:
    parts = []
    while data:
        length = int.from_bytes(data[:4], "little")
        parts.append(data[4 : 4 + length])
        data = data[4 + length :]
    return parts
