"""Whose datagrams are taken, without a socket."""

from __future__ import annotations

from omote.engine.capture.datagrams import SENDER_MOVED_NS, SenderFilter, Verdict


def test_the_first_who_sends_a_face_is_taken_and_no_other_however_long_it_is_silent() -> None:
    one = SenderFilter()
    assert one.judge("10.0.0.7", "", True, 0) is Verdict.FIRST
    assert one.judge("10.0.0.9", "", True, 1) is Verdict.STRANGER
    assert one.judge("10.0.0.7", "", False, 2) is Verdict.TAKEN
    assert one.judge("10.0.0.9", "", True, 10**15) is Verdict.STRANGER
    assert one.judge("10.0.0.7", "", True, 10**15 + 1) is Verdict.TAKEN


def test_nobody_is_taken_for_a_datagram_without_a_face() -> None:
    one = SenderFilter()
    assert one.judge("10.0.0.7", "", False, 0) is Verdict.NOT_YET
    assert one.judge("10.0.0.9", "", True, 1) is Verdict.FIRST
    assert one.judge("10.0.0.7", "", False, 2) is Verdict.STRANGER


def test_a_named_host_is_the_only_one_from_the_beginning() -> None:
    one = SenderFilter("10.0.0.7")
    assert one.is_stranger("10.0.0.9", 0)
    assert one.judge("10.0.0.9", "phone", True, 0) is Verdict.STRANGER
    assert one.judge("10.0.0.7", "phone", True, 1) is Verdict.FIRST
    assert one.judge("10.0.0.9", "phone", True, 10 * SENDER_MOVED_NS) is Verdict.STRANGER


def test_a_named_host_is_taken_before_it_shows_a_face() -> None:
    assert SenderFilter("10.0.0.7").judge("10.0.0.7", "", False, 0) is Verdict.FIRST


def test_another_device_behind_the_same_address_is_a_stranger() -> None:
    one = SenderFilter()
    assert one.judge("10.0.0.7", "mine", True, 0) is Verdict.FIRST
    assert one.judge("10.0.0.7", "yours", True, 10 * SENDER_MOVED_NS) is Verdict.STRANGER


def test_a_device_that_says_who_it_is_may_wake_at_another_address() -> None:
    one = SenderFilter()
    assert one.judge("10.0.0.7", "mine", True, 0) is Verdict.FIRST
    assert (
        one.judge("10.0.0.8", "mine", True, SENDER_MOVED_NS) is Verdict.STRANGER
    )  # it has not been silent for long enough
    assert one.judge("10.0.0.8", "mine", True, SENDER_MOVED_NS + 1) is Verdict.TAKEN
    assert one.judge("10.0.0.7", "mine", True, SENDER_MOVED_NS + 2) is Verdict.STRANGER


def test_what_a_stranger_sends_need_not_be_understood() -> None:
    one = SenderFilter()
    assert not one.is_stranger("10.0.0.9", 0)
    one.judge("10.0.0.7", "", True, 0)
    assert not one.is_stranger("10.0.0.7", 0)
    assert one.is_stranger("10.0.0.9", 10 * SENDER_MOVED_NS)
    named = SenderFilter()
    named.judge("10.0.0.7", "mine", True, 0)
    assert named.is_stranger("10.0.0.9", SENDER_MOVED_NS)
    assert not named.is_stranger("10.0.0.9", SENDER_MOVED_NS + 1)  # it may be the same device: that must be read
