"""Faces that leave without a plugin: destinations as typed, packets as they arrive, and hosts that are not there."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.bridge import arkit, livelink, vmc
from omote.bridge.outputs import SenderError, face_sender
from omote.bridge.outputs.datagrams import LiveLinkSender, UdpSender, face_values, time_code

from .test_vmc import GOLDEN_PARAMS, params

DATA = Path(__file__).resolve().parents[1] / "data"
GOLDEN: dict[str, Any] = json.loads((DATA / "golden_vmc.json").read_text("utf-8"))["livelink_omote"]
HALF_PAST_TWELVE_NS = (20_000 * 86_400 + 45_000) * 1_000_000_000  # UTC, on a day of 2024


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        found.settimeout(60.0)
        yield found


def test_the_golden_packet_is_what_is_sent_for_that_face() -> None:
    golden = (DATA / "livelink_omote.bin").read_bytes()
    packet = livelink.decode(golden)
    assert {name: getattr(packet, name) for name in GOLDEN if name != "angles"} == {
        name: value for name, value in GOLDEN.items() if name != "angles"
    }
    assert packet.values is not None
    assert packet.values[52:].tolist() == GOLDEN["angles"]
    np.testing.assert_allclose(face_values(GOLDEN_PARAMS), packet.values, atol=1e-7)


def test_a_head_that_looks_down_has_less_pitch() -> None:
    values = face_values(replace(GOLDEN_PARAMS, neck_pose=np.array([0.2, 0.0, 0.0], np.float32)))
    np.testing.assert_allclose(values[52:55], (0.0, -0.2, 0.0), atol=1e-6)
    np.testing.assert_allclose(livelink.head_rotation(values[52:55]), (0.2, 0.0, 0.0), atol=1e-6)


def test_eyes_have_the_signs_of_the_app() -> None:
    """As in recordings of it: looking to the subject's right EyeLookInLeft and LeftEyeYaw grow together."""
    to_the_right_and_down = np.array([[0.1, -0.3, 0.0], [0.1, -0.25, 0.0]], np.float32)
    values = face_values(replace(GOLDEN_PARAMS, eye_pose=to_the_right_and_down))
    said = dict(zip(livelink.NAMES, values.tolist(), strict=True))
    assert (said["LeftEyeYaw"], said["RightEyeYaw"]) == pytest.approx((0.3, 0.25))
    assert (said["LeftEyePitch"], said["RightEyePitch"]) == pytest.approx((0.1, 0.1))


def test_the_time_code_counts_from_local_midnight() -> None:
    half_a_second_and_a_half_frame_ns = 508_333_333
    number, sub_frame = time_code(HALF_PAST_TWELVE_NS + half_a_second_and_a_half_frame_ns, 0)
    assert number == GOLDEN["frame_number"]
    assert sub_frame == pytest.approx(GOLDEN["sub_frame"], abs=1e-6)
    assert time_code(HALF_PAST_TWELVE_NS, 3600)[0] == 48_600 * 60
    assert time_code(HALF_PAST_TWELVE_NS, 12 * 3600)[0] == 30 * 60 * 60  # half past midnight


def test_a_face_arrives_as_a_live_link_packet(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    with face_sender(f"livelink://localhost:{port}?subject=Hana") as sender:
        sender.offer(HALF_PAST_TWELVE_NS, params(arkit.weights({"jawOpen": 0.5})))
        packet = livelink.decode(listener.recv(2000))
    assert (packet.subject, packet.fps_numerator, packet.fps_denominator) == ("Hana", 60, 1)
    assert packet.values is not None
    assert packet.values[arkit.INDEX["jawOpen"]] == 0.5


def test_the_device_is_the_same_after_a_restart(listener: socket.socket) -> None:
    devices = []
    for _ in range(2):
        with LiveLinkSender("127.0.0.1", listener.getsockname()[1]) as sender:
            sender.offer(HALF_PAST_TWELVE_NS, params(None))
        devices.append(livelink.decode(listener.recv(2000)).device_id)
    assert devices[0] == devices[1]
    assert len(devices[0]) == 36


def test_a_face_arrives_as_vmc_bundles(listener: socket.socket) -> None:
    with face_sender(f"vmc://127.0.0.1:{listener.getsockname()[1]}") as sender:
        sender.offer(7, GOLDEN_PARAMS)
        sender.offer(1_500_000_007, GOLDEN_PARAMS)
        arrived = [listener.recv(2000) for _ in range(6)]
    assert arrived[:3] == vmc.face_bundles(GOLDEN_PARAMS, 0.0)
    assert arrived[3:] == vmc.face_bundles(GOLDEN_PARAMS, 1.5)


def test_vmc_names_and_presets_can_be_chosen(listener: socket.socket) -> None:
    with face_sender(f"vmc://127.0.0.1:{listener.getsockname()[1]}?names=pascal&presets=no") as sender:
        sender.offer(0, GOLDEN_PARAMS)
        arrived = [listener.recv(2000) for _ in range(3)]
    assert arrived == vmc.face_bundles(GOLDEN_PARAMS, 0.0, vmc.PASCAL, False)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("livlink://host", "did you mean livelink://?"),
        ("ftp://host", "no way out called ftp; wanted livelink://HOST, vmc://HOST, vts://HOST, virtualcam, ndi"),
        ("host:39539", "no way out called"),
        ("", "no way out called nothing"),
        ("vmc://", "is no destination"),
        ("vmc://host:0", "is no destination"),
        ("vmc://host/path", "is no destination"),
        ("vmc://me@host", "is no destination"),
        ("vmc://host:99999", "Port out of range"),
        ("vmc://host:x", "wanted livelink"),
        ("vmc://[::1", "wanted livelink"),
        ("vmc://host?names=snake", "names must be camel or pascal, got 'snake'"),
        ("vmc://host?nams=pascal", "no option nams, only names, presets"),
        ("livelink://host?subject=", "1 to 256 bytes"),
        ("livelink://host?subject=a%0Ab", "1 to 256 bytes"),
    ],
)
def test_what_is_no_destination_is_refused_in_a_sentence(spec: str, said: str) -> None:
    with pytest.raises(SenderError) as caught:
        face_sender(spec)
    assert said in str(caught.value)


def test_who_looks_sees_where_a_face_goes() -> None:
    assert face_sender("livelink://unreal.example").name == "livelink unreal.example:11111"
    assert face_sender("vmc://127.0.0.1").name == "vmc 127.0.0.1:39539"


def test_a_name_that_nobody_has_is_said_when_it_is_opened() -> None:
    with pytest.raises(SenderError, match=r"nobody is called nobody\.invalid"), face_sender("vmc://nobody.invalid"):
        pass


def test_a_port_where_nobody_listens_disturbs_nobody() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with LiveLinkSender("127.0.0.1", port) as sender:
        for _ in range(20):
            sender.offer(0, params(None))
        assert sender.datagrams.sent + sender.datagrams.failed == 20


def test_what_cannot_be_sent_is_counted_and_said_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    moments = iter((0, 999_999_999, 1_000_000_000))
    too_long = b"x" * 70_000  # no datagram of UDP has so many bytes
    with caplog.at_level(logging.WARNING), UdpSender("127.0.0.1", 9, clock=lambda: next(moments)) as datagrams:
        for _ in range(3):
            datagrams.send(too_long)
    assert (datagrams.sent, datagrams.failed) == (0, 3)
    assert [record.message.rpartition("; ")[2] for record in caplog.records] == [
        "1 datagrams could not be sent",
        "3 datagrams could not be sent",
    ]
