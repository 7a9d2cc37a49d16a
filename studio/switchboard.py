"""Which hotkeys are on: they are pressed, held, timed and triggered by a face, several at once if need be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from omote.engine.face.expressions import Expression

from .hotkeys import Hotkey, HotkeyError

Phase = Literal["press", "down", "up"]
PHASES = ("press", "down", "up")
TAP_S = 1.0  # how long a hold stays that is pressed by a button which cannot be let go


@dataclass(frozen=True)
class _On:
    """A hotkey that is on."""

    hotkey: Hotkey
    until_ns: int | None  # None: until somebody ends it


class Switchboard:
    """Turns hotkeys on and off; from any thread, and it never blocks.

    `express(expression, layer)` puts an expression in the hotkey's own layer; `show(name)` shows a character, and is
    told None for the one who was there before.
    """

    def __init__(
        self,
        hotkeys: tuple[Hotkey, ...],
        express: Callable[[Expression, str], None],
        show: Callable[[str | None], None],
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._hotkeys = hotkeys
        self._express, self._show, self._clock_ns = express, show, clock_ns
        self._on: dict[str, _On] = {}  # by id, the one that came last at the end
        self._lock = threading.RLock()

    @property
    def hotkeys(self) -> tuple[Hotkey, ...]:
        return self._hotkeys

    @property
    def on(self) -> tuple[Hotkey, ...]:
        """Those that are on, the newest last."""
        with self._lock:
            return tuple(one.hotkey for one in self._on.values())

    def as_json(self) -> list[dict[str, object]]:
        """For the page: each hotkey, and whether it is on."""
        with self._lock:
            return [{**one.as_json(), "is_on": one.id in self._on} for one in self._hotkeys]

    def replace(self, hotkeys: tuple[Hotkey, ...]) -> None:
        """These are the hotkeys from now on; what is on and not among them any more, or another, goes."""
        with self._lock:
            for id, on in list(self._on.items()):
                if on.hotkey not in hotkeys:
                    self._end(id)
            self._hotkeys = hotkeys

    def trigger(self, id: str, phase: Phase = "press") -> bool:
        """Presses this one, or holds it down and lets it go; whether it is on now. HotkeyError where there is none."""
        with self._lock:
            hotkey = next((one for one in self._hotkeys if one.id == id), None)
            if hotkey is None:
                known = ", ".join(one.id for one in self._hotkeys)
                raise HotkeyError(f'no hotkey is called "{id[:40]}"; there are {known or "none"}')
            self._turn(hotkey, phase)
            return id in self._on

    def recognise(self, name: str, is_on: bool) -> bool:
        """The performer begins or ends to make this expression; whether a hotkey listens to it."""
        with self._lock:
            listening = [one for one in self._hotkeys if one.on == name]
            for hotkey in listening:
                self._turn(hotkey, "down" if is_on else "up")
        return bool(listening)

    def tick(self) -> bool:
        """Ends those whose time is over; whether there was one."""
        now_ns = self._clock_ns()
        with self._lock:
            over = [id for id, on in self._on.items() if on.until_ns is not None and now_ns >= on.until_ns]
            for id in over:
                self._end(id)
        return bool(over)

    def _turn(self, hotkey: Hotkey, phase: Phase) -> None:
        is_on, is_hold = hotkey.id in self._on, hotkey.mode == "hold"
        if phase == "up":
            if is_hold and is_on:
                self._end(hotkey.id)
        elif hotkey.mode == "toggle" and is_on:
            self._end(hotkey.id)
        elif hotkey.mode == "timer":
            self._begin(hotkey, hotkey.fade_s + hotkey.seconds)
        else:
            self._begin(hotkey, hotkey.fade_s + TAP_S if is_hold and phase == "press" else None)

    def _begin(self, hotkey: Hotkey, seconds: float | None) -> None:
        until_ns = None if seconds is None else self._clock_ns() + round(seconds * 1e9)
        if hotkey.character is not None:
            self._show(hotkey.character)
        else:
            self._express(hotkey.coming(), _layer(hotkey))
        self._on.pop(hotkey.id, None)  # the newest is the last
        self._on[hotkey.id] = _On(hotkey, until_ns)

    def _end(self, id: str) -> None:
        hotkey = self._on.pop(id).hotkey
        if hotkey.character is None:
            self._express(hotkey.going(), _layer(hotkey))  # from what is shown: a timer's has begun to go by itself
            return
        others = [on.hotkey.character for on in self._on.values() if on.hotkey.character is not None]
        self._show(others[-1] if others else None)


def _layer(hotkey: Hotkey) -> str:
    return f"hotkey {hotkey.id}"
