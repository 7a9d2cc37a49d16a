"""Sources over real sockets: sleep, nonsense, floods, ports, requests, and the accepted sender."""

from __future__ import annotations

import json
import logging
import socket
import sys
from random import Random

import numpy as np
import pytest

from omote.bridge import ifacialmocap, livelink
from omote.bridge.livelink import LiveLinkPacket
from omote.engine.capture.datagrams import (
    LOOPBACK,
    SENDER_MOVED_NS,
    DatagramSource,
    SenderFilter,
    Verdict,
    lan_addresses,
)
from omote.engine.capture.phones import IFacialMocap, LiveLink, VTubeStudio, vtubestudio_request
from omote.engine.capture.source import SourceError
from omote.engine.capture.sources import open_source
from omote.engine.capture.vmc import Vmc
from omote.engine.testing.clock import ManualClock

from .phones import NAMES, PATIENCE_S, FakePhone, listener, moved, read, recorded, source_of

SECOND_NS = 1_000_000_000
IP_RECVERR = 11  # of linux/in.h
FACE = livelink.encode(LiveLinkPacket("mine", "", 1, 0.0, 60, 1, np.zeros(61, np.float32)))


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_that_sleeps_is_accepted_again_when_it_wakes_with_another_port(name: str) -> None:
    clock = ManualClock()
    with FakePhone() as phone, source_of(name, phone, clock) as source:
        phone.send(source.port, recorded(name))
        first, port = read(source), phone.sends_from
        phone.sleep()
        assert source.read(0.0) is None
        clock.sleep(3600.0)
        assert source.read(0.0) is None
        phone.wake()
        assert phone.sends_from != port
        phone.send(source.port, recorded(name))
        second = read(source)
        assert not phone.is_answered()
    assert first.is_tracked and second.is_tracked
    np.testing.assert_array_equal(second.weights, first.weights)
    assert (first.stamp.index, second.stamp.index) == (0, 1)
    assert second.stamp.captured_ns - first.stamp.captured_ns == 3600 * SECOND_NS


@pytest.mark.parametrize("name", NAMES)
def test_nonsense_neither_takes_a_source_nor_stops_it(name: str) -> None:
    with FakePhone() as phone, source_of(name, phone, ManualClock()) as source:
        phone.send(source.port, b"", b"nonsense", recorded(name)[:8], b"\xff" * 2000)
        assert source.read(0.2) is None
        phone.send(source.port, recorded(name))
        assert read(source).is_tracked
        assert source.ignored == 4


def mutated(data: bytes, random: Random) -> bytes:
    """Up to three places changed, among them to numbers that are huge, tiny or not finite."""
    changed = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(changed))
        if random.random() < 0.5:
            changed[at] = random.choice(b"0123456789-.e|,&#") if random.random() < 0.5 else random.randrange(256)
        else:
            numbers = (b"\xff\xff\xff\x7f", b"\x00\x00\x80\x7f", b"\x01\x00\x00\x00", b"\x7f\x7f\xff\xff")
            lie = random.choice((*numbers, b"1e999", b"-", b"9999999999"))
            changed[at : at + len(lie)] = lie
    return bytes(changed)


@pytest.mark.parametrize("name", NAMES)
def test_a_malformed_datagram_is_a_signal_or_nothing(name: str) -> None:
    random, signals, data = Random(3), 0, recorded(name)
    with FakePhone() as phone, source_of(name, phone, ManualClock()) as source:
        phone.send(source.port, data)
        assert source.read(PATIENCE_S) is not None
        for _ in range(2000):
            phone.send(source.port, mutated(data, random))
            signals += source.read(0.0) is not None
        phone.send(source.port, data)
        assert source.read(PATIENCE_S) is not None
    assert signals > 0


def test_only_the_newest_of_many_is_read_and_stamps_run_on() -> None:
    clock = ManualClock()
    with FakePhone() as phone, DatagramSource(Vmc(), (0,), LOOPBACK, clock=clock, wall_clock=lambda: 5) as source:
        phone.send(source.port, *[recorded("phone_vmc_vrm0")] * 10)
        assert read(source).stamp.index == 0
        assert source.dropped == 9
        clock.sleep(1.0)
        phone.send(source.port, recorded("phone_vmc_vrm0"))
        stamp = read(source).stamp
    assert (stamp.index, stamp.captured_ns, stamp.captured_wall_ns) == (1, clock.now_ns, 5)


class SlowClock(ManualClock):
    """Advances whenever it is read, as if every datagram took long to decode."""

    def __call__(self) -> int:
        self.sleep(0.005)
        return self.now_ns


def test_a_flood_holds_up_no_read() -> None:
    clock = SlowClock()
    with FakePhone() as phone, listener(Vmc(), clock) as source:
        phone.send(source.port, *[recorded("phone_vmc_vrm0")] * 100)
        began_ns = clock.now_ns
        assert source.read(0.0) is not None
        assert clock.now_ns - began_ns <= 100_000_000
        assert 0 < source.dropped < 20
        assert source.read(0.0) is not None  # The next read goes on.


def test_a_flood_at_one_port_does_not_silence_the_other() -> None:
    with FakePhone() as phone, source_of("phone_facemotion3d", phone, SlowClock()) as source:
        phone.send(source.ports[0], *[b"nonsense"] * 100)
        phone.send(source.ports[1], recorded("phone_facemotion3d"))
        assert source.read(0.0) is not None


# Ports.


@pytest.mark.parametrize("name", NAMES)
def test_a_port_in_use_is_one_line_with_the_cure(name: str) -> None:
    with FakePhone() as phone, source_of(name, phone, ManualClock()) as source:
        taken = f"UDP port {source.port} is taken by another program; stop it"
        with pytest.raises(SourceError, match=taken) as caught:
            source_of(name, phone, ManualClock(), source.ports).__enter__()
    assert "\n" not in str(caught.value)


def test_an_impossible_port_is_refused() -> None:
    with pytest.raises(SourceError, match="wanted a free port"):
        DatagramSource(LiveLink(), (70000,), LOOPBACK).__enter__()


def test_a_port_that_windows_reserves_is_one_line_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(13, "An attempt was made to access a socket in a way forbidden by its permissions")

    monkeypatch.setattr(socket.socket, "bind", forbidden)
    with pytest.raises(SourceError, match=r"UDP port 50000 may not be used .*excludedportrange protocol=udp"):
        DatagramSource(LiveLink(), (50000,)).__enter__()


def test_listening_on_every_network_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), DatagramSource(Vmc(), (0,)) as source:
        assert f"VMC on UDP port {source.port} of every network" in source.notice
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_addresses_of_this_machine_can_be_reached_by_others() -> None:
    for address in lan_addresses():
        assert not address.startswith("127.")
        assert socket.inet_aton(address)


# Requests to a phone.


def test_a_silent_phone_gets_one_request_a_second_and_one_that_sends_gets_none() -> None:
    clock = ManualClock()
    with FakePhone() as phone, source_of("ifacial", phone, clock) as source:
        for _ in range(3):
            source.read(0.0)
            source.read(0.0)
            clock.sleep(1.0)
        assert phone.requests() == [(ifacialmocap.REQUEST, source.port)] * 3
        for step in range(10):
            phone.send(source.port, f"jawOpen-{step}|".encode())
            read(source)
            clock.sleep(0.4)
        assert phone.requests() == [(ifacialmocap.REQUEST, source.port)]  # before the first face
        clock.sleep(1.0)
        source.read(0.0)
        assert len(phone.requests()) == 1


def test_vtube_studio_gets_a_request_before_the_last_one_lapses_though_it_sends() -> None:
    clock, requests = ManualClock(), []
    with FakePhone() as phone, source_of("vtube", phone, clock) as source:
        for _ in range(12):
            phone.send(source.port, recorded("phone_vtubestudio"))
            read(source)
            requests += [(clock.now_ns, json.loads(data)) for data, _ in phone.requests()]
            clock.sleep(0.5)
        assert all(content["ports"] == [source.port] and content["time"] == 5.0 for _, content in requests)
    times = [now_ns for now_ns, _ in requests]
    assert len(times) == 6
    assert max(np.diff(times)) < 2.5e9  # half of what it asks for, so that one request may be lost


def test_facemotion3d_is_heard_at_both_of_its_ports_and_told_to_stop() -> None:
    with FakePhone() as phone:
        with source_of("facemotion", phone, ManualClock()) as source:
            source.read(0.0)
            assert sorted(phone.requests()) == sorted((ifacialmocap.FACEMOTION_REQUEST, port) for port in source.ports)
            for value, port in enumerate(source.ports):
                phone.send(port, f"jawOpen&{value + 1}".encode())
                assert moved(read(source)) == {"jawOpen": (value + 1) / 100}
        assert sorted(phone.requests()) == sorted((ifacialmocap.FACEMOTION_FAREWELL, port) for port in source.ports)
        with source_of("facemotion", phone, ManualClock()):
            pass
        assert phone.requests() == []  # There was no request to stop.


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to report ports without a listener")
def test_a_request_to_a_closed_app_ends_nothing() -> None:
    clock = ManualClock()
    with FakePhone() as phone, source_of("vtube", phone, clock) as source:
        ours, port = source._sockets[0], phone.port
        ours.setsockopt(socket.SOL_IP, IP_RECVERR, 1)  # Errors come from recvfrom, as they do on Windows.
        phone.close()
        ours.sendto(b"?", (LOOPBACK, port))
        with pytest.raises(ConnectionRefusedError):
            ours.recvfrom(1)
        for _ in range(5):
            clock.sleep(2.0)
            assert source.read(0.0) is None
        phone.send(source.port, recorded("phone_vtubestudio"))
        assert read(source).is_tracked


# The accepted sender.


def test_a_source_that_only_listens_sends_no_request() -> None:
    with FakePhone() as phone, DatagramSource(IFacialMocap(), (0,)) as source:
        assert "the first sender of a face is accepted, nothing is ever answered" in source.notice
        phone.send(source.port, recorded("phone_ifacialmocap_v1"))
        assert read(source).is_tracked
        assert phone.requests() == []
        assert not phone.is_answered()


def test_the_accepted_sender_is_forgotten_when_a_source_is_opened_again() -> None:
    source = listener(LiveLink())
    for device in ("mine", "yours"):
        with FakePhone() as phone, source:
            packet = LiveLinkPacket(device, "", 1, 0.0, 60, 1, np.zeros(61, np.float32))
            phone.send(source.port, livelink.encode(packet))
            assert isinstance(source, DatagramSource)
            assert read(source).is_tracked


def test_a_named_phone_is_the_only_one() -> None:
    with DatagramSource(VTubeStudio(), (0,), request=vtubestudio_request("localhost", 9)) as source:
        assert "only localhost is accepted, and it alone gets requests" in source.notice
    with pytest.raises(SourceError, match=r"no device is called no\.such\.phone\.invalid .*as 192\.168\.1\.7"):
        DatagramSource(VTubeStudio(), (0,), request=vtubestudio_request("no.such.phone.invalid", 9)).__enter__()


@pytest.mark.parametrize(("sender", "is_accepted"), [("127.0.0.1", True), ("192.0.2.7", False)])
def test_the_sender_of_a_listening_source_may_be_named(sender: str, is_accepted: bool) -> None:
    with DatagramSource(LiveLink(), (0,), sender=sender) as source, FakePhone() as phone:
        assert f"only {sender} is accepted, nothing is ever answered" in source.notice
        phone.send(source.port, FACE)
        assert (source.read(2.0 if is_accepted else 0.2) is not None) is is_accepted
        assert source.ignored == (not is_accepted)


FIRST, ACCEPTED, FACELESS, FOREIGN = Verdict.FIRST, Verdict.ACCEPTED, Verdict.FACELESS, Verdict.FOREIGN
MOVED = SENDER_MOVED_NS


@pytest.mark.parametrize(
    ("only", "datagrams"),  # (last number of the address, device, whether it has a face, time): verdict
    [
        pytest.param(
            None,
            [
                ((7, "", True, 0), FIRST),
                ((9, "", True, 1), FOREIGN),
                ((7, "", False, 2), ACCEPTED),
                ((9, "", True, 10**15), FOREIGN),
                ((7, "", True, 10**15 + 1), ACCEPTED),
            ],
            id="the first sender stays accepted however long it is silent",
        ),
        pytest.param(
            None,
            [((7, "", False, 0), FACELESS), ((9, "", True, 1), FIRST), ((7, "", False, 2), FOREIGN)],
            id="a sender without a face is not accepted",
        ),
        pytest.param(
            "10.0.0.7",
            [
                ((9, "phone", True, 0), FOREIGN),
                ((7, "phone", True, 1), FIRST),
                ((9, "phone", True, 10 * MOVED), FOREIGN),
            ],
            id="a named sender is the only one from the start",
        ),
        pytest.param("10.0.0.7", [((7, "", False, 0), FIRST)], id="a named sender is accepted before it shows a face"),
        pytest.param(
            None,
            [((7, "mine", True, 0), FIRST), ((7, "yours", True, 10 * MOVED), FOREIGN)],
            id="another device behind the same address is foreign",
        ),
        pytest.param(
            None,
            [
                ((7, "mine", True, 0), FIRST),
                ((8, "mine", True, MOVED), FOREIGN),
                ((8, "mine", True, MOVED + 1), ACCEPTED),
                ((7, "mine", True, MOVED + 2), FOREIGN),
            ],
            id="a device that names itself may wake at another address",
        ),
    ],
)
def test_a_sender_is_accepted_or_foreign(
    only: str | None, datagrams: list[tuple[tuple[int, str, bool, int], Verdict]]
) -> None:
    senders = SenderFilter(only)
    for (number, device, has_face, now_ns), verdict in datagrams:
        assert senders.judge(f"10.0.0.{number}", device, has_face, now_ns) is verdict


def test_a_foreign_datagram_need_not_be_decoded_unless_the_device_may_have_moved() -> None:
    nameless, named = SenderFilter(), SenderFilter()
    assert not nameless.is_foreign("10.0.0.9", 0)
    nameless.judge("10.0.0.7", "", True, 0)
    named.judge("10.0.0.7", "mine", True, 0)
    assert not nameless.is_foreign("10.0.0.7", 0)
    assert nameless.is_foreign("10.0.0.9", 10 * MOVED)
    assert named.is_foreign("10.0.0.9", MOVED)
    assert not named.is_foreign("10.0.0.9", MOVED + 1)


@pytest.mark.parametrize("spec", ["livelink:[::1]:{port}@[0:0::1]", "livelink:[::]:{port}"])
def test_a_face_comes_over_ipv6(spec: str) -> None:
    try:
        ours = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        ours.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback address")
    with ours, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as free:
        free.bind(("::1", 0))
        port = int(free.getsockname()[1])
        free.close()
        with open_source(spec.format(port=port)) as source:
            ours.sendto(recorded("livelink_face"), ("::1", port))
            assert isinstance(source, DatagramSource)
            assert read(source).is_tracked


@pytest.mark.parametrize(("sender", "host"), [("192.168.1.7", "0.0.0.0"), ("fd00::7", "::"), (None, "0.0.0.0")])
def test_it_listens_where_its_sender_can_reach_it(sender: str | None, host: str) -> None:
    assert DatagramSource(LiveLink(), sender=sender).host == host
