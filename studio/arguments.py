"""The arguments of a request, checked one by one: who asks wrongly is told what was wanted."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from omote.bridge.control import ControlError

Arguments = Mapping[str, object]

_SHORT, _LONG = 60, 130  # letters of what was found, and of what there is: a message has at most 256 bytes


def invalid(sentence: str) -> ControlError:
    """An argument is malformed."""
    return ControlError("invalid", sentence)


def found(value: object) -> str:
    """What was found, short enough to be told."""
    return _short(repr(value), _SHORT)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


def one_of(arguments: Arguments, key: str, known: Collection[str], default: str | None = None) -> str:
    """The word under this key, which must be one of those known; a near one is proposed."""
    word = arguments.get(key, default)
    if isinstance(word, str) and word in known:
        return word
    near = difflib.get_close_matches(word[:_SHORT], known, 1) if isinstance(word, str) else []
    hint = f'did you mean "{near[0]}"?' if near else f"there are {_short(', '.join(known), _LONG)}"
    raise invalid(f'"{key}" is {found(word)}; {hint}')


def texts(arguments: Arguments, key: str) -> tuple[str, ...]:
    """The texts under this key, at least one."""
    value = arguments.get(key)
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise invalid(f'"{key}" must be a list of texts, got {found(value)}')
    return tuple(value)


def number(value: object, what: str, least: float, most: float) -> float:
    """A finite number within these bounds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return float(value)
    raise invalid(f"{what} must be a number from {least:g} to {most:g}, got {found(value)}")
