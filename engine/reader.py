"""Reads a source from a thread of its own, so that no camera that hangs can hold up the loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from omote.bridge.latest import Latest

from .capture.source import EndOfSource, Source
from .nouns import Signal, Stamp
from .pacing import Turns

POLL_S = 0.1


@dataclass(frozen=True)
class Seen:
    """A signal, and when it was really captured: offline the signal's own stamp is the file's time."""

    signal: Signal
    stamp: Stamp


class SourceReader:
    """Opens a source and puts what it gives into a mailbox; a thread that hangs is left behind, it is a daemon.

    It reads when it has been admitted: live when it is the tracker's turn, so that none works for nothing, and offline
    when it is asked for each signal, so that none is lost.
    """

    def __init__(
        self,
        source: Source,
        mailbox: Latest[Seen],
        on_over: Callable[[SourceReader], None],
        clock_ns: Callable[[], int],
        turns: Turns,
        is_offline: bool = False,
        on_signal: Callable[[Signal], None] = lambda signal: None,
    ) -> None:
        """`on_signal` is told of every signal, in the thread that reads; the mailbox keeps the newest."""
        self.source = source
        self.error: BaseException | None = None  # set before `on_over` is called; None where the source just ended
        self._mailbox, self._on_over, self._clock_ns = mailbox, on_over, clock_ns
        self._turns, self._is_offline, self._on_signal = turns, is_offline, on_signal
        self._is_open = threading.Event()
        self._is_admitted = threading.Event()
        self._is_asked = threading.Event()
        self._is_stopped = threading.Event()
        self._handing_over = threading.Lock()
        self.thread = threading.Thread(target=self._run, name=f"capture {source.name}", daemon=True)

    def start(self) -> Self:
        """Begins to open the source, and returns at once."""
        self.thread.start()
        return self

    def wait_until_open(self, timeout_s: float) -> bool:
        """Whether the source is open, or has failed to open, within the time."""
        return self._is_open.wait(timeout_s)

    def admit(self) -> None:
        self._is_admitted.set()

    def ask(self) -> None:
        """Offline: for one signal more."""
        self._is_asked.set()

    def stop(self) -> None:
        """Tells the thread to close the source; it does so when the source's read returns.

        No signal of it is handed over after this, so that none comes between those of the source that follows.
        """
        with self._handing_over:
            self._is_stopped.set()

    def _run(self) -> None:
        try:
            with self.source:
                self._is_open.set()
                self._read()
        except EndOfSource:
            pass
        except BaseException as error:
            self.error = error
        finally:
            self._is_open.set()
            self._on_over(self)

    def _read(self) -> None:
        while not self._is_stopped.is_set():
            if not self._is_admitted.wait(POLL_S) or not self._may_read():
                continue
            began_ns = self._clock_ns()
            signal = self.source.read(POLL_S)
            with self._handing_over:
                if signal is not None and not self._is_stopped.is_set():
                    self._hand_over(signal, began_ns)

    def _hand_over(self, signal: Signal, began_ns: int) -> None:
        self._is_asked.clear()
        self._on_signal(signal)
        stamp = self._from_now(signal.stamp, began_ns) if self._is_offline else signal.stamp
        done_ns = self._clock_ns()
        self._turns.tracked(done_ns - max(began_ns, _came_ns(stamp)))
        self._mailbox.put(Seen(signal, stamp.after("track", done_ns)))

    def _may_read(self) -> bool:
        """Whether it is time for the next signal, or becomes so soon."""
        return self._is_asked.wait(POLL_S) if self._is_offline else self._turns.wait(POLL_S)

    @staticmethod
    def _from_now(stamp: Stamp, began_ns: int) -> Stamp:
        """The stamp of a picture of a file that counts as captured when it was asked for."""
        return Stamp(stamp.index, began_ns, stamp.captured_wall_ns)


def _came_ns(stamp: Stamp) -> int:
    """When the picture was there to be tracked."""
    return stamp.finished[-1][1] if stamp.finished else stamp.captured_ns
