"""A mailbox of one: hands the newest value from one thread to another and drops older ones."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Hands the newest value from one thread to another without a queue.

    A queue would turn a slow consumer into growing latency, and a late face is
    worth less than a missing one.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._value: T | None = None
        self._is_fresh = False
        self._is_closed = False
        self.replaced = 0  # values that were replaced before they were taken

    def put(self, value: T) -> None:
        """Makes `value` the newest; a value that was not taken yet is dropped."""
        with self._condition:
            self.replaced += self._is_fresh
            self._value, self._is_fresh = value, True
            self._condition.notify()

    def take(self, timeout_s: float) -> T | None:
        """The newest value, once; None after the timeout, or when the mailbox is closed and empty."""
        with self._condition:
            self._condition.wait_for(lambda: self._is_fresh or self._is_closed, timeout_s)
            if not self._is_fresh:
                return None
            self._is_fresh = False
            value, self._value = self._value, None
            return value

    def close(self) -> None:
        """Wakes all waiting threads; a value inside can still be taken."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()

    @property
    def is_closed(self) -> bool:
        return self._is_closed
