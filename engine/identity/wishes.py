"""What a person may ask of a character, as typed: `hair=teal`, `iris=amber`, `style=braid`, `age=0.7`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from PIL import ImageColor

from omote.engine.character import CharacterError

RGB = tuple[float, float, float]

COLOURS = ("skin", "hair", "iris", "cloth", "brow")
NUMBERS = ("masculine", "age")
STYLE = "style"

_HAIR = {
    "black": "#1f1b1b", "dark-brown": "#342620", "brown": "#523a29", "chestnut": "#69422a", "dark-blond": "#8e6f4e",
    "blond": "#b89a6f", "blonde": "#b89a6f", "platinum": "#d4c1a5", "ginger": "#9b5b2f", "red": "#9b5b2f",
    "auburn": "#7a3b22", "grey": "#959494", "gray": "#959494", "white": "#cecdcc", "silver": "#b5b7c2",
    "pink": "#ce7c95", "rose": "#ad4461", "sky": "#689ec8", "navy": "#2b3b6c", "teal": "#389595", "mint": "#90c4ad",
    "lavender": "#a68bc8", "violet": "#653f8b", "crimson": "#9e262b",
}  # fmt: skip
_IRIS = {
    "dark-brown": "#3f2a1c", "brown": "#5d4026", "hazel": "#735b38", "amber": "#8f6420", "green": "#5b6747",
    "grey": "#6f777b", "gray": "#6f777b", "blue": "#577189", "violet": "#7c529e", "crimson": "#86262b",
    "gold": "#ad8631", "aqua": "#459a9e", "rose": "#aa617c",
}  # fmt: skip
_SKIN = {
    "porcelain": "#d2ad9d", "fair": "#ccab97", "light": "#c09a84", "beige": "#af876f", "tan": "#9a745b",
    "brown": "#805d48", "deep": "#674b3a", "dark": "#533c32",
}  # fmt: skip
WORDS: dict[str, dict[str, str]] = {"hair": _HAIR, "brow": _HAIR, "iris": _IRIS, "skin": _SKIN, "cloth": {}}


@dataclass(frozen=True)
class Wishes:
    """What is to be different; empty where nothing is."""

    colours: dict[str, RGB]  # of `COLOURS`, sRGB 0 to 1
    numbers: dict[str, float]  # of `NUMBERS`, 0 to 1
    style: str | None
    said: tuple[str, ...]  # as typed

    def __bool__(self) -> bool:
        return bool(self.said)


def understood(typed: tuple[str, ...], styles: tuple[str, ...]) -> Wishes:
    """What was typed after `--set`, where there are these hairstyles; CharacterError names what is not known."""
    colours: dict[str, RGB] = {}
    numbers: dict[str, float] = {}
    style = None
    for text in typed:
        name, is_set, value = (part.strip().lower() for part in text.partition("="))
        if not is_set:
            raise CharacterError(f'--set "{text}": wanted ATTRIBUTE=VALUE, such as hair=teal')
        if name in colours or name in numbers or (name == STYLE and style):
            raise CharacterError(f"--set {name} is given twice")
        if name == STYLE:
            style = _style(value, styles)
        elif name in NUMBERS:
            numbers[name] = _number(name, value)
        elif name in COLOURS:
            colours[name] = _colour(name, value)
        else:
            names = (*COLOURS, *NUMBERS, STYLE)
            raise CharacterError(f'no attribute "{name}"{_near(name, names)}: --set takes {", ".join(names)}')
    return Wishes(colours, numbers, style, typed)


def _number(name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= 1.0:
        raise CharacterError(f"--set {name} takes a number from 0 to 1, got {value}")
    return number


def _colour(name: str, value: str) -> RGB:
    words = WORDS[name]
    try:
        red, green, blue = ImageColor.getrgb(words.get(value.replace(" ", "-"), value))[:3]
        if not all(0 <= part <= 255 for part in (red, green, blue)):
            raise ValueError(f"{red}, {green}, {blue} go beyond 255")
    except ValueError as error:
        own = f", one of {', '.join(words)}" if words else ""
        near = _near(value, [*words, *ImageColor.colormap])
        raise CharacterError(
            f'no colour "{value}"{near}: {name} takes #rrggbb{own}, or a colour of CSS such as navy'
        ) from error
    return red / 255.0, green / 255.0, blue / 255.0


def _style(value: str, styles: tuple[str, ...]) -> str:
    """By its whole name, or without the number at its end where that is enough."""
    names = tuple(dict.fromkeys(styles))
    meant = [s for s in names if s == value] or [s for s in names if s.rstrip("0123456789") == value]
    if len(meant) != 1:
        found = f"{' or '.join(meant)}?" if meant else f'no style "{value}"{_near(value, names)}:'
        raise CharacterError(f"{found} --set style takes {', '.join(names)}")
    return meant[0]


def _near(value: str, names: list[str] | tuple[str, ...]) -> str:
    found = difflib.get_close_matches(value, names, 1)
    return f', did you mean "{found[0]}"?' if found else ""
