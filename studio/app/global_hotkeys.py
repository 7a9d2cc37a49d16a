"""Hotkeys while another program has the keyboard, by pynput: opt-in, and only keys that type no text."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol

from .hotkeys import Hotkey, HotkeyError, KeyPhase

INSTALL = "pip install 'omote[hotkeys]'"
# The keys that press hotkeys alone; any other needs Ctrl, Alt or Meta, so that typing in a game's chat presses nothing.
_ALONE = re.compile(r"F\d{1,2}|Media\w+|Audio\w+|Launch\w+|ScrollLock|Pause", re.ASCII)
_MODIFIERS = {"ctrl": "Ctrl", "alt": "Alt", "shift": "Shift", "cmd": "Meta"}
# pynput's names whose browser name is not the same in camel case.
_NAMES = {
    **{way: f"Arrow{way.capitalize()}" for way in ("up", "down", "left", "right")},
    "space": " ",
    "esc": "Escape",
    "media_next": "MediaTrackNext",
    "media_previous": "MediaTrackPrevious",
    "media_volume_up": "AudioVolumeUp",
    "media_volume_down": "AudioVolumeDown",
    "media_volume_mute": "AudioVolumeMute",
}

log = logging.getLogger(__name__)


class KeyListener(Protocol):
    """The part of pynput's listener that is used: a thread that calls back."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


OpenListener = Callable[[Callable[[Any], None], Callable[[Any], None]], KeyListener]


def is_global_key(key: str) -> bool:
    """Whether a hotkey's key is heard everywhere: a chord with Ctrl, Alt or Meta, or a key that types nothing."""
    parts = key.split("+")
    return any(one in ("Ctrl", "Alt", "Meta") for one in parts[:-1]) or bool(_ALONE.fullmatch(key))


class GlobalHotkeys:
    """Presses hotkeys by the system's keyboard while it is on. Any thread may call its methods."""

    def __init__(
        self,
        hotkeys: Callable[[], tuple[Hotkey, ...]],
        trigger: Callable[[str, KeyPhase], object],
        open_listener: OpenListener | None = None,
    ) -> None:
        """`trigger(id, phase)` presses a hotkey; it is called in the listener's thread."""
        self._hotkeys, self._trigger = hotkeys, trigger
        self._open_listener = open_listener or _pynput_listener
        self._listener: KeyListener | None = None
        self._held: dict[str, str] = {}  # the key's own name to the hotkey's id, or "" for none
        self._modifiers: dict[str, None] = {}  # that are down, in order
        self._lock = threading.Lock()

    @property
    def is_on(self) -> bool:
        return self._listener is not None

    def turn(self, is_on: bool) -> None:
        """Starts or stops to listen; HotkeyError with the cure if the system's keyboard cannot be heard."""
        with self._lock:
            if is_on == self.is_on:
                return
            if self._listener is not None:
                self._listener.stop()
                self._listener = None
                self._release_all()
                return
            listener = self._open_listener(self._press, self._release)
            listener.start()
            self._listener = listener

    def _press(self, key: Any) -> None:
        name = key_name(key)
        if name in _MODIFIERS.values():
            self._modifiers[name] = None
            return
        base = name.lower()
        if not name or base in self._held:  # a key that is held repeats
            return
        chord = _chord(self._modifiers, name)
        hotkey = next((one for one in self._hotkeys() if one.key and one.key.lower() == chord.lower()), None)
        self._held[base] = hotkey.id if hotkey and is_global_key(hotkey.key) else ""
        if self._held[base]:
            self._run(self._held[base], "down")

    def _release(self, key: Any) -> None:
        name = key_name(key)
        self._modifiers.pop(name, None)
        if id := self._held.pop(name.lower(), ""):
            self._run(id, "up")

    def _release_all(self) -> None:
        held, self._held, self._modifiers = self._held, {}, {}
        for id in filter(None, held.values()):
            self._run(id, "up")

    def _run(self, id: str, phase: KeyPhase) -> None:
        try:
            self._trigger(id, phase)
        except Exception:  # the listener's thread would end
            log.exception("a global hotkey failed; the others go on")


def key_name(key: Any) -> str:
    """The browser's name of a key of pynput, "" for one without: "F5", "a", "Ctrl"."""
    name = getattr(key, "name", None)
    if name is None:
        char = getattr(key, "char", None) or ""
        # Windows gives control characters for letters with Ctrl.
        return chr(ord(char) + 96) if len(char) == 1 and 0 < ord(char) < 27 else str(char)
    plain = re.sub(r"_(l|r)\Z", "", str(name))
    return _MODIFIERS.get(plain) or _NAMES.get(plain) or "".join(part.capitalize() for part in plain.split("_"))


def _chord(modifiers: dict[str, None], name: str) -> str:
    """As the page writes it: Shift counts only beside another modifier, because it changes the key's own name."""
    if not any(one != "Shift" for one in modifiers):
        return name
    return "+".join([*(one for one in _MODIFIERS.values() if one in modifiers), name])


def _pynput_listener(press: Callable[[Any], None], release: Callable[[Any], None]) -> KeyListener:
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        raise HotkeyError("global hotkeys need an X server, and none is there: DISPLAY is not set")
    try:
        from pynput import keyboard
    except ModuleNotFoundError as error:
        raise HotkeyError(
            f"hotkeys in other programs need the package pynput, which is missing: to install it, {INSTALL}"
        ) from error
    except ImportError as error:  # pynput connects when it is imported
        first = str(error).splitlines()[0]
        raise HotkeyError(f"global hotkeys cannot hear this system's keyboard: {first}") from error
    listener: KeyListener = keyboard.Listener(on_press=press, on_release=release)
    return listener
