"""Shows portraits in another program, from a thread of its own: what goes wrong there never holds up the stream."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, Self

from ..latest import Latest
from ..picture import Pixels

RETRY_S = 3.0
_TURN_S = 0.25
_ENDING_S = 2.0

_log = logging.getLogger(__name__)


class Channel(Protocol):
    """What another program looks at, opened. It is used, and closed, by the thread that opened it."""

    def send(self, pixels: Pixels, /) -> object:
        """Shows this picture. May take its time, and raises whatever its library raises."""
        ...

    def close(self) -> object: ...


class PictureSender:
    """Sends the newest picture, and drops those that came while it was busy.

    `with` opens the channel and raises SenderError, with the cure, where that is
    impossible. What fails afterwards is said in one line and tried again every
    few seconds, while pictures come.
    """

    def __init__(
        self,
        name: str,
        open_channel: Callable[[], Channel],
        convert: Callable[[Pixels], Pixels],
        *,
        warning: str = "",
        retry_s: float = RETRY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.sent = self.failed = 0  # pictures that were shown, and that could not be
        self.trouble = ""  # why nothing is shown now, in one line; empty while all is well
        self._warning = warning  # what a person has to know of whom this shows the picture to
        self._open, self._convert = open_channel, convert
        self._retry_s, self._clock = retry_s, clock
        self._may_open_s = 0.0
        self._slot: Latest[Pixels] = Latest()
        self._channel: Channel | None = None
        self._is_open: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._is_open.result()
        if self._warning:
            _log.warning("%s: %s", self.name, self._warning)
        return self

    def __exit__(self, *error: object) -> None:
        self._slot.close()
        self._thread.join(_ENDING_S)
        if self._thread.is_alive():
            _log.warning("%s does not end; it is left behind", self.name)

    def offer(self, rgba: Pixels) -> None:
        """Makes this the next picture to be shown: [H,W,4], straight alpha, never written to again. Never blocks."""
        self._slot.put(rgba)

    def _run(self) -> None:
        try:
            self._channel = self._open()
        except BaseException as error:  # whoever waits in `with` must hear of all that can happen
            self._is_open.set_exception(error)
            return
        self._is_open.set_result(None)
        while True:
            pixels = self._slot.take(_TURN_S)
            if pixels is not None:
                self._show(pixels)
            elif self._slot.is_closed:
                break
        self._drop()

    def _show(self, pixels: Pixels) -> None:
        try:
            channel = self._channel or self._opened_again()
            if channel is None:
                self.failed += 1
                return
            channel.send(self._convert(pixels))
        except Exception as error:  # a library of somebody else's may raise anything, and the stream has to go on
            self._fail(error)
        else:
            if self.trouble:
                _log.warning("%s is back", self.name)
                self.trouble = ""
            self.sent += 1

    def _opened_again(self) -> Channel | None:
        """None until it is time to try."""
        if self._clock() >= self._may_open_s:
            self._channel = self._open()
        return self._channel

    def _fail(self, error: Exception) -> None:
        said = " ".join(f"{error}".split()) or type(error).__name__
        if not self.trouble:
            _log.warning("%s: %s; the stream goes on, and it is tried again every %g s", self.name, said, self._retry_s)
        self.trouble = said
        self._may_open_s = self._clock() + self._retry_s
        self._drop()
        self.failed += 1

    def _drop(self) -> None:
        channel, self._channel = self._channel, None
        if channel is None:
            return
        try:
            channel.close()
        except Exception as error:  # as above; there is nothing left that could be mended
            _log.info("%s could not be closed: %s", self.name, error)
