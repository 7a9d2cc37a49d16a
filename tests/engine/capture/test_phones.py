"""What the phone apps send, as a signal: left stays left, and down stays down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from omote.bridge import arkit, livelink, vtubestudio_phone
from omote.bridge.ifacialmocap import IFacialMocapPacket
from omote.bridge.livelink import LiveLinkPacket
from omote.engine.capture.phones import (
    FROZEN_NS,
    LiveLink,
    ifacialmocap_rotation,
    vtubestudio_request,
    vtubestudio_rotation,
)
from omote.engine.data import Signal
from omote.engine.face.retarget import gaze_from_weights
from omote.engine.rotation import turned
from omote.engine.testing.clock import ManualClock

from .phones import GOLDEN, FakePhone, listener, moved, read, recorded, source_of

# Live Link Face.


def live_link_signals(*packets: LiveLinkPacket) -> Iterator[Signal]:
    """What is read of each packet, one after the other."""
    with FakePhone() as phone, listener(LiveLink()) as source:
        for packet in packets:
            phone.send(source.port, livelink.encode(packet))
            yield read(source)


def live_link(**named: float) -> LiveLinkPacket:
    values = np.zeros(livelink.COUNT, np.float32)
    for name, value in named.items():
        values[livelink.NAMES.index(name)] = value
    return LiveLinkPacket("phone", "iPhone", 1, 0.0, 60, 1, values)


def test_a_face_becomes_a_signal_whose_weights_stay_in_range() -> None:
    (signal,) = live_link_signals(live_link(JawOpen=0.5, MouthSmileLeft=0.25, CheekPuff=1.5, TongueOut=-0.001))
    expected = arkit.weights({"jawOpen": 0.5, "mouthSmileLeft": 0.25, "cheekPuff": 1.0})
    np.testing.assert_array_equal(signal.weights, expected)
    assert (signal.confidence, signal.stamp.index) == (1.0, 0)


@pytest.mark.parametrize(
    ("name", "rotation"), [("HeadYaw", (0, 0.3, 0)), ("HeadPitch", (-0.3, 0, 0)), ("HeadRoll", (0, 0, 0.3))]
)
def test_the_head_turns_left_looks_up_and_tilts_right(name: str, rotation: tuple[float, float, float]) -> None:
    (signal,) = live_link_signals(live_link(**{name: 0.3}))
    np.testing.assert_allclose(signal.head_rotation, rotation, atol=1e-6)


def test_gaze_follows_the_weights_and_left_stays_left() -> None:
    (signal,) = live_link_signals(live_link(EyeLookOutLeft=1.0, EyeLookInRight=1.0, EyeLookDownLeft=0.5))
    np.testing.assert_allclose(signal.gaze, [[0.22, 0.52], [0.0, 0.52]], atol=1e-6)


def test_a_packet_without_a_face_has_no_confidence() -> None:
    signals = live_link_signals(live_link(), replace(live_link(), values=None))
    assert [signal.is_tracked for signal in signals] == [True, False]


def test_the_timecode_of_the_packets_is_kept() -> None:
    packet = replace(livelink.decode(recorded("livelink_omote")), frame_number=2_700_030, sub_frame=0.5)
    assert (packet.fps_numerator, packet.fps_denominator) == (60, 1)
    timed, untimed = live_link_signals(packet, replace(packet, fps_denominator=0))
    assert timed.stamp.timecode_ns == 45_000_500_000_000 + 8_333_333  # 12:30 and 30.5 of 60 frames
    assert untimed.stamp.timecode_ns is None


# iFacialMocap and Facemotion3d.


def test_ifacialmocap_moves_weights_and_head() -> None:
    with FakePhone() as phone, source_of("ifacial", phone, ManualClock()) as source:
        phone.send(source.port, recorded("phone_ifacialmocap_v1"))
        signal = read(source)
        assert moved(signal) == GOLDEN["ifacialmocap_v1"] | {"mouthUpperUpLeft": 0.11}
        np.testing.assert_allclose(signal.head_translation, GOLDEN["head_m"], atol=1e-7)
        phone.send(source.port, b"eyeBlink_L-0|=head#30,0,0,0,0,0|")
        down = read(source)
        assert moved(down) == {name: w for name, w in moved(signal).items() if name != "eyeBlinkLeft"}
        np.testing.assert_allclose(down.head_rotation, [np.radians(30), 0, 0], atol=1e-6)
        phone.send(source.port, b"eyeLookOut_L-100|eyeLookIn_R-100|=head#0,20,0")
        left = read(source)
        np.testing.assert_allclose(left.head_rotation, [0, np.radians(20), 0], atol=1e-6)
        assert (left.gaze[:, 1] > 0.3).all()


@pytest.mark.parametrize(
    ("eye_deg", "looks"),  # frames on the maker's pages: the angles of an eye, and its weights
    [
        ((6.0297494, 2.4403017, 0.25649446), {"eyeLookDownRight": 0.17, "eyeLookInRight": 0.06}),
        ((12.759762, 5.527712, 1.2244859), {"eyeLookDownRight": 0.36, "eyeLookInRight": 0.15}),
        ((12.862795, 1.264116, 0.28145725), {"eyeLookDownLeft": 0.36, "eyeLookOutLeft": 0.03}),
    ],
)
def test_the_angles_in_the_makers_examples_go_where_their_weights_say(
    eye_deg: tuple[float, float, float], looks: dict[str, float]
) -> None:
    rotation = ifacialmocap_rotation(IFacialMocapPacket(head_deg=eye_deg))
    (pitch, yaw), (other_pitch, other_yaw) = gaze_from_weights(arkit.weights(looks))
    assert np.sign(rotation[0]) == np.sign(pitch + other_pitch) == 1
    assert np.sign(rotation[1]) == np.sign(yaw + other_yaw) == 1
    # An eye in ARKit turns to the side and then down, so its own y axis never leans to a side. That holds only if the
    # tilt has this sign and is applied first.
    assert turned(np.array([0, 1, 0], np.float32), rotation)[0] == pytest.approx(0.0, abs=1e-7)


def test_a_face_that_is_frozen_or_not_tracked_is_lost() -> None:
    clock = ManualClock()
    with FakePhone() as phone, source_of("facemotion", phone, clock) as source:
        for name, later_ns, is_tracked in (
            ("phone_facemotion3d_no_face", 0, False),
            ("phone_facemotion3d", 0, True),
            ("phone_facemotion3d", FROZEN_NS, True),
            ("phone_facemotion3d", 1, False),  # No head is still to the last digit for that long.
            ("phone_ifacialmocap_v1", 0, True),
        ):
            clock.now_ns += later_ns
            phone.send(source.port, recorded(name))
            assert read(source).is_tracked is is_tracked


# VTube Studio.


def test_vtube_studio_moves_weights_and_head_and_reports_a_lost_face() -> None:
    with FakePhone() as phone, source_of("vtube", phone, ManualClock()) as source:
        phone.send(source.port, recorded("phone_vtubestudio"))
        signal = read(source)
        assert moved(signal) == {name: value for name, value in GOLDEN["vtubestudio"].items() if value}
        np.testing.assert_allclose(signal.head_rotation, np.radians([-6.25, -12.5, 3.125]), atol=0.015)
        phone.send(source.port, recorded("phone_vtubestudio_no_face"))
        assert not read(source).is_tracked


@pytest.mark.parametrize(
    ("angles", "rotation"),
    [((30, 0, 0), (0, -30, 0)), ((0, 30, 0), (30, 0, 0)), ((0, 0, 30), (0, 0, 30))],
)
def test_vtube_studios_axes_are_yaw_to_the_right_pitch_down_and_tilt_to_the_right(
    angles: tuple[float, float, float], rotation: tuple[float, float, float]
) -> None:
    np.testing.assert_allclose(vtubestudio_rotation(angles), np.radians(rotation), atol=1e-6)


def test_vtube_studios_pitch_is_applied_last() -> None:
    rotation = vtubestudio_rotation((90.0, 30.0, 0.0))  # to the right, then down about the axis that stayed
    both = 2 * np.arccos(np.cos(np.radians(45)) * np.cos(np.radians(15)))
    assert np.linalg.norm(rotation) == pytest.approx(both, abs=1e-6)
    assert rotation[0] > 0 > rotation[1]
    assert rotation[2] < 0  # Pitch before yaw would tilt the other way.


def test_a_request_lasts_no_longer_than_the_app_allows() -> None:
    content = json.loads(vtubestudio_request("phone").content(1))
    assert 0.5 <= content["time"] <= vtubestudio_phone.MAX_SEND_S
