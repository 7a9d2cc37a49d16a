"""Estimates the light of a photo from the skin of the fitted face."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from omote.engine.face.light import irradiance

Array = NDArray[np.float32]
Wide = NDArray[np.float64]

FILE = Path(__file__).with_name("light_prior.safetensors")
_STEPS = 10
_ROUGH = 0.30  # part of what skin sends back: places that are further off count less and less
_BEARD_SPREAD = 0.15  # of the logarithm by which the lower face is darker than the rest
_LEAST = 0.10  # of the mean irradiance: no place is taken to get less
_WORTH = 6.0  # neighbours on the skin err alike: all places together count as so many
# By how much less than the harmonics of degree 0, 1 and 2 say reaches a face: hair and nose throw shadows, and all that
# is lit lights the rest. Measured on rendered people.
_SHADOWED = np.repeat((1.14, 0.9, 0.7), (1, 3, 5))
_FEWEST = 100


def estimated_light(skin: Array, normal: Array, is_beard: NDArray[np.bool_]) -> Array:
    """[27] harmonics of the incoming light, red's nine, then green's, then blue's, of usual strength and nearly white.

    `skin` [n,3] is the linear light that each place of the skin sends to the camera, `normal` [n,3] its unit normal,
    `is_beard` [n] whether a beard may grow there. A single picture does not tell bright skin from bright light, so the
    light's strength and colour are what they usually are, and only where it comes from is estimated. Places that say
    something else than the rest (shadows, glints, moles) count less. Fewer than 100 places give the mean light.
    """
    mean, precision = shipped_prior()
    if len(skin) < _FEWEST:
        return mean.astype(np.float32)
    seen, reach, usual = skin.astype(np.float64), _reach(normal), mean.reshape(3, 9)
    gain = np.median(seen / np.maximum(reach @ usual.T, 0.05), 0) + 1e-4  # [3] how bright the skin is in usual light
    sent, beard = usual * gain[:, None], 0.0  # [3,9] light times the skin's colour
    for step in range(_STEPS):
        told = reach @ sent.T
        told = np.maximum(told, _LEAST * told.mean(0)) * np.exp(beard * is_beard)[:, None]
        off = np.square(seen / told - 1.0).mean(1)
        rough = _ROUGH * (2.0 if step < 3 else 1.0)
        trust = 1.0 / (rough**2 + off) * min(_WORTH / len(seen), 1.0)
        sent = _solved(reach * np.exp(beard * is_beard)[:, None], told, seen, trust, mean, precision, gain)
        gain = np.maximum(_strength(sent, usual, precision), 1e-4)
        left = np.log(np.maximum(seen, 1e-4) / told).mean(1) + beard
        weight = trust * is_beard
        beard = float((weight @ left) / (weight.sum() + 1.0 / _BEARD_SPREAD**2))
    return (sent / gain[:, None]).astype(np.float32).ravel()


def _reach(normal: Array) -> Wide:
    """[n,9] what each harmonic sends onto these normals."""
    single = np.zeros((9, 27), np.float32)
    single[np.arange(9), np.arange(9)] = 1.0
    return np.asarray(np.stack([irradiance(one, normal)[:, 0] for one in single], 1) * _SHADOWED, np.float64)


def _solved(reach: Wide, told: Wide, seen: Wide, trust: Wide, mean: Wide, precision: Wide, gain: Wide) -> Wide:
    """[3,9] the light times the skin's colour, by least squares of what is missed as a part of what is there."""
    scale = np.repeat(gain, 9)
    normal = precision / np.outer(scale, scale)
    slope = normal @ (mean * scale)
    for k in range(3):
        own, relative = slice(9 * k, 9 * k + 9), reach / told[:, k, None]
        normal[own, own] += relative.T @ (relative * trust[:, None])
        slope[own] += relative.T @ (seen[:, k] / told[:, k] * trust)
    return np.asarray(np.linalg.solve(normal, slope).reshape(3, 9), np.float64)


def _strength(sent: Wide, usual: Wide, precision: Wide) -> Wide:
    """[3] by how much each channel is brighter than the usual light: what makes it most alike."""
    parts = [precision[9 * k : 9 * k + 9, 9 * k : 9 * k + 9] for k in range(3)]
    rows = zip(sent, usual, parts, strict=True)
    return np.array([(one @ part @ other) / (other @ part @ other) for one, other, part in rows])


@cache
def shipped_prior() -> tuple[Wide, Wide]:
    """[27] the mean light of the training pictures, and one over the covariance [27,27] around it; read once."""
    part = load_file(FILE)
    mean, spread = part["mean"].astype(np.float64), part["covariance"].astype(np.float64)
    return mean, np.linalg.inv(spread)
