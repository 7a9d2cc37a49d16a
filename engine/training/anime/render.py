"""Renders one picture of an anime character, with landmarks and labels, in two tones of a light."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit

from ...face.light import harmonic_basis
from ...face.retarget import gaze_from_weights
from ..faces.light import Light, studio
from ..faces.rasterize import FAR
from ..faces.render import Label, camera, project
from .figure import Figure
from .rasterize import Array, Hits, Mesh, Tone, draw, draw_overlay
from .shade import ink, resolve, shade

Wide = NDArray[np.float64]
_LINE = 0.0023  # half a line's width, as a part of the picture's
_FRINGE_DM, _CHIN_DM = 0.17, 0.40  # lengths of the shadows of fringe and chin
_COSINE = np.repeat([1.0, 2.0 / 3.0, 0.25], [1, 3, 5])  # a clamped cosine in harmonics (Ramamoorthi and Hanrahan 2001)
_GAMMA = 1.0 / 2.2
_RIM, _RIM_GAIN = 0.10, 0.22


@dataclass(frozen=True)
class Picture:
    """A drawn character, cut out exactly."""

    rgba: NDArray[np.uint8]  # [H,W,4] sRGB, straight (not premultiplied) alpha
    landmarks: Array  # [70,2] x right, y down in pixels: the 68-point set, then left and right iris
    label: Label
    material: NDArray[np.uint8]  # [H,W] a LABEL of `rasterize`: 0 none, 1 skin, 2 eye, 3 mouth, 4 hair, 5 brow or
    # lash, 6 cloth, 7 glasses and other accessories


def render(
    figure: Figure,
    expression: Array,
    head_rotation: Array,
    light: Light,
    size: int = 256,
    supersampling: int = 2,
) -> Picture:
    """Draws `figure`. Raises ValueError if the weights are not [52] finite numbers between 0 and 1."""
    if expression.shape != (arkit.COUNT,) or not np.all((expression >= 0.0) & (expression <= 1.0)):
        raise ValueError(
            f"expression must be [52] in 0..1, got {expression.shape} {expression.min()}..{expression.max()}"
        )
    side = size * supersampling
    posed = figure.pose(expression, head_rotation)
    eye, pixels_per_tangent = camera(figure.center, figure.head_height, side)
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
    hits = _empty_hits(side)
    tone = _tone(figure, light, pixels_per_tangent / float(eye[2] - figure.center[2]), side)
    draw(mesh, hits, False)
    draw(mesh, hits, True)
    shade(mesh, figure.textures, tone, hits)
    draw_overlay(mesh, figure.textures, tone, hits)
    ink(hits, figure.textures, tone)
    rgba, material = np.zeros((size, size, 4), np.uint8), np.zeros((size, size), np.uint8)
    resolve(hits, supersampling, rgba, material)
    landmarks = project(posed.landmark, eye, pixels_per_tangent, side)[:, :2] / np.float32(supersampling)
    turned = np.asarray(head_rotation, np.float32)
    label = Label(expression, turned, gaze_from_weights(expression), light.harmonics())
    return Picture(rgba, landmarks, label, material)


def _empty_hits(side: int) -> Hits:
    return Hits(
        depth=np.full((side, side), FAR, np.float32),
        triangle=np.full((side, side), -1, np.int32),
        bary=np.zeros((side, side, 2), np.float32),
        face_depth=np.full((side, side), FAR, np.float32),
        face_material=np.full((side, side), -1, np.int8),
        label=np.zeros((side, side), np.uint8),
        color=np.zeros((side, side, 4), np.float32),
        group=np.full((side, side), -1, np.int16),
        line_width=np.ones((side, side), np.float32),
        rim=np.zeros((side, side), np.float32),
        ink=np.zeros((side, side, 4), np.float32),
        brow=np.zeros((side, side, 4), np.float32),
    )


def _tone(figure: Figure, light: Light, pixels_per_dm: float, side: int) -> Tone:
    two = cel_light(light)
    x, y = float(two.toward[0]), max(float(two.toward[1]), 0.0) + 0.6
    reach = _FRINGE_DM * pixels_per_dm / float(np.hypot(x, y))
    return Tone(
        two.toward,
        two.lit,
        two.shade,
        two.rim,
        np.array([x * reach, -y * reach], np.float32),
        _CHIN_DM * pixels_per_dm,
        _LINE * side * figure.character.drawing_style.line,
    )


@dataclass(frozen=True)
class CelLight:
    """A light as two tones and a rim."""

    toward: Array  # [3] unit vector to the key
    lit: Array  # [3] sRGB factor on a colour in the light
    shade: Array  # [3] sRGB factor in the shade, before the material's own tint
    rim: Array  # [3] sRGB colour added at the border that faces away from the key


def _arriving(harmonics: Array, direction: Wide) -> Wide:
    """[3] light on a surface with this normal, at least a tenth of the average."""
    by_color = harmonics.reshape(3, 9).astype(np.float64)
    weight = harmonic_basis(direction[None].astype(np.float32))[0].astype(np.float64) * _COSINE
    return np.asarray(np.maximum(by_color @ weight, 0.1 * by_color[:, 0] * weight[0]))


def _toward(harmonics: Array) -> Wide:
    """[3] the direction of most light: the gradient of the first band, never from behind."""
    y, z, x = harmonics.reshape(3, 9)[:, 1:4].sum(0)
    z = max(float(z), 0.15 * float(np.hypot(x, y)))
    return np.asarray(np.array([x, y, z]) / (np.linalg.norm([x, y, z]) + 1e-9))


def _measure_light(light: Light) -> tuple[Wide, Wide, Wide, Wide]:
    """The direction of the key; the light towards it, away from it, and from behind on the other side."""
    harmonics = light.harmonics()
    toward = _toward(harmonics)
    behind = np.array([-0.75 if toward[0] >= 0.0 else 0.75, 0.45, -0.48])
    average = harmonics.reshape(3, 9)[:, 0] * harmonic_basis(toward[None].astype(np.float32))[0, 0]
    shade = 0.5 * (average + _arriving(harmonics, -toward))
    return toward, _arriving(harmonics, toward), shade, _arriving(harmonics, behind)


_, _STUDIO_LIT, _STUDIO_SHADE, _STUDIO_BEHIND = _measure_light(studio())


def cel_light(light: Light) -> CelLight:
    """Reduces a light to two tones; studio light leaves colours unchanged."""
    toward, lit, shade, behind = _measure_light(light)
    rim = _RIM + _RIM_GAIN * np.maximum(behind / _STUDIO_BEHIND - 1.0, 0.0)
    return CelLight(
        toward.astype(np.float32),
        np.clip((lit / _STUDIO_LIT) ** _GAMMA, 0.42, 1.06).astype(np.float32),
        np.clip((shade / _STUDIO_SHADE) ** _GAMMA, 0.34, 1.05).astype(np.float32),
        np.clip(rim, 0.0, 0.6).astype(np.float32),
    )
