"""Light as a person sets it: lamps by direction, strength and warmth, and the room around them; and presets of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from omote.engine.nouns import Array

MOST_STRENGTH = 3.0
KEY = 1.65  # linear irradiance of the studio's key on a surface that faces it
ROOM = 3.3  # what comes from all around in a room of 1, added up; the studio's is about half of that
SOFTNESS_RAD = 0.22  # how wide the studio's key is, as in the training pictures
GROUND = 0.62  # how bright a room is below against above, likewise


class LightError(ValueError):
    """No such light; the message says what was wanted."""


@dataclass(frozen=True)
class Lamp:
    """One soft lamp; `warmth` from -1 (a clear sky) over 0 (white) to 1 (a candle)."""

    direction: tuple[float, float, float]  # to the lamp, of length 1: x to the picture's right, y up, z to the viewer
    strength: float = 1.0  # of the studio's key
    warmth: float = 0.1


@dataclass(frozen=True)
class Setting:
    """Lamps in a room that is white, or of a colour, and lit by itself."""

    lamps: tuple[Lamp, ...]
    room: float = 0.5  # how bright from all around
    room_warmth: float = -0.06

    def harmonics(self) -> Array:
        """[27] incoming light: red's nine harmonics, then green's, then blue's."""
        total = _room(self.room * ROOM, self.room_warmth)
        for lamp in self.lamps:
            total += np.outer(KEY * lamp.strength * colour(lamp.warmth), _soft(np.array(lamp.direction)))
        return np.asarray(total, np.float32).ravel()


def ball(direction: tuple[float, float, float], strength: float, warmth: float, ambient: float) -> Array:
    """[27] harmonics of one lamp in a room, as a person turns it on the page; LightError where a number cannot be.

    The direction may have any length but none; `strength` is 0 to `MOST_STRENGTH`, 1 the studio's; `warmth` -1 to 1;
    `ambient` 0 to 1, how bright the room is.
    """
    length = float(np.linalg.norm(direction))
    if not 1e-6 < length < 1e6:
        raise LightError(f"the light's direction must be three numbers that are not all 0, got {list(direction)}")
    for name, value, least, most in (
        ("strength", strength, 0.0, MOST_STRENGTH),
        ("warmth", warmth, -1.0, 1.0),
        ("ambient", ambient, 0.0, 1.0),
    ):
        if not least <= value <= most:
            raise LightError(f"the light's {name} must be from {least:g} to {most:g}, got {value}")
    x, y, z = (one / length for one in direction)
    return Setting((Lamp((x, y, z), strength, warmth),), ambient, 0.3 * warmth).harmonics()


def colour(warmth: float) -> Array:
    """[3] linear red, green, blue of about the same brightness for each warmth from -1 to 1."""
    tint = np.array([1.0 + 0.55 * warmth, 1.0 - 0.04 * abs(warmth), 1.0 - 0.62 * warmth], np.float32)
    return np.asarray(tint / (tint @ np.array([0.2126, 0.7152, 0.0722], np.float32)), np.float32)


def _room(brightness: float, warmth: float) -> Array:
    """[3,9] light from all around, brighter from above: the mean of both, and the harmonic along y."""
    mean, slope = (1.0 + GROUND) / 2.0, (1.0 - GROUND) / 2.0
    harmonics = np.zeros(9, np.float32)
    harmonics[0] = 0.282095 * mean
    harmonics[1] = 0.488603 * slope / 3.0
    return np.outer(brightness * colour(warmth), harmonics)


def _soft(direction: Array) -> Array:
    """[9] the harmonics of a ring of lamps around this direction, which is of length 1."""
    x, y, z = direction
    first, second = np.cos(SOFTNESS_RAD), 1.0 - 1.5 * np.sin(SOFTNESS_RAD) ** 2
    return np.array(
        [
            0.282095,
            *(0.488603 * first * np.array([y, z, x])),
            *(1.092548 * second * np.array([x * y, y * z])),
            0.315392 * second * (3.0 * z * z - 1.0),
            1.092548 * second * x * z,
            0.546274 * second * (x * x - y * y),
        ],
        np.float32,
    )


def _to(azimuth_deg: float, elevation_deg: float) -> tuple[float, float, float]:
    """Where a lamp is: 0, 0 at the viewer, 90, 0 at the picture's right, 180, 0 behind the head."""
    azimuth, elevation = np.deg2rad(azimuth_deg), np.deg2rad(elevation_deg)
    across = np.cos(elevation)
    return float(np.sin(azimuth) * across), float(np.sin(elevation)), float(np.cos(azimuth) * across)


@dataclass(frozen=True)
class Preset:
    """A light by its name, and what a person reads."""

    label: str
    setting: Setting


# Drawn and looked at on several characters.
PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "soft": Preset("Soft window", Setting((Lamp(_to(-35, 25), 0.85, -0.02),), 0.62, -0.05)),
        "warm": Preset("Warm key", Setting((Lamp(_to(38, 22), 1.1, 0.42),), 0.3, 0.12)),
        "cool": Preset(
            "Cool room", Setting((Lamp(_to(22, 25), 0.8, 0.2), Lamp(_to(-130, 25), 0.55, -0.6)), 0.3, -0.25)
        ),
        "stage": Preset("Stage", Setting((Lamp(_to(12, 52), 1.6, 0.15), Lamp(_to(-80, 10), 0.3, -0.6)), 0.1, -0.3)),
        "sunset": Preset("Sunset", Setting((Lamp(_to(62, 8), 1.5, 0.75),), 0.22, -0.2)),
        "night": Preset("Night", Setting((Lamp(_to(-45, 35), 0.55, -0.45),), 0.12, -0.5)),
        "flat": Preset("Flat", Setting((Lamp(_to(0, 10), 0.45, 0.0),), 0.95, 0.0)),
    }
)
