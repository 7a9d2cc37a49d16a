"""How a performance is shaped to taste: what the sliders of the page set, region by region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

from omote.bridge import arkit

MOST = 3.0  # of a gain, a strength or a smoothing


class TuningError(ValueError):
    """No such region, or a value that makes no sense; the message says what was wanted."""


def _of(*beginnings: str) -> tuple[str, ...]:
    return tuple(name for name in arkit.NAMES if name.startswith(beginnings))


# Each of the 52 weights is in one region. The looks of the eyes are the gaze's, whose strength is a setting of its own.
REGIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "brows": _of("brow"),
        "eyes": _of("eyeBlink", "eyeSquint", "eyeWide"),
        "gaze": _of("eyeLook"),
        "cheeks": _of("cheek", "nose"),
        "jaw": _of("jaw"),
        "mouth": _of("mouth"),
        "tongue": _of("tongue"),
    }
)
SMOOTHED = (*REGIONS, "head")  # what has a smoothing of its own: the head is no weight, but it trembles too


def _ones(names: tuple[str, ...]) -> Mapping[str, float]:
    return MappingProxyType(dict.fromkeys(names, 1.0))


@dataclass(frozen=True)
class Tuning:
    """What a person likes, whoever performs; 1 everywhere is as the tracker and the calibration say."""

    gain: Mapping[str, float] = field(default_factory=lambda: _ones(tuple(REGIONS)))  # by region
    smoothing: Mapping[str, float] = field(default_factory=lambda: _ones(SMOOTHED))  # 0 none, 1 usual, to MOST
    mirror: bool = False  # left and right change places, in face, gaze and head
    head: float = 1.0  # how far the head follows: 0 not at all
    blinks: bool = True  # by itself while nobody is seen
    breathes: bool = True  # likewise
    hair: float = 1.0  # how far it swings: 0 not at all

    def __post_init__(self) -> None:
        for name, known in (("gain", tuple(REGIONS)), ("smoothing", SMOOTHED)):
            values = getattr(self, name)
            if unknown := [region for region in values if region not in known]:
                raise TuningError(f'{name}: no region is called "{unknown[0]}"; there are {", ".join(known)}')
            if missing := [region for region in known if region not in values]:
                raise TuningError(f"{name}: wanted a number for {missing[0]} too")
        numbers = {"head": self.head, "hair": self.hair, **{f"gain of {k}": v for k, v in self.gain.items()}}
        numbers |= {f"smoothing of {k}": v for k, v in self.smoothing.items()}
        for what, value in numbers.items():
            if not 0.0 <= value <= MOST:
                raise TuningError(f"{what} must be from 0 to {MOST:g}, got {value}")

    def changed(self, said: Mapping[str, object]) -> Tuning:
        """The same but for what is said, in JSON's types; a mapping by region may name some regions only.

        TuningError where a name or a value makes no sense.
        """
        values: dict[str, object] = {}
        kinds = {one.name: getattr(self, one.name) for one in fields(self)}
        for name, value in said.items():
            if name not in kinds:
                raise TuningError(f'nothing is called "{name}"; there are {", ".join(kinds)}')
            values[name] = _like(name, kinds[name], value)
        return Tuning(**{**kinds, **values})

    def as_json(self) -> dict[str, object]:
        """The same in JSON's types; `changed` takes it back."""
        return {**{one.name: getattr(self, one.name) for one in fields(self)}, **self._by_region()}

    def _by_region(self) -> dict[str, dict[str, float]]:
        return {"gain": dict(self.gain), "smoothing": dict(self.smoothing)}


def _like(name: str, old: object, value: object) -> object:
    """The value, where it is of the old one's type; TuningError else."""
    if isinstance(old, bool):
        if isinstance(value, bool):
            return value
        raise TuningError(f"{name} must be true or false, got {value!r}")
    if isinstance(old, Mapping):
        if not isinstance(value, Mapping):
            raise TuningError(f"{name} must say numbers by region, got {value!r}")
        return MappingProxyType({**old, **{str(key): _number(f"{name} of {key}", one) for key, one in value.items()}})
    return _number(name, value)


def _number(what: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= MOST:
        raise TuningError(f"{what} must be a number from 0 to {MOST:g}, got {value!r}")
    return float(value)
