"""The light on the face: the studio's, a preset, a lamp that the user turns, or the light of a game."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from PIL import Image

from omote.engine.data import Array
from omote.engine.face.light import LIGHT_PRESETS, LightError, lamp_light, picture_light

from .pictures import PictureError
from .screen import Rgb, ScreenReader, grab_screen
from .validation import shown_value

FADE_S = 0.2
LightMode = Literal["studio", "preset", "ball", "game", "screen", "picture"]
LIGHT_MODES: tuple[LightMode, ...] = get_args(LightMode)
_NUMBERS = ("strength", "warmth", "ambient")
_MOST_NAME = 40  # letters
SCREEN_FADE_S = 0.3  # a little longer than from one look at the screen to the next


@dataclass(frozen=True)
class LightChoice:
    """The light that was chosen, with the values of the other modes, so that switching back restores them."""

    mode: LightMode = "game"  # "game" is the studio's light until a game sends one
    preset: str = "soft"
    direction: tuple[float, float, float] = (0.3998, 0.4298, 0.8096)  # to the lamp, as in `lamp_light`, of length 1
    strength: float = 1.0
    warmth: float = 0.1
    ambient: float = 0.5
    picture: str = ""  # the name of one of the user's pictures; "" for the scene's

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
        picture = changes.get("picture", self.picture)
        if not isinstance(picture, str) or len(picture) > _MOST_NAME:
            raise LightError(f'"picture" must be the name of a picture, got {shown_value(picture)}')
        return LightChoice(mode, preset, direction, **numbers, picture=picture)

    def harmonics(self) -> Array | None:
        """[27] the chosen light; None for the studio's, and for those of a game, the screen and a picture."""
        if self.mode == "preset":
            return LIGHT_PRESETS[self.preset].setting.harmonics()
        if self.mode == "ball":
            return lamp_light(self.direction, self.strength, self.warmth, self.ambient)
        return None


class LightController:
    """Applies the chosen light through `use(harmonics, fade_s)`, where None is the studio's; from any thread."""

    def __init__(
        self,
        use: Callable[[Array | None, float], None],
        choice: LightChoice,
        colours_of: Callable[[str], Rgb],
        grab: Callable[[], Image.Image] = grab_screen,
    ) -> None:
        """`colours_of(name)` are a picture's, PictureError if there is none; `grab` takes a picture of the screen."""
        self._use, self._choice, self._colours_of = use, choice, colours_of
        self._game: Array | None = None
        self._screen: Rgb | None = None  # its last colours
        self._reader = ScreenReader(self._see_screen, self._miss_screen, grab)
        self.notice = ""  # why there is no light of the screen or of the picture
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
            self._choice, self.notice = choice, ""
            self._use(self._light(), fade_s)
        if choice.mode == "screen":
            self._reader.start()
        else:
            self._reader.stop()

    def refresh(self) -> None:
        """Takes the light of a picture anew, after the pictures or the scene have changed."""
        if self._choice.mode == "picture":
            self.choose(self._choice)

    def close(self) -> None:
        """Stops looking at the screen."""
        self._reader.stop()

    def _light(self) -> Array | None:
        choice = self._choice
        if choice.mode == "game":
            return self._game
        if choice.mode == "screen":
            return None if self._screen is None else self._light_of(self._screen, is_screen=True)
        if choice.mode == "picture":
            try:
                return self._light_of(self._colours_of(choice.picture), is_screen=False)
            except PictureError as error:
                self.notice = f"the light is the studio's: {error}"
                return None
        return choice.harmonics()

    def _light_of(self, colours: Rgb, *, is_screen: bool) -> Array:
        return picture_light(colours, self._choice.strength, self._choice.ambient, is_screen=is_screen)

    def _see_screen(self, colours: Rgb) -> None:
        """Called by the reader's thread."""
        with self._lock:
            self._screen = colours
            if self._choice.mode == "screen":
                self._use(self._light(), SCREEN_FADE_S)

    def _miss_screen(self, why: str) -> None:
        self._reader.stop()
        with self._lock:
            self._screen = None
            if self._choice.mode == "screen":
                self.notice = why
                self._use(None, FADE_S)

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
