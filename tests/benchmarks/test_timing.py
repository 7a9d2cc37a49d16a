"""Peers are timed part by part and as a whole, a few times where a picture takes seconds."""

from __future__ import annotations

from peers.timing import WHOLE, Effort, Timing, timed

MS = 1_000_000


class Clock:
    """Goes on only where something works."""

    def __init__(self) -> None:
        self.now_ns = 0

    def works(self, *took_ms: int) -> Work:
        return Work(self, list(took_ms))

    def __call__(self) -> int:
        return self.now_ns


class Work:
    """Takes so long at each call, the last of these for ever."""

    def __init__(self, clock: Clock, took_ms: list[int]) -> None:
        self._clock, self._took_ms, self.calls = clock, took_ms, 0

    def __call__(self) -> None:
        self._clock.now_ns += self._took_ms[min(self.calls, len(self._took_ms) - 1)] * MS
        self.calls += 1


def test_warm_up_does_not_count() -> None:
    clock = Clock()
    work = clock.works(900, 900, 7)
    assert timed({"denoiser": work}, Effort(2, 5, 100.0), clock) == {WHOLE: Timing(7.0, 7.0, 5, 2)}
    assert work.calls == 7


def test_whole_is_all_parts_of_each_picture_in_turn() -> None:
    clock = Clock()
    took = timed({"unet": clock.works(10, 30), "decoder": clock.works(5, 1)}, Effort(0, 2, 100.0), clock)
    assert list(took) == [WHOLE, "unet", "decoder"]
    assert (took[WHOLE].p50, took["unet"].p50, took["decoder"].p50) == (23.0, 20.0, 3.0)  # of 15 and 31 the middle
    assert took[WHOLE].p95 == 30.2


def test_slow_work_is_measured_twice_at_least_and_not_again_after_its_time() -> None:
    clock = Clock()
    assert timed({"unet": clock.works(20_000)}, Effort(1, 5, 10.0), clock)[WHOLE].count == 2
    assert timed({"unet": clock.works(4_000)}, Effort(1, 5, 10.0), clock)[WHOLE].count == 3
