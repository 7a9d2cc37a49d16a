"""The light on the face: the studio's, a preset, a lamp that a person turns, or what the game says."""

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
    """Which light a person chose. What the other modes would show is remembered, so that they can go back."""

    mode: LightMode = "game"  # the game's where one comes, else the studio's
    preset: str = "soft"
    direction: tuple[float, float, float] = (0.3998, 0.4298, 0.8096)  # as in `lamps.ball`, and of length 1
    strength: float = 1.0
    warmth: float = 0.1
    ambient: float = 0.5

    def changed(self, said: Mapping[str, object]) -> LightChoice:
        """The same but for what is said, in JSON's types; LightError says what cannot be."""
        if unknown := [name for name in said if name not in (*asdict(self),)]:
            raise LightError(f'a light has no "{unknown[0]}"; it has {", ".join(asdict(self))}')
        mode = said.get("mode", self.mode)
        if mode not in LIGHT_MODES:
            raise LightError(f'"mode" is {shown_value(mode)}; there are {", ".join(LIGHT_MODES)}')
        preset = said.get("preset", self.preset)
        if not isinstance(preset, str) or preset not in LIGHT_PRESETS:
            raise LightError(f'"preset" is {shown_value(preset)}; there are {", ".join(LIGHT_PRESETS)}')
        direction = _direction(said.get("direction", self.direction))
        numbers = {name: _number(name, said.get(name, getattr(self, name))) for name in _NUMBERS}
        lamp_light(direction, **numbers)  # who says numbers that cannot be is told, whichever mode it is
        return LightChoice(mode, preset, direction, **numbers)

    def harmonics(self) -> Array | None:
        """[27] what is chosen; None for the studio's, and for the game's."""
        if self.mode == "preset":
            return LIGHT_PRESETS[self.preset].setting.harmonics()
        if self.mode == "ball":
            return lamp_light(self.direction, self.strength, self.warmth, self.ambient)
        return None


class LightController:
    """Lights the scene as chosen; from any thread. `use(harmonics or None for the studio's, seconds)` does it."""

    def __init__(self, use: Callable[[Array | None, float], None], choice: LightChoice) -> None:
        self._use, self._choice = use, choice
        self._game: Array | None = None
        self._lock = threading.Lock()

    @property
    def choice(self) -> LightChoice:
        return self._choice

    @property
    def is_game_seen(self) -> bool:
        """Whether a game says a light, be it shown or not."""
        return self._game is not None

    def choose(self, choice: LightChoice, fade_s: float = FADE_S) -> None:
        """Goes over to this light."""
        with self._lock:
            self._choice = choice
            self._use(self._game if choice.mode == "game" else choice.harmonics(), fade_s)

    def from_game(self, harmonics: Array | None) -> None:
        """A game says its light, or None that it has none any more; ValueError where these are no harmonics.

        It is shown at once, or remembered where another is chosen.
        """
        with self._lock:
            if self._choice.mode == "game":
                self._use(harmonics, 0.0)  # a probe's light changes by itself as smoothly as the game's
            self._game = harmonics

    def as_json(self) -> dict[str, object]:
        """For the page."""
        return {**asdict(self._choice), "direction": list(self._choice.direction), "game_seen": self.is_game_seen}


def _direction(value: object) -> tuple[float, float, float]:
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise LightError(f'"direction" must be a list of 3 numbers, got {shown_value(value)}')
    x, y, z = (_number("direction", one) for one in value)
    length = float((x * x + y * y + z * z) ** 0.5)
    if not 1e-6 < length < 1e6:
        raise LightError('"direction" must be 3 numbers that are not all 0, and of no immense size')
    if abs(length - 1.0) < 1e-4:  # so that what was kept comes back as it was, to the last digit
        return x, y, z
    return x / length, y / length, z / length


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e6 <= value <= 1e6:
        raise LightError(f'"{name}" must be a number, got {shown_value(value)}')
    return float(value)
