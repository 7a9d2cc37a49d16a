"""Pictures that are there from the start, drawn in code: things to wear, to hold and to throw."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Rgba = NDArray[np.uint8]  # [H,W,4] straight alpha
Colour = tuple[int, int, int]
Point = tuple[float, float]

_FINE = 4  # drawn so much larger, then reduced
_LINE: Colour = (40, 32, 36)


class _Canvas:
    """A transparent picture; points are in pixels of the result, x right and y down."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self._image = Image.new("RGBA", (width * _FINE, height * _FINE))
        self._draw = ImageDraw.Draw(self._image)

    def shape(self, points: list[Point], fill: Colour | None, line: float = 4.0, outline: Colour = _LINE) -> None:
        scaled = [(x * _FINE, y * _FINE) for x, y in points]
        if fill is not None:
            self._draw.polygon(scaled, fill=(*fill, 255))
        if line:
            self._draw.line([*scaled, scaled[0], scaled[1]], (*outline, 255), round(line * _FINE), "curve")

    def done(self) -> Rgba:
        small = self._image.convert("RGBa").resize(self._size, Image.Resampling.BOX).convert("RGBA")
        pixels = np.array(small)
        pixels.setflags(write=False)
        return pixels


def _oval(x: float, y: float, wide: float, high: float, start: float = 0.0, end: float = 360.0) -> list[Point]:
    angles = np.radians(np.linspace(start, end, 49))
    return [(x + wide * math.cos(angle), y + high * math.sin(angle)) for angle in angles]


def _hat() -> Rgba:
    canvas = _Canvas(256, 170)
    canvas.shape([(62, 128), (70, 18), (186, 18), (194, 128)], (52, 48, 66))
    canvas.shape(_oval(128, 18, 58, 10), (68, 62, 84))
    canvas.shape([(63, 112), (65, 86), (191, 86), (193, 112)], (178, 52, 62))
    canvas.shape(_oval(128, 134, 118, 24), (52, 48, 66))
    canvas.shape([(64, 128), (192, 128), (190, 112), (66, 112)], (178, 52, 62), 0.0)
    return canvas.done()


def _glasses() -> Rgba:
    canvas = _Canvas(256, 96)
    for x in (66, 190):
        canvas.shape(_oval(x, 50, 56, 40), None, 9.0)
    canvas.shape([(120, 46), (128, 40), (136, 46), (128, 41)], None, 7.0)
    return canvas.done()


def _mug() -> Rgba:
    canvas = _Canvas(160, 160)
    canvas.shape(_oval(112, 84, 34, 36), None, 14.0)
    canvas.shape(_oval(112, 84, 34, 36), None, 7.0, (236, 232, 222))
    canvas.shape([(22, 34), (30, 142), (104, 142), (112, 34)], (236, 232, 222))
    canvas.shape(_oval(67, 34, 45, 12), (92, 58, 40))
    canvas.shape(_oval(67, 90, 18, 18), (224, 122, 95), 0.0)
    return canvas.done()


def _heart() -> Rgba:
    canvas = _Canvas(128, 128)
    points = []
    for angle in np.linspace(0.0, 2.0 * np.pi, 80):
        x = 16.0 * math.sin(angle) ** 3
        y = 13 * math.cos(angle) - 5 * math.cos(2 * angle) - 2 * math.cos(3 * angle) - math.cos(4 * angle)
        points.append((64 + 3.4 * x, 60 - 3.4 * y))
    canvas.shape(points, (226, 66, 92))
    canvas.shape(_oval(42, 40, 10, 7), (250, 170, 184), 0.0)
    return canvas.done()


def _tomato() -> Rgba:
    canvas = _Canvas(128, 128)
    canvas.shape(_oval(64, 70, 54, 48), (214, 52, 40))
    canvas.shape(_oval(44, 54, 14, 9), (244, 134, 112), 0.0)
    leaves = []
    for at in range(10):
        reach, angle = (34 if at % 2 == 0 else 11), math.radians(36 * at - 90)
        leaves.append((64 + reach * math.cos(angle), 30 + 0.55 * reach * math.sin(angle)))
    canvas.shape(leaves, (70, 140, 66), 3.0)
    return canvas.done()


def _star() -> Rgba:
    canvas = _Canvas(128, 128)
    points = []
    for at in range(10):
        reach, angle = (58 if at % 2 == 0 else 27), math.radians(36 * at - 90)
        points.append((64 + reach * math.cos(angle), 68 + reach * math.sin(angle)))
    canvas.shape(points, (250, 204, 66))
    return canvas.done()


_DRAWINGS: dict[str, Callable[[], Rgba]] = {
    "glasses": _glasses,
    "hat": _hat,
    "heart": _heart,
    "mug": _mug,
    "star": _star,
    "tomato": _tomato,
}
SHIPPED_PICTURES = tuple(_DRAWINGS)


@cache
def shipped_picture(name: str) -> Rgba:
    """[H,W,4] one of `SHIPPED_PICTURES`, read only."""
    return _DRAWINGS[name]()
