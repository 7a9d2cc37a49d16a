"""What the renderer knows of a person in numbers: colours, sex, age and hairstyle, for the encoder to name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .faces.haircut import STYLES as HAIRCUTS
from .faces.person import Person

STYLES = (*HAIRCUTS, "bald")
_COLOURS = ("skin", "hair", "iris", "cloth", "brow")
NAMES = (*(f"{colour}_{c}" for colour in _COLOURS for c in "rgb"), "masculine", "age", *STYLES)


def _srgb(linear: tuple[float, ...]) -> NDArray[np.float64]:
    value = np.clip(np.array(linear[:3]), 0.0, 1.0)
    return np.asarray(np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055))


def attributes(person: Person) -> NDArray[np.float32]:
    """[A] in the order of `NAMES`: sRGB colours 0 to 1, masculine and age 0 to 1, then one hairstyle of all."""
    words = person.words
    colours = (person.skin_tone, person.hair_color, person.iris_color, person.cloth_color, person.brow_color)
    row = [*np.concatenate([_srgb(c) for c in colours]), float(words["sex"] == "male"), float(words["age"])]
    return np.array([*row, *(float(words["style"] == style) for style in STYLES)], np.float32)
