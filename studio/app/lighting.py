"""The light on the face: the studio's, a preset, a lamp that the user turns, or the light of a game."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from omote.engine.data import Array
from omote.engine.face.light import LIGHT_PRESETS, LightError, lamp_light

from .validation import shown_value

FADE_S = 0.2
LightMode = Literal["studio", "preset", "ball", "game"]
LIGHT_MODES: tuple[LightMode, ...] = get_args(LightMode)
_NUMBERS = ("strength", "warmth", "ambient")


@dataclass(frozen=True)
class LightChoice:
    """The light that was chosen, with the values of the other modes, so that switching back restores them."""

    mode: LightMode = "game"  # "game" is the studio's light until a game sends one
    preset: str = "soft"
    direction: tuple[float, float, float] = (0.3998, 0.4298, 0.8096)  # to the lamp, as in `lamp_light`, of length 1
    strength: float = 1.0
    warmth: float = 0.1
    ambient: float = 0.5

    def changed(self, changes: Mapping[str, object]) -> LightChoice:
        """Returns a copy with these JSON values changed; LightError if one is invalid."""
        if unknown := [name for name in changes if name not in (*asdict(self),)]:
            raise LightError(f'a light has no "{unknown[0]}"; it has {", ".join(asdict(self))}')
        mode = changes.get("mode", self.mode)
        if mode not in LIGHT_MODES:
            raise LightError(f'"mode" is {shown_value(mode)}; there are {", ".join(LIGHT_MODES)}')
        preset = changes.get("preset", self.preset)
        if not isinstance(preset, str) or preset not in LIGHT_PRESETS:
            raise LightError(f'"preset" is {shown_value(preset)}; there are {", ".join(LIGHT_PRESETS)}')
        direction = _direction(changes.get("direction", self.direction))
        numbers = {name: _number(name, changes.get(name, getattr(self, name))) for name in _NUMBERS}
        lamp_light(direction, **numbers)  # raises LightError for numbers out of range, whatever the mode
        return LightChoice(mode, preset, direction, **numbers)

    def harmonics(self) -> Array | None:
        """[27] the chosen light; None for the studio's and for the game's."""
        if self.mode == "preset":
            return LIGHT_PRESETS[self.preset].setting.harmonics()
        if self.mode == "ball":
            return lamp_light(self.direction, self.strength, self.warmth, self.ambient)
        return None


class LightController:
    """Applies the chosen light through `use(harmonics, fade_s)`, where None is the studio's; from any thread."""

    def __init__(self, use: Callable[[Array | None, float], None], choice: LightChoice) -> None:
        self._use, self._choice = use, choice
        self._game: Array | None = None
        self._lock = threading.Lock()

    @property
    def choice(self) -> LightChoice:
        return self._choice

    @property
    def is_game_seen(self) -> bool:
        """Whether a game sends a light, shown or not."""
        return self._game is not None

    def choose(self, choice: LightChoice, fade_s: float = FADE_S) -> None:
        """Fades to this light."""
        with self._lock:
            self._choice = choice
            self._use(self._game if choice.mode == "game" else choice.harmonics(), fade_s)

    def from_game(self, harmonics: Array | None) -> None:
        """Sets the light of a game, or with None removes it; ValueError if these are no harmonics.

        It is shown at once in the mode "game", and else kept for it.
        """
        with self._lock:
            if self._choice.mode == "game":
                self._use(harmonics, 0.0)  # a game's light changes smoothly by itself
            self._game = harmonics

    def as_json(self) -> dict[str, object]:
        """The choice as JSON values, and whether a game sends a light."""
        return {**asdict(self._choice), "direction": list(self._choice.direction), "game_seen": self.is_game_seen}


def _direction(value: object) -> tuple[float, float, float]:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise LightError(f'"direction" must be a list of 3 numbers, got {shown_value(value)}')
    x, y, z = (_number("direction", one) for one in value)
    length = float((x * x + y * y + z * z) ** 0.5)
    if not 1e-6 < length < 1e6:
        raise LightError('"direction" must be 3 numbers that are not all 0 and not huge')
    if abs(length - 1.0) < 1e-4:  # a saved direction is restored exactly
        return x, y, z
    return x / length, y / length, z / length


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e6 <= value <= 1e6:
        raise LightError(f'"{name}" must be a number, got {shown_value(value)}')
    return float(value)
