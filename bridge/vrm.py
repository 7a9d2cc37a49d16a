"""A face in the expressions that every VRM model has, for avatars without ARKit's 52 shapes."""

from __future__ import annotations

from collections.abc import Mapping

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


# The names of VRM 0 and VRM 1 in small letters, for programs do not agree on large ones.
PRESETS = frozenset(
    (
        *("a", "i", "u", "e", "o", "aa", "ih", "ou", "ee", "oh"),
        *("blink", "blink_l", "blink_r", "blinkleft", "blinkright"),
        *("joy", "happy", "fun", "relaxed", "angry", "sorrow", "sad", "surprised", "neutral"),
        *("lookup", "lookdown", "lookleft", "lookright"),
    )
)


def weights_of(presets: Mapping[str, float]) -> NDArray[np.float32]:
    """[52] ARKit weights that look like these presets, named as in PRESETS; the inverse of `presets` where that goes.

    A movement that no preset tells of stays at 0.
    """

    def sum_of(*names: str) -> float:
        return min(max(sum(presets.get(name, 0.0) for name in names), 0.0), 1.0)

    narrow, wide = sum_of("u", "ou", "o", "oh"), sum_of("i", "ih", "e", "ee")
    stretched = min(wide / max(1.0 - narrow, 1e-6), 1.0)
    joy, smile = sum_of("joy", "happy"), sum_of("joy", "happy", "fun", "relaxed")
    both = {
        "mouthStretch": stretched,
        "mouthSmile": smile,
        "cheekSquint": joy / smile if smile else 0.0,
        "browDown": sum_of("angry"),
        "mouthFrown": sum_of("sorrow", "sad"),
        "browOuterUp": sum_of("surprised"),
        "eyeWide": sum_of("surprised"),
        "eyeLookUp": sum_of("lookup"),
        "eyeLookDown": sum_of("lookdown"),
    }
    left, right = sum_of("lookleft"), sum_of("lookright")
    return arkit.weights(
        {
            **{f"{name}{side}": value for name, value in both.items() for side in ("Left", "Right")},
            "eyeBlinkLeft": sum_of("blink", "blink_l", "blinkleft"),
            "eyeBlinkRight": sum_of("blink", "blink_r", "blinkright"),
            "eyeLookOutLeft": left,
            "eyeLookInRight": left,
            "eyeLookInLeft": right,
            "eyeLookOutRight": right,
            "browInnerUp": sum_of("surprised"),
            "jawOpen": sum_of("a", "aa", "e", "ee", "o", "oh"),
            "mouthPucker": narrow,
            "mouthFunnel": sum_of("o", "oh"),
        }
    )
