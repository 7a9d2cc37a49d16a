"""What is painted on a face: the nose, and blush lines, freckles, moles, scars, paint and bandages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .character import RGB, Character, mix

Wide = NDArray[np.float64]


@dataclass(frozen=True)
class Decal:
    """A flat shape on the resting face, before it is warped."""

    point: Wide  # [n,2] x and y in dm
    triangle: NDArray[np.int64]  # [t,3]
    color: RGB
    opacity: Wide  # [n]


def _fan(outline: Wide, color: RGB, opacity: float = 1.0, edge: float = 1.0) -> Decal:
    """A filled shape; `edge` is the opacity of its outline relative to its middle."""
    n = len(outline)
    k = np.arange(n)
    triangle = np.stack([np.zeros(n, np.int64), 1 + k, 1 + (k + 1) % n], 1)
    point = np.concatenate([outline.mean(0, keepdims=True), outline])
    return Decal(point, triangle, color, opacity * np.concatenate([[1.0], np.full(n, edge)]))


def _dot(x: float, y: float, radius: float, color: RGB, opacity: float = 1.0, edge: float = 1.0) -> Decal:
    a = np.arange(10) * 2 * np.pi / 10
    return _fan(np.stack([x + radius * np.cos(a), y + radius * np.sin(a)], 1), color, opacity, edge)


def _stroke(ends: list[tuple[float, float]], width: float, color: RGB, opacity: float = 1.0) -> Decal:
    """A line through points, thinner towards both ends."""
    p = np.array(ends, np.float64)
    t = np.linspace(0, len(p) - 1, 4 * len(p))
    p = np.stack([np.interp(t, np.arange(len(p)), p[:, k]) for k in range(2)], 1)
    along = np.gradient(p, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], 1) / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    half = 0.5 * width * np.sqrt(np.clip(np.sin(np.pi * np.linspace(0.06, 0.94, len(p))), 0, 1))[:, None]
    point = np.stack([p + half * across, p - half * across], 1).reshape(-1, 2)
    k = 2 * np.arange(len(p) - 1)
    triangle = np.concatenate([np.stack([k, k + 1, k + 2], 1), np.stack([k + 1, k + 3, k + 2], 1)])
    return Decal(point, triangle, color, np.full(len(point), opacity))


def _nose(who: Character) -> list[Decal]:
    line, shade = mix(who.skin, (0.30, 0.08, 0.08), 0.55), mix(who.skin, (0.55, 0.22, 0.25), 0.35)
    side = -1.0 if who.hair.is_mirrored else 1.0
    if who.nose == "dot":
        return [_dot(0.0, 13.795, 0.014, line, 0.85)]
    if who.nose == "line":
        return [_stroke([(side * 0.015, 13.86), (side * 0.03, 13.79)], 0.018, line)]
    if who.nose == "shadow":
        outline = np.array([(0.0, 13.89), (side * 0.055, 13.775), (-side * 0.01, 13.765)])
        return [_fan(outline, shade, 0.9)]
    if who.nose == "corner":
        return [_stroke([(side * 0.01, 13.92), (side * 0.045, 13.80), (-side * 0.02, 13.775)], 0.018, line)]
    if who.nose == "nostrils":
        return [_stroke([(s * 0.015, 13.775), (s * 0.045, 13.785)], 0.016, line, 0.9) for s in (1.0, -1.0)]
    return []


def _lower_lip(who: Character) -> list[Decal]:
    if not who.has_lower_lip:
        return []
    color = mix(who.skin, (0.40, 0.12, 0.14), 0.4)
    return [_stroke([(-0.055, 13.335), (0.0, 13.328), (0.055, 13.335)], 0.014, color, 0.9)]


def _mark(who: Character) -> list[Decal]:
    dark, red = mix(who.skin, (0.25, 0.08, 0.05), 0.6), mix(who.skin, (0.90, 0.25, 0.28), 0.55)
    side = -1.0 if who.hair.is_mirrored else 1.0
    x0 = 0.52 + who.face.eye_spacing
    if who.mark == "blush_lines":
        starts = [(s * (x0 + dx), 13.80) for s in (1.0, -1.0) for dx in (-0.09, -0.02, 0.05)]
        return [_stroke([(x, y), (x - 0.035, y - 0.075)], 0.016, red) for x, y in starts]
    if who.mark == "freckles":
        rng = np.random.default_rng(who.iris_seed)
        dots = [(s * rng.uniform(0.18, 0.62), rng.uniform(13.72, 13.84)) for s in (1.0, -1.0) for _ in range(6)]
        return [_dot(float(x), float(y), 0.010, dark, 0.6) for x, y in dots]
    if who.mark == "mole":
        x, y = ((0.52, 13.80), (0.16, 13.33), (0.30, 13.60))[who.iris_seed % 3]
        return [_dot(side * x, y, 0.014, dark)]
    if who.mark == "scar":
        parts = [_stroke([(side * 0.40, 13.84), (side * 0.62, 13.62)], 0.026, red)]
        return parts + [
            _stroke([(side * (0.46 + d), 13.80 - d), (side * (0.53 + d), 13.83 - d)], 0.012, red) for d in (0.0, 0.07)
        ]
    if who.mark == "face_paint":
        if who.iris_seed % 2:
            outline = np.array([(0.44, 13.83), (0.62, 13.83), (0.53, 13.60)])
            return [_fan(outline * (s, 1.0), who.mark_color) for s in (1.0, -1.0)]
        return [
            _stroke([(s * 0.36, 13.78 - d), (s * 0.64, 13.80 - d)], 0.045, who.mark_color)
            for s in (1.0, -1.0)
            for d in (0.0, 0.08)
        ]
    if who.mark == "bandage":
        outline = np.array([(-0.13, -0.045), (0.13, -0.045), (0.13, 0.045), (-0.13, 0.045)])
        turn = np.array([[0.92, -0.39], [0.39, 0.92]])
        return [_fan(outline @ turn.T + (side * 0.50, 13.74), mix(who.skin, (1.0, 0.98, 0.92), 0.75))]
    return []


def decals(who: Character) -> list[Decal]:
    """All that is painted on a character's face."""
    return [*_nose(who), *_lower_lip(who), *_mark(who)]
