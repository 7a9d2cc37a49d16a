"""Validates what comes from outside: bounded JSON, and the arguments of requests."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Collection, Mapping
from typing import NoReturn

from omote.bridge import arkit
from omote.bridge.control import ControlError
from omote.bridge.errors import OmoteError
from omote.engine.data import Array
from omote.engine.face.expressions import (
    ATTACK_S,
    EXPRESSION_NAMES,
    HOLD_S,
    LONGEST_S,
    RELEASE_S,
    Expression,
    expression_weights,
    marks,
)

MAX_DEPTH = 8  # objects and lists within each other


class JsonError(OmoteError, ValueError):
    """These bytes are no JSON that is read here; the message says why."""


def parse_json(text: bytes | str) -> object:
    """What is written there, in Python's types; JsonError, and nothing else, where it cannot be read."""
    try:
        value = json.loads(text, parse_constant=_reject_constant, parse_float=_parse_finite)
    except RecursionError as error:
        raise JsonError(f"it is deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:  # also of bytes that are no UTF-8
        raise JsonError(f"it is no JSON ({str(error)[:80]})") from error
    if not _is_shallow(value):
        raise JsonError(f"it is deeper than {MAX_DEPTH} levels")
    return value


def _reject_constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is no number")


def _parse_finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _reject_constant(digits[:20])


def _is_shallow(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for one in level for inner in _children(one)]
        if not level:
            return True
    return False


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


Arguments = Mapping[str, object]

_MAX_VALUE, _MAX_CHOICES = 60, 130  # letters of what was found, and of what there is: a message has at most 256 bytes


def invalid_argument(sentence: str) -> ControlError:
    """An argument is malformed."""
    return ControlError("invalid", sentence)


def shown_value(value: object) -> str:
    """What was found, short enough to be told."""
    return _shortened(repr(value), _MAX_VALUE)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


def choice_argument(arguments: Arguments, key: str, known: Collection[str], default: str | None = None) -> str:
    """The word under this key, which must be one of those known; a near one is proposed."""
    word = arguments.get(key, default)
    if isinstance(word, str) and word in known:
        return word
    near = difflib.get_close_matches(word[:_MAX_VALUE], known, 1) if isinstance(word, str) else []
    hint = f'did you mean "{near[0]}"?' if near else f"there are {_shortened(', '.join(known), _MAX_CHOICES)}"
    raise invalid_argument(f'"{key}" is {shown_value(word)}; {hint}')


def text_list_argument(arguments: Arguments, key: str) -> tuple[str, ...]:
    """The texts under this key, at least one."""
    value = arguments.get(key)
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise invalid_argument(f'"{key}" must be a list of texts, got {shown_value(value)}')
    return tuple(value)


def checked_number(value: object, what: str, least: float, most: float) -> float:
    """A finite number within these bounds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
        return float(value)
    raise invalid_argument(f"{what} must be a number from {least:g} to {most:g}, got {shown_value(value)}")


def text_argument(arguments: Arguments, key: str, default: str | None = None, most: int = 128) -> str:
    """The text under this key, of so many letters at most."""
    value = arguments.get(key, default)
    if isinstance(value, str) and len(value) <= most and value.isprintable():
        return value
    raise invalid_argument(f'"{key}" must be a text of at most {most} letters, got {shown_value(value)}')


def bool_argument(arguments: Arguments, key: str) -> bool:
    """Whether that is wanted."""
    value = arguments.get(key)
    if isinstance(value, bool):
        return value
    raise invalid_argument(f'"{key}" must be true or false, got {shown_value(value)}')


def expression_argument(arguments: Arguments) -> Expression:
    """An expression by "name" or by "weights", with "attack", "hold" and "release" in seconds."""
    hold = arguments.get("hold", HOLD_S)
    return Expression(
        weights=_weights_argument(arguments),
        attack_s=checked_number(arguments.get("attack", ATTACK_S), '"attack"', 0.0, LONGEST_S),
        hold_s=None if hold is None else checked_number(hold, '"hold"', 0.0, LONGEST_S),
        release_s=checked_number(arguments.get("release", RELEASE_S), '"release"', 0.0, LONGEST_S),
        marks=marks(str(arguments.get("name", ""))),
    )


def _weights_argument(arguments: Arguments) -> Array:
    if ("name" in arguments) == ("weights" in arguments):
        raise invalid_argument('an expression has either a "name" or "weights"')
    if "name" in arguments:
        return expression_weights(choice_argument(arguments, "name", EXPRESSION_NAMES))
    said = arguments["weights"]
    if not isinstance(said, Mapping):
        raise invalid_argument(f'"weights" must be a map of ARKit names to 0..1, got {type(said).__name__}')
    chosen = {choice_argument({"weights": name}, "weights", arkit.NAMES): value for name, value in said.items()}
    return arkit.weights({name: checked_number(value, name, 0.0, 1.0) for name, value in chosen.items()})
