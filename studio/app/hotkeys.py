"""Hotkeys: what they are, which of them are on, and the characters that they show."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal, cast, get_args

import numpy as np

from omote.bridge import arkit
from omote.bridge.errors import OmoteError
from omote.engine.data import Array
from omote.engine.face.expressions import (
    EXPRESSION_NAMES,
    MARKS,
    NAMED_EXPRESSIONS,
    Expression,
    expression_weights,
    marks,
)
from omote.engine.face.performance import RECOGNISABLE

from .validation import shown_value

HotkeyMode = Literal["toggle", "hold", "timer"]
HotkeyCommand = Literal["clear", "pause", "hide", "label"]
HotkeyEvent = Literal["scene", "item", "throw"]  # what happens at each press and is never on
HOTKEY_MODES: tuple[HotkeyMode, ...] = get_args(HotkeyMode)
HOTKEY_EVENTS: tuple[HotkeyEvent, ...] = get_args(HotkeyEvent)
HOTKEY_COMMANDS: tuple[HotkeyCommand, ...] = get_args(HotkeyCommand)
MAX_HOTKEYS = 48  # each has its own layer, and an overlay has 64
MAX_FADE_S = 2.0
SECONDS = 0.1, 60.0  # the range of `Hotkey.seconds`

log = logging.getLogger(__name__)

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z", re.ASCII)
_MOST_LABEL, _MOST_KEY, _MOST_NAME, _MOST_GROUP = 40, 32, 128, 40
_ACTIONS = ("expression", "weights", "character", "command", "scene", "item", "throw")

_KEYS = dict(zip("123456789", NAMED_EXPRESSIONS, strict=False)) | dict(zip("qwerty", MARKS, strict=True))
KeyPhase = Literal["press", "down", "up"]
KEY_PHASES = ("press", "down", "up")
TAP_S = 1.0  # how long a hold stays on after a press without a release, as from a Stream Deck


class HotkeyError(OmoteError, ValueError):
    """A hotkey does not exist or its definition is invalid; the message says what was expected."""


@dataclass(frozen=True)
class Hotkey:
    """What one hotkey does, and what triggers it. Exactly one of `expression`, `weights`, `character`, `command`,
    `scene`, `item` and `throw` is set."""

    id: str  # used in addresses: lower case letters, digits, - and _
    label: str = ""  # the user's name for it; "": the page writes what it shows
    key: str = ""  # KeyboardEvent.key on the page: "1", "F5"; "" for none
    on: str | None = None  # one of RECOGNISABLE that triggers it too
    expression: str | None = None  # one of EXPRESSION_NAMES
    weights: Mapping[str, float] | None = None  # ARKit names to 0..1
    character: str | None = None  # a character's name
    command: HotkeyCommand | None = None  # "clear" takes back what other hotkeys show
    scene: str | None = None  # the name of a scene preset, which each press shows
    item: str | None = None  # the name of an item, which each press shows or hides
    throw: str | None = None  # the name of a picture, which each press throws
    mode: HotkeyMode = "toggle"
    seconds: float = 2.0  # how long a timer stays on
    fade_s: float = 0.25  # to fade in
    fade_out_s: float | None = None  # to fade out; None: as `fade_s`
    group: str = ""  # of the hotkeys with the same group, one is on at a time; "" for none

    def arkit_weights(self) -> Array:
        """[52] the weights that it adds; zeros if it shows a character."""
        if self.expression is not None:
            return expression_weights(self.expression)
        return arkit.weights(dict(self.weights or {}))

    def start_expression(self) -> Expression:
        """The expression that turns it on: for the seconds of a timer, else until `end_expression`."""
        hold_s = self.seconds if self.mode == "timer" else None
        added = marks(self.expression or "")
        return Expression(self.arkit_weights(), self.fade_s, hold_s, self._fade_out_s, added)

    def end_expression(self) -> Expression:
        """The expression that turns it off."""
        return Expression(np.zeros(arkit.COUNT, np.float32), self._fade_out_s, None)

    @property
    def _fade_out_s(self) -> float:
        return self.fade_s if self.fade_out_s is None else self.fade_out_s

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "weights": None if self.weights is None else dict(self.weights)}


def read_hotkeys(data: object) -> tuple[Hotkey, ...]:
    """Parses a list of hotkeys from JSON values; HotkeyError names the hotkey that is invalid, and why."""
    if not isinstance(data, list) or len(data) > MAX_HOTKEYS:
        raise HotkeyError(f"hotkeys are a list of at most {MAX_HOTKEYS}, got {shown_value(data)}")
    hotkeys = tuple(_read_hotkey(one) for one in data)
    _check_unique("id", [one.id for one in hotkeys])
    _check_unique("key", [one.key.lower() for one in hotkeys if one.key])  # the page ignores case
    return hotkeys


def _read_hotkey(data: object) -> Hotkey:
    if not isinstance(data, Mapping):
        raise HotkeyError(f"a hotkey is an object, got {shown_value(data)}")
    known = [field.name for field in fields(Hotkey)]
    if unknown := [name for name in data if name not in (*known, "is_on")]:
        raise HotkeyError(f"a hotkey has no {shown_value(unknown[0])}; it has {', '.join(known)}")
    id = data.get("id")
    if not isinstance(id, str) or not _ID.match(id):
        raise HotkeyError(f'a hotkey\'s "id" is of lower case letters, digits, - and _, got {shown_value(id)}')
    action = {name: data[name] for name in _ACTIONS if data.get(name) is not None}
    if len(action) != 1:
        raise HotkeyError(
            f'{id}: expected one of "expression", "weights", "character", "command", "scene", "item" and "throw", got '
            f"{', '.join(action) or 'none'}"
        )
    return Hotkey(
        id=id,
        label=_text(id, "label", data.get("label", id), _MOST_LABEL),
        key=_text(id, "key", data.get("key", ""), _MOST_KEY),
        on=_one_of(id, "on", data.get("on"), RECOGNISABLE),
        expression=_one_of(id, "expression", data.get("expression"), EXPRESSION_NAMES),
        weights=_weights(id, data.get("weights")),
        character=None if "character" not in action else _text(id, "character", action["character"], _MOST_NAME),
        command=cast(HotkeyCommand | None, _one_of(id, "command", data.get("command"), HOTKEY_COMMANDS)),
        **{name: _text(id, name, action[name], _MOST_NAME) for name in HOTKEY_EVENTS if name in action},
        mode=cast(HotkeyMode, _one_of(id, "mode", data.get("mode", "toggle"), HOTKEY_MODES) or "toggle"),
        seconds=_number(id, "seconds", data.get("seconds", 2.0), *SECONDS),
        fade_s=_number(id, "fade_s", data.get("fade_s", 0.25), 0.0, MAX_FADE_S),
        fade_out_s=None
        if data.get("fade_out_s") is None
        else _number(id, "fade_out_s", data["fade_out_s"], 0.0, MAX_FADE_S),
        group=_text(id, "group", data.get("group", ""), _MOST_GROUP).strip(),
    )


def _check_unique(what: str, values: Sequence[str]) -> None:
    for at, value in enumerate(values):
        if value in values[:at]:
            raise HotkeyError(f"two hotkeys have the {what} {shown_value(value)}")


def _text(id: str, name: str, value: object, most: int) -> str:
    if isinstance(value, str) and len(value) <= most and (value.isprintable()):
        return value
    raise HotkeyError(f'{id}: "{name}" must be a text of at most {most} letters, got {shown_value(value)}')


def _one_of(id: str, name: str, value: object, known: Sequence[str]) -> str | None:
    if value is None or (isinstance(value, str) and value in known):
        return value
    raise HotkeyError(f'{id}: "{name}" is {shown_value(value)}; there are {", ".join(known)}')


def _number(id: str, name: str, value: object, least: float, most: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return float(value)
    raise HotkeyError(f'{id}: "{name}" must be a number from {least:g} to {most:g}, got {shown_value(value)}')


def _weights(id: str, value: object) -> Mapping[str, float] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not value:
        raise HotkeyError(f'{id}: "weights" must say ARKit names and 0..1, got {shown_value(value)}')
    if unknown := [name for name in value if name not in arkit.NAMES]:
        raise HotkeyError(f"{id}: {shown_value(unknown[0])} is no ARKit name, as jawOpen is one")
    return {name: _number(id, name, one, 0.0, 1.0) for name, one in value.items()}


# The keys 1 to 9 show the named expressions, letters show the marks, and 0 takes them back.
DEFAULT_HOTKEYS = (
    *(Hotkey(name.replace("_", "-"), key=key, expression=name) for key, name in _KEYS.items()),
    Hotkey("clear", key="0", command="clear"),
    Hotkey("pause", key="p", command="pause"),
    Hotkey("hide", key="h", command="hide"),
    Hotkey("label", key="l", command="label"),
)


@dataclass(frozen=True)
class _ActiveHotkey:
    """A hotkey that is on, and until when."""

    hotkey: Hotkey
    until_ns: int | None  # None: until it is turned off


class HotkeyController:
    """Turns hotkeys on and off. Every method may be called from any thread, and none blocks.

    `express(expression, layer)` puts an expression into the hotkey's own layer. `show(name)` shows a character; with
    None it shows the one from before the first hotkey. `run(command, is_on)` begins or ends a command.
    `on_event(event, name)` is called at each press of a hotkey that shows a scene or an item or throws a picture.
    """

    def __init__(
        self,
        hotkeys: tuple[Hotkey, ...],
        express: Callable[[Expression, str], None],
        show: Callable[[str | None], None],
        run: Callable[[HotkeyCommand, bool], None],
        on_event: Callable[[HotkeyEvent, str], None],
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._hotkeys = hotkeys
        self._express, self._show, self._run, self._on_event = express, show, run, on_event
        self._clock_ns = clock_ns
        self._on: dict[str, _ActiveHotkey] = {}  # by id, the newest last; commands are in `_commands`
        self._commands: dict[HotkeyCommand, int | None] = {}  # those that are on, and until when
        self._lock = threading.RLock()

    @property
    def definitions(self) -> tuple[Hotkey, ...]:
        return self._hotkeys

    @property
    def active(self) -> tuple[Hotkey, ...]:
        """The hotkeys that are on, the newest last, and then those whose command is on."""
        with self._lock:
            commands = tuple(one for one in self._hotkeys if one.command in self._commands)
            return (*(one.hotkey for one in self._on.values()), *commands)

    def as_json(self) -> list[dict[str, object]]:
        """Each hotkey, and whether it is on, as JSON values."""
        with self._lock:
            return [{**one.as_json(), "is_on": self._is_on(one)} for one in self._hotkeys]

    def replace(self, hotkeys: tuple[Hotkey, ...]) -> None:
        """Replaces all hotkeys; one that is on and was removed or changed is turned off."""
        with self._lock:
            for id, on in list(self._on.items()):
                if on.hotkey not in hotkeys:
                    self._end(id)
            self._hotkeys = hotkeys

    def trigger(self, id: str, phase: KeyPhase = "press") -> bool:
        """Presses, holds or releases a hotkey, and returns whether it is on now; HotkeyError if it does not exist."""
        with self._lock:
            hotkey = next((one for one in self._hotkeys if one.id == id), None)
            if hotkey is None:
                known = ", ".join(one.id for one in self._hotkeys)
                raise HotkeyError(f'no hotkey is called "{id[:40]}"; there are {known or "none"}')
            self._press(hotkey, phase)
            return self._is_on(hotkey)

    def recognise(self, name: str, is_on: bool) -> bool:
        """Reacts to an expression that begins or ends in the face; returns whether a hotkey is bound to it."""
        with self._lock:
            recognisers = [one for one in self._hotkeys if one.on == name]
            for hotkey in recognisers:
                self._press(hotkey, "down" if is_on else "up")
        return bool(recognisers)

    def command(self, command: HotkeyCommand, is_on: bool) -> None:
        """Begins or ends a command, as a hotkey does; "clear" is never on."""
        with self._lock:
            self._command(command, is_on, None)

    def tick(self) -> bool:
        """Turns off the timers that are over; returns whether there was one."""
        now_ns = self._clock_ns()
        with self._lock:
            over = [id for id, on in self._on.items() if _is_past(on.until_ns, now_ns)]
            for id in over:
                self._end(id)
            ended = [command for command, until_ns in self._commands.items() if _is_past(until_ns, now_ns)]
            for command in ended:
                self._command(command, False, None)
        return bool(over or ended)

    def _is_on(self, hotkey: Hotkey) -> bool:
        return hotkey.id in self._on or hotkey.command in self._commands

    def _press(self, hotkey: Hotkey, phase: KeyPhase) -> None:
        for event in HOTKEY_EVENTS:
            if (name := getattr(hotkey, event)) is not None:
                if phase != "up":
                    self._on_event(event, name)
                return
        is_on, is_hold = self._is_on(hotkey), hotkey.mode == "hold"
        if phase == "up":
            if is_hold and is_on:
                self._turn_off(hotkey)
        elif hotkey.mode == "toggle" and is_on:
            self._turn_off(hotkey)
        elif hotkey.mode == "timer":
            self._begin(hotkey, hotkey.fade_s + hotkey.seconds)
        else:
            self._begin(hotkey, hotkey.fade_s + TAP_S if is_hold and phase == "press" else None)

    def _begin(self, hotkey: Hotkey, seconds: float | None) -> None:
        until_ns = None if seconds is None else self._clock_ns() + round(seconds * 1e9)
        if hotkey.command is not None:
            self._command(hotkey.command, True, until_ns)
            return
        for other in [on.hotkey for on in self._on.values()]:
            if hotkey.group and other.group == hotkey.group and other.id != hotkey.id:
                self._end(other.id)
        if hotkey.character is not None:
            self._show(hotkey.character)
        else:
            self._express(hotkey.start_expression(), _layer_of(hotkey))
        self._on.pop(hotkey.id, None)  # so that it becomes the last
        self._on[hotkey.id] = _ActiveHotkey(hotkey, until_ns)

    def _command(self, command: HotkeyCommand, is_on: bool, until_ns: int | None) -> None:
        if command == "clear":
            for id in list(self._on):
                self._end(id)
        elif is_on:
            self._commands[command] = until_ns
        else:
            self._commands.pop(command, None)
        self._run(command, is_on)

    def _turn_off(self, hotkey: Hotkey) -> None:
        if hotkey.command is not None:
            self._command(hotkey.command, False, None)
        else:
            self._end(hotkey.id)

    def _end(self, id: str) -> None:
        hotkey = self._on.pop(id).hotkey
        if hotkey.character is None:
            self._express(hotkey.end_expression(), _layer_of(hotkey))
            return
        others = [on.hotkey.character for on in self._on.values() if on.hotkey.character is not None]
        self._show(others[-1] if others else None)


def _is_past(until_ns: int | None, now_ns: int) -> bool:
    return until_ns is not None and now_ns >= until_ns


def _layer_of(hotkey: Hotkey) -> str:
    return f"hotkey {hotkey.id}"


class HotkeyCharacters:
    """Shows the characters of hotkeys: `request` returns at once, and `tick` does it in its own thread."""

    def __init__(self, show: Callable[[str], None], shown: Callable[[], str | None]) -> None:
        """`show` shows a character or raises ValueError; `shown` is the name of the character that is shown now."""
        self._show, self._shown = show, shown
        self._before: str | None = None  # the character from before the first hotkey
        self._requested: tuple[str | None] | None = None
        self.error_message = ""  # why the last requested character is not shown, or ""
        self._lock = threading.Lock()

    def request(self, name: str | None) -> None:
        """Requests this character, or with None the one from before the first hotkey."""
        with self._lock:
            self._requested = (name,)

    def keep_current(self) -> None:
        """Keeps the character that is shown now: hotkeys no longer go back to the one from before."""
        with self._lock:
            self._before = self._requested = None
            self.error_message = ""

    def tick(self) -> bool:
        """Shows the character that was requested last; returns whether there was a request."""
        with self._lock:
            requested, self._requested = self._requested, None
            if requested is None:
                return False
            name = requested[0]
            if name is None:
                name, self._before = self._before, None
            elif self._before is None:
                self._before = self._shown()
        if name is None:
            return False
        try:
            self._show(name)
        except ValueError as error:
            self.error_message = f"a hotkey's character cannot be shown: {error}"
            log.warning("%s", self.error_message)
        else:
            self.error_message = ""
        return True
