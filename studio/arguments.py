"""The arguments of a request, checked one by one: who asks wrongly is told what was wanted."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from omote.bridge import arkit
from omote.bridge.control import ControlError
from omote.engine.face.expressions import ASKED, ATTACK_S, HOLD_S, LONGEST_S, RELEASE_S, Expression, marks, named
from omote.engine.nouns import Array

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


def word(arguments: Arguments, key: str, default: str | None = None, most: int = 128) -> str:
    """The text under this key, of so many letters at most."""
    value = arguments.get(key, default)
    if isinstance(value, str) and len(value) <= most and value.isprintable():
        return value
    raise invalid(f'"{key}" must be a text of at most {most} letters, got {found(value)}')


def flag(arguments: Arguments, key: str) -> bool:
    """Whether that is wanted."""
    value = arguments.get(key)
    if isinstance(value, bool):
        return value
    raise invalid(f'"{key}" must be true or false, got {found(value)}')


def said_expression(arguments: Arguments) -> Expression:
    """An expression by "name" or by "weights", with "attack", "hold" and "release" in seconds."""
    hold = arguments.get("hold", HOLD_S)
    return Expression(
        weights=_weights(arguments),
        attack_s=number(arguments.get("attack", ATTACK_S), '"attack"', 0.0, LONGEST_S),
        hold_s=None if hold is None else number(hold, '"hold"', 0.0, LONGEST_S),
        release_s=number(arguments.get("release", RELEASE_S), '"release"', 0.0, LONGEST_S),
        marks=marks(str(arguments.get("name", ""))),
    )


def _weights(arguments: Arguments) -> Array:
    if ("name" in arguments) == ("weights" in arguments):
        raise invalid('an expression has either a "name" or "weights"')
    if "name" in arguments:
        return named(one_of(arguments, "name", ASKED))
    said = arguments["weights"]
    if not isinstance(said, Mapping):
        raise invalid(f'"weights" must be a map of ARKit names to 0..1, got {type(said).__name__}')
    chosen = {one_of({"weights": name}, "weights", arkit.NAMES): value for name, value in said.items()}
    return arkit.weights({name: number(value, name, 0.0, 1.0) for name, value in chosen.items()})
