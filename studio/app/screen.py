"""Reads the colours of this machine's screen, a few times a second and only while it is asked to."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from omote.bridge.errors import OmoteError

SIDE_PX = 9  # of the small picture that is kept of a screen
PERIOD_S = 0.25
_CHANGED = 2  # levels of 255: a smaller change is none

Rgb = NDArray[np.uint8]  # [SIDE_PX,SIDE_PX,3]


class ScreenError(OmoteError, ValueError):
    """The screen cannot be read; the message says why."""


def grab_screen() -> Image.Image:
    """The main screen; ScreenError if this session does not let programs read it."""
    from PIL import ImageGrab

    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        raise ScreenError("there is no X11 screen to read: choose another light")
    try:
        return ImageGrab.grab(xdisplay=os.environ.get("DISPLAY"))
    except (OSError, ValueError) as error:
        raise ScreenError(f"the screen cannot be read ({error}): choose another light") from error


def small_picture(screen: Image.Image) -> Rgb:
    """[9,9,3] the mean colours of a picture, over black where it is transparent."""
    small = screen.reduce(max(min(screen.size) // (4 * SIDE_PX), 1)).convert("RGBA").convert("RGBa")
    return np.asarray(small.resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX), np.uint8)[..., :3]


class ScreenReader:
    """Calls `on_colours` with the screen's colours when they change, and `on_error` when it cannot be read."""

    def __init__(
        self,
        on_colours: Callable[[Rgb], None],
        on_error: Callable[[str], None],
        grab: Callable[[], Image.Image] = grab_screen,
    ) -> None:
        self._on_colours, self._on_error, self._grab = on_colours, on_error, grab
        self._stopping: threading.Event | None = None  # of the thread that runs

    def start(self) -> None:
        """Starts to read; does nothing if it reads already."""
        if self._stopping is None:
            self._stopping = threading.Event()
            threading.Thread(target=self._read, args=(self._stopping,), name="screen", daemon=True).start()

    def stop(self) -> None:
        """Stops reading; what is being read is dropped."""
        if self._stopping is not None:
            self._stopping.set()
            self._stopping = None

    def _read(self, stopping: threading.Event) -> None:
        before: Rgb | None = None
        while not stopping.is_set():
            try:
                colours = small_picture(self._grab())
            except ScreenError as error:
                if not stopping.is_set():
                    self._on_error(str(error))
                return
            if stopping.is_set():
                return
            if before is None or np.abs(colours.astype(int) - before).max() > _CHANGED:
                before = colours
                self._on_colours(colours)
            stopping.wait(PERIOD_S)
