"""Hints while no face comes: what they say, and how often."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from omote.bridge import livelink
from omote.bridge.livelink import LiveLinkPacket
from omote.engine.capture.datagrams import HINT_AFTER_NS, HINT_PAUSE_NS, LOOPBACK, SilenceHints
from omote.engine.capture.phones import LiveLink
from omote.engine.testing.clock import ManualClock

from .phones import FakePhone, listener, source_of

SECOND_NS = 1_000_000_000
FACE = livelink.encode(LiveLinkPacket("mine", "", 1, 0.0, 60, 1, np.zeros(61, np.float32)))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The warnings since the last call."""

    def new_lines() -> list[str]:
        found = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        caplog.clear()
        return found

    return new_lines


def open_hints() -> SilenceHints:
    hints = SilenceHints("VMC", lambda: "is it on?")
    hints.begin(0)
    return hints


def test_silence_is_reported_once_then_ever_more_rarely(lines: Callable[[], list[str]]) -> None:
    hints, found = open_hints(), []
    hints.log_if_due(HINT_AFTER_NS - 1)
    assert lines() == []
    for second in range(600):
        hints.log_if_due(second * SECOND_NS)
        found += [(second, line) for line in lines()]
    assert found[0] == (5, "VMC: no face for 5 s: is it on?")
    assert [second for second, _ in found] == [5, 65, 185, 425]


def test_after_a_face_the_next_silence_is_reported_but_not_within_a_minute(lines: Callable[[], list[str]]) -> None:
    hints, found = open_hints(), []
    for second in range(300):
        if second % 10 == 3:  # a phone that sends once in ten seconds
            hints.face_came(second * SECOND_NS)
        hints.log_if_due(second * SECOND_NS)
        found += [second for _ in lines()]
    assert found[0] == 8
    assert all(later - earlier >= HINT_PAUSE_NS // SECOND_NS for earlier, later in pairwise(found))
    assert len(found) == 5


def test_the_last_hint_stands_until_a_face_comes() -> None:
    hints = open_hints()
    hints.log_if_due(HINT_AFTER_NS)
    hints.log_if_due(HINT_AFTER_NS + SECOND_NS)
    assert hints.text == "VMC: no face for 5 s: is it on?"
    hints.face_came(HINT_AFTER_NS + 2 * SECOND_NS)
    assert hints.text == ""


def test_notes_are_reported_together_and_though_faces_come(lines: Callable[[], list[str]]) -> None:
    hints = open_hints()
    for topic in ("request", "foreign", "foreign"):
        hints.note(topic, topic)
    hints.log_if_due(6 * SECOND_NS)
    assert lines() == ["VMC: no face for 6 s: is it on?; request; foreign"]
    for second in range(7, 137):
        hints.face_came(second * SECOND_NS)
        hints.note("foreign", "foreign")
        hints.log_if_due(second * SECOND_NS)
    assert lines() == ["VMC: foreign"] * 2


def test_a_silent_source_says_what_to_check(lines: Callable[[], list[str]]) -> None:
    clock = ManualClock()
    with FakePhone() as phone, listener(LiveLink(), clock) as source, source_of("vtube", phone, clock) as asked:
        source.read(0.0)
        assert lines() == []
        clock.sleep(6.0)
        source.read(0.0)
        (line,) = lines()
        assert "no face for 6 s" in line
        assert "Live Link (ARKit)" in line
        assert f"{LOOPBACK}, UDP port {source.port}" in line
        assert line.endswith(f"as a target? A firewall may block UDP port {source.port}")
        source.read(0.0)
        assert lines() == []
        asked.read(0.0)
        (line,) = lines()
        assert f"is {LOOPBACK} the phone's address?" in line
        assert "3rd Party PC Clients" in line


@pytest.mark.parametrize(
    ("datagrams", "says"),
    [
        (
            [b"\x07" + bytes(30)],
            r"127.0.0.1 sends 31 bytes that cannot be decoded, b'\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
            r"\x00\x00\x00': Live Link Face version 7 is not known, only 6; choose 'Live Link (ARKit)'",
        ),
        (
            [livelink.encode(LiveLinkPacket("table", "", 1, 0.0, 60, 1, None))],
            "127.0.0.1 sends Live Link Face, but no face",
        ),
        (
            [FACE, FACE.replace(b"mine", b"your")],
            "another device at 127.0.0.1 sends as well, and is ignored: only the first is accepted",
        ),
    ],
    ids=["another mode", "no face", "another device"],
)
def test_what_another_sender_does_wrong_is_reported(
    datagrams: list[bytes], says: str, lines: Callable[[], list[str]]
) -> None:
    clock = ManualClock()
    with FakePhone() as phone, listener(LiveLink(), clock) as source:
        phone.send(source.port, *datagrams)
        source.read(0.2)
        source.read(0.2)
        clock.sleep(6.0)
        source.read(0.0)
        assert any(says in line for line in lines())
