"""Rasterizes anime meshes: the arrays that the kernels share, and which triangle each sample sees."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..faces.rasterize import bounds, corner_weights

Array = NDArray[np.float32]
Index = NDArray[np.int32]

# Materials; those from IRIS on are drawn over the face, in the order of their triangles.
SKIN, BODY, EYE_WHITE, MOUTH, TEETH, TONGUE, HAIR, PLAIN, IRIS, PUPIL, HIGHLIGHT, MARK, LASH, LIP, BROW = range(15)
FIRST_OVERLAY = IRIS
# Labels of pixels, `Picture.material`.
LABEL_NONE, LABEL_SKIN, LABEL_EYE, LABEL_MOUTH, LABEL_HAIR, LABEL_BROW, LABEL_CLOTH, LABEL_OTHER = range(8)
# Columns of `Mesh.attribute`.
SCALP, BLUSH = range(2)  # on skin: hair (dm) and blush show where positive; on the body: x, y, z at rest, neckline
ALONG, ACROSS, TINT, LATITUDE = range(4)  # on hair: root to tip, round the lock, which colour, height on the skull
# Entries of `Textures.style`.
TONES, EDGE, SHADE, RIM, GLOW, GRAIN, INK, INK_TINT, PATTERN, IS_MESH = range(10)


class Mesh(NamedTuple):
    """Triangles in the camera's frame; a corner has its own position, normal and texture point."""

    screen: Array  # [C,3] pixel x, pixel y (down), distance from the camera in dm
    normal: Array  # [C,3] unit
    uv: Array  # [C,2], v down
    attribute: Array  # [C,4]
    triangle: Index  # [T,3]
    material: NDArray[np.int8]  # [T]
    label: NDArray[np.uint8]  # [T]
    group: NDArray[np.int16]  # [T] lines are drawn between groups
    picture: NDArray[np.int8]  # [T] row of `Textures.texture`, -1 for none
    color: Array  # [T,3] sRGB 0 to 1; a factor where there is a picture


class Textures(NamedTuple):
    """The pictures and colours of a character, sRGB 0 to 1."""

    texel: NDArray[np.uint8]  # [N] RGBA of every picture, one after another
    texture: NDArray[np.int64]  # [P,3] where it starts in `texel`, width, height
    skin: Array  # [3] factor on the skin picture
    skin_shade: Array  # [3] factor in the shade
    blush: Array  # [4] colour and strength
    cloth: Array  # [4,3] main, trim, jacket, choker
    jacket: bool
    choker: float  # half its height, dm; below 0 for none
    hair: Array  # [3,4,3] per tint: root, middle, tip, highlight
    hair_shade: Array  # [3]
    iris_dim: float  # how dark the upper part of the eye white is
    through: Array  # [2] how far eyes and brows show through the fringe
    ring: Array  # [3] height (radians), width and strength of the hair's highlight
    ink: Array  # [3] colour that lines are mixed with, by `INK_TINT`
    style: Array  # [10] tones 1 to 3, half width of their border (cosine), strength of the shade, of the rim light,
    # of a soft gradient, of brush marks, width of lines (1 is usual), how far lines take `ink`, pattern of the cloth,
    # whether the hair is one mesh whose locks have no edges of their own


class Tone(NamedTuple):
    """The light as two tones, and the offsets of shadows on the screen."""

    toward: Array  # [3]
    lit: Array  # [3]
    shade: Array  # [3]
    rim: Array  # [3]
    fringe: Array  # [2] samples to step right and down to meet what shades a point of the face
    chin: float  # samples to step up from the neck to the chin
    line: float  # radius of a line in samples


class Hits(NamedTuple):
    """What each sample of the picture sees."""

    depth: Array  # [H,W] dm, huge where nothing
    triangle: Index  # [H,W], -1 where nothing
    bary: Array  # [H,W,2]
    face_depth: Array  # [H,W] the same without hair
    face_material: NDArray[np.int8]  # [H,W]
    label: NDArray[np.uint8]  # [H,W]
    color: Array  # [H,W,4] sRGB, coverage
    group: NDArray[np.int16]  # [H,W] -1 where nothing
    line_width: Array  # [H,W] of the lines of this surface, 1 is usual
    rim: Array  # [H,W] how near this is to the edge of its lock, 0 to 1
    ink: Array  # [H,W,4] colour of a line here, coverage
    brow: Array  # [H,W,4] what is drawn over the lines: premultiplied colour, coverage


_SLACK_DM = 0.05  # depth under the skin at which brows and lashes still show
_THROUGH_DM = 0.75  # hair further in front of the face than this hides eyes and brows


@njit(cache=True, fastmath=True, nogil=True)
def bilinear(
    texel: NDArray[np.uint8], texture: NDArray[np.int64], picture: int, u: float, v: float, out: Array
) -> None:
    """RGBA of a picture of `Textures` between its four nearest texels, 0 to 1; clamped at the border."""
    start, width, height = texture[picture, 0], texture[picture, 1], texture[picture, 2]
    x = min(max(u * width - 0.5, 0.0), width - 1.001)
    y = min(max(v * height - 0.5, 0.0), height - 1.001)
    ix, iy = int(x), int(y)
    fx, fy = x - ix, y - iy
    p = start + (iy * width + ix) * 4
    q = p + width * 4
    for k in range(4):
        upper = (1.0 - fx) * texel[p + k] + fx * texel[p + 4 + k]
        lower = (1.0 - fx) * texel[q + k] + fx * texel[q + 4 + k]
        out[k] = ((1.0 - fy) * upper + fy * lower) / 255.0


@njit(cache=True, fastmath=True, nogil=True)
def draw(mesh: Mesh, hits: Hits, is_hair_pass: bool) -> None:
    """Draws opaque triangles, the nearest one of each sample: first the face, then hair and accessories."""
    rows, columns = hits.depth.shape
    for t in range(mesh.triangle.shape[0]):
        material = mesh.material[t]
        two_sided = material in (HAIR, PLAIN)
        if material >= FIRST_OVERLAY or two_sided != is_hair_pass:
            continue
        a, b, c = mesh.triangle[t, 0], mesh.triangle[t, 1], mesh.triangle[t, 2]
        x0, y0, z0 = mesh.screen[a, 0], mesh.screen[a, 1], mesh.screen[a, 2]
        x1, y1, z1 = mesh.screen[b, 0], mesh.screen[b, 1], mesh.screen[b, 2]
        x2, y2, z2 = mesh.screen[c, 0], mesh.screen[c, 1], mesh.screen[c, 2]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0.0 or (area > 0.0 and not two_sided):
            continue
        left, right = bounds(min(x0, x1, x2), max(x0, x1, x2), columns)
        top, bottom = bounds(min(y0, y1, y2), max(y0, y1, y2), rows)
        scale = 1.0 / area
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                w0, w1, w2 = corner_weights(x, y, x0, y0, x1, y1, x2, y2, scale)
                if w0 < 0.0 or w1 < 0.0 or w2 < 0.0:
                    continue
                z = w0 * z0 + w1 * z1 + w2 * z2
                if z >= hits.depth[y, x]:
                    continue
                if material == TEETH:  # teeth show in an open mouth, never through a lip
                    under = hits.face_material[y, x]
                    if under != MOUTH and under != TEETH and under != TONGUE:
                        continue
                hits.depth[y, x] = z
                hits.triangle[y, x] = t
                hits.bary[y, x, 0] = w0
                hits.bary[y, x, 1] = w1
                hits.label[y, x] = mesh.label[t]
                if not is_hair_pass:
                    hits.face_depth[y, x] = z
                    hits.face_material[y, x] = material


@njit(cache=True, fastmath=True, nogil=True)
def draw_overlay(mesh: Mesh, textures: Textures, tone: Tone, hits: Hits) -> None:
    """Draws irises (only on the white of the eye), lashes and lips; brows into a layer that goes over the lines."""
    rows, columns = hits.depth.shape
    rgba = np.empty(4, np.float32)
    for t in range(mesh.triangle.shape[0]):
        material = mesh.material[t]
        if material < FIRST_OVERLAY:
            continue
        a, b, c = mesh.triangle[t, 0], mesh.triangle[t, 1], mesh.triangle[t, 2]
        x0, y0, z0 = mesh.screen[a, 0], mesh.screen[a, 1], mesh.screen[a, 2]
        x1, y1, z1 = mesh.screen[b, 0], mesh.screen[b, 1], mesh.screen[b, 2]
        x2, y2, z2 = mesh.screen[c, 0], mesh.screen[c, 1], mesh.screen[c, 2]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0.0 or (area > 0.0 and (material in (IRIS, PUPIL, HIGHLIGHT))):
            continue
        left, right = bounds(min(x0, x1, x2), max(x0, x1, x2), columns)
        top, bottom = bounds(min(y0, y1, y2), max(y0, y1, y2), rows)
        scale = 1.0 / area
        on_white = material in (IRIS, PUPIL, HIGHLIGHT)
        through = textures.through[1] if material == BROW else textures.through[0]
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                w0, w1, w2 = corner_weights(x, y, x0, y0, x1, y1, x2, y2, scale)
                if w0 < 0.0 or w1 < 0.0 or w2 < 0.0:
                    continue
                z = w0 * z0 + w1 * z1 + w2 * z2
                face = hits.face_depth[y, x]
                if on_white:
                    if hits.face_material[y, x] != EYE_WHITE:
                        continue
                elif z > face + _SLACK_DM:
                    continue
                alpha = 1.0
                in_front = min(z, face) - hits.depth[y, x]
                if in_front > 0.004 and hits.triangle[y, x] >= 0:
                    if mesh.material[hits.triangle[y, x]] != HAIR or in_front > _THROUGH_DM:
                        continue
                    alpha = through
                if alpha <= 0.0 or (material == MARK and hits.face_material[y, x] != SKIN):
                    continue
                if material == MARK:
                    alpha *= w0 * mesh.uv[a, 0] + w1 * mesh.uv[b, 0] + w2 * mesh.uv[c, 0]
                for k in range(3):
                    rgba[k] = mesh.color[t, k]
                if mesh.picture[t] >= 0:
                    u = w0 * mesh.uv[a, 0] + w1 * mesh.uv[b, 0] + w2 * mesh.uv[c, 0]
                    v = w0 * mesh.uv[a, 1] + w1 * mesh.uv[b, 1] + w2 * mesh.uv[c, 1]
                    bilinear(textures.texel, textures.texture, mesh.picture[t], u, v, rgba)
                    alpha *= rgba[3]
                for k in range(3):
                    rgba[k] *= min(tone.lit[k], 1.0)
                if material == BROW:
                    for k in range(3):
                        hits.brow[y, x, k] += alpha * (rgba[k] - hits.brow[y, x, k])
                    hits.brow[y, x, 3] += alpha * (1.0 - hits.brow[y, x, 3])
                else:
                    for k in range(3):
                        hits.color[y, x, k] += alpha * (rgba[k] - hits.color[y, x, k])
                if alpha > 0.5 and material != MARK:
                    hits.label[y, x] = mesh.label[t]
