"""What a person is told while no face comes over the network, and how often."""

from __future__ import annotations

import logging
import socket
from itertools import pairwise

import pytest

from omote.bridge.errors import ProtocolError
from omote.engine.capture import datagrams
from omote.engine.capture.datagrams import HINT_AFTER_NS, HINT_AGAIN_NS, LOOPBACK, SilenceHints
from omote.engine.capture.livelink import LiveLinkSource
from omote.engine.capture.vtubestudio import VTubeStudioSource

from .phones import Phone

SECOND_NS = 1_000_000_000


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines since the last call."""
    lines = [record.getMessage() for record in caplog.records if record.name.endswith(".hints")]
    caplog.clear()
    return lines


def test_silence_is_told_of_once_then_ever_more_rarely(caplog: pytest.LogCaptureFixture) -> None:
    hints = SilenceHints("VMC", lambda: "is it on?")
    hints.begin(0)
    hints.look(HINT_AFTER_NS - 1)
    assert told(caplog) == []
    lines = []
    for second in range(600):
        hints.look(second * SECOND_NS)
        lines += [(second, line) for line in told(caplog)]
    assert lines[0] == (5, "VMC: no face for 5 s: is it on?")
    assert [second for second, _ in lines] == [5, 65, 185, 425]


def test_a_face_ends_it_and_the_next_silence_is_told_of_but_not_within_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hints = SilenceHints("VMC", lambda: "is it on?")
    hints.begin(0)
    lines = []
    for second in range(300):
        if second % 10 == 3:  # a phone that sends once in ten seconds
            hints.face(second * SECOND_NS)
        hints.look(second * SECOND_NS)
        lines += [second for _ in told(caplog)]
    assert lines[0] == 8
    assert all(later - earlier >= HINT_AGAIN_NS // SECOND_NS for earlier, later in pairwise(lines))
    assert len(lines) == 5


def test_what_was_told_last_stands_until_a_face_comes() -> None:
    hints = SilenceHints("VMC", lambda: "is it on?")
    hints.begin(0)
    hints.look(HINT_AFTER_NS)
    hints.look(HINT_AFTER_NS + SECOND_NS)
    assert hints.told == "VMC: no face for 5 s: is it on?"
    hints.face(HINT_AFTER_NS + 2 * SECOND_NS)
    assert hints.told == ""


def test_who_sends_what_is_not_understood_is_named_and_its_bytes_are_shown(caplog: pytest.LogCaptureFixture) -> None:
    hints = SilenceHints("Live Link Face", lambda: "is it on?")
    hints.begin(0)
    hints.nonsense("10.0.0.7", b"\x05" + b"x" * 99, ProtocolError("version 5 is not known"))
    hints.stranger("10.0.0.9", "10.0.0.8")
    hints.request("the phone could not be asked")
    hints.look(6 * SECOND_NS)
    (line,) = told(caplog)
    assert r"10.0.0.7 sends 100 bytes as b'\x05xxxxxxxxxxxxxxx', not understood: version 5 is not known" in line
    assert "10.0.0.9 sends as well, and is ignored: only 10.0.0.8 is listened to" in line
    assert "could not be asked" in line
    assert "\n" not in line


def test_a_stranger_is_told_of_though_our_own_sender_is_heard(caplog: pytest.LogCaptureFixture) -> None:
    hints = SilenceHints("VMC", lambda: "is it on?")
    hints.begin(0)
    lines = []
    for second in range(130):
        hints.face(second * SECOND_NS)
        hints.stranger("10.0.0.9", "10.0.0.8")
        hints.look(second * SECOND_NS)
        lines += told(caplog)
    assert lines == ["VMC: 10.0.0.9 sends as well, and is ignored: only 10.0.0.8 is listened to"] * 3


def test_a_stranger_behind_the_same_address_is_told_apart() -> None:
    hints = SilenceHints("Live Link Face", lambda: "is it on?")
    hints.begin(0)
    hints.stranger("10.0.0.9", "10.0.0.9")
    hints.look(HINT_AFTER_NS)
    assert hints.told.endswith(
        "another device at 10.0.0.9 sends as well, and is ignored: only the first is listened to"
    )


def test_a_source_that_hears_nothing_says_what_to_check(caplog: pytest.LogCaptureFixture) -> None:
    now_ns = [0]
    with LiveLinkSource(0, LOOPBACK, lambda: now_ns[0]) as source:
        source.read(0.0)
        assert told(caplog) == []
        now_ns[0] = 6 * SECOND_NS
        source.read(0.0)
        (line,) = told(caplog)
        assert "no face for 6 s" in line
        assert "Live Link (ARKit)" in line
        assert f"{LOOPBACK}, UDP port {source.port}" in line
        assert line.endswith(f"as a target? A firewall may hold back UDP port {source.port}")
        source.read(0.0)
        assert told(caplog) == []
    with Phone() as phone, VTubeStudioSource(LOOPBACK, phone.port, 0, lambda: now_ns[0]) as asked:
        now_ns[0] += 6 * SECOND_NS
        asked.read(0.0)
        (line,) = told(caplog)
        assert f"is {LOOPBACK} the phone's address?" in line
        assert "3rd Party PC Clients" in line


def test_a_phone_in_the_wrong_mode_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    now_ns = [0]
    with Phone() as phone, LiveLinkSource(0, LOOPBACK, lambda: now_ns[0]) as source:
        phone.send(source.port, b"\x07" + bytes(30))
        source.read(0.2)
        now_ns[0] = 6 * SECOND_NS
        source.read(0.0)
        (line,) = told(caplog)
    assert f"{LOOPBACK} sends 31 bytes" in line
    assert "version 7 is not known, only 6; choose 'Live Link (ARKit)'" in line


def test_this_machines_addresses_are_such_that_others_can_reach() -> None:
    for address in datagrams.lan_addresses():
        assert not address.startswith("127.")
        assert socket.inet_aton(address)


def test_hints_are_warnings(caplog: pytest.LogCaptureFixture) -> None:
    hints = SilenceHints("VMC", lambda: "")
    hints.begin(0)
    with caplog.at_level(logging.WARNING):
        hints.look(HINT_AFTER_NS)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
