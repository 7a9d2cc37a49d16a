"""The mailbox of one."""

from __future__ import annotations

import threading

from omote.bridge.latest import Latest


def test_the_newest_value_is_taken_and_only_once() -> None:
    slot: Latest[int] = Latest()
    slot.put(1)
    slot.put(2)
    assert slot.take(0.0) == 2
    assert slot.take(0.0) is None


def test_values_that_nobody_took_are_counted() -> None:
    slot: Latest[int] = Latest()
    for value in range(5):
        slot.put(value)
    slot.take(0.0)
    slot.put(5)
    assert slot.replaced == 4


def test_a_waiting_thread_is_woken_by_a_value() -> None:
    slot: Latest[str] = Latest()
    taken: list[str | None] = []
    waiter = threading.Thread(target=lambda: taken.append(slot.take(60.0)))
    waiter.start()
    slot.put("here")
    waiter.join(60.0)
    assert taken == ["here"]


def test_a_waiting_thread_is_woken_by_closing() -> None:
    slot: Latest[str] = Latest()
    taken: list[str | None] = []
    waiter = threading.Thread(target=lambda: taken.append(slot.take(60.0)))
    waiter.start()
    slot.close()
    waiter.join(60.0)
    assert taken == [None]
    assert slot.is_closed


def test_what_was_inside_when_it_closed_can_still_be_taken() -> None:
    slot: Latest[int] = Latest()
    slot.put(7)
    slot.close()
    assert slot.take(60.0) == 7
    assert slot.take(60.0) is None
