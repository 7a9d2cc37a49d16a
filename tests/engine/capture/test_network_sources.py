"""Phones and trackers as sources, over real sockets of this machine, with a scripted phone."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.bridge import arkit, ifacialmocap, livelink, vtubestudio_phone
from omote.bridge.outputs import face_sender
from omote.engine.capture.datagrams import LOOPBACK, DatagramSource
from omote.engine.capture.ifacialmocap import FROZEN_NS, Facemotion3dSource, IFacialMocapSource
from omote.engine.capture.livelink import LiveLinkSource
from omote.engine.capture.openseeface import OpenSeeFaceSource
from omote.engine.capture.source import SourceError
from omote.engine.capture.vmc import VmcSource
from omote.engine.capture.vtubestudio import VTubeStudioSource, turned
from omote.engine.face.gaze import gaze_from_weights
from omote.engine.face.retarget import from_weights
from omote.engine.nouns import Portrait, Signal, Stamp
from omote.engine.outputs import FaceOutput

from .phones import PATIENCE_S, Phone

DATA = Path(__file__).resolve().parents[2] / "data"
GOLDEN: dict[str, Any] = json.loads((DATA / "golden_phones.json").read_text("utf-8"))

NAMES = (
    *("livelink_face", "phone_ifacialmocap_v1", "phone_ifacialmocap_v2", "phone_facemotion3d", "phone_vtubestudio"),
    *("phone_openseeface", "phone_vmc_vrm0", "phone_vmc_vrm1"),
)


class Clock:
    """Stands still until it is told to go."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def __call__(self) -> int:
        return self.now_ns

    def after(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1e9)


def vector(name: str) -> bytes:
    return (DATA / f"{name}.bin").read_bytes()


def read(source: DatagramSource[Any]) -> Signal:
    for _ in range(30):
        if signal := source.read(PATIENCE_S):
            return signal
    raise AssertionError("nothing came")


def of(signal: Signal) -> dict[str, float]:
    """The weights that are not at rest."""
    return {name: round(float(w), 4) for name, w in zip(arkit.NAMES, signal.weights, strict=True) if abs(w) > 1e-6}


def opened(name: str, phone: Phone, clock: Callable[[], int]) -> DatagramSource[Any]:
    """The source that reads this vector, with every port free to choose."""
    if "ifacial" in name:
        return IFacialMocapSource(LOOPBACK, phone.port, (0,), clock)
    if "facemotion" in name:
        return Facemotion3dSource(LOOPBACK, phone.port, (0, 0), clock)
    if "vtube" in name:
        return VTubeStudioSource(LOOPBACK, phone.port, 0, clock)
    if "livelink" in name:
        return LiveLinkSource(0, LOOPBACK, clock)
    return (VmcSource if "vmc" in name else OpenSeeFaceSource)(0, LOOPBACK, clock)


def second_of(source: DatagramSource[Any], phone: Phone) -> DatagramSource[Any]:
    """Another of the same kind, at the same port."""
    port = source.port
    if isinstance(source, IFacialMocapSource):
        return IFacialMocapSource(LOOPBACK, phone.port, (port,))
    if isinstance(source, Facemotion3dSource):
        return Facemotion3dSource(LOOPBACK, phone.port, (0, port))
    if isinstance(source, VTubeStudioSource):
        return VTubeStudioSource(LOOPBACK, phone.port, port)
    if isinstance(source, LiveLinkSource):
        return LiveLinkSource(port, LOOPBACK)
    return VmcSource(port, LOOPBACK) if isinstance(source, VmcSource) else OpenSeeFaceSource(port, LOOPBACK)


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_that_sleeps_is_taken_again_when_it_wakes_with_another_port(name: str) -> None:
    clock = Clock()
    with Phone() as phone, opened(name, phone, clock) as source:
        phone.send(source.port, vector(name))
        first, port = read(source), phone.sends_from
        phone.sleep()
        assert source.read(0.0) is None
        clock.after(3600.0)
        assert source.read(0.0) is None
        phone.wake()
        assert phone.sends_from != port
        phone.send(source.port, vector(name))
        second = read(source)
        assert not phone.is_told_anything()
    assert first.is_tracked and second.is_tracked
    np.testing.assert_array_equal(second.weights, first.weights)
    assert (first.stamp.index, second.stamp.index) == (0, 1)
    assert second.stamp.captured_ns - first.stamp.captured_ns == 3600 * 10**9


@pytest.mark.parametrize("name", NAMES)
def test_nonsense_neither_takes_a_source_nor_stops_it(name: str) -> None:
    with Phone() as phone, opened(name, phone, Clock()) as source:
        phone.send(source.port, b"", b"nonsense", vector(name)[:8], b"\xff" * 2000)
        assert source.read(0.2) is None
        phone.send(source.port, vector(name))
        assert read(source).is_tracked
        assert source.ignored == 4


@pytest.mark.parametrize("name", NAMES)
def test_a_port_in_use_is_one_line_with_the_cure(name: str) -> None:
    with Phone() as phone, opened(name, phone, Clock()) as source:
        taken = f"UDP port {source.port} is taken by another program; stop that"
        with pytest.raises(SourceError, match=taken) as caught:
            second_of(source, phone).__enter__()
    assert "\n" not in str(caught.value)


# What is asked of a phone, and of nobody else


def test_a_silent_phone_is_asked_once_a_second_and_one_that_sends_is_not() -> None:
    clock = Clock()
    with Phone() as phone, IFacialMocapSource(LOOPBACK, phone.port, (0,), clock) as source:
        for _ in range(3):
            source.read(0.0)
            source.read(0.0)
            clock.after(1.0)
        assert phone.heard() == [(ifacialmocap.REQUEST, source.port)] * 3
        for step in range(10):
            phone.send(source.port, f"jawOpen-{step}|".encode())
            read(source)
            clock.after(0.4)
        assert phone.heard() == [(ifacialmocap.REQUEST, source.port)]  # before the first face came
        clock.after(1.0)
        source.read(0.0)
        assert len(phone.heard()) == 1


def test_vtube_studio_is_asked_again_before_its_time_lapses_though_it_sends() -> None:
    clock, asked = Clock(), []
    with Phone() as phone, VTubeStudioSource(LOOPBACK, phone.port, 0, clock) as source:
        for _ in range(12):
            phone.send(source.port, vector("phone_vtubestudio"))
            read(source)
            asked += [(clock.now_ns, json.loads(data)) for data, _ in phone.heard()]
            clock.after(0.5)
        assert all(said["ports"] == [source.port] and said["time"] == 5.0 for _, said in asked)
    times = [now_ns for now_ns, _ in asked]
    assert len(times) == 6
    assert max(np.diff(times)) < 2.5e9  # half of what it was asked for: one request may be lost


def test_facemotion3d_is_heard_at_both_of_its_ports() -> None:
    with Phone() as phone, Facemotion3dSource(LOOPBACK, phone.port, (0, 0), Clock()) as source:
        source.read(0.0)
        assert sorted(phone.heard()) == sorted((ifacialmocap.FACEMOTION_REQUEST, port) for port in source.ports)
        for value, port in enumerate(source.ports):
            phone.send(port, f"jawOpen&{value + 1}".encode())
            assert of(read(source)) == {"jawOpen": (value + 1) / 100}


def test_a_source_that_only_listens_asks_nobody() -> None:
    with Phone() as phone, IFacialMocapSource(ports=(0,)) as source:
        assert "the first who sends a face is taken, nothing is ever answered" in source.notice
        phone.send(source.port, vector("phone_ifacialmocap_v1"))
        assert read(source).is_tracked
        assert phone.heard() == []
        assert not phone.is_told_anything()


def test_a_named_phone_is_the_only_one() -> None:
    with VTubeStudioSource("localhost", 9, 0) as source:
        assert "only localhost is taken, and asked; nobody else is ever answered" in source.notice
    with pytest.raises(SourceError, match=r"nobody is called no\.such\.phone\.invalid .*as 192\.168\.1\.7"):
        VTubeStudioSource("no.such.phone.invalid", 9, 0).__enter__()


def test_opening_to_the_network_is_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), VmcSource(0) as source:
        assert f"VMC on UDP port {source.port} of every network" in source.notice
    assert [record.levelname for record in caplog.records] == ["WARNING"]


# What each of them says


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
    assert 0.5 <= said["time"] <= vtubestudio_phone.LONGEST_S
