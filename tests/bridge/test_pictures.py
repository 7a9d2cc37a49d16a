"""Pictures for other programs: the newest arrives, trouble there never comes here, and what was closed stays closed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge.outputs import SenderError
from omote.bridge.outputs.pictures import Channel, PictureSender
from tests.bridge.memory import MemoryChannel

PATIENCE_S = 60.0


def picture(value: int) -> NDArray[np.uint8]:
    return np.full((2, 2, 4), value, np.uint8)


def until(claim: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline_s
        time.sleep(0.001)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Shop:
    """Opens channels, one after the other; a text instead of one is why it cannot."""

    def __init__(self, *channels: MemoryChannel | str) -> None:
        self.opened = 0
        self._channels = list(channels)

    def __call__(self) -> Channel:
        self.opened += 1
        channel = self._channels.pop(0)
        if isinstance(channel, str):
            raise SenderError(channel)
        return channel


def sender(shop: Callable[[], Channel], clock: Clock | None = None) -> PictureSender:
    return PictureSender("a screen", shop, lambda pixels: pixels, clock=clock or Clock())


def test_pictures_arrive_and_the_channel_is_closed_at_the_end() -> None:
    channel = MemoryChannel()
    with sender(Shop(channel)) as screen:
        for value in range(5):
            screen.offer(picture(value))
            until(lambda: channel.pixels is not None and channel.pixels[0, 0, 0] == value)  # noqa: B023
        assert (screen.sent, screen.failed, screen.trouble) == (5, 0, "")
    assert channel.is_closed


def test_what_cannot_be_opened_is_said_before_anything_runs() -> None:
    with pytest.raises(SenderError, match="install it"), sender(Shop("install it")):
        pass


def test_a_channel_is_opened_used_and_closed_by_one_thread() -> None:
    threads: list[int] = []

    class Noting(MemoryChannel):
        def send(self, pixels: NDArray[np.uint8], /) -> None:
            threads.append(threading.get_ident())
            super().send(pixels)

        def close(self) -> None:
            threads.append(threading.get_ident())

    def opened() -> Channel:
        threads.append(threading.get_ident())
        return Noting()

    with sender(opened) as screen:
        screen.offer(picture(1))
    assert len(threads) == 3  # leaving shows what is still in the mailbox
    assert len({*threads}) == 1
    assert threading.get_ident() not in threads


def test_a_channel_that_hangs_holds_up_nobody_and_gets_only_the_newest() -> None:
    goes_on, is_in = threading.Event(), threading.Event()

    class Slow(MemoryChannel):
        def send(self, pixels: NDArray[np.uint8], /) -> None:
            is_in.set()
            assert goes_on.wait(PATIENCE_S)
            super().send(pixels)

    channel = Slow()
    with sender(Shop(channel)) as screen:
        screen.offer(picture(0))
        assert is_in.wait(PATIENCE_S)
        for value in range(1, 100):
            screen.offer(picture(value))
        assert channel.sent == 0
        goes_on.set()
        until(lambda: channel.sent == 2)
        assert channel.pixels is not None
        assert channel.pixels[0, 0, 0] == 99


def test_trouble_is_said_once_and_tried_again_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    first, last = MemoryChannel(fails=(False, True)), MemoryChannel()
    shop = Shop(first, "it is still gone", last)
    with caplog.at_level(logging.WARNING), sender(shop, clock) as screen:
        screen.offer(picture(0))
        until(lambda: screen.sent == 1)
        screen.offer(picture(1))
        until(lambda: screen.failed == 1)
        assert "nobody takes pictures" in screen.trouble
        screen.offer(picture(2))
        until(lambda: screen.failed == 2)
        assert shop.opened == 1  # for it is too early
        clock.now_s += 3.0
        screen.offer(picture(3))
        until(lambda: screen.failed == 3)
        assert screen.trouble == "it is still gone"
        clock.now_s += 3.0
        screen.offer(picture(4))
        until(lambda: screen.sent == 2)
        assert screen.trouble == ""
    assert first.is_closed
    assert shop.opened == 3
    said = [record.message for record in caplog.records]
    assert len(said) == 2
    assert "the stream goes on" in said[0]
    assert said[1] == "a screen is back"


def test_a_picture_that_cannot_be_converted_ends_nothing() -> None:
    def refuse(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if pixels[0, 0, 0] == 0:
            raise MemoryError
        return pixels

    clock, channels = Clock(), (MemoryChannel(), MemoryChannel())
    with PictureSender("a screen", Shop(*channels), refuse, clock=clock) as screen:
        screen.offer(picture(0))
        until(lambda: screen.failed == 1)
        assert screen.trouble == "MemoryError"
        clock.now_s += 3.0
        screen.offer(picture(1))
        until(lambda: screen.sent == 1)
