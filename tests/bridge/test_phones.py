"""What phones and trackers send: the golden bytes, what is passed over, and what is refused."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omote.bridge import arkit, ifacialmocap, openseeface, vmc, vtubestudio_phone
from omote.bridge.arkit import weight_index
from omote.bridge.errors import ProtocolError
from omote.bridge.vmc import Bone, OscMessage, Value, gaze_of_quaternion, quaternion_product, rotation_of_quaternion

from .golden_vmc import bundles, message
from .vectors import DATA, stored

GOLDEN: dict[str, Any] = json.loads((DATA / "golden_phones.json").read_text("utf-8"))


def vector(name: str) -> bytes:
    return (DATA / f"phone_{name}.bin").read_bytes()


def test_arkits_names_are_known_in_each_spelling() -> None:
    for index, name in enumerate(arkit.NAMES):
        assert weight_index(name) == weight_index(name[0].upper() + name[1:]) == index
    assert weight_index("eyeBlink_R") == arkit.INDEX["eyeBlinkRight"]
    assert weight_index("MouthSmile_L") == arkit.INDEX["mouthSmileLeft"]
    assert weight_index("jaw_L") is weight_index("trackingStatus") is weight_index("") is None


# iFacialMocap and Facemotion3d


def test_both_versions_of_the_text_say_the_same() -> None:
    first, second = (ifacialmocap.decode(vector(f"ifacialmocap_v{version}")) for version in (1, 2))
    said = dict.fromkeys(("mouthUpperUpLeft", "browInnerUp"), 0.0) | GOLDEN["ifacialmocap_v1"]
    assert first.weights == said | {"mouthUpperUpLeft": 0.11}
    assert second == replace(first, weights=first.weights | {"jawLeft": -0.05})
    assert list(first.head_deg) == GOLDEN["head_deg"]
    assert list(first.head_m) == GOLDEN["head_m"]
    assert first.is_tracked


def test_facemotion3d_says_full_names_and_whether_there_is_a_face() -> None:
    packet = ifacialmocap.decode(vector("facemotion3d"))
    assert packet.weights == GOLDEN["facemotion3d"]
    assert packet.is_tracked
    assert not ifacialmocap.decode(vector("facemotion3d_no_face")).is_tracked


def test_a_negative_value_of_the_first_version_is_read() -> None:
    assert ifacialmocap.decode(b"jawLeft--5|jawOpen-7").weights == {"jawLeft": -0.05, "jawOpen": 0.07}


@pytest.mark.parametrize(
    "text",
    [
        "jawOpen-50|1|34903,-1.6660284,-0.17520553||hairColour-red|___iFacialMocap",
        " jawOpen - 50 |=nose#a,b|",
        "jawOpen&5e1|leftEye#x|",
        "jawOpen-+50.",
    ],
)
def test_what_is_unknown_is_passed_over(text: str) -> None:
    assert ifacialmocap.decode(text.encode()) == ifacialmocap.IFacialMocapPacket({"jawOpen": 0.5})


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "none of ARKit's"),
        (b"smile-50|", "none of ARKit's"),
        (b"FMV3" + bytes(36), "FMV3.*not understood"),
        (b"jawOpen-nan", "must be a number, got 'nan'"),
        (b"jawOpen-1_0", "must be a number"),
        (b"jawOpen&", "must be a number, got ''"),
        ("jawOpen-٣".encode(), "must be a number"),
        (b"jawOpen-1e300", "at most 1e"),
        (b"jawOpen-50|=head#1,2", "got 2 numbers"),
        (b"jawOpen-50|=head#1,2,3,4,5,6,7", "must be a number, got '6,7'|got 7 numbers"),
        (b"jawOpen-50|=head#inf,0,0", "must be a number"),
        (b"jawOpen-50|trackingStatus-", "trackingStatus must be a number"),
        (b"\xff\xfe", "UTF-8"),
        (b"jawOpen-50|" + b"|" * 600, "fewer than 512"),
        (b"jawOpen-50|" + b"x" * (16 << 10), "at most 16384 bytes"),
    ],
)
def test_text_that_lies_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        ifacialmocap.decode(data)


# VTube Studio


def test_a_face_of_vtube_studio_is_read() -> None:
    packet = vtubestudio_phone.decode(vector("vtubestudio"))
    assert packet.is_tracked
    assert packet.weights == GOLDEN["vtubestudio"]
    assert list(packet.rotation_deg) == GOLDEN["rotation_deg"]
    assert not vtubestudio_phone.decode(vector("vtubestudio_no_face")).is_tracked


def test_what_is_asked_of_vtube_studio_is_as_its_maker_wrote_it_down() -> None:
    assert json.loads(vtubestudio_phone.request(11125, 2.5)) == {
        "messageType": "iOSTrackingDataRequest",
        "time": 2.5,
        "sentBy": "Omote",
        "ports": [11125],
    }


def of_vts(**changed: object) -> bytes:
    return json.dumps(json.loads(vector("vtubestudio")) | changed).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no JSON"),
        (b"[]", "wanted a map with FaceFound"),
        (b'{"FaceFound": 1}', "wanted a map with FaceFound"),
        (b"\xff", "no JSON"),
        (of_vts(Rotation=None), "Rotation must be a map"),
        (of_vts(Rotation={"x": 1, "y": 2}), r"Rotation\.z must be a number"),
        (of_vts(Rotation={"x": True, "y": 2, "z": 3}), r"Rotation\.x must be a number"),
        (of_vts(Rotation={"x": 10**400, "y": 2, "z": 3}), r"Rotation\.x must be a number"),
        (of_vts(BlendShapes={}), "must be a list"),
        (of_vts(BlendShapes=[]), "none of ARKit's"),
        (of_vts(BlendShapes=[{"k": "JawOpen", "v": "1"}]), "jawOpen must be a number"),
        (of_vts(BlendShapes=[{"k": 1, "v": 1}]), "a name, k"),
        (of_vts(BlendShapes=[{"k": "x", "v": 1}] * 257), "at most 256"),
        (of_vts(BlendShapes=[{"k": "JawOpen", "v": math.nan}]), "NaN is no number"),
        (b'{"FaceFound":' + b"[" * 20_000, "at most 16384 bytes"),
        (b'{"FaceFound":' + b"[" * 10_000, "at most 6 levels"),
        (b'{"FaceFound":true,"Rotation":{"x":' + b"1" * 5000 + b"}}", "no JSON"),
    ],
)
def test_json_that_lies_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        vtubestudio_phone.decode(data)


# OpenSeeFace


def test_each_face_of_openseeface_is_read_in_its_order() -> None:
    first, second = openseeface.decode(vector("openseeface"))
    said = GOLDEN["openseeface"]
    assert openseeface.BYTES == 1785
    assert (first.face_id, second.face_id) == (3, said["face_id"])
    assert (second.right_open, second.left_open) == (said["right_open"], said["left_open"])
    assert (second.width_px, second.height_px, second.is_fitted) == (640.0, 480.0, True)
    np.testing.assert_allclose(second.quaternion, said["quaternion"], rtol=1e-6)
    np.testing.assert_allclose(second.translation, said["translation"], rtol=1e-6)
    assert list(second.features.values()) == said["features"]
    assert second.features["mouth_open"] == 0.625
    np.testing.assert_allclose(second.points_3d[67], [-0.03, 0.02, -0.1], rtol=1e-6)
    assert set(second.confidence.tolist()) == {0.75}


@pytest.mark.parametrize("length", [0, 1, 1784, 1786, 1729, 3569])
def test_other_lengths_are_no_faces_of_openseeface(length: int) -> None:
    with pytest.raises(ProtocolError, match=f"1785 bytes each, got {length}"):
        openseeface.decode(bytes(length))


@pytest.mark.parametrize("at", [0, 12, 20, 29, 33, 1781])  # time, width, an eye, the fit's error, turn, last feature
def test_numbers_of_openseeface_are_finite(at: int) -> None:
    for lie in (math.nan, math.inf, -math.inf):
        record = bytearray(vector("openseeface")[:1785])
        struct.pack_into("<d" if at == 0 else "<f", record, at, lie)
        with pytest.raises(ProtocolError, match="must be finite"):
            openseeface.decode(bytes(record))


# OSC and VMC


def test_osc_messages_come_out_of_bundles_in_order() -> None:
    inner = bundles([message("/b", "if", 7, 0.5), message("/c", "s", "é")])[0]
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
        (b"/VMC/Ext/Blend/Val\0\0,s\0\0a\0\0\0", "wanted 1 numbers"),
        (b"/other/thing\0\0\0\0", "OSC but no VMC"),
        (message("/VMC/Ext/Blend/Val", "sf", "a" * 200, 0.0), "at most 128"),
        (message("/VMC/Ext/Bone/Pos", "sfffffff", "Head", *([0.0] * 7)), "quaternion of length 1, got 0"),
        (message("/VMC/Ext/Bone/Pos", "sfff", "Head", 0.0, 0.0, 0.0), "wanted 4 numbers"),
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
    golden = json.loads((DATA / "golden_vmc.json").read_text("utf-8"))
    said = [one for bundle in stored("vmc_face") for one in vmc.decode(bundle)]
    values = {one.name: one.weight for one in said if isinstance(one, Value)}
    assert values == dict.fromkeys(arkit.NAMES, 0.0) | golden["shown_weights"] | golden["presets"]
    turns = {one.name: one.turn for one in said if isinstance(one, Bone)}
    np.testing.assert_allclose(rotation_of_quaternion(turns["Head"]), golden["neck_pose"], atol=1e-6)
    assert gaze_of_quaternion(turns["LeftEye"]) == pytest.approx((0.25, 0.0), abs=1e-6)


def test_unknown_addresses_bones_and_further_arguments_are_passed_over() -> None:
    said = vmc.decode(vector("vmc_vrm0"))
    assert [one.name for one in said if isinstance(one, Bone)] == ["Neck", "Head"]
    assert vmc.shows_face(said)
    assert not vmc.shows_face(vmc.decode(message("/VMC/Ext/OK", "iii", 1, 3, 0)))
    turn = message("/VMC/Ext/Bone/Pos", "sfffffff", "Head", *([0.0] * 6), 1.0)
    assert not vmc.shows_face(vmc.decode(turn))
    further = message("/VMC/Ext/Blend/Val", "sfs", "jawOpen", 0.5, "and more")
    assert vmc.decode(further) == [Value("jawOpen", 0.5)]


ANGLE = st.floats(-1.4, 1.4)


@settings(max_examples=200, deadline=None)
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


# VRM's presets


MOUTHS = st.lists(st.floats(0.0, 1.0, width=32), min_size=52, max_size=52)


@settings(max_examples=60, deadline=None)
@given(MOUTHS)
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


# Random bytes; mutated vectors are in test_fuzz.py, 20000 of each.


@pytest.mark.parametrize(
    ("decode", "prefix"),
    [
        (ifacialmocap.decode, b"jawOpen-"),
        (vtubestudio_phone.decode, b'{"FaceFound":true,'),
        (vmc.decode, b"/VMC/Ext/Blend/Val\0\0"),
        (vmc.decode, b"#bundle\0"),
        (openseeface.decode, b""),
    ],
)
def test_random_bytes_raise_nothing_but_protocol_error(decode: Callable[[bytes], object], prefix: bytes) -> None:
    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=200))
    def check(data: bytes) -> None:
        for one in (data, prefix + data):
            try:
                decode(one)
            except ProtocolError as error:
                assert str(error)

    check()
