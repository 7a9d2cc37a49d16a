"""VMC: the golden bundles, their decoding, rotations in Unity's coordinates, and VRM's presets."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pythonosc.osc_packet import OscPacket

from omote.bridge import arkit, vmc
from omote.bridge.errors import ProtocolError
from omote.bridge.vmc import (
    Bone,
    OscMessage,
    Value,
    gaze_of_quaternion,
    quaternion_product,
    rotation_of_quaternion,
    vrm_presets,
)

from .osc import bundle, message
from .sending import params
from .vectors import DATA, stored

GOLDEN: dict[str, Any] = json.loads((DATA / "golden_vmc.json").read_text("utf-8"))
WEIGHTS = st.lists(st.floats(0.0, 1.0, width=32), min_size=52, max_size=52)
RIGHT, UP, FORWARD = np.eye(3)  # Unity's axes, as an avatar sees them that looks along FORWARD


SEEN = arkit.weights({"jawOpen": 1.0})
GOLDEN_PARAMS = params(
    SEEN, arkit.weights(GOLDEN["shown_weights"]), neck_pose=GOLDEN["neck_pose"], eye_pose=GOLDEN["eye_pose"]
)


def heard(datagrams: list[bytes]) -> list[tuple[str, list[Any]]]:
    """What a receiver reads, in order."""
    return [(one.message.address, list(one.message)) for bundle in datagrams for one in OscPacket(bundle).messages]


def values(datagrams: list[bytes]) -> dict[str, float]:
    return {said[0]: said[1] for address, said in heard(datagrams) if address == "/VMC/Ext/Blend/Val"}


def bones(datagrams: list[bytes]) -> dict[str, list[float]]:
    return {said[0]: said[1:] for address, said in heard(datagrams) if address == "/VMC/Ext/Bone/Pos"}


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
    datagrams = vmc.face_bundles(GOLDEN_PARAMS, 1e6)
    assert max(map(len, datagrams)) <= 1400
    said = heard(datagrams)
    assert said[0] == ("/VMC/Ext/OK", [1])
    assert said[1] == ("/VMC/Ext/T", [1e6])
    assert [address for address, _ in said].index("/VMC/Ext/Blend/Apply") == len(said) - 1


def test_where_no_shown_weights_are_known_the_seen_ones_are_sent() -> None:
    assert values(vmc.face_bundles(params(SEEN, None), 0.0))["jawOpen"] == 1.0
    assert values(vmc.face_bundles(params(SEEN, np.zeros(52, np.float32)), 0.0))["jawOpen"] == 0.0


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
    head = bones(vmc.face_bundles(params(SEEN, None, neck_pose=rotation), 0.0))["Head"]
    assert head[:3] == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(turned(head[3:], start), end, atol=1e-6)


def test_each_eye_turns_down_and_to_the_side_on_its_own() -> None:
    said = bones(vmc.face_bundles(params(SEEN, None, eye_pose=[[0.3, 0.0, 0.0], [0.0, 0.4, 0.0]]), 0.0))
    np.testing.assert_allclose(
        turned(said["LeftEye"][3:], FORWARD), np.cos(0.3) * FORWARD - np.sin(0.3) * UP, atol=1e-6
    )
    np.testing.assert_allclose(
        turned(said["RightEye"][3:], FORWARD), np.cos(0.4) * FORWARD - np.sin(0.4) * RIGHT, atol=1e-6
    )


def test_an_eye_that_looks_down_and_aside_turns_down_first() -> None:
    down, left = 0.3, 0.4
    eye = bones(vmc.face_bundles(params(SEEN, None, eye_pose=[[down, left, 0.0]] * 2), 0.0))["LeftEye"]
    looked = np.array([-np.sin(left) * np.cos(down), -np.sin(down), np.cos(left) * np.cos(down)])
    np.testing.assert_allclose(turned(eye[3:], FORWARD), looked, atol=1e-6)
    np.testing.assert_allclose(turned(eye[3:], RIGHT) @ UP, 0.0, atol=1e-6)  # it does not roll


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


def test_osc_messages_come_out_of_bundles_in_order() -> None:
    inner = bundle(message("/b", "if", 7, 0.5), message("/c", "s", "é"))
    outer = b"#bundle\0" + bytes(8) + struct.pack(">i", len(inner)) + inner
    assert vmc.osc_messages(outer) == [OscMessage("/b", (7, 0.5)), OscMessage("/c", ("é",))]
    assert vmc.osc_messages(b"/a\0\0") == [OscMessage("/a", ())]
    assert vmc.osc_messages(b"/a\0\0,TFNb\0\0\0\0\0\0\x01x\0\0\0") == [OscMessage("/a", (True, False, None, b"x"))]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "end with a zero"),
        (b"a\0\0\0", "begins with /"),
        (b"/a\0", "padded to four"),
        (b"/a\0\0i\0\0\0", "begin with a comma"),
        (b"/a\0\0,i\0\0\0", "needs 4 bytes, 1 are left"),
        (b"/a\0\0,f\0\0" + struct.pack(">f", math.inf), "finite"),
        (b"/a\0\0,x\0\0", "no OSC type 'x'"),
        (b"/a\0\0,b\0\0" + struct.pack(">i", -1), "a blob has"),
        (b"/a\0\0," + b"T" * 80 + b"\0" * 3, "at most 64"),
        (b"#bundle\0", "begins with 16 bytes"),
        (b"#bundle\0" + bytes(8) + b"\0\0", "needs 4 bytes, 2 are left"),
        (b"#bundle\0" + bytes(8) + struct.pack(">i", 2**31 - 1), "got 2147483647"),
        (b"#bundle\0" + bytes(8) + struct.pack(">i", 0), "got 0"),
        (b"#bundle\0" + bytes(8) + (struct.pack(">i", 8) + b"/VMC/\0\0\0") * 1025, "at most 1024 messages"),
        (b"/VMC/Ext/Blend/Val\0\0,s\0\0a\0\0\0", "expected 1 numbers"),
        (b"/other/thing\0\0\0\0", "OSC but no VMC"),
        (message("/VMC/Ext/Blend/Val", "sf", "a" * 200, 0.0), "at most 128"),
        (message("/VMC/Ext/Bone/Pos", "sfffffff", "Head", *([0.0] * 7)), "quaternion of length 1, got 0"),
        (message("/VMC/Ext/Bone/Pos", "sfff", "Head", 0.0, 0.0, 0.0), "expected 4 numbers"),
    ],
)
def test_osc_that_lies_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        vmc.decode(data)


def test_bundles_are_not_nested_without_end() -> None:
    data = message("/VMC/Ext/OK", "i", 1)
    for _ in range(5):
        data = b"#bundle\0" + bytes(8) + struct.pack(">i", len(data)) + data
    with pytest.raises(ProtocolError, match="at most 4 deep"):
        vmc.decode(data)


def test_our_own_bundles_are_heard_as_they_were_meant() -> None:
    said = [one for bundle in stored("vmc_face") for one in vmc.decode(bundle)]
    values = {one.name: one.weight for one in said if isinstance(one, Value)}
    assert values == dict.fromkeys(arkit.NAMES, 0.0) | GOLDEN["shown_weights"] | GOLDEN["presets"]
    turns = {one.name: one.turn for one in said if isinstance(one, Bone)}
    np.testing.assert_allclose(rotation_of_quaternion(turns["Head"]), GOLDEN["neck_pose"], atol=1e-6)
    assert gaze_of_quaternion(turns["LeftEye"]) == pytest.approx((0.25, 0.0), abs=1e-6)


def test_unknown_addresses_bones_and_further_arguments_are_passed_over() -> None:
    said = vmc.decode((DATA / "phone_vmc_vrm0.bin").read_bytes())
    assert [one.name for one in said if isinstance(one, Bone)] == ["Neck", "Head"]
    assert vmc.shows_face(said)
    assert not vmc.shows_face(vmc.decode(message("/VMC/Ext/OK", "iii", 1, 3, 0)))
    turn = message("/VMC/Ext/Bone/Pos", "sfffffff", "Head", *([0.0] * 6), 1.0)
    assert not vmc.shows_face(vmc.decode(turn))
    further = message("/VMC/Ext/Blend/Val", "sfs", "jawOpen", 0.5, "and more")
    assert vmc.decode(further) == [Value("jawOpen", 0.5)]


ANGLE = st.floats(-1.4, 1.4)


@given(st.tuples(ANGLE, ANGLE, ANGLE))
def test_turns_come_back(numbers: tuple[float, float, float]) -> None:
    rotation = np.array(numbers, np.float32)
    np.testing.assert_allclose(rotation_of_quaternion(vmc.quaternion_of_rotation(rotation)), rotation, atol=1e-6)
    np.testing.assert_allclose(rotation_of_quaternion(-vmc.quaternion_of_rotation(rotation)), rotation, atol=1e-6)
    pitch, yaw, _ = numbers
    assert gaze_of_quaternion(vmc.quaternion_of_gaze(pitch, yaw)) == pytest.approx((pitch, yaw), abs=1e-6)


def test_a_product_of_turns_does_the_second_first() -> None:
    down, left = (
        vmc.quaternion_of_rotation(np.array([0.5, 0, 0], np.float32)),
        vmc.quaternion_of_rotation(np.array([0, 0.7, 0], np.float32)),
    )
    np.testing.assert_allclose(quaternion_product(left, down), vmc.quaternion_of_gaze(0.5, 0.7), atol=1e-7)


@given(WEIGHTS)
def test_presets_come_back_from_the_weights_that_stand_for_them(numbers: list[float]) -> None:
    said = vmc.vrm_presets(np.array(numbers, np.float32))
    back = vmc.vrm_presets(vmc.weights_of_presets({name.lower(): value for name, value in said.items()}))
    for name, value in said.items():
        assert back[name] == pytest.approx(value, abs=2e-3), name


def test_presets_of_vrm_1_say_what_they_said_in_vrm_0() -> None:
    old = vmc.weights_of_presets({"a": 0.5, "u": 0.25, "blink_l": 1.0, "joy": 0.5, "sorrow": 0.25})
    new = vmc.weights_of_presets({"aa": 0.5, "ou": 0.25, "blinkleft": 1.0, "happy": 0.5, "sad": 0.25})
    np.testing.assert_array_equal(old, new)
    assert old[arkit.INDEX["eyeBlinkLeft"]] == 1.0
    assert old[arkit.INDEX["eyeBlinkRight"]] == 0.0
    assert old[arkit.INDEX["mouthFrownLeft"]] == 0.25
    left = vmc.weights_of_presets({"lookleft": 1.0})
    assert left[arkit.INDEX["eyeLookOutLeft"]] == left[arkit.INDEX["eyeLookInRight"]] == 1.0
