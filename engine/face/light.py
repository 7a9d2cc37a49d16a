"""Light on the face as 27 spherical harmonics: presets, lamps, the tone curve, and the estimate from a photo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from omote.bridge.errors import OmoteError

from ..data import LIGHT_SIZE, Array
from ..errors import DataError

Wide = NDArray[np.float64]

# Harmonics of the training renderer's portrait lighting (a soft warm key at the upper right of the picture, with light
# from all around), in the order of `harmonic_basis`; tests/engine/face/test_light.py compares them with the renderer.
_STUDIO = (
    (0.8883, 0.4971, 0.6300, 0.3518, 0.3085, 0.6781, 0.4362, 0.5678, 0.0886),
    (0.8771, 0.4845, 0.5995, 0.3354, 0.2928, 0.6525, 0.4157, 0.5394, 0.0912),
    (0.8716, 0.4717, 0.5612, 0.3149, 0.2728, 0.6222, 0.3901, 0.5035, 0.0964),
)


def studio_light() -> Array:
    """The light of a portrait studio: a soft warm key at the upper right of the picture, with light from all around.

    Returns
    -------
    Array
        float32 [27]: nine spherical harmonics of red, then green, then blue, in the camera's frame (y up, z to it).
        Multiplied by a number it is dimmer or brighter.

    Examples
    --------
    >>> dim = 0.4 * studio_light()
    """
    return np.array(_STUDIO, np.float32).ravel()


def harmonic_basis(direction: Array) -> Array:
    """[L,9] real spherical harmonics up to degree 2, in the order 00, 1-1, 10, 11, 2-2, 2-1, 20, 21, 22."""
    x, y, z = direction.T
    return np.stack(
        [
            np.full_like(x, 0.282095),
            0.488603 * y,
            0.488603 * z,
            0.488603 * x,
            1.092548 * x * y,
            1.092548 * y * z,
            0.315392 * (3.0 * z * z - 1.0),
            1.092548 * x * z,
            0.546274 * (x * x - y * y),
        ],
        axis=1,
    )


# The share of each harmonic of the incoming light that reaches a matt surface: the harmonics of a clamped cosine.
_COSINE_HARMONICS = np.array([np.pi] + [2.0 * np.pi / 3.0] * 3 + [np.pi / 4.0] * 5, np.float32)


def irradiance(light: Array, normal: Array) -> Array:
    """[...,3] linear red, green, blue of light [27] on surfaces with these unit normals [...,3]."""
    received = (harmonic_basis(normal.reshape(-1, 3)) * _COSINE_HARMONICS) @ light.reshape(3, 9).T
    return np.asarray(received.reshape(*normal.shape[:-1], 3), np.float32)


def softened_light(light: Array, share: float) -> Array:
    """[27] light of the same strength with this share (0 to 1) of its direction."""
    harmonics = light.reshape(3, 9).copy()
    harmonics[:, 1:4] *= share
    harmonics[:, 4:] *= share * share
    return harmonics.ravel()


def checked_light(light: Array) -> Array:
    """The same light; DataError unless it is [27] finite harmonics."""
    if light.shape != (LIGHT_SIZE,) or not np.isfinite(light).all():
        raise DataError(f"light must be [{LIGHT_SIZE}] finite harmonics, got {list(light.shape)}")
    return light


_STRENGTH_RANGE = 0.05, 3.0  # of a channel's first harmonic: a little more than in the training pictures
# The largest value of each harmonic for a first one of 1, when all light comes from one side. A game's probe may send
# more, or negative light, for which the network was not trained.
_MOST_HARMONIC = np.sqrt(np.array([1, 3, 3, 3, 5, 5, 5, 5, 5], np.float32))


def clamped_light(light: Array) -> Array:
    """Light [27] clipped to what is physically possible and to trained strengths; ordinary light is unchanged."""
    harmonics = light.reshape(3, 9)
    base = np.clip(harmonics[:, :1], *_STRENGTH_RANGE)
    clipped = np.clip(harmonics, -_MOST_HARMONIC * base, _MOST_HARMONIC * base)
    clipped[:, :1] = base
    return np.asarray(clipped.ravel(), np.float32)


class LightFade:
    """One light that fades to another. Any thread may start a fade; the drawing thread calls `at`."""

    def __init__(self, light: Array) -> None:
        self._change = (light, light, 0, 0)  # from, to, start and end in ns; replaced as a whole

    @property
    def light(self) -> Array:
        """[27] the light that is shown, or that it fades to."""
        return self._change[1]

    def turn_to(self, light: Array, now_ns: int, within_s: float = 0.0) -> None:
        """Fades to this light [27], from what is shown now."""
        self._change = (self.at(now_ns), light, now_ns, now_ns + round(within_s * 1e9))

    def at(self, now_ns: int) -> Array:
        """[27] the light at this time."""
        before, after, begin_ns, end_ns = self._change
        # The drawing thread may have read the clock before the fade started.
        if now_ns >= end_ns or begin_ns == end_ns:
            return after
        share = np.float32(max(now_ns - begin_ns, 0) / (end_ns - begin_ns))
        return np.asarray((1 - share) * before + share * after, np.float32)


# Lamps and presets.

MOST_STRENGTH = 3.0
# As in the training pictures: the linear irradiance of the studio's key on a surface that faces it, and its angular
# size; the sum of an ambient light of 1, of which the studio has about half; and its brightness below against above.
_KEY = 1.65
_SOFTNESS_RAD = 0.22
_AMBIENT = 3.3
_GROUND = 0.62
_PATCHES = 3  # rows and columns into which a picture that gives light is divided
_SCREEN_REACH = (1.2, 0.7)  # how far aside and up a picture reaches, at a distance of 1
_PICTURE_GAIN = 2.0  # a white picture of strength 1 is brighter than the studio's key, since screens are seldom white


class LightError(OmoteError, ValueError):
    """An unknown or impossible light; the message says what was wanted."""


@dataclass(frozen=True)
class Lamp:
    """One soft lamp; `warmth` from -1 (a clear sky) over 0 (white) to 1 (a candle)."""

    direction: tuple[float, float, float]  # unit vector to the lamp: x to the picture's right, y up, z to the viewer
    strength: float = 1.0  # 1 is the studio's key
    warmth: float = 0.1


@dataclass(frozen=True)
class LightRig:
    """Lamps, and ambient light from all around."""

    lamps: tuple[Lamp, ...]
    ambient: float = 0.5
    ambient_warmth: float = -0.06

    def harmonics(self) -> Array:
        """[27] incoming light: red's nine harmonics, then green's, then blue's."""
        total = _ambient_light(self.ambient * _AMBIENT, self.ambient_warmth)
        for lamp in self.lamps:
            total += np.outer(_KEY * lamp.strength * lamp_colour(lamp.warmth), _ring_light(np.array(lamp.direction)))
        return np.asarray(total, np.float32).ravel()


def lamp_light(direction: tuple[float, float, float], strength: float, warmth: float, ambient: float) -> Array:
    """[27] harmonics of one lamp and ambient light; LightError for an impossible number.

    The direction has any length above 0; `strength` is 0 to `MOST_STRENGTH`, of which 1 is the studio's; `warmth` is -1
    to 1; `ambient` is 0 to 1.
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
    return LightRig((Lamp((x, y, z), strength, warmth),), ambient, 0.3 * warmth).harmonics()


def picture_light(picture: NDArray[np.uint8], strength: float, ambient: float, *, is_screen: bool = False) -> Array:
    """[27] harmonics of the light of a picture [h,w,3] (sRGB, at least 3x3) and of ambient light.

    A picture is around the character, its left at the left. A screen stands before the performer, so its left is at the
    picture's right. Strength and ambient are as in `lamp_light`.
    """
    side = -1.0 if is_screen else 1.0
    colours = (picture / 255.0) ** (1.0 / _GAMMA)
    total = _ambient_light(ambient * _AMBIENT, 0.0).astype(np.float64)
    rows = [np.array_split(band, _PATCHES, axis=1) for band in np.array_split(colours, _PATCHES, axis=0)]
    for y, patches in zip((1.0, 0.0, -1.0), rows, strict=True):
        for x, patch in zip((-1.0, 0.0, 1.0), patches, strict=True):
            direction = np.array([side * x * _SCREEN_REACH[0], y * _SCREEN_REACH[1], 1.0])
            ring = _ring_light(np.asarray(direction / np.linalg.norm(direction), np.float32))
            total += np.outer(_KEY * _PICTURE_GAIN * strength / _PATCHES**2 * patch.reshape(-1, 3).mean(0), ring)
    return np.asarray(total, np.float32).ravel()


def lamp_colour(warmth: float) -> Array:
    """[3] linear red, green, blue of about the same brightness for each warmth from -1 to 1."""
    tint = np.array([1.0 + 0.55 * warmth, 1.0 - 0.04 * abs(warmth), 1.0 - 0.62 * warmth], np.float32)
    return np.asarray(tint / (tint @ np.array([0.2126, 0.7152, 0.0722], np.float32)), np.float32)


def _ambient_light(brightness: float, warmth: float) -> Array:
    """[3,9] light from all around, brighter from above: a mean, and a harmonic along y."""
    mean, slope = (1.0 + _GROUND) / 2.0, (1.0 - _GROUND) / 2.0
    harmonics = np.zeros(9, np.float32)
    harmonics[0] = 0.282095 * mean
    harmonics[1] = 0.488603 * slope / 3.0
    return np.outer(brightness * lamp_colour(warmth), harmonics)


def _ring_light(direction: Array) -> Array:
    """[9] the harmonics of a ring of lamps around this unit vector."""
    x, y, z = direction
    first, second = np.cos(_SOFTNESS_RAD), 1.0 - 1.5 * np.sin(_SOFTNESS_RAD) ** 2
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


def _lamp_direction(azimuth_deg: float, elevation_deg: float) -> tuple[float, float, float]:
    """Unit vector to a lamp: 0, 0 is at the viewer, 90, 0 at the picture's right, 180, 0 behind the head."""
    azimuth, elevation = np.deg2rad(azimuth_deg), np.deg2rad(elevation_deg)
    across = np.cos(elevation)
    return float(np.sin(azimuth) * across), float(np.sin(elevation)), float(np.cos(azimuth) * across)


@dataclass(frozen=True)
class LightPreset:
    """A light with its name on the page."""

    label: str
    setting: LightRig


# Chosen by eye on several characters.
LIGHT_PRESETS: Mapping[str, LightPreset] = MappingProxyType(
    {
        "soft": LightPreset("Soft window", LightRig((Lamp(_lamp_direction(-35, 25), 0.85, -0.02),), 0.62, -0.05)),
        "warm": LightPreset("Warm key", LightRig((Lamp(_lamp_direction(38, 22), 1.1, 0.42),), 0.3, 0.12)),
        "cool": LightPreset(
            "Cool room",
            LightRig(
                (Lamp(_lamp_direction(22, 25), 0.8, 0.2), Lamp(_lamp_direction(-130, 25), 0.55, -0.6)), 0.3, -0.25
            ),
        ),
        "stage": LightPreset(
            "Stage",
            LightRig((Lamp(_lamp_direction(12, 52), 1.6, 0.15), Lamp(_lamp_direction(-80, 10), 0.3, -0.6)), 0.1, -0.3),
        ),
        "sunset": LightPreset("Sunset", LightRig((Lamp(_lamp_direction(62, 8), 1.5, 0.75),), 0.22, -0.2)),
        "night": LightPreset("Night", LightRig((Lamp(_lamp_direction(-45, 35), 0.55, -0.45),), 0.12, -0.5)),
        "flat": LightPreset("Flat", LightRig((Lamp(_lamp_direction(0, 10), 0.45, 0.0),), 0.95, 0.0)),
    }
)


# The tone curve.

_EXPOSURE = 0.59
_GAMMA = 0.4545


def tone_mapped(light: NDArray[np.floating]) -> NDArray[np.float64]:
    """Levels 0 to 1 of linear light of any shape: Narkowicz' fit of ACES (2016), then sRGB's gamma."""
    v = np.maximum(np.asarray(light, np.float64), 0.0) * _EXPOSURE
    return np.asarray(np.clip(v * (2.51 * v + 0.03) / (v * (2.43 * v + 0.59) + 0.14), 0.0, 1.0) ** _GAMMA)


def linear_of_tone(picture: NDArray[np.uint8]) -> Array:
    """The linear light of sRGB levels of any shape: the inverse of `tone_mapped`; for white the least that gives it."""
    return _linear_of_levels().astype(np.float32)[picture]


def relit_levels(gain: Array) -> NDArray[np.uint8]:
    """[3,256] each level of red, green and blue under light that is stronger by this gain [3].

    Light is linear, so this is exact except for levels that were clipped at white.
    """
    return _relit_levels(*(float(one) for one in gain))


@lru_cache(maxsize=8)
def _relit_levels(*gain: float) -> NDArray[np.uint8]:
    return np.stack([(tone_mapped(_linear_of_levels() * one) * 255.0 + 0.5).astype(np.uint8) for one in gain])


@cache
def _linear_of_levels() -> NDArray[np.float64]:
    """[256] the linear light of each level: the inverse tone curve; for white the least that gives it."""
    light = np.geomspace(1e-5, 50.0, 20_000)
    shown = tone_mapped(light)
    rises = shown < 254.5 / 255.0
    return np.interp(np.arange(256) / 255.0, shown[rises], light[rises])


# The estimate from a photo.

LIGHT_PRIOR_FILE = Path(__file__).with_name("light_prior.safetensors")
_STEPS = 10
_ROUGH = 0.30  # relative error from which places count less and less
_BEARD_SPREAD = 0.15  # of the logarithm by which the lower face is darker than the rest
_LEAST = 0.10  # of the mean irradiance: the least that any place is assumed to get
_WORTH = 6.0  # errors of neighbouring places are correlated: all places together count as this many
# The share of the harmonics of degree 0, 1 and 2 that reaches a face, where hair and nose cast shadows and lit surfaces
# light others. Measured on rendered people.
_SHADOWED = np.repeat((1.14, 0.9, 0.7), (1, 3, 5))
_FEWEST_PLACES = 100


def estimated_light(skin: Array, normal: Array, is_beard: NDArray[np.bool_]) -> Array:
    """[27] harmonics of the incoming light, red's nine, then green's, then blue's, of usual strength and nearly white.

    `skin` [n,3] is the linear light from each place of the skin to the camera, `normal` [n,3] its unit normal,
    `is_beard` [n] whether a beard may grow there. A single picture cannot separate bright skin from bright light, so
    the strength and the colour of the light are the usual ones, and only its direction is estimated. Outliers (shadows,
    glints, moles) count less. Fewer than 100 places give the mean light.
    """
    mean, precision = shipped_light_prior()
    if len(skin) < _FEWEST_PLACES:
        return mean.astype(np.float32)
    observed, terms, usual = skin.astype(np.float64), _irradiance_terms(normal), mean.reshape(3, 9)
    gain = np.median(observed / np.maximum(terms @ usual.T, 0.05), 0) + 1e-4  # [3] brightness of the skin
    light, beard = usual * gain[:, None], 0.0  # [3,9] light times the skin's colour; logarithm of the beard's darkening
    for step in range(_STEPS):
        expected = terms @ light.T
        expected = np.maximum(expected, _LEAST * expected.mean(0)) * np.exp(beard * is_beard)[:, None]
        error = np.square(observed / expected - 1.0).mean(1)
        rough = _ROUGH * (2.0 if step < 3 else 1.0)
        weight = 1.0 / (rough**2 + error) * min(_WORTH / len(observed), 1.0)
        shaded = terms * np.exp(beard * is_beard)[:, None]
        light = _solved_light(shaded, expected, observed, weight, mean, precision, gain)
        gain = np.maximum(_light_strength(light, usual, precision), 1e-4)
        residual = np.log(np.maximum(observed, 1e-4) / expected).mean(1) + beard
        beard_weight = weight * is_beard
        beard = float((beard_weight @ residual) / (beard_weight.sum() + 1.0 / _BEARD_SPREAD**2))
    return (light / gain[:, None]).astype(np.float32).ravel()


def _irradiance_terms(normal: Array) -> Wide:
    """[n,9] the irradiance of each harmonic on these normals."""
    single = np.zeros((9, 27), np.float32)
    single[np.arange(9), np.arange(9)] = 1.0
    return np.asarray(np.stack([irradiance(one, normal)[:, 0] for one in single], 1) * _SHADOWED, np.float64)


def _solved_light(
    terms: Wide, expected: Wide, observed: Wide, weight: Wide, mean: Wide, precision: Wide, gain: Wide
) -> Wide:
    """[3,9] the light times the skin's colour, by least squares of the relative error."""
    scale = np.repeat(gain, 9)
    normal = precision / np.outer(scale, scale)
    slope = normal @ (mean * scale)
    for k in range(3):
        own, relative = slice(9 * k, 9 * k + 9), terms / expected[:, k, None]
        normal[own, own] += relative.T @ (relative * weight[:, None])
        slope[own] += relative.T @ (observed[:, k] / expected[:, k] * weight)
    return np.asarray(np.linalg.solve(normal, slope).reshape(3, 9), np.float64)


def _light_strength(light: Wide, usual: Wide, precision: Wide) -> Wide:
    """[3] the factor between each channel and the usual light, by weighted least squares."""
    parts = [precision[9 * k : 9 * k + 9, 9 * k : 9 * k + 9] for k in range(3)]
    rows = zip(light, usual, parts, strict=True)
    return np.array([(one @ part @ other) / (other @ part @ other) for one, other, part in rows])


@cache
def shipped_light_prior() -> tuple[Wide, Wide]:
    """[27] the mean light of the training pictures, and the inverse covariance [27,27] around it; read once."""
    part = load_file(LIGHT_PRIOR_FILE)
    mean, spread = part["mean"].astype(np.float64), part["covariance"].astype(np.float64)
    return mean, np.linalg.inv(spread)
