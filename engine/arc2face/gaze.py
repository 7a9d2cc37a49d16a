"""Turns the eyes of a drawn picture: the iris slides within its opening, and the lids follow it up and down.

The part of an iris behind a lid is unknown, so an iris that moves away from a lid is stretched there. To the sides at
least a quarter of the white remains, and up and down an iris moves by at most half of the opening's height.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import Array

Floats = NDArray[np.floating]
Wide = NDArray[np.float64]
Plane = NDArray[np.complex128]

# MediaPipe's points, the subject's left first. Lids go from the inner corner to the outer one; an iris has its centre,
# then four points on its rim.
_UPPER = ((362, 398, 384, 385, 386, 387, 388, 466, 263), (133, 173, 157, 158, 159, 160, 161, 246, 33))
_LOWER = ((362, 382, 381, 380, 374, 373, 390, 249, 263), (133, 155, 154, 153, 145, 144, 163, 7, 33))
_IRIS = (slice(473, 478), slice(468, 473))
_BALL_IRISES = 2.05  # the eyeball's radius (12.1 mm) in radii of the iris (5.9 mm)
_RIM = 1.15  # radii that move rigidly: the iris and a little around it
_LEAST_WHITE, _HIGHEST = 0.25, 0.5
# Motion of the upper lid downwards and upwards, and of the lower lid, over that of the iris.
_DOWN_FOLLOWS, _UP_FOLLOWS, _LOWER_FOLLOWS = 0.7, 0.4, 0.2
_ABOVE, _BELOW = 0.6, 0.4  # halves of an eye's width: how far beyond the lids their skin moves
_SHARP = 0.05  # the width of a lid's edge, in the same unit
_REACH = 1.15  # how far from the eye's centre anything moves, in the same unit
_FADES, _FADED = 0.35, 0.85  # eyelids between which the turn fades
_STRIDE = 4  # pixels between the samples that locate the eye


@dataclass(frozen=True)
class Opening:
    """The opening between the lids, at each of many pixels."""

    v: Wide  # of the pixel
    top: Wide
    bottom: Wide

    def inside(self) -> Wide:
        """1 in the opening, 0 beyond its edge."""
        edges = (self.v - self.top, self.bottom - self.v)
        above, below = (np.clip(edge / _SHARP + 0.5, 0.0, 1.0) for edge in edges)
        return np.asarray(above * below)

    def of_ball(self, iris: float, dv: float) -> Wide:
        """The part of the iris's vertical motion that pixels between the lids make."""
        height = np.maximum(self.bottom - self.top, _SHARP)
        middle = np.clip((iris + dv - self.top) / height, 0.2, 0.8)
        way = (self.v - self.top) / height
        if dv > 0.0:
            return np.asarray(_DOWN_FOLLOWS + (1.0 - _DOWN_FOLLOWS) * np.clip(way / middle, 0.0, 1.0))
        return np.asarray(1.0 - (1.0 - _LOWER_FOLLOWS) * np.clip((way - middle) / (1.0 - middle), 0.0, 1.0))

    def of_skin(self, dv: float) -> Wide:
        """The part of it that the skin above and below makes."""
        above = _follows(dv) * np.clip(1.0 - (self.top - self.v) / _ABOVE, 0.0, 1.0)
        below = _LOWER_FOLLOWS * np.clip(1.0 - (self.v - self.bottom) / _BELOW, 0.0, 1.0)
        return np.where(self.v < (self.top + self.bottom) / 2.0, above, below)


@dataclass(frozen=True)
class Eye:
    """One eye at rest, in halves of its width: u to its right corner in the picture, v down, from its centre."""

    middle: complex  # pixels, x + iy, y down
    half: complex  # pixels: from the centre to the right corner
    iris: complex  # u + iv
    radius: float
    upper: Plane  # [n] the lids, u ascending
    lower: Plane  # [n]

    def look(self, pose: Array, lid: float) -> Wide:
        """[2] the motion (u, v) of the iris for a rotation vector [3] of the eye and its lid, 0 (open) to 1."""
        whole = _BALL_IRISES * self.radius * np.sin([float(pose[1]), float(pose[0])])
        whole *= 1.0 - smooth(np.array((lid - _FADES) / (_FADED - _FADES)))
        white = 1.0 - np.sign(whole[0]) * self.iris.real - _RIM * self.radius
        farthest = np.array([max((1.0 - _LEAST_WHITE) * white, 0.05), max(_HIGHEST * self._height, 0.05)])
        return held(whole, 0.6 * farthest, farthest)

    @property
    def _height(self) -> float:
        """The opening's height at the iris."""
        lower, upper = (np.interp(self.iris.real, line.real, line.imag) for line in (self.lower, self.upper))
        return float(lower - upper)

    def shift(self, at: Array, look: Wide, lid: float) -> None:
        """Changes the places [S,S,2] at which a picture is sampled so that this eye is turned by `look`."""
        part = at[self._around(at)]
        if not (look.any() and part.size):
            return
        seen = (part[..., 0] + 1j * part[..., 1] - self.middle) / self.half
        back = self._back(seen, look, lid) * self.half
        part += np.stack([back.real, back.imag], -1).astype(np.float32)

    def _around(self, at: Array) -> tuple[slice, slice]:
        """Rows and columns of a box around this eye and its lids."""
        coarse = at[::_STRIDE, ::_STRIDE]
        far = np.abs(coarse[..., 0] + 1j * coarse[..., 1] - self.middle)
        near = far < _REACH * abs(self.half) + 2.0 * _STRIDE
        rows, columns = (np.flatnonzero(near.any(1 - axis)) * _STRIDE for axis in (0, 1))
        if not len(rows):
            return slice(0), slice(0)
        return slice(rows[0], rows[-1] + _STRIDE), slice(columns[0], columns[-1] + _STRIDE)

    def _back(self, seen: Plane, look: Wide, lid: float) -> Plane:
        """Displacements from the turned eye to the eye at rest."""
        du, dv = look
        column = smooth((_REACH - np.abs(seen.real)) / (_REACH - 0.5))
        opening = self._opening(seen, column * dv * _follows(dv), column * dv * _LOWER_FOLLOWS, lid)
        inside = opening.inside()
        along = inside * opening.of_ball(self.iris.imag, dv) + (1.0 - inside) * opening.of_skin(dv)
        return np.asarray(inside * self._aside(seen.real, du) - 1j * column * dv * along)

    def _opening(self, seen: Plane, upper_down: Wide, lower_down: Wide, lid: float) -> Opening:
        top, bottom = (np.interp(seen.real, line.real, line.imag) for line in (self.upper, self.lower))
        return Opening(seen.imag, top + lid * (bottom - top) + upper_down, bottom + lower_down)

    def _aside(self, u: Wide, du: float) -> Wide:
        """Horizontal motion: the iris moves rigidly, and the white beside it is compressed or stretched."""
        rim = self.iris.real + _RIM * self.radius * np.array([-1.0, 1.0])
        return np.asarray(np.interp(u, (-1.0, *(rim + du), 1.0), (-1.0, *rim, 1.0)) - np.clip(u, -1.0, 1.0))


def eyes(points: Array) -> tuple[Eye, Eye]:
    """The subject's left and right eye from MediaPipe's points [478,2]; ValueError if one has no width."""
    left, right = (_eye(points, *numbers) for numbers in zip(_UPPER, _LOWER, _IRIS, strict=True))
    return left, right


def _eye(points: Array, upper: tuple[int, ...], lower: tuple[int, ...], iris: slice) -> Eye:
    place = points[:, 0].astype(np.float64) + 1j * points[:, 1]
    left, right = sorted((complex(place[upper[0]]), complex(place[upper[-1]])), key=lambda corner: corner.real)
    middle, half = (left + right) / 2.0, (right - left) / 2.0
    if abs(half) < 1.0:
        raise ValueError(f"an eye's corners must be at least two pixels apart, got {2.0 * abs(half):.1f}")
    lids = [(place[list(numbers)] - middle) / half for numbers in (upper, lower)]
    centre, *rim = (place[iris] - middle) / half
    radius = float(np.mean(np.abs(np.array(rim) - centre)))
    return Eye(middle, half, complex(centre), radius, *(line[np.argsort(line.real)] for line in lids))


def _follows(dv: float) -> float:
    """The part of the iris's motion that the upper lid makes."""
    return _DOWN_FOLLOWS if dv > 0.0 else _UP_FOLLOWS


def smooth(part: Floats) -> Wide:
    """Smoothstep: 0 below 0 and 1 above 1, level at both ends."""
    held_in = np.clip(part, 0.0, 1.0)
    return np.asarray(held_in * held_in * (3.0 - 2.0 * held_in))


def held(value: Wide, free: Floats | float, farthest: Floats | float) -> Wide:
    """The value up to `free`; beyond, it approaches `farthest`."""
    size, room = np.abs(value), np.subtract(farthest, free)
    beyond = free + room * np.tanh(np.maximum(size - free, 0.0) / room)
    return np.asarray(np.sign(value) * np.where(size <= free, size, beyond))
