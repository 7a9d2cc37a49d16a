"""Hotkeys while another program has the keyboard: which keys, how they are named, and in a real X server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import pytest

from omote.studio.app.global_hotkeys import GlobalHotkeys, is_global_key, key_name
from omote.studio.app.hotkeys import Hotkey, HotkeyError, KeyPhase


def named(name: str) -> Any:
    """A key of pynput with a name."""
    return SimpleNamespace(name=name)


def letter(char: str) -> Any:
    """A key of pynput that types a letter."""
    return SimpleNamespace(char=char)


CTRL, SHIFT, F5 = named("ctrl_l"), named("shift"), named("f5")


@dataclass
class Keyboard:
    """A listener that the test presses."""

    press: Callable[[Any], None]
    release: Callable[[Any], None]
    is_listening: bool = False

    def start(self) -> None:
        self.is_listening = True

    def stop(self) -> None:
        self.is_listening = False


class Harness:
    def __init__(self, *keys: str) -> None:
        self.hotkeys = tuple(Hotkey(f"h{at}", key, key, expression="smile") for at, key in enumerate(keys))
        self.heard: list[tuple[str, KeyPhase]] = []
        self.fails = False
        self.keyboards: list[Keyboard] = []
        self.hearing = GlobalHotkeys(lambda: self.hotkeys, self.trigger, self.open)
        self.hearing.turn(True)

    def trigger(self, id: str, phase: KeyPhase) -> None:
        if self.fails:
            raise HotkeyError("it is gone")
        self.heard.append((id, phase))

    def open(self, press: Callable[[Any], None], release: Callable[[Any], None]) -> Keyboard:
        self.keyboards.append(Keyboard(press, release))
        return self.keyboards[-1]

    def tap(self, *keys: Any) -> list[tuple[str, KeyPhase]]:
        """Presses keys one after the other, releases them in the other order, and returns what was heard."""
        before = len(self.heard)
        for key in keys:
            self.keyboards[-1].press(key)
        for key in reversed(keys):
            self.keyboards[-1].release(key)
        return self.heard[before:]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("F5", True), ("F24", True), ("MediaPlayPause", True), ("Ctrl+k", True), ("Alt+Shift+1", True),
        ("Ctrl++", True),
        ("k", False), ("1", False), ("", False), ("Enter", False), ("Shift+k", False), (" ", False), ("+", False),
        ("Pad 3", False), ("Midi 60", False),
    ],
)  # fmt: skip
def test_only_chords_and_keys_that_type_nothing_are_heard_everywhere(key: str, expected: bool) -> None:
    assert is_global_key(key) is expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (F5, "F5"), (named("page_up"), "PageUp"), (named("up"), "ArrowUp"), (named("media_next"), "MediaTrackNext"),
        (named("media_play_pause"), "MediaPlayPause"), (named("ctrl_r"), "Ctrl"), (named("alt_gr"), "AltGr"),
        (named("cmd"), "Meta"), (letter("k"), "k"), (letter("\x0b"), "k"), (letter("ß"), "ß"),
        (SimpleNamespace(char=None), ""), (None, ""),
    ],
)  # fmt: skip
def test_keys_are_named_as_a_browser_names_them(key: Any, expected: str) -> None:
    assert key_name(key) == expected


def test_a_chord_is_heard_with_all_its_modifiers_and_no_others() -> None:
    harness = Harness("Ctrl+Shift+k", "F5", "k")
    assert harness.tap(CTRL, SHIFT, letter("K")) == [("h0", "down"), ("h0", "up")]
    assert harness.tap(SHIFT, CTRL, letter("K")) == [("h0", "down"), ("h0", "up")]
    assert harness.tap(CTRL, letter("k")) == []
    assert harness.tap(letter("k")) == []  # typing
    assert harness.tap(F5) == [("h1", "down"), ("h1", "up")]
    assert harness.tap(CTRL, F5) == []


def test_a_key_that_is_held_presses_once() -> None:
    harness = Harness("F5")
    assert harness.tap(F5, F5, F5) == [("h0", "down"), ("h0", "up")]


def test_what_is_held_is_let_go_when_hearing_ends() -> None:
    harness = Harness("F5")
    harness.keyboards[0].press(F5)
    harness.hearing.turn(False)
    assert harness.heard == [("h0", "down"), ("h0", "up")]
    assert not harness.keyboards[0].is_listening
    harness.hearing.turn(True)
    assert harness.tap(F5) == [("h0", "down"), ("h0", "up")]


def test_a_failing_hotkey_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    harness = Harness("F5")
    harness.fails = True
    assert harness.tap(F5) == []
    assert "a global hotkey failed" in caplog.text
    harness.fails = False
    assert harness.tap(F5) == [("h0", "down"), ("h0", "up")]


def test_without_an_x_server_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    hearing = GlobalHotkeys(lambda: (), lambda id, phase: None)
    with pytest.raises(HotkeyError, match="DISPLAY is not set"):
        hearing.turn(True)
    assert not hearing.is_on


IN_AN_X_SERVER = """
import threading, time
from Xlib import X, display
from pynput.keyboard import Controller, Key
from omote.studio.app.global_hotkeys import GlobalHotkeys
from omote.studio.app.hotkeys import Hotkey

hotkeys = (Hotkey("chord", "", "Ctrl+Alt+k", expression="smile"), Hotkey("f5", "", "F5", expression="smile"))
came = threading.Semaphore(0)
heard = []

def trigger(id, phase):
    heard.append((id, phase))
    came.release()

server = display.Display()
game = server.screen().root.create_window(0, 0, 90, 90, 0, server.screen().root_depth)  # which has the keyboard
game.map()
server.sync()
time.sleep(0.3)
game.set_input_focus(X.RevertToParent, X.CurrentTime)
server.sync()
hearing = GlobalHotkeys(lambda: hotkeys, trigger)
hearing.turn(True)
hearing._listener.wait()
keyboard = Controller()
with keyboard.pressed(Key.ctrl), keyboard.pressed(Key.alt):
    keyboard.tap("k")
keyboard.tap("k")
keyboard.press(Key.f5)
time.sleep(1.2)  # it repeats
keyboard.release(Key.f5)
for _ in range(4):
    came.acquire(timeout=20)
hearing.turn(False)
print(heard)
"""


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="no Xvfb is installed")
def test_a_game_that_has_the_keyboard_keeps_no_hotkey_from_being_heard() -> None:
    if find_spec("pynput") is None:
        pytest.skip("pynput is not installed")
    read, write = os.pipe()
    command = ("Xvfb", "-displayfd", str(write), "-screen", "0", "160x160x24")
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        try:
            os.close(write)
            with os.fdopen(read) as said:
                here = {**os.environ, "DISPLAY": f":{said.readline().strip()}"}
            script = (sys.executable, "-c", IN_AN_X_SERVER)
            done = subprocess.run(script, env=here, capture_output=True, text=True, timeout=60, check=False)
        finally:
            server.terminate()
    expected = [("chord", "down"), ("chord", "up"), ("f5", "down"), ("f5", "up")]
    assert done.stdout.strip() == str(expected), done.stderr
