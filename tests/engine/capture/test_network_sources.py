"""Phones and trackers as sources, over real sockets of this machine: sleep, nonsense, ports, and who is asked."""

from __future__ import annotations

import json
import logging
import socket
import sys

import numpy as np
import pytest

from omote.bridge import ifacialmocap, livelink
from omote.bridge.livelink import LiveLinkPacket
from omote.engine.capture.datagrams import LOOPBACK
from omote.engine.capture.ifacialmocap import Facemotion3dSource, IFacialMocapSource
from omote.engine.capture.livelink import LiveLinkSource
from omote.engine.capture.source import SourceError
from omote.engine.capture.vmc import VmcSource
from omote.engine.capture.vtubestudio import VTubeStudioSource

from .network_cases import NAMES, Clock, of, opened, read, second_of, vector
from .phones import Phone

IP_RECVERR = 11  # of linux/in.h


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


def test_facemotion3d_is_told_when_nobody_listens_any_more() -> None:
    with Phone() as phone:
        with Facemotion3dSource(LOOPBACK, phone.port, (0, 0), Clock()) as source:
            source.read(0.0)
            phone.heard()
        assert sorted(phone.heard()) == sorted((ifacialmocap.FACEMOTION_FAREWELL, port) for port in source.ports)
        with Facemotion3dSource(LOOPBACK, phone.port, (0, 0), Clock()):
            pass
        assert phone.heard() == []  # nothing was asked


def test_a_source_that_only_listens_asks_nobody() -> None:
    with Phone() as phone, IFacialMocapSource(ports=(0,)) as source:
        assert "the first who sends a face is taken, nothing is ever answered" in source.notice
        phone.send(source.port, vector("phone_ifacialmocap_v1"))
        assert read(source).is_tracked
        assert phone.heard() == []
        assert not phone.is_told_anything()


class SlowClock(Clock):
    """Goes on whenever it is looked at, as if every datagram took long to understand."""

    def __call__(self) -> int:
        self.after(0.005)
        return self.now_ns


def test_a_flood_holds_up_no_read() -> None:
    clock = SlowClock()
    with Phone() as phone, VmcSource(0, LOOPBACK, clock) as source:
        phone.send(source.port, *[vector("phone_vmc_vrm0")] * 100)
        began_ns = clock.now_ns
        assert source.read(0.0) is not None
        assert clock.now_ns - began_ns <= 100_000_000
        assert 0 < source.dropped < 20
        assert source.read(0.0) is not None  # and the next one goes on


def test_a_flood_at_one_port_does_not_silence_the_other() -> None:
    with Phone() as phone, Facemotion3dSource(LOOPBACK, phone.port, (0, 0), SlowClock()) as source:
        phone.send(source.ports[0], *[b"nonsense"] * 100)
        phone.send(source.ports[1], vector("phone_facemotion3d"))
        assert source.read(0.0) is not None


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to tell of ports that nobody listens at")
def test_a_phone_that_is_asked_while_its_app_is_closed_ends_nothing() -> None:
    clock = Clock()
    with Phone() as phone, VTubeStudioSource(LOOPBACK, phone.port, 0, clock) as source:
        ours, port = source._sockets[0], phone.port
        ours.setsockopt(socket.SOL_IP, IP_RECVERR, 1)  # errors come from recvfrom, as they do on Windows
        phone.close()
        ours.sendto(b"?", (LOOPBACK, port))
        with pytest.raises(ConnectionRefusedError):
            ours.recvfrom(1)
        for _ in range(5):
            clock.after(2.0)
            assert source.read(0.0) is None
        phone.send(source.port, vector("phone_vtubestudio"))
        assert read(source).is_tracked


def test_who_was_taken_is_forgotten_when_a_source_is_opened_anew() -> None:
    source = LiveLinkSource(0, LOOPBACK, Clock())
    for device in ("mine", "yours"):
        with Phone() as phone, source:
            phone.send(
                source.port, livelink.encode(LiveLinkPacket(device, "", 1, 0.0, 60, 1, np.zeros(61, np.float32)))
            )
            assert read(source).is_tracked


def test_a_named_phone_is_the_only_one() -> None:
    with VTubeStudioSource("localhost", 9, 0) as source:
        assert "only localhost is taken, and asked; nobody else is ever answered" in source.notice
    with pytest.raises(SourceError, match=r"nobody is called no\.such\.phone\.invalid .*as 192\.168\.1\.7"):
        VTubeStudioSource("no.such.phone.invalid", 9, 0).__enter__()


def test_of_a_listening_source_too_one_sender_may_be_named() -> None:
    for only, is_taken in (("127.0.0.1", True), ("192.0.2.7", False)):
        with LiveLinkSource(0, only=only) as source, Phone() as phone:
            assert f"only {only} is taken, nothing is ever answered" in source.notice
            phone.send(
                source.port, livelink.encode(LiveLinkPacket("mine", "", 1, 0.0, 60, 1, np.zeros(61, np.float32)))
            )
            assert (source.read(2.0 if is_taken else 0.2) is not None) is is_taken
            assert source.ignored == (not is_taken)


def test_opening_to_the_network_is_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), VmcSource(0) as source:
        assert f"VMC on UDP port {source.port} of every network" in source.notice
    assert [record.levelname for record in caplog.records] == ["WARNING"]
