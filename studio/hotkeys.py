"""Hotkeys: a key, a Stream Deck's button or a smile brings an expression or a character, and takes it back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal, cast, get_args

import numpy as np

from omote.bridge import arkit
from omote.engine.face.expressions import ASKED, MARKS, NAMED, Expression, marks, named
from omote.engine.face.recognition import RULES
from omote.engine.nouns import Array

from .arguments import found

Mode = Literal["toggle", "hold", "timer"]
MODES: tuple[Mode, ...] = get_args(Mode)
MOST = 24  # each has a layer of its own, of which an overlay has 32
LONGEST_FADE_S = 2.0
SECONDS = 0.1, 60.0

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z", re.ASCII)
_MOST_LABEL, _MOST_KEY, _MOST_NAME = 40, 32, 128
_DOES = ("expression", "weights", "character")


class HotkeyError(ValueError):
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
    mode: Mode = "toggle"
    seconds: float = 2.0  # how long a timer's stays
    fade_s: float = 0.25  # how long it takes to come, and to go

    def shown(self) -> Array:
        """[52] the weights that it adds; none where it shows a character."""
        if self.expression is not None:
            return named(self.expression)
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
    if not isinstance(said, list) or len(said) > MOST:
        raise HotkeyError(f"hotkeys are a list of at most {MOST}, got {found(said)}")
    hotkeys = tuple(_read(one) for one in said)
    _refuse_twice("id", [one.id for one in hotkeys])
    _refuse_twice("key", [one.key.lower() for one in hotkeys if one.key])  # the page hears "a" and "A" as one
    return hotkeys


def _read(said: object) -> Hotkey:
    if not isinstance(said, Mapping):
        raise HotkeyError(f"a hotkey is an object, got {found(said)}")
    known = [field.name for field in fields(Hotkey)]
    if unknown := [name for name in said if name not in (*known, "is_on")]:
        raise HotkeyError(f"a hotkey has no {found(unknown[0])}; it has {', '.join(known)}")
    id = said.get("id")
    if not isinstance(id, str) or not _ID.match(id):
        raise HotkeyError(f'a hotkey\'s "id" is of lower case letters, digits, - and _, got {found(id)}')
    does = {name: said[name] for name in _DOES if said.get(name) is not None}
    if len(does) != 1:
        raise HotkeyError(
            f'{id}: wanted one of "expression", "weights" and "character", got {", ".join(does) or "none"}'
        )
    return Hotkey(
        id=id,
        label=_text(id, "label", said.get("label", id), _MOST_LABEL),
        key=_text(id, "key", said.get("key", ""), _MOST_KEY),
        on=_one_of(id, "on", said.get("on"), tuple(RULES)),
        expression=_one_of(id, "expression", said.get("expression"), ASKED),
        weights=_weights(id, said.get("weights")),
        character=None if "character" not in does else _text(id, "character", does["character"], _MOST_NAME),
        mode=cast(Mode, _one_of(id, "mode", said.get("mode", "toggle"), MODES) or "toggle"),
        seconds=_number(id, "seconds", said.get("seconds", 2.0), *SECONDS),
        fade_s=_number(id, "fade_s", said.get("fade_s", 0.25), 0.0, LONGEST_FADE_S),
    )


def _refuse_twice(what: str, values: Sequence[str]) -> None:
    for at, value in enumerate(values):
        if value in values[:at]:
            raise HotkeyError(f"two hotkeys have the {what} {found(value)}")


def _text(id: str, name: str, value: object, most: int) -> str:
    if isinstance(value, str) and len(value) <= most and (value.isprintable()):
        return value
    raise HotkeyError(f'{id}: "{name}" must be a text of at most {most} letters, got {found(value)}')


def _one_of(id: str, name: str, value: object, known: Sequence[str]) -> str | None:
    if value is None or (isinstance(value, str) and value in known):
        return value
    raise HotkeyError(f'{id}: "{name}" is {found(value)}; there are {", ".join(known)}')


def _number(id: str, name: str, value: object, least: float, most: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return float(value)
    raise HotkeyError(f'{id}: "{name}" must be a number from {least:g} to {most:g}, got {found(value)}')


def _weights(id: str, value: object) -> Mapping[str, float] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not value:
        raise HotkeyError(f'{id}: "weights" must say ARKit names and 0..1, got {found(value)}')
    if unknown := [name for name in value if name not in arkit.NAMES]:
        raise HotkeyError(f"{id}: {found(unknown[0])} is no ARKit name, as jawOpen is one")
    return {name: _number(id, name, one, 0.0, 1.0) for name, one in value.items()}


_LABELS = {"closed_eyes": "Close eyes", "anger": "Anger mark"}
_KEYS = dict(zip("123456789", NAMED, strict=False)) | dict(zip("qwerty", MARKS, strict=True))
# What there is before a person makes their own: the keys 1 to 9 for the named expressions, and letters for the marks.
USUAL_HOTKEYS = tuple(
    Hotkey(name.replace("_", "-"), _LABELS.get(name, name.replace("_", " ").capitalize()), key, expression=name)
    for key, name in _KEYS.items()
)
