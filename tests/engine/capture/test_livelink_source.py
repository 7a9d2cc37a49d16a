"""An iPhone as a source, played by a socket that sends its packets."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit, livelink
from omote.bridge.livelink import LiveLinkPacket
from omote.engine.capture.datagrams import ANY_ADDRESS, LOOPBACK
from omote.engine.capture.livelink import LiveLinkSource
from omote.engine.capture.source import SourceError
from omote.engine.data import Signal

PATIENCE_S = 2.0
DATA = Path(__file__).resolve().parents[2] / "data"


def packet(named: dict[str, float] | None, device: str = "phone") -> LiveLinkPacket:
    values = None
    if named is not None:
        values = np.zeros(livelink.COUNT, np.float32)
        for name, value in named.items():
            values[livelink.NAMES.index(name)] = value
    return LiveLinkPacket(device, "iPhone", 1, 0.0, 60, 1, values)


@pytest.fixture
def source() -> Iterator[LiveLinkSource]:
    with LiveLinkSource(0, LOOPBACK, clock=lambda: 1) as opened:  # however slow the machine, one read takes all
        yield opened


@pytest.fixture
def send(source: LiveLinkSource) -> Iterator[Callable[[LiveLinkPacket | bytes], None]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:

        def _send(said: LiveLinkPacket | bytes) -> None:
            data = livelink.encode(said) if isinstance(said, LiveLinkPacket) else said
            phone.sendto(data, (LOOPBACK, source.port))

        yield _send


Send = Callable[[LiveLinkPacket | bytes], None]


def read(source: LiveLinkSource) -> Signal:
    for _ in range(30):
        signal = source.read(PATIENCE_S)
        if signal:
            return signal
    raise AssertionError("nothing came")


def test_a_face_becomes_a_signal(source: LiveLinkSource, send: Send) -> None:
    send(packet({"JawOpen": 0.5, "MouthSmileLeft": 0.25, "HeadYaw": 0.3}))
    signal = read(source)
    wanted = arkit.weights({"jawOpen": 0.5, "mouthSmileLeft": 0.25})
    np.testing.assert_array_equal(signal.weights, wanted)
    np.testing.assert_allclose(signal.head_rotation, (0.0, 0.3, 0.0), atol=1e-6)
    assert signal.confidence == 1.0
    assert signal.stamp.index == 0


@pytest.mark.parametrize(
    ("name", "rotation"), [("HeadYaw", (0, 0.3, 0)), ("HeadPitch", (-0.3, 0, 0)), ("HeadRoll", (0, 0, 0.3))]
)
def test_the_head_turns_left_looks_up_and_tilts_right(
    source: LiveLinkSource, send: Send, name: str, rotation: tuple[float, float, float]
) -> None:
    send(packet({name: 0.3}))
    np.testing.assert_allclose(read(source).head_rotation, rotation, atol=1e-6)


def test_gaze_follows_the_weights_and_left_stays_left(source: LiveLinkSource, send: Send) -> None:
    send(packet({"EyeLookOutLeft": 1.0, "EyeLookInRight": 1.0, "EyeLookDownLeft": 0.5}))
    gaze = read(source).gaze
    np.testing.assert_allclose(gaze, [[0.22, 0.52], [0.0, 0.52]], atol=1e-6)


def test_weights_beyond_their_range_are_clipped(source: LiveLinkSource, send: Send) -> None:
    send(packet({"JawOpen": -0.001, "CheekPuff": 1.5}))
    weights = read(source).weights
    assert (weights[arkit.INDEX["jawOpen"]], weights[arkit.INDEX["cheekPuff"]]) == (0.0, 1.0)


def test_a_packet_without_a_face_has_no_confidence(source: LiveLinkSource, send: Send) -> None:
    send(packet({}))
    assert read(source).is_tracked
    send(packet(None))
    assert not read(source).is_tracked


def test_a_phone_that_lies_on_the_table_is_not_taken(source: LiveLinkSource, send: Send) -> None:
    send(packet(None, "on the table"))
    assert source.read(PATIENCE_S) is None
    send(packet({"JawOpen": 0.5}, "in the hand"))
    assert read(source).weights[arkit.INDEX["jawOpen"]] == 0.5


def test_only_the_newest_of_many_is_read(source: LiveLinkSource, send: Send) -> None:
    for count in range(10):
        send(packet({"JawOpen": count / 10}))
    assert read(source).weights[arkit.INDEX["jawOpen"]] == pytest.approx(0.9)
    assert source.dropped == 9


def test_the_first_sender_is_kept_and_others_are_ignored(source: LiveLinkSource, send: Send) -> None:
    send(packet({"JawOpen": 0.1}, "ours"))
    read(source)
    send(packet({"JawOpen": 0.9}, "theirs"))
    send(packet({"JawOpen": 0.2}, "ours"))
    send(packet({"JawOpen": 0.8}, "theirs"))
    assert read(source).weights[arkit.INDEX["jawOpen"]] == pytest.approx(0.2)
    assert source.read(0.0) is None
    assert source.ignored == 2


def test_nonsense_neither_locks_nor_stops_it(source: LiveLinkSource, send: Send) -> None:
    send(b"")
    send(b"nonsense")
    send(replace(packet({"JawOpen": 0.5}), subject="x" * 200))
    send(b"\x07")
    assert read(source).weights[arkit.INDEX["jawOpen"]] == 0.5
    source.read(0.0)
    assert source.ignored == 3


def test_a_real_packet_from_the_golden_vectors_is_read(source: LiveLinkSource, send: Send) -> None:
    send((DATA / "livelink_face.bin").read_bytes())
    assert read(source).is_tracked


def test_silence_gives_none(source: LiveLinkSource) -> None:
    assert source.read(0.0) is None
    assert source.read(0.01) is None


def test_nothing_is_ever_answered(source: LiveLinkSource) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((LOOPBACK, 0))
        phone.setblocking(False)
        phone.sendto(livelink.encode(packet({})), (LOOPBACK, source.port))
        read(source)
        with pytest.raises(BlockingIOError):
            phone.recvfrom(1)


def test_opening_to_the_network_is_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), LiveLinkSource(0) as opened:
        assert opened.host == ANY_ADDRESS
        assert "every network" in opened.notice
        assert f"port {opened.port}" in opened.notice
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_port_in_use_is_one_line_with_the_cure(source: LiveLinkSource) -> None:
    with pytest.raises(SourceError, match=f"UDP port {source.port} is taken.*livelink:{source.port + 1}") as caught:
        LiveLinkSource(source.port, LOOPBACK).__enter__()
    assert "\n" not in str(caught.value)


def test_an_impossible_port_is_refused() -> None:
    with pytest.raises(SourceError, match="wanted a free port"):
        LiveLinkSource(70000, LOOPBACK).__enter__()


def test_a_port_that_windows_keeps_for_itself_is_one_line_with_the_cure() -> None:
    forbidden = PermissionError(13, "An attempt was made to access a socket in a way forbidden by its permissions")
    said = str(LiveLinkSource(50000)._bind_error(50000, forbidden))
    assert "UDP port 50000 may not be used" in said
    assert "excludedportrange protocol=udp" in said


def test_indices_and_times_run_on() -> None:
    now_ns = [1_000]
    with (
        LiveLinkSource(0, LOOPBACK, clock=lambda: now_ns[0], wall_clock=lambda: 5) as opened,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone,
    ):
        for index in range(3):
            now_ns[0] += 100
            phone.sendto(livelink.encode(packet({})), (LOOPBACK, opened.port))
            stamp = read(opened).stamp
            assert (stamp.index, stamp.captured_ns, stamp.captured_wall_ns) == (index, now_ns[0], 5)
