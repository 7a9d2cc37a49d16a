"""Draws a character's irises, lashes, brows and ears on the kit's resting head, before `Face.apply` warps it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .character import Character
from .kit import Kit

Array = NDArray[np.float32]
Index = NDArray[np.integer]

_EAR_TIP_DM = np.array([0.62, 0.34, -0.22])  # where the tip of an elf's ear goes
_TEETH_WIDTH = 0.68  # leaves the corners of an open mouth dark


def _quartic(point: Array) -> Array:
    """[n,6] terms of a surface that is even in x."""
    x, y = point[:, 0] ** 2, point[:, 1] - 14.5
    return np.stack([np.ones_like(x), y, y * y, x, x * y, x * x], 1)


class Features:
    """The resting head of a character, unwarped."""

    def __init__(self, kit: Kit, who: Character) -> None:
        self.kit, self.character = kit, who
        self.part = {name: np.unique(kit.head.triangle[kit.head.region == k]) for name, k in kit.region.items()}
        self.rest = kit.head.position.copy()  # [C,3]
        self.lash_foot: list[tuple[Index, Index]] = []  # of the left and right eye: lashes, and where each grows
        self.rest[self.part["teeth"], 0] *= _TEETH_WIDTH
        for sign in (1.0, -1.0):
            self._draw_iris(sign)
            self._draw_brow(self.side("brow", sign), sign)
            self._draw_lash(self.side("lash", sign), sign)
            self._draw_ear(self.side("ear", sign), sign)

    def side(self, name: str, sign: float) -> Index:
        """Corners of a part on the subject's left (1) or right (-1)."""
        rows = self.part[name]
        return np.asarray(rows[self.kit.head.position[rows, 0] * sign > 0])

    def eye_loop(self, sign: float) -> Index:
        """Corners of the skin along the border of an eye."""
        number, skin = self.kit.vertex, self.side("skin", sign)
        return np.asarray(skin[np.isin(number[skin], number[self.part["eye_white"]])])

    def _draw_iris(self, sign: float) -> None:
        who, rest = self.character, self.rest
        middle = rest[self.side("iris", sign)].mean(0)
        wide, high = who.face.eye_scale
        stay = (wide / high) ** 0.35  # a narrow eye covers its iris instead of flattening it
        scale = who.iris_size * np.array([1.0 / stay, stay])
        for name in ("iris", "pupil", "highlight"):
            rows = self.side(name, sign)
            rest[rows, :2] = middle[:2] + (rest[rows, :2] - middle[:2]) * scale

    def _draw_brow(self, rows: Index, sign: float) -> None:
        who, rest = self.character, self.rest
        x, y = rest[rows, 0] * sign, rest[rows, 1]
        middle = 0.5 * (x.min() + x.max())
        spine = np.polyval(np.polyfit(x, y, 2), x)
        t = (x - middle) / (0.5 * (x.max() - x.min()))
        y = spine + (y - spine) * who.brow_thickness
        y = y + who.brow_tilt * (x - middle) + 0.03 * who.brow_arch * (1 - t * t) + who.brow_height
        inner, before = float(x.min()), rest[rows, :2].copy()
        rest[rows, 0] = sign * (inner + (x - inner) * who.brow_length)
        rest[rows, 1] = y
        rest[rows, 2] += self._forehead(rest[rows, :2]) - self._forehead(before)

    def _forehead(self, point: Array) -> Array:
        """[n] z of a smooth forehead at x and y [n,2]."""
        p = self.kit.head.position[self.part["skin"]]
        near = p[(p[:, 2] > 0.5) & (np.abs(p[:, 1] - 14.5) < 0.3)]
        fit = np.linalg.lstsq(_quartic(near[:, :2]), near[:, 2], rcond=None)[0]
        return np.asarray(_quartic(point) @ fit, np.float32)

    def _draw_lash(self, rows: Index, sign: float) -> None:
        who, rest, position = self.character, self.rest, self.kit.head.position
        loop = self.eye_loop(sign)
        far = ((rest[rows, None, :2] - position[loop][None, :, :2]) ** 2).sum(2)
        foot = loop[far.argmin(1)]
        self.lash_foot.append((rows, foot))
        rest[rows] += (rest[rows] - position[foot]) * (who.lash_thickness - 1.0)
        x = rest[rows, 0] * sign
        wing = who.lash_wing * np.clip((x - 0.60) / 0.16, 0.0, 1.2) ** 2 * (rest[rows, 1] > 14.12)
        rest[rows, 0] += sign * 0.035 * wing
        rest[rows, 1] += 0.045 * wing

    def _draw_ear(self, rows: Index, sign: float) -> None:
        x, y = self.rest[rows, 0] * sign, self.rest[rows, 1]
        out, up = (x - x.min()) / (x.max() - x.min()), (y - y.min()) / (y.max() - y.min())
        out = np.clip((out - 0.15) / 0.85, 0.0, 1.0)
        out[np.isin(self.kit.vertex[rows], self.kit.vertex[self.part["skin"]])] = 0.0  # where it grows on the head
        tip = self.character.ear * (out * up**1.5)[:, None] * _EAR_TIP_DM * (sign, 1.0, 1.0)
        self.rest[rows] += tip.astype(np.float32)
