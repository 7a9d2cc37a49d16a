"""A clock for tests, which moves only when it sleeps."""

from __future__ import annotations


class ManualClock:
    """Called, it returns its nanoseconds; `sleep` takes the place of `time.sleep`, and `slept_s` are its arguments."""

    def __init__(self, now_ns: int = 5_000_000_000) -> None:
        self.now_ns = now_ns
        self.slept_s: list[float] = []

    def __call__(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_ns += round(seconds * 1e9)
