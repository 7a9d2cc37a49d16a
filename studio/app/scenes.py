"""Scenes as the user chooses them: the background, where each character stands, and presets of both."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Literal, cast, get_args

from omote.engine.live.overlays import Pinned
from omote.engine.live.scene import ASPECTS, CENTRED, MOST_BLUR, MOST_LEAN, Background, Placement, Scene, SceneError

from .pictures import PictureError, PictureLibrary
from .validation import shown_value

BackgroundKind = Literal["none", "colour", "picture"]
BACKGROUND_KINDS: tuple[BackgroundKind, ...] = get_args(BackgroundKind)
GREEN = "#00b140"  # as of green screens
MOST_PRESETS = 24
MOST_NAME = 40  # letters
_MOST_CHARACTERS = 256  # whose places are kept
_COLOUR = re.compile(r"#[0-9a-f]{6}\Z")
_PLACES = tuple(one.name for one in fields(Placement))


@dataclass(frozen=True)
class Look:
    """What a preset keeps besides the place of the character."""

    background: BackgroundKind = "none"
    colour: str = GREEN  # "#rrggbb"; also under a picture that is transparent
    picture: str = ""  # the name of one of the user's pictures
    blur: float = 0.0  # of the picture, 0 to 1
    aspect: str = "1:1"  # one of `ASPECTS`
    lean: float = 0.0  # how far the portrait follows the performer's lean, to MOST_LEAN

    def changed(self, changes: Mapping[str, object]) -> Look:
        """Returns a copy with these JSON values changed; SceneError if one is invalid."""
        values = {**asdict(self), **changes}
        if unknown := [name for name in changes if name not in asdict(self)]:
            raise SceneError(f"a scene has no {shown_value(unknown[0])}; it has {', '.join(asdict(self))}, placement")
        _check_word("background", values["background"], BACKGROUND_KINDS)
        _check_word("aspect", values["aspect"], tuple(ASPECTS))
        colour = values["colour"]
        if not isinstance(colour, str) or not _COLOUR.match(colour.lower()):
            raise SceneError(f'"colour" must be like "{GREEN}", got {shown_value(colour)}')
        picture = values["picture"]
        if not isinstance(picture, str) or len(picture) > MOST_NAME:
            raise SceneError(f'"picture" must be the name of a picture, got {shown_value(picture)}')
        blur, lean = _number("blur", values["blur"], 0.0, 1.0), _number("lean", values["lean"], 0.0, MOST_LEAN)
        return Look(
            cast(BackgroundKind, values["background"]), colour.lower(), picture, blur, cast(str, values["aspect"]), lean
        )


@dataclass(frozen=True)
class ScenePreset:
    """A named scene, to show again."""

    name: str
    look: Look
    placement: Placement

    def as_json(self) -> dict[str, object]:
        return {"name": self.name, **asdict(self.look), "placement": asdict(self.placement)}


@dataclass(frozen=True)
class SceneChoice:
    """The scene that was chosen, where each character stands, and the presets."""

    look: Look = Look()
    placements: Mapping[str, Placement] = field(default_factory=dict)  # by the character's name
    presets: tuple[ScenePreset, ...] = ()

    def changed(self, changes: Mapping[str, object], character: str) -> SceneChoice:
        """Returns a copy with these JSON values changed, "placement" for this character; SceneError if one is invalid.

        A "placement" may name some values only; null puts the character back into the middle.
        """
        look = self.look.changed({name: value for name, value in changes.items() if name != "placement"})
        choice = replace(self, look=look)
        if "placement" not in changes:
            return choice
        return choice._with_placement(character, _placement(changes["placement"], self.placement_of(character)))

    def placement_of(self, character: str) -> Placement:
        """Where this character stands."""
        return self.placements.get(character, CENTRED)

    def with_preset(self, name: str, character: str) -> SceneChoice:
        """Returns a copy in which the present scene is kept under this name; SceneError if that is impossible."""
        name = _name(name)
        preset = ScenePreset(name, self.look, self.placement_of(character))
        others = tuple(one for one in self.presets if one.name != name)
        if len(others) >= MOST_PRESETS:
            raise SceneError(f"there are {MOST_PRESETS} scenes, which is the most: remove one first")
        return replace(self, presets=(*others, preset))

    def without_preset(self, name: str) -> SceneChoice:
        """Returns a copy without this preset; SceneError if it does not exist."""
        self.preset(name)
        return replace(self, presets=tuple(one for one in self.presets if one.name != name))

    def showing(self, preset: ScenePreset, character: str) -> SceneChoice:
        """Returns a copy in which this preset is shown, with this character at its place."""
        return replace(self, look=preset.look)._with_placement(character, preset.placement)

    def preset(self, name: str) -> ScenePreset:
        """The preset of this name; SceneError if it does not exist."""
        for one in self.presets:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.presets) or "none"
        raise SceneError(f"there is no scene {shown_value(name)}; there are {known[:200]}")

    def _with_placement(self, character: str, placement: Placement) -> SceneChoice:
        others = {name: one for name, one in self.placements.items() if name != character}
        kept = dict(list(others.items())[-_MOST_CHARACTERS + 1 :])
        return replace(self, placements=kept if placement == CENTRED else {**kept, character: placement})

    def as_json(self) -> dict[str, object]:
        """For the settings' file."""
        return {
            **asdict(self.look),
            "placements": {name: asdict(one) for name, one in self.placements.items()},
            "presets": [one.as_json() for one in self.presets],
        }


def read_scene_choice(data: object) -> SceneChoice:
    """The inverse of `SceneChoice.as_json`; SceneError if a value is invalid."""
    if not isinstance(data, Mapping):
        raise SceneError(f"a scene is an object, got {shown_value(data)}")
    placements, presets = data.get("placements", {}), data.get("presets", [])
    if not isinstance(placements, Mapping) or not isinstance(presets, list) or len(presets) > MOST_PRESETS:
        raise SceneError(f'"placements" must be an object, and "presets" a list of at most {MOST_PRESETS}')
    look = Look().changed({name: value for name, value in data.items() if name not in ("placements", "presets")})
    places = {str(name): _placement(one, CENTRED) for name, one in list(placements.items())[:_MOST_CHARACTERS]}
    return SceneChoice(look, places, tuple(_preset(one) for one in presets))


def _preset(data: object) -> ScenePreset:
    if not isinstance(data, Mapping):
        raise SceneError(f"a preset is an object, got {shown_value(data)}")
    look = {name: value for name, value in data.items() if name not in ("name", "placement")}
    return ScenePreset(_name(data.get("name")), Look().changed(look), _placement(data.get("placement"), CENTRED))


def _placement(data: object, before: Placement) -> Placement:
    if data is None:
        return CENTRED
    if not isinstance(data, Mapping) or not set(data) <= set(_PLACES):
        raise SceneError(f'"placement" must be an object of {", ".join(_PLACES)}, got {shown_value(data)}')
    return replace(before, **{name: _number(name, value, -1e6, 1e6) for name, value in data.items()})


def _name(value: object) -> str:
    if isinstance(value, str) and 0 < len(value.strip()) <= MOST_NAME and value.isprintable():
        return value.strip()
    raise SceneError(f'"name" must be a text of 1 to {MOST_NAME} letters, got {shown_value(value)}')


def _number(name: str, value: object, low: float, high: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    raise SceneError(f'"{name}" must be a number from {low:g} to {high:g}, got {shown_value(value)}')


def _check_word(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SceneError(f'"{name}" is {shown_value(value)}; there are {", ".join(known)}')


class SceneController:
    """Applies the chosen scene through `use(scene)`; from any thread but the one that draws."""

    def __init__(
        self,
        use: Callable[[Scene], None],
        choice: SceneChoice,
        pictures: PictureLibrary,
        character: Callable[[], str | None],
    ) -> None:
        """`character` is the name of the character that is shown; None before there is one."""
        self._use, self._choice, self._pictures, self._character = use, choice, pictures, character
        self._items: tuple[Pinned, ...] = ()
        self.notice = ""  # why the chosen picture is not shown
        self._background: tuple[object, Background | None] = (None, None)  # the last one, and what it was made from
        self._lock = threading.Lock()

    @property
    def choice(self) -> SceneChoice:
        return self._choice

    @property
    def character(self) -> str:
        """The character whose placement is changed."""
        return self._character() or ""

    def choose(self, choice: SceneChoice) -> None:
        """Shows this scene."""
        with self._lock:
            self._choice = choice
            self._apply()

    def show_items(self, items: tuple[Pinned, ...]) -> None:
        """Shows these items in each scene."""
        with self._lock:
            self._items = items
            self._apply()

    def refresh(self) -> None:
        """Places the character that is shown now."""
        with self._lock:
            self._apply()

    def as_json(self) -> dict[str, object]:
        """The scene as JSON values, with the placement of the character that is shown."""
        choice = self._choice
        return {
            **asdict(choice.look),
            "placement": asdict(choice.placement_of(self.character)),
            "presets": [one.name for one in choice.presets],
        }

    def _apply(self) -> None:
        look = self._choice.look
        placement = self._choice.placement_of(self.character)
        self._use(Scene(placement, self._made(look), ASPECTS[look.aspect], look.lean, self._items))

    def _made(self, look: Look) -> Background | None:
        """The background; the same object while nothing about it changes, so that it is drawn once."""
        self.notice, picture = "", None
        if look.background == "picture":
            try:
                picture = self._pictures.read(look.picture)
            except PictureError as error:
                self.notice = f"the background is its colour: {error}"
        key = (look.background, look.colour, id(picture), look.blur)
        if self._background[0] != key:
            colour = (int(look.colour[1:3], 16), int(look.colour[3:5], 16), int(look.colour[5:7], 16))
            made = None if look.background == "none" else Background(colour, picture, look.blur * MOST_BLUR)
            self._background = key, made
        return self._background[1]
