"""Draws one picture: a figure, an expression, a head pose and a light in; RGBA, landmarks and labels out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.engine.training.faces import arkit
from omote.engine.training.faces.light import Light
from omote.engine.training.faces.render import FOV_DEG, Label

from .figure import Figure
from .rasterize import FAR, draw, draw_overlay
from .shade import ink, resolve, shade
from .surface import Array, Hits, Mesh, Tone
from .tone import cel

_FRAME = 0.76  # half the picture's height, in head heights; as in the human renderer
_LINE = 0.0023  # half a line's width, as a part of the picture's
_FRINGE_DM, _CHIN_DM = 0.17, 0.40  # how far the fringe and the chin throw their shadows


@dataclass(frozen=True)
class Picture:
    """A drawn character, cut out exactly."""

    rgba: NDArray[np.uint8]  # [H,W,4] sRGB, straight (not premultiplied) alpha
    landmarks: Array  # [70,2] x right, y down in pixels: the 68-point set, then left and right iris
    label: Label
    material: NDArray[np.uint8]  # [H,W] a LABEL of `surface`: 0 none, 1 skin, 2 eye, 3 mouth, 4 hair, 5 brow or
    # lash, 6 cloth, 7 glasses and what else is worn
    canonical: Array | None  # [H,W,3] dm on the human head where face or body is seen, NaN elsewhere
    triangle: NDArray[np.int32] | None  # [H,W] number of a triangle of the figure, -1 where nothing


def render(
    figure: Figure,
    expression: Array,
    head_rotation: Array,
    light: Light,
    size: int = 256,
    supersampling: int = 2,
    maps: bool = False,
) -> Picture:
    """Draws `figure`; ValueError where the weights are not [52] finite numbers between 0 and 1."""
    if expression.shape != (arkit.COUNT,) or not np.all((expression >= 0.0) & (expression <= 1.0)):
        raise ValueError(
            f"expression must be [52] in 0..1, got {expression.shape} {expression.min()}..{expression.max()}"
        )
    side = size * supersampling
    posed = figure.pose(expression, head_rotation)
    eye, pixels_per_tangent = camera(figure, side)
    mesh = Mesh(
        screen=project(posed.vertex, eye, pixels_per_tangent, side),
        normal=posed.normal,
        uv=figure.uv,
        attribute=figure.attribute,
        triangle=figure.triangle,
        material=figure.material,
        label=figure.label,
        group=figure.group,
        picture=figure.picture,
        color=figure.color,
    )
    hits = _nothing(side)
    tone = _tone(figure, light, pixels_per_tangent / float(eye[2] - figure.center[2]), side)
    draw(mesh, hits, False)
    draw(mesh, hits, True)
    shade(mesh, figure.paint, tone, hits)
    draw_overlay(mesh, figure.paint, tone, hits)
    ink(hits, figure.paint, tone)
    rgba, material = np.zeros((size, size, 4), np.uint8), np.zeros((size, size), np.uint8)
    resolve(hits, supersampling, rgba, material)
    seen = project(posed.landmark, eye, pixels_per_tangent, side)[:, :2] / np.float32(supersampling)
    canonical = triangle = None
    if maps:
        canonical, triangle = _maps(figure, hits, supersampling)
    turned = np.asarray(head_rotation, np.float32)
    label = Label(expression, turned, arkit.gaze(expression), light.harmonics())
    return Picture(rgba, seen, label, material, canonical, triangle)


def camera(figure: Figure, side: int) -> tuple[Array, float]:
    """Where the camera stands, and how many pixels one unit of x over distance is."""
    slope = np.tan(np.radians(FOV_DEG) / 2)
    distance = _FRAME * figure.head_height / slope
    eye = figure.center + np.array([0.0, 0.0, distance], np.float32)
    return eye.astype(np.float32), side / 2 / float(slope)


def project(point: Array, eye: Array, pixels_per_tangent: float, side: int) -> Array:
    """[n,3] pixel x, pixel y and distance of points in the camera's frame."""
    distance = eye[2] - point[:, 2]
    x = (point[:, 0] - eye[0]) / distance * pixels_per_tangent + side / 2
    y = side / 2 - (point[:, 1] - eye[1]) / distance * pixels_per_tangent
    return np.stack([x, y, distance], 1).astype(np.float32)


def _nothing(side: int) -> Hits:
    return Hits(
        depth=np.full((side, side), FAR, np.float32),
        triangle=np.full((side, side), -1, np.int32),
        bary=np.zeros((side, side, 2), np.float32),
        face_depth=np.full((side, side), FAR, np.float32),
        face_material=np.full((side, side), -1, np.int8),
        label=np.zeros((side, side), np.uint8),
        color=np.zeros((side, side, 4), np.float32),
        group=np.full((side, side), -1, np.int16),
        pen=np.ones((side, side), np.float32),
        rim=np.zeros((side, side), np.float32),
        ink=np.zeros((side, side, 4), np.float32),
        brow=np.zeros((side, side, 4), np.float32),
    )


def _tone(figure: Figure, light: Light, pixels_per_dm: float, side: int) -> Tone:
    two = cel(light)
    x, y = float(two.toward[0]), max(float(two.toward[1]), 0.0) + 0.6
    reach = _FRINGE_DM * pixels_per_dm / float(np.hypot(x, y))
    return Tone(
        two.toward,
        two.lit,
        two.shade,
        two.rim,
        np.array([x * reach, -y * reach], np.float32),
        _CHIN_DM * pixels_per_dm,
        _LINE * side * figure.character.pen.line,
    )


def _maps(figure: Figure, hits: Hits, samples: int) -> tuple[Array, NDArray[np.int32]]:
    """What each pixel's first sample sees: the place on the canonical human head, and the triangle."""
    triangle, bary = hits.triangle[::samples, ::samples], hits.bary[::samples, ::samples]
    weight = np.stack([bary[..., 0], bary[..., 1], 1.0 - bary.sum(2)], 2)
    place = np.einsum("hwk,hwkc->hwc", weight, figure.canonical[figure.triangle[triangle]])
    place[triangle < 0] = np.nan
    return place.astype(np.float32), triangle.astype(np.int32)
