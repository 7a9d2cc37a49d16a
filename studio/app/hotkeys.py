"""Hotkeys: their definition, which of them are active, and the characters that they show."""

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
    EXPRESSION_RULES,
    MARKS,
    NAMED_EXPRESSIONS,
    Expression,
    expression_weights,
    marks,
)

from .validation import shown_value

HotkeyMode = Literal["toggle", "hold", "timer"]
HOTKEY_MODES: tuple[HotkeyMode, ...] = get_args(HotkeyMode)
MAX_HOTKEYS = 24  # each has a layer of its own, of which an overlay has 32
MAX_FADE_S = 2.0
SECONDS = 0.1, 60.0

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z", re.ASCII)
_MOST_LABEL, _MOST_KEY, _MOST_NAME = 40, 32, 128
_ACTIONS = ("expression", "weights", "character")


class HotkeyError(OmoteError, ValueError):
    """No such hotkey, or one that makes no sense; the message says what was wanted."""


@dataclass(frozen=True)
class Hotkey:
    """What one hotkey does, and what makes it do so."""

    id: str  # in addresses: lower case letters, digits, - and _
    label: str
    key: str = ""  # on the page, as KeyboardEvent.key says: "1", "F5"; "" for none
    on: str | None = None  # a recognised expression that does it too
    expression: str | None = None  # one of `ASKED`; or
    weights: Mapping[str, float] | None = None  # ARKit names to 0..1; or
    character: str | None = None  # a character's name
    mode: HotkeyMode = "toggle"
    seconds: float = 2.0  # how long a timer's stays
    fade_s: float = 0.25  # how long it takes to come, and to go

    def shown(self) -> Array:
        """[52] the weights that it adds; none where it shows a character."""
        if self.expression is not None:
            return expression_weights(self.expression)
        return arkit.weights(dict(self.weights or {}))

    def coming(self) -> Expression:
        """What it puts on top of the performance: for as long as a timer says, or until it is taken back."""
        hold_s = self.seconds if self.mode == "timer" else None
        added = marks(self.expression or "")
        return Expression(self.shown(), self.fade_s, hold_s, self.fade_s, added)

    def going(self) -> Expression:
        """What takes it back."""
        return Expression(np.zeros(arkit.COUNT, np.float32), self.fade_s, None, self.fade_s)

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "weights": None if self.weights is None else dict(self.weights)}


def read_hotkeys(said: object) -> tuple[Hotkey, ...]:
    """A whole list of hotkeys from JSON's types; HotkeyError says which one is wrong, and how."""
    if not isinstance(said, list) or len(said) > MAX_HOTKEYS:
        raise HotkeyError(f"hotkeys are a list of at most {MAX_HOTKEYS}, got {shown_value(said)}")
    hotkeys = tuple(_read_hotkey(one) for one in said)
    _check_unique("id", [one.id for one in hotkeys])
    _check_unique("key", [one.key.lower() for one in hotkeys if one.key])  # the page hears "a" and "A" as one
    return hotkeys


def _read_hotkey(said: object) -> Hotkey:
    if not isinstance(said, Mapping):
        raise HotkeyError(f"a hotkey is an object, got {shown_value(said)}")
    known = [field.name for field in fields(Hotkey)]
    if unknown := [name for name in said if name not in (*known, "is_on")]:
        raise HotkeyError(f"a hotkey has no {shown_value(unknown[0])}; it has {', '.join(known)}")
    id = said.get("id")
    if not isinstance(id, str) or not _ID.match(id):
        raise HotkeyError(f'a hotkey\'s "id" is of lower case letters, digits, - and _, got {shown_value(id)}')
    does = {name: said[name] for name in _ACTIONS if said.get(name) is not None}
    if len(does) != 1:
        raise HotkeyError(
            f'{id}: wanted one of "expression", "weights" and "character", got {", ".join(does) or "none"}'
        )
    return Hotkey(
        id=id,
        label=_text(id, "label", said.get("label", id), _MOST_LABEL),
        key=_text(id, "key", said.get("key", ""), _MOST_KEY),
        on=_one_of(id, "on", said.get("on"), tuple(EXPRESSION_RULES)),
        expression=_one_of(id, "expression", said.get("expression"), EXPRESSION_NAMES),
        weights=_weights(id, said.get("weights")),
        character=None if "character" not in does else _text(id, "character", does["character"], _MOST_NAME),
        mode=cast(HotkeyMode, _one_of(id, "mode", said.get("mode", "toggle"), HOTKEY_MODES) or "toggle"),
        seconds=_number(id, "seconds", said.get("seconds", 2.0), *SECONDS),
        fade_s=_number(id, "fade_s", said.get("fade_s", 0.25), 0.0, MAX_FADE_S),
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


_LABELS = {"closed_eyes": "Close eyes", "anger": "Anger mark"}
_KEYS = dict(zip("123456789", NAMED_EXPRESSIONS, strict=False)) | dict(zip("qwerty", MARKS, strict=True))
# What there is before a person makes their own: the keys 1 to 9 for the named expressions, and letters for the marks.
DEFAULT_HOTKEYS = tuple(
    Hotkey(name.replace("_", "-"), _LABELS.get(name, name.replace("_", " ").capitalize()), key, expression=name)
    for key, name in _KEYS.items()
)


KeyPhase = Literal["press", "down", "up"]
KEY_PHASES = ("press", "down", "up")
TAP_S = 1.0  # how long a hold stays that is pressed by a button which cannot be let go


@dataclass(frozen=True)
class _ActiveHotkey:
    """A hotkey that is on."""

    hotkey: Hotkey
    until_ns: int | None  # None: until somebody ends it


class HotkeyController:
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
        self._on: dict[str, _ActiveHotkey] = {}  # by id, the one that came last at the end
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

    def trigger(self, id: str, phase: KeyPhase = "press") -> bool:
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

    def _turn(self, hotkey: Hotkey, phase: KeyPhase) -> None:
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
            self._express(hotkey.coming(), _layer_of(hotkey))
        self._on.pop(hotkey.id, None)  # the newest is the last
        self._on[hotkey.id] = _ActiveHotkey(hotkey, until_ns)

    def _end(self, id: str) -> None:
        hotkey = self._on.pop(id).hotkey
        if hotkey.character is None:
            self._express(hotkey.going(), _layer_of(hotkey))  # from what is shown: a timer's has begun to go by itself
            return
        others = [on.hotkey.character for on in self._on.values() if on.hotkey.character is not None]
        self._show(others[-1] if others else None)


def _layer_of(hotkey: Hotkey) -> str:
    return f"hotkey {hotkey.id}"


log = logging.getLogger(__name__)


class HotkeyCharacters:
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
