"""VMC bundles: the golden bytes, what a receiver reads in them, and turns in Unity's frame."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pythonosc.osc_packet import OscPacket

from omote.bridge import arkit, vmc
from omote.bridge.payload import Params
from omote.bridge.vmc import vrm_presets

from .vectors import DATA, stored

GOLDEN: dict[str, Any] = json.loads((DATA / "golden_vmc.json").read_text("utf-8"))
RIGHT, UP, FORWARD = np.eye(3)  # Unity's axes, as an avatar sees them that looks along FORWARD


def params(shown: NDArray[np.float32] | None, **posed: list[Any]) -> Params:
    """Of a face with its mouth open as seen; poses as they are shown."""
    pose = {name: np.array(value, np.float32) for name, value in posed.items()}
    return Params(
        weights=arkit.weights({"jawOpen": 1.0}),
        expression=np.zeros(50, np.float32),
        jaw_pose=np.zeros(3, np.float32),
        neck_pose=pose.get("neck_pose", np.zeros(3, np.float32)),
        eye_pose=pose.get("eye_pose", np.zeros((2, 3), np.float32)),
        eyelids=np.zeros(2, np.float32),
        translation=np.zeros(3, np.float32),
        head_rotation=np.zeros(3, np.float32),
        head_translation=np.zeros(3, np.float32),
        gaze=np.zeros((2, 2), np.float32),
        confidence=1.0,
        presence=1.0,
        basis="open",
        shown_weights=shown,
    )


GOLDEN_PARAMS = params(
    arkit.weights(GOLDEN["shown_weights"]), neck_pose=GOLDEN["neck_pose"], eye_pose=GOLDEN["eye_pose"]
)


def heard(bundles: list[bytes]) -> list[tuple[str, list[Any]]]:
    """What a receiver reads, in order."""
    return [(one.message.address, list(one.message)) for bundle in bundles for one in OscPacket(bundle).messages]


def values(bundles: list[bytes]) -> dict[str, float]:
    return {said[0]: said[1] for address, said in heard(bundles) if address == "/VMC/Ext/Blend/Val"}


def bones(bundles: list[bytes]) -> dict[str, list[float]]:
    return {said[0]: said[1:] for address, said in heard(bundles) if address == "/VMC/Ext/Bone/Pos"}


def turned(quaternion: list[float], vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where a turn takes a vector: v + 2w(q x v) + 2(q x (q x v)), the same in left- and right-handed frames."""
    q, w = np.array(quaternion[:3]), quaternion[3]
    once = np.cross(q, vector)
    return np.asarray(vector + 2.0 * w * once + 2.0 * np.cross(q, once))


def test_a_face_is_the_golden_datagrams() -> None:
    assert vmc.face_bundles(GOLDEN_PARAMS, GOLDEN["time_s"]) == stored("vmc_face")
    assert vmc.face_bundles(GOLDEN_PARAMS, GOLDEN["time_s"], vmc.PASCAL, False) == stored("vmc_face_pascal")


def test_the_golden_datagrams_say_what_is_shown() -> None:
    said = values(stored("vmc_face"))
    shown = dict.fromkeys(arkit.NAMES, 0.0) | GOLDEN["shown_weights"]
    assert said == shown | GOLDEN["presets"]
    assert set(values(stored("vmc_face_pascal"))) == {name[0].upper() + name[1:] for name in arkit.NAMES}


def test_no_datagram_is_in_fragments_and_the_last_message_applies_them_all() -> None:
    bundles = vmc.face_bundles(GOLDEN_PARAMS, 1e6)
    assert max(map(len, bundles)) <= 1400
    said = heard(bundles)
    assert said[0] == ("/VMC/Ext/OK", [1])
    assert said[1] == ("/VMC/Ext/T", [1e6])
    assert [address for address, _ in said].index("/VMC/Ext/Blend/Apply") == len(said) - 1


def test_where_no_shown_weights_are_known_the_seen_ones_are_sent() -> None:
    assert values(vmc.face_bundles(params(None), 0.0))["jawOpen"] == 1.0
    assert values(vmc.face_bundles(params(np.zeros(52, np.float32)), 0.0))["jawOpen"] == 0.0


@pytest.mark.parametrize(
    ("rotation", "start", "end"),
    [
        ([np.pi / 2, 0.0, 0.0], FORWARD, -UP),  # down: the face looks to the floor
        ([0.0, np.pi / 2, 0.0], FORWARD, -RIGHT),  # to the subject's left
        ([0.0, 0.0, np.pi / 2], UP, RIGHT),  # tilts to the subject's right
        ([0.0, 0.0, 0.0], UP, UP),
    ],
)
def test_the_head_turns_in_unitys_frame_as_the_performers_does(
    rotation: list[float], start: NDArray[np.float64], end: NDArray[np.float64]
) -> None:
    head = bones(vmc.face_bundles(params(None, neck_pose=rotation), 0.0))["Head"]
    assert head[:3] == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(turned(head[3:], start), end, atol=1e-6)


def test_each_eye_turns_down_and_to_the_side_on_its_own() -> None:
    said = bones(vmc.face_bundles(params(None, eye_pose=[[0.3, 0.0, 0.0], [0.0, 0.4, 0.0]]), 0.0))
    np.testing.assert_allclose(
        turned(said["LeftEye"][3:], FORWARD), np.cos(0.3) * FORWARD - np.sin(0.3) * UP, atol=1e-6
    )
    np.testing.assert_allclose(
        turned(said["RightEye"][3:], FORWARD), np.cos(0.4) * FORWARD - np.sin(0.4) * RIGHT, atol=1e-6
    )


def test_an_eye_that_looks_down_and_aside_turns_down_first() -> None:
    down, left = 0.3, 0.4
    eye = bones(vmc.face_bundles(params(None, eye_pose=[[down, left, 0.0]] * 2), 0.0))["LeftEye"]
    looked = np.array([-np.sin(left) * np.cos(down), -np.sin(down), np.cos(left) * np.cos(down)])
    np.testing.assert_allclose(turned(eye[3:], FORWARD), looked, atol=1e-6)
    np.testing.assert_allclose(turned(eye[3:], RIGHT) @ UP, 0.0, atol=1e-6)  # it does not roll


WEIGHTS = st.lists(st.floats(0.0, 1.0, width=32), min_size=52, max_size=52)


@settings(max_examples=200, deadline=None)
@given(WEIGHTS)
def test_presets_say_no_movement_twice(numbers: list[float]) -> None:
    weights = np.array(numbers, np.float32)
    said = vrm_presets(weights)
    assert all(-1e-6 <= value <= 1.0 + 1e-6 for value in said.values())
    assert sum(said[vowel] for vowel in "AIUEO") <= 1.0 + 1e-6
    assert said["A"] + said["E"] + said["O"] == pytest.approx(float(weights[arkit.INDEX["jawOpen"]]), abs=1e-6)
    for side, letter in (("Left", "L"), ("Right", "R")):
        blink = float(weights[arkit.INDEX[f"eyeBlink{side}"]])
        assert said["Blink"] + said[f"Blink_{letter}"] == pytest.approx(blink, abs=1e-6)


def test_vowels_are_told_by_lips_and_jaw() -> None:
    def mouth(**named: float) -> str:
        said = vrm_presets(arkit.weights(named))
        return max("AIUEO", key=lambda vowel: said[vowel])

    wide = {"mouthStretchLeft": 0.9, "mouthStretchRight": 0.9}
    assert mouth(jawOpen=0.8) == "A"
    assert mouth(jawOpen=0.1, **wide) == "I"
    assert mouth(jawOpen=0.1, mouthPucker=0.9) == "U"
    assert mouth(jawOpen=0.8, **wide) == "E"
    assert mouth(jawOpen=0.8, mouthFunnel=0.9) == "O"
