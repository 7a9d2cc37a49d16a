"""What each phone or tracker says, as a signal: left stays left, and down stays down."""

from __future__ import annotations

import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from omote.bridge import arkit, livelink, openseeface, vtubestudio_phone
from omote.bridge.ifacialmocap import IFacialMocapPacket
from omote.bridge.outputs import face_sender
from omote.engine.capture.datagrams import LOOPBACK
from omote.engine.capture.ifacialmocap import FROZEN_NS, IFacialMocapSource
from omote.engine.capture.ifacialmocap import _turned as turned_by
from omote.engine.capture.livelink import LiveLinkSource
from omote.engine.capture.openseeface import OpenSeeFaceSource, head_of, place_of
from omote.engine.capture.vmc import VmcSource
from omote.engine.capture.vtubestudio import VTubeStudioSource, turned
from omote.engine.data import Portrait, Stamp
from omote.engine.face.retarget import from_weights, gaze_from_weights
from omote.engine.live.outputs import FaceOutput
from omote.engine.rotation import turned as turned_vector
from tests.bridge.golden_vmc import message

from .network_cases import GOLDEN, Clock, of, read, vector
from .phones import Phone


def test_live_link_keeps_the_timecode_of_its_packets() -> None:
    packet = replace(livelink.decode(vector("livelink_omote")), frame_number=2_700_030, sub_frame=0.5)
    assert (packet.fps_numerator, packet.fps_denominator) == (60, 1)
    with Phone() as phone, LiveLinkSource(0, LOOPBACK) as source:
        phone.send(source.port, livelink.encode(packet))
        assert read(source).stamp.timecode_ns == 45_000_500_000_000 + 8_333_333  # 12:30, 30 and a half of 60 frames
        phone.send(source.port, livelink.encode(replace(packet, fps_denominator=0)))
        assert read(source).stamp.timecode_ns is None


def test_a_phone_of_ifacialmocap_moves_weights_and_head() -> None:
    with Phone() as phone, IFacialMocapSource(LOOPBACK, phone.port, (0,), Clock()) as source:
        phone.send(source.port, vector("phone_ifacialmocap_v1"))
        signal = read(source)
        assert of(signal) == GOLDEN["ifacialmocap_v1"] | {"mouthUpperUpLeft": 0.11}
        np.testing.assert_allclose(signal.head_translation, GOLDEN["head_m"], atol=1e-7)
        phone.send(source.port, b"eyeBlink_L-0|=head#30,0,0,0,0,0|")
        down = read(source)
        assert of(down) == {name: w for name, w in of(signal).items() if name != "eyeBlinkLeft"}  # the others hold
        np.testing.assert_allclose(down.head_rotation, [np.radians(30), 0, 0], atol=1e-6)
        phone.send(source.port, b"eyeLookOut_L-100|eyeLookIn_R-100|=head#0,20,0")
        left = read(source)
        np.testing.assert_allclose(left.head_rotation, [0, np.radians(20), 0], atol=1e-6)
        assert (left.gaze[:, 1] > 0.3).all()


@pytest.mark.parametrize(
    ("eye_deg", "looks"),  # of the frames on the makers' pages: an eye, and what the weights of the same frame say
    [
        ((6.0297494, 2.4403017, 0.25649446), {"eyeLookDownRight": 0.17, "eyeLookInRight": 0.06}),
        ((12.759762, 5.527712, 1.2244859), {"eyeLookDownRight": 0.36, "eyeLookInRight": 0.15}),
        ((12.862795, 1.264116, 0.28145725), {"eyeLookDownLeft": 0.36, "eyeLookOutLeft": 0.03}),
    ],
)
def test_the_angles_in_the_makers_examples_go_where_their_weights_say(
    eye_deg: tuple[float, float, float], looks: dict[str, float]
) -> None:
    rotation = turned_by(IFacialMocapPacket(head_deg=eye_deg))
    (pitch, yaw), (other_pitch, other_yaw) = gaze_from_weights(arkit.weights(looks))
    assert np.sign(rotation[0]) == np.sign(pitch + other_pitch) == 1
    assert np.sign(rotation[1]) == np.sign(yaw + other_yaw) == 1
    # An eye of ARKit's turns first to the side and then down: its own y axis never leans to a side.
    # It does so only if the tilt has this sign, and is applied first.
    assert turned_vector(np.array([0, 1, 0], np.float32), rotation)[0] == pytest.approx(0.0, abs=1e-7)


def test_a_face_that_ifacialmocap_has_lost_is_lost() -> None:
    clock = Clock()
    with Phone() as phone, IFacialMocapSource(LOOPBACK, phone.port, (0,), clock) as source:
        phone.send(source.port, vector("phone_facemotion3d_no_face"))
        assert not read(source).is_tracked
        phone.send(source.port, vector("phone_facemotion3d"))
        assert read(source).is_tracked
        clock.now_ns += FROZEN_NS
        phone.send(source.port, vector("phone_facemotion3d"))
        assert read(source).is_tracked
        clock.after(0.1)
        phone.send(source.port, vector("phone_facemotion3d"))
        assert not read(source).is_tracked  # the same to the last digit for so long: no head is that still
        phone.send(source.port, vector("phone_ifacialmocap_v1"))
        assert read(source).is_tracked


def test_a_phone_of_vtube_studio_moves_weights_and_head_and_says_when_there_is_no_face() -> None:
    with Phone() as phone, VTubeStudioSource(LOOPBACK, phone.port, 0, Clock()) as source:
        phone.send(source.port, vector("phone_vtubestudio"))
        signal = read(source)
        assert of(signal) == {name: value for name, value in GOLDEN["vtubestudio"].items() if value}
        np.testing.assert_allclose(signal.head_rotation, np.radians([-6.25, -12.5, 3.125]), atol=0.015)
        phone.send(source.port, vector("phone_vtubestudio_no_face"))
        assert not read(source).is_tracked


@pytest.mark.parametrize(
    ("x", "y", "z", "rotation"),
    [(30, 0, 0, (0, -30, 0)), (0, 30, 0, (30, 0, 0)), (0, 0, 30, (0, 0, 30))],
)
def test_vtube_studios_axes_are_yaw_to_the_right_pitch_down_and_tilt_to_the_right(
    x: float, y: float, z: float, rotation: tuple[float, float, float]
) -> None:
    np.testing.assert_allclose(turned((x, y, z)), np.radians(rotation), atol=1e-6)


def test_vtube_studios_pitch_is_applied_last() -> None:
    rotation = turned((90.0, 30.0, 0.0))  # to the right, then down about the axis that did not turn with it
    quaternion_of_both = 2 * np.arccos(np.cos(np.radians(45)) * np.cos(np.radians(15)))
    assert np.linalg.norm(rotation) == pytest.approx(quaternion_of_both, abs=1e-6)
    assert rotation[0] > 0 > rotation[1]
    assert rotation[2] < 0  # pitch before yaw would tilt the other way


def test_the_lowest_of_openseefaces_faces_is_taken() -> None:
    with Phone() as phone, OpenSeeFaceSource(0, LOOPBACK, Clock()) as source:
        phone.send(source.port, vector("phone_openseeface"))
        signal = read(source)
    said = of(signal)
    assert said["eyeBlinkLeft"] == 0.25  # of the second record, whose id is 1; that of the first has 0.5
    assert said["eyeBlinkRight"] == 0.75
    assert said["jawOpen"] == 0.625
    assert said["mouthSmileLeft"] == 0.25  # its corners count downward
    assert said["mouthFrownRight"] == 0.5
    assert said["mouthPucker"] == 0.5
    assert said["browOuterUpLeft"] == 0.75
    assert said["browDownRight"] == 0.5
    assert said["eyeWideLeft"] == 0.5
    assert "mouthSmileRight" not in said
    # A head that was turned and placed so, through OpenSeeFace's own arithmetic; its camera is not ours to a hair.
    np.testing.assert_allclose(signal.head_rotation, [0.2, -0.3, 0.25], atol=0.02)
    np.testing.assert_allclose(signal.head_translation, [0.08, -0.05, -0.7], atol=0.02)
    assert signal.confidence == pytest.approx(0.75)


# What tracker.py makes of its own head model, seen turned by so much: its first guess is the camera's place, from where
# OpenCV's solvePnP settles behind the camera, at a negative depth. OpenSee.cs reads it so, too.
@pytest.mark.parametrize(
    ("size", "quaternion", "translation", "rotation", "place"),
    [
        ((640, 480), (0.7049, 0.7037, -0.0087, -0.0887), (0.657, -0.675, -5.368), (0, 0, 0), (0, 0, -0.6)),
        ((640, 360), (0.6801, 0.6454, -0.1573, -0.31), (1.106, -1.103, -5.036), (0, 0.4363, 0), (0, 0, -0.6)),
        ((640, 360), (0.7164, 0.6879, -0.1076, -0.0444), (1.222, -1.199, -5.493), (0.3491, 0, 0), (0, 0, -0.6)),
        ((640, 480), (0.6065, 0.7897, -0.0209, -0.09), (0.659, -0.68, -5.376), (0, 0, 0.2618), (0, 0, -0.6)),
        (
            (1280, 720),
            (0.6801, 0.7297, -0.0709, -0.0049),
            (0.916, -2.243, -6.228),
            (0.1575, -0.3556, 0.1166),
            (0.1, -0.05, -0.7),
        ),
    ],
)
def test_a_head_that_openseeface_solves_behind_its_camera_faces_it(
    size: tuple[int, int],
    quaternion: tuple[float, ...],
    translation: tuple[float, ...],
    rotation: tuple[float, ...],
    place: tuple[float, ...],
) -> None:
    record = bytearray(vector("phone_openseeface")[:1785])
    struct.pack_into("<2f", record, 12, *size)
    struct.pack_into("<4f", record, 33, *quaternion)
    struct.pack_into("<3f", record, 61, *translation)
    (face,) = openseeface.decode(bytes(record))
    np.testing.assert_allclose(head_of(face), rotation, atol=np.radians(2.5))
    np.testing.assert_allclose(place_of(face), place, atol=0.18)  # near, for its perspective is the wrong way round


def test_a_pupil_of_openseeface_turns_the_eye_and_a_closed_eye_does_as_the_other() -> None:
    with Phone() as phone, OpenSeeFaceSource(0, LOOPBACK, Clock()) as source:
        phone.send(source.port, vector("phone_openseeface"))
        signal = read(source)
    # The left pupil lies 3 to the subject's left of the eyeball's middle, 2 below it and 10 before it.
    left = [np.arctan2(0.02, np.hypot(0.03, 0.1)), np.arctan2(0.03, 0.1)]
    np.testing.assert_allclose(signal.gaze, [left, left], atol=1e-6)  # the right one is open by a quarter
    assert of(signal)["eyeLookOutLeft"] == pytest.approx(left[1] / 0.52, abs=0.01)


WEIGHTS = arkit.weights({"jawOpen": 0.4, "mouthSmileLeft": 0.7, "eyeBlinkRight": 1.0, "eyeLookUpLeft": 0.5})
TURN = np.array([0.2, -0.3, 0.1], np.float32)


@pytest.mark.parametrize("options", ["", "?names=pascal", "?presets=no"])
def test_what_our_own_vmc_sender_shows_comes_back_equal(options: str) -> None:
    params = from_weights(WEIGHTS, gaze_from_weights(WEIGHTS), TURN)
    shown = Portrait(Stamp(0, 0, 0), np.zeros((2, 2, 4), np.uint8), None, params, 0.0, np.zeros(27, np.float32))
    with (
        VmcSource(0, LOOPBACK) as source,
        FaceOutput(face_sender(f"vmc://127.0.0.1:{source.port}{options}")) as output,
    ):
        output.offer(shown)
        signal = read(source)
    np.testing.assert_allclose(signal.weights, WEIGHTS, atol=1e-6)
    np.testing.assert_allclose(signal.head_rotation, TURN, atol=1e-6)
    np.testing.assert_allclose(signal.gaze, params.eye_pose[:, :2], atol=1e-6)


def test_a_performer_without_arkits_names_is_read_by_its_presets_and_neck_and_head_are_one_turn() -> None:
    with Phone() as phone, VmcSource(0, LOOPBACK, Clock()) as source:
        phone.send(source.port, vector("phone_vmc_vrm0"))
        signal = read(source)
        assert of(signal)["eyeBlinkLeft"] == 1.0
        assert of(signal)["eyeBlinkRight"] == 0.25
        assert of(signal)["jawOpen"] == 0.5
        assert of(signal)["mouthSmileRight"] == 0.25
        # The neck 30 degrees down, and on it the head 30 to the left: the face is lower than it is turned.
        rotation = signal.head_rotation
        assert np.linalg.norm(rotation) == pytest.approx(2 * np.arccos(np.cos(np.radians(15)) ** 2), abs=1e-6)
        assert rotation[0] == pytest.approx(rotation[1], abs=1e-6)
        assert rotation[2] > 0
    with Phone() as phone, VmcSource(0, LOOPBACK, Clock()) as source:
        phone.send(source.port, vector("phone_vmc_vrm1"))
        said = of(read(source))
        assert (said["jawOpen"], said["eyeBlinkLeft"], said["browInnerUp"]) == (0.5, 1.0, 0.25)


def test_an_avatar_with_presets_and_one_of_arkits_names_is_read_by_both() -> None:
    with Phone() as phone, VmcSource(0, LOOPBACK, Clock()) as source:
        values = {"A": 0.5, "Blink": 1.0, "TongueOut": 0.25}
        said = [message("/VMC/Ext/Blend/Val", "sf", name, value) for name, value in values.items()]
        phone.send(source.port, *said, message("/VMC/Ext/Blend/Apply", ""))
        weights = {"jawOpen": 0.5, "eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0, "tongueOut": 0.25}
        assert of(read(source)) == weights
        phone.send(source.port, message("/VMC/Ext/Blend/Val", "sf", "jawOpen", 0.0))
        phone.send(source.port, message("/VMC/Ext/Blend/Apply", ""))
        del weights["jawOpen"]
        assert of(read(source)) == weights


def test_a_body_without_a_face_is_not_taken_and_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    head = vmc_turn("Head")
    with Phone() as phone, VmcSource(0, LOOPBACK, clock) as source:
        phone.send(source.port, head)
        assert source.read(0.2) is None
        clock.after(6.0)
        assert source.read(0.0) is None
    assert f"{LOOPBACK} sends VMC, but no face" in caplog.text


def vmc_turn(bone: str) -> bytes:
    """A message by itself: an address, types, a name of four letters and seven numbers."""
    numbers = np.array([0, 0, 0, 0, 0, 0, 1], ">f4").tobytes()
    return b"/VMC/Ext/Bone/Pos\0\0\0,sfffffff\0\0\0" + bone.encode() + bytes(4) + numbers


def test_a_picture_of_vmc_is_whole_only_when_it_is_applied() -> None:
    bundles = _parts(vector("vmc_face"))
    assert len(bundles) > 1
    with Phone() as phone, VmcSource(0, LOOPBACK, Clock()) as source:
        phone.send(source.port, *bundles[:-1])
        assert source.read(0.2) is None
        phone.send(source.port, bundles[-1])
        assert of(read(source))["eyeBlinkLeft"] == 1.0
        assert source.dropped == 0


def _parts(data: bytes) -> list[bytes]:
    parts = []
    while data:
        length = int.from_bytes(data[:4], "little")
        parts.append(data[4 : 4 + length])
        data = data[4 + length :]
    return parts


def test_a_request_of_the_phone_lasts_no_longer_than_the_app_allows() -> None:
    said = json.loads(vtubestudio_phone.request(1, 5.0))
    assert 0.5 <= said["time"] <= vtubestudio_phone.MAX_SEND_S
