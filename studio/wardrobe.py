"""Characters that hotkeys put on and take off: the newest wish counts, and a file is read by nobody who draws."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Wardrobe:
    """Told by any thread, and does it in the thread that calls `tick`."""

    def __init__(self, show: Callable[[str], None], shown: Callable[[], str | None]) -> None:
        """`show` shows a character and raises ValueError where it cannot; `shown` is the name of who is on stage."""
        self._show, self._shown = show, shown
        self._before: str | None = None  # who was on stage before the first hotkey
        self._wish: tuple[str | None] | None = None
        self.trouble = ""  # why the one who was asked for last is not on stage, for a person
        self._lock = threading.Lock()

    def ask(self, name: str | None) -> None:
        """Wants this character on stage, or with None who was there before; returns at once."""
        with self._lock:
            self._wish = (name,)

    def forget(self) -> None:
        """Somebody was chosen for good: there is nobody to go back to."""
        with self._lock:
            self._before = self._wish = None
            self.trouble = ""

    def tick(self) -> bool:
        """Does what was asked for last; whether there was something."""
        with self._lock:
            wish, self._wish = self._wish, None
            if wish is None:
                return False
            name = wish[0]
            if name is None:
                name, self._before = self._before, None
            elif self._before is None:
                self._before = self._shown()
        if name is None:
            return False
        try:
            self._show(name)
        except ValueError as error:
            self.trouble = f"a hotkey's character cannot be shown: {error}"
            log.warning("%s", self.trouble)
        else:
            self.trouble = ""
        return True
