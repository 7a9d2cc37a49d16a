"""Validates input from outside: bounded JSON, and the arguments of requests."""

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

MAX_DEPTH = 8  # nested objects and lists

Arguments = Mapping[str, object]
# In letters: a message on the wire has at most 256 bytes.
_MAX_VALUE, _MAX_CHOICES = 60, 130
_MAX_DIGITS = 300  # of a whole number: a larger one is no float


class JsonError(OmoteError, ValueError):
    """These bytes are not JSON that is accepted here; the message says why."""


def parse_json(text: bytes | str) -> object:
    """Parses JSON of bounded depth with finite numbers; JsonError, and no other error, if that fails."""
    try:
        value = json.loads(text, parse_constant=_reject_constant, parse_float=_parse_finite, parse_int=_parse_int)
    except RecursionError as error:
        raise JsonError(f"it is deeper than {MAX_DEPTH} levels") from error
    except ValueError as error:  # UnicodeDecodeError is one too
        raise JsonError(f"it is not JSON ({str(error)[:80]})") from error
    if not _is_shallow(value):
        raise JsonError(f"it is deeper than {MAX_DEPTH} levels")
    return value


def _reject_constant(name: str) -> NoReturn:
    raise JsonError(f"{name} is not a number")


def _parse_finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _reject_constant(digits[:20])


def _parse_int(digits: str) -> int:
    return int(digits) if len(digits) <= _MAX_DIGITS else _reject_constant(digits[:20])


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


def invalid_argument(sentence: str) -> ControlError:
    """The error of an invalid argument."""
    return ControlError("invalid", sentence)


def shown_value(value: object) -> str:
    """The repr of a received value, cut to a length that a message can hold."""
    return _shortened(repr(value), _MAX_VALUE)


def _shortened(text: str, high: int) -> str:
    return text if len(text) <= high else f"{text[:high]}..."


def choice_argument(arguments: Arguments, key: str, known: Collection[str], default: str | None = None) -> str:
    """The argument of this key, one of the known words; the error suggests the nearest."""
    word = arguments.get(key, default)
    if isinstance(word, str) and word in known:
        return word
    near = difflib.get_close_matches(word[:_MAX_VALUE], known, 1) if isinstance(word, str) else []
    hint = f'did you mean "{near[0]}"?' if near else f"there are {_shortened(', '.join(known), _MAX_CHOICES)}"
    raise invalid_argument(f'"{key}" is {shown_value(word)}; {hint}')


def text_list_argument(arguments: Arguments, key: str) -> tuple[str, ...]:
    """The argument of this key: a list of at least one text."""
    value = arguments.get(key)
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise invalid_argument(f'"{key}" must be a list of texts, got {shown_value(value)}')
    return tuple(value)


def checked_number(value: object, what: str, low: float, high: float) -> float:
    """The value as a float, if it is a finite number within these bounds."""
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    raise invalid_argument(f"{what} must be a number from {low:g} to {high:g}, got {shown_value(value)}")


def text_argument(arguments: Arguments, key: str, default: str | None = None, high: int = 128) -> str:
    """The argument of this key: a printable text of at most `most` letters."""
    value = arguments.get(key, default)
    if isinstance(value, str) and len(value) <= high and value.isprintable():
        return value
    raise invalid_argument(f'"{key}" must be a text of at most {high} letters, got {shown_value(value)}')


def bool_argument(arguments: Arguments, key: str) -> bool:
    """The argument of this key: true or false."""
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
    weights = arguments["weights"]
    if not isinstance(weights, Mapping):
        raise invalid_argument(f'"weights" must be a map of ARKit names to 0..1, got {type(weights).__name__}')
    chosen = {choice_argument({"weights": name}, "weights", arkit.NAMES): value for name, value in weights.items()}
    return arkit.weights({name: checked_number(value, name, 0.0, 1.0) for name, value in chosen.items()})
