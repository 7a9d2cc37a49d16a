"""JSON from outside, read with care: bounded in depth, and no number in it that is none."""

from __future__ import annotations

import json
import math
from typing import NoReturn

DEEPEST = 8  # objects and lists within each other


class JsonError(ValueError):
    """These bytes are no JSON that is read here; the message says why."""


def read_json(text: bytes | str) -> object:
    """What is written there, in Python's types; JsonError, and nothing else, where it cannot be read."""
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise JsonError(f"it is deeper than {DEEPEST} levels") from error
    except ValueError as error:  # also of bytes that are no UTF-8
        raise JsonError(f"it is no JSON ({str(error)[:80]})") from error
    if not _is_shallow(value):
        raise JsonError(f"it is deeper than {DEEPEST} levels")
    return value


def _refuse(name: str) -> NoReturn:
    raise JsonError(f"{name} is no number")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits[:20])


def _is_shallow(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [inner for one in level for inner in _parts(one)]
        if not level:
            return True
    return False


def _parts(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
