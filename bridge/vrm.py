"""A face in the expressions that every VRM model has, for avatars without ARKit's 52 shapes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import arkit


def presets(weights: NDArray[np.float32]) -> dict[str, float]:
    """VRM 0's presets of [52] ARKit weights, each 0 to 1.

    A model adds up what its presets do, so no movement is said twice: the vowels share the mouth, two eyes that close
    are one Blink and only the rest of one eye its own, and a smile is either Fun or, with the cheeks, Joy.
    """
    value: dict[str, float] = dict(zip(arkit.NAMES, np.clip(weights, 0.0, 1.0).tolist(), strict=True))

    def both(name: str) -> float:
        return (value[f"{name}Left"] + value[f"{name}Right"]) / 2.0

    left, right = value["eyeBlinkLeft"], value["eyeBlinkRight"]
    blink = min(left, right)
    smile = both("mouthSmile")
    joy = smile * both("cheekSquint")
    return {
        **_vowels(value["jawOpen"], max(value["mouthFunnel"], value["mouthPucker"]), both("mouthStretch")),
        "Blink": blink,
        "Blink_L": left - blink,
        "Blink_R": right - blink,
        "Joy": joy,
        "Fun": smile - joy,
        "Angry": both("browDown"),
        "Sorrow": both("mouthFrown"),
    }


def _vowels(opened: float, rounded: float, stretched: float) -> dict[str, float]:
    """How the mouth is shared by A I U E O; together never more than 1."""
    narrow, wide = rounded, stretched * (1.0 - rounded)
    return {
        "A": opened * (1.0 - narrow - wide),
        "I": (1.0 - opened) * wide,
        "U": (1.0 - opened) * narrow,
        "E": opened * wide,
        "O": opened * narrow,
    }
