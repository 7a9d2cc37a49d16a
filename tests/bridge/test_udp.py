"""Live Link and VMC packets as they are sent and arrive, and hosts that do not exist."""

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
from omote.bridge.outputs.udp import UdpSender, face_values, livelink_sender, time_code

from .sending import params
from .test_vmc import GOLDEN_PARAMS, SEEN

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
        sender.offer(HALF_PAST_TWELVE_NS, params(SEEN, arkit.weights({"jawOpen": 0.5})))
        packet = livelink.decode(listener.recv(2000))
    assert (packet.subject, packet.fps_numerator, packet.fps_denominator) == ("Hana", 60, 1)
    assert packet.values is not None
    assert packet.values[arkit.INDEX["jawOpen"]] == 0.5


def test_the_device_is_the_same_after_a_restart(listener: socket.socket) -> None:
    devices = []
    for _ in range(2):
        with livelink_sender("127.0.0.1", listener.getsockname()[1]) as sender:
            sender.offer(HALF_PAST_TWELVE_NS, params(SEEN, None))
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


def test_an_unknown_host_is_an_error_when_it_is_opened() -> None:
    with pytest.raises(SenderError, match=r"there is no host nobody\.invalid"), face_sender("vmc://nobody.invalid"):
        pass


def test_a_closed_port_does_no_harm() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with livelink_sender("127.0.0.1", port) as sender:
        for _ in range(20):
            sender.offer(0, params(SEEN, None))
        assert sender.sent + sender.failed == 20


def test_what_cannot_be_sent_is_counted_and_logged_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    clock = iter((0, 999_999_999, 1_000_000_000)).__next__
    too_long = [b"x" * 70_000]  # more than a UDP datagram holds
    with (
        caplog.at_level(logging.WARNING),
        UdpSender("vmc", "127.0.0.1", 9, lambda *_: too_long, clock) as sender,
    ):
        for _ in range(3):
            sender.offer(0, GOLDEN_PARAMS)
    assert (sender.sent, sender.failed) == (0, 3)
    assert [record.message.rpartition("; ")[2] for record in caplog.records] == [
        "1 datagrams could not be sent",
        "3 datagrams could not be sent",
    ]
