"""An actor and what was found of them as JSON, and back: each value checked before it is believed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from omote.bridge import arkit
from omote.engine.face.recognition import RULES
from omote.engine.nouns import Actor, Array

from .findings import STEP_STATES, Findings, StepFound

VERSION = 1
_KEY = "omote_actor"
_MOST_LETTERS = 300
_MOST_STEPS = 40
MOST_GAIN = 10.0
_MOST_ROTATION = 2.0 * math.pi
_MOST_TRANSLATION_M = 100.0
# Of each number by weight: the least and the most that make sense.
_OF_ACTOR = {"neutral": (0.0, 1.0), "gain": (0.0, MOST_GAIN), "noise_floor": (0.0, 1.0)}
_OF_FINDINGS = {"least": (0.0, 1.0), "most": (0.0, 1.0), "jitter": (0.0, 1.0), "calm": (0.0, MOST_GAIN)}
_OF_POSE = {"neutral_rotation": _MOST_ROTATION, "neutral_translation": _MOST_TRANSLATION_M}
_DIGITS = 6


class ActorError(ValueError):
    """No actor, or a file that holds none; the message says what was found, what was wanted and the cure."""


@dataclass(frozen=True)
class Made:
    """How an actor came about."""

    date: str  # ISO 8601
    source: str  # "webcam 0"
    findings: Findings | None = None  # None where only the rest was taken, by one key


@dataclass(frozen=True)
class Kept:
    """What a file holds."""

    actor: Actor
    made: Made


def kept_to_json(kept: Kept) -> dict[str, object]:
    """The same in JSON's types; `kept_from_json` takes it back to six digits."""
    actor, made = kept.actor, kept.made
    return {
        _KEY: VERSION,
        "name": actor.name,
        "date": made.date,
        "source": made.source,
        **{name: _row(getattr(actor, name)) for name in _OF_POSE},
        "thresholds": {name: round(value, _DIGITS) for name, value in actor.thresholds},
        **{name: _by_weight(getattr(actor, name)) for name in _OF_ACTOR},
        "findings": _findings_to_json(made.findings) if made.findings else None,
    }


def kept_from_json(said: object) -> Kept:
    """What a file says; ActorError where it makes no sense."""
    file = _mapping("the file", said)
    if _KEY not in file:
        raise ActorError(f'it has no "{_KEY}"')
    if file[_KEY] != VERSION or isinstance(file[_KEY], bool):
        raise ActorError(f"it is of version {_short(file[_KEY])}, and this Omote reads {VERSION}: update Omote")
    known = (_KEY, "name", "date", "source", *_OF_POSE, "thresholds", *_OF_ACTOR, "findings")
    _check_keys("the file", file, known)
    findings = file["findings"]
    return Kept(
        Actor(
            name=_text("name", file["name"]),
            **{name: _weights(name, file[name], *bounds) for name, bounds in _OF_ACTOR.items()},
            **{name: _pose(name, file[name], most) for name, most in _OF_POSE.items()},
            thresholds=_thresholds(file["thresholds"]),
        ),
        Made(
            _text("date", file["date"]),
            _text("source", file["source"]),
            None if findings is None else _findings(findings),
        ),
    )


def _findings_to_json(findings: Findings) -> dict[str, object]:
    steps = [{one.name: getattr(step, one.name) for one in fields(StepFound)} for step in findings.steps]
    return {**{name: _by_weight(getattr(findings, name)) for name in _OF_FINDINGS}, "steps": steps}


def _findings(said: object) -> Findings:
    findings = _mapping("findings", said)
    _check_keys("findings", findings, (*_OF_FINDINGS, "steps"))
    numbers = {name: _weights(name, findings[name], *bounds) for name, bounds in _OF_FINDINGS.items()}
    steps = findings["steps"]
    if not isinstance(steps, list) or len(steps) > _MOST_STEPS:
        raise ActorError(f"steps must be a list of at most {_MOST_STEPS}, got {_short(steps)}")
    return Findings(steps=tuple(_step(step) for step in steps), **numbers)


def _step(said: object) -> StepFound:
    step = _mapping("a step", said)
    names = tuple(one.name for one in fields(StepFound))
    _check_keys("a step", step, names)
    found = StepFound(*(_text(f"{name} of a step", step[name], least=0) for name in names))
    if found.state not in STEP_STATES:
        raise ActorError(f"the state of a step must be {', '.join(STEP_STATES)}, got {_short(found.state)}")
    return found


def _mapping(what: str, said: object) -> Mapping[str, object]:
    if not isinstance(said, dict):
        raise ActorError(f"{what} must be an object, got {_short(said)}")
    return said


def _check_keys(what: str, said: Mapping[str, object], known: tuple[str, ...]) -> None:
    if missing := [name for name in known if name not in said]:
        raise ActorError(f'{what} has no "{missing[0]}"')
    if unknown := [name for name in said if name not in known]:
        raise ActorError(f"{what} has {_short(unknown[0])}, which nobody knows")


def _text(what: str, said: object, least: int = 1) -> str:
    if not isinstance(said, str) or not least <= len(said) <= _MOST_LETTERS or not said.isprintable():
        raise ActorError(f"{what} must be a line of {least} to {_MOST_LETTERS} letters, got {_short(said)}")
    return said


def _weights(what: str, said: object, least: float, most: float) -> Array:
    numbers = _mapping(what, said)
    _check_keys(what, numbers, arkit.NAMES)
    return np.array([_number(f"{what} of {name}", numbers[name], least, most) for name in arkit.NAMES], np.float32)


def _pose(what: str, said: object, most: float) -> Array:
    if not isinstance(said, list) or len(said) != 3:
        raise ActorError(f"{what} must be three numbers, got {_short(said)}")
    return np.array([_number(what, one, -most, most) for one in said], np.float32)


def _thresholds(said: object) -> tuple[tuple[str, float], ...]:
    thresholds = _mapping("thresholds", said)
    if unknown := [name for name in thresholds if name not in RULES]:
        raise ActorError(f"thresholds has {_short(unknown[0])}; there are {', '.join(RULES)}")
    least = 10.0**-_DIGITS
    return tuple((name, _number(f"the threshold of {name}", one, least, 1.0)) for name, one in thresholds.items())


def _number(what: str, said: object, least: float, most: float) -> float:
    if isinstance(said, bool) or not isinstance(said, int | float) or not least <= said <= most:
        raise ActorError(f"{what} must be a number from {least:g} to {most:g}, got {_short(said)}")
    return float(said)


def _short(value: object) -> str:
    """What was found, short enough to be told; nothing of what is nested in it."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**12 else "a huge number"
    return text if len(text) <= 40 else f"{text[:40]}..."


def _row(values: Array) -> list[float]:
    return [round(float(value), _DIGITS) for value in values]


def _by_weight(values: Array) -> dict[str, float]:
    return dict(zip(arkit.NAMES, _row(values), strict=True))
