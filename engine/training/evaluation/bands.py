"""Groups of people that figures are given for: by skin tone, age, hair and sex, as the renderer knows them."""

from __future__ import annotations

from collections.abc import Mapping

from ..faces.haircut import STYLES
from ..faces.palette import FANTASY_HAIR

Bands = tuple[tuple[str, str], ...]  # (kind, band)

_TONES = ((2.5, "light (Monk 1-3)"), (4.5, "medium (Monk 4-5)"), (99.0, "dark (Monk 6-8)"))
_AGES = ((0.15, "young"), (0.35, "middle"), (99.0, "older"))  # of the renderer's 0 (young) to 1 (old)
_FAIR = ("dark blond", "blond", "platinum", "ginger")
_GREY = ("grey", "white")
_CURLS = ("curly", "short curly", "long curly", "afro", "short afro")
_SHORT_DM = 1.35  # on top


def bands_of(words: Mapping[str, str]) -> Bands:
    """The bands that a rendered person's words put them in; none for words that are not known."""
    if not words:
        return ()
    return (
        ("skin tone", _below(float(words["tone"]), _TONES)),
        ("age", _below(float(words["age"]), _AGES)),
        ("hair colour", hair_colour(words["hair"])),
        ("hair style", hair_style(words["style"])),
        ("sex", words["sex"]),
    )


def hair_colour(shade: str) -> str:
    """The band of a shade of the renderer's palette."""
    if shade in FANTASY_HAIR:
        return "fantasy"
    return "bald" if shade == "bald" else "fair" if shade in _FAIR else "grey" if shade in _GREY else "dark"


def hair_style(style: str) -> str:
    """The band of a haircut's name; of names that are no haircut's, "long"."""
    if style == "bald" or style in _CURLS:
        return "bald" if style == "bald" else "curls"
    cut = STYLES.get(style)
    is_short = cut is not None and (style == "kit slicked" or (cut.top < _SHORT_DM and not cut.tie and not cut.guides))
    return "short" if is_short else "long"


def _below(value: float, bands: tuple[tuple[float, str], ...]) -> str:
    return next(name for limit, name in bands if value < limit)
