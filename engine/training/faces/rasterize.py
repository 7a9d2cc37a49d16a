"""Rasterizes triangles and strands, and casts shadows: the arrays that the kernels share, and what each sample sees."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float32]
Index = NDArray[np.int32]
Bytes = NDArray[np.uint8]

# Materials of triangles; CAVITY is the inside of the mouth, LENS the glass of glasses.
SKIN, EYE, TEETH, TONGUE, CLOTH, CAVITY, FRAME, LENS = range(8)
MATERIALS = 8
# Kinds of strands.
HAIR, BEARD, BROW, LASH, LOWER_LASH = range(5)
# What a pixel of the `material` label shows.
NONE, LABEL_SKIN, LABEL_EYE, LABEL_MOUTH, LABEL_HAIR, LABEL_BROW, LABEL_CLOTH, LABEL_GLASSES = range(8)
LABELS = ("none", "skin", "eye", "mouth", "hair", "brow", "cloth", "glasses")
LABEL_OF = np.array(
    [LABEL_SKIN, LABEL_EYE, LABEL_MOUTH, LABEL_MOUTH, LABEL_CLOTH, LABEL_MOUTH, LABEL_GLASSES, LABEL_GLASSES], np.uint8
)
# Columns of `Mesh.mask`.
LIP, CHEEK, SCALP, STUBBLE = range(4)
MASKS = 4


class Mesh(NamedTuple):
    """Triangles in the camera's frame; a corner has its own position, normal and texture point."""

    screen: Array  # [C,3] sample x, sample y (down), distance from the camera in dm
    position: Array  # [C,3] dm
    normal: Array  # [C,3] unit
    uv: Array  # [C,2], v up
    mask: Array  # [C,4] lips, cheeks, scalp under hair, shaved beard; 0 to 1
    triangle: Index  # [T,3]
    material: NDArray[np.int8]  # [T]


class Strands(NamedTuple):
    """Hair, beard, brows and lashes in the camera's frame; strand s has points `start[s]` to `start[s + 1]`."""

    point: Array  # [N,3] dm, root first
    outward: Array  # [N,3] unit, away from what the strand grows on
    screen: Array  # [N,3] sample x, sample y, distance from the camera in dm
    start: Index  # [S+1]
    kind: NDArray[np.int8]  # [S]
    color: Array  # [S,3] linear RGB
    width: Array  # [S] dm at the root
    shift: Array  # [S] by how much this strand's highlights are shifted


class Textures(NamedTuple):
    """Every texture one after another, with the parameters of each material."""

    texel: Bytes  # [N] RGBA
    texture: NDArray[np.int64]  # [MATERIALS,3] where it starts in `texel`, width, height
    tint: Array  # [MATERIALS,3] linear RGB factor
    slope: NDArray[np.int8]  # [H,W,2] slopes of the skin's height along u and v, in 1/64
    lip: Array  # [4] linear RGB and opacity of lip colour
    blush: Array  # [4] the same for cheeks
    scalp: Array  # [4] the same for what shows between hairs
    stubble: Array  # [4] the same for a shaved beard
    gloss: float  # strength of the skin's shine
    iris: Array  # [3] linear RGB
    pupil: float  # radius of the pupil over that of the iris


class Lights(NamedTuple):
    """Directional lights, their shadow maps, and the surroundings that eyes mirror."""

    direction: Array  # [L,3]
    color: Array  # [L,3]
    clip: Array  # [L,3,4] position in dm to shadow-map pixel x, y and depth
    shadow: Array  # [L,S,S] nearest opaque depth
    hair_front: Array  # [L,S,S] nearest depth of hair
    hair_thick: Array  # [L,S,S] optical thickness of the hair
    fill: Array  # [3] ambient light from inter-reflection
    mirror: Array  # [H,W,3] radiance by direction: rows from up to down, columns by azimuth from the back


class Hits(NamedTuple):
    """What each sample of the picture sees."""

    depth: Array  # [H,W] dm, huge where nothing
    triangle: Index  # [H,W], -1 where nothing
    bary: Array  # [H,W,2]
    overlay: Array  # [H,W,5] strands on top: premultiplied radiance, coverage, and the part of it that is brow or lash
    lens: Array  # [H,W,4] reflected light and coverage of glass


FAR = np.float32(1e9)
_DEPTH_BINS = 2048
_BROW_SLACK_DM = np.float32(0.03)  # brows lie close to skin that is coarser than they are
_LASH_SLACK_DM = np.float32(0.03)  # upper lashes lie on the lower lid where the eye is closed
_EYE_BEHIND_DM = np.float32(0.02)  # lids are coarse, and the ball must not show through closed ones
_SLACK_DM = np.float32(0.006)
_HIDDEN_DM = np.float32(0.05)
_SHADOW_STRANDS = 4  # one strand in so many casts a shadow, for all of them


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def texel_at(textures: Textures, material: int, u: float, v: float, channel: int) -> float:
    """One channel of the nearest texel, 0 to 255; textures repeat."""
    start, width, height = textures.texture[material]
    x = int(u * width) % width
    y = int((1.0 - v) * height) % height
    return float(textures.texel[start + (y * width + x) * 4 + channel])


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def bounds(low: float, high: float, size: int) -> tuple[int, int]:
    """The first and the last sample whose centre may lie between the two."""
    return max(int(math.ceil(low - 0.5)), 0), min(int(math.floor(high - 0.5)), size - 1)


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def corner_weights(
    x: int, y: int, x0: float, y0: float, x1: float, y1: float, x2: float, y2: float, scale: float
) -> tuple[float, float, float]:
    """Barycentric coordinates of a sample's centre; one is negative outside the triangle. `scale` is 1 / area."""
    px, py = x + 0.5, y + 0.5
    w0 = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) * scale
    w1 = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) * scale
    return w0, w1, 1.0 - w0 - w1


@njit(cache=True, fastmath=True, nogil=True)
def draw(mesh: Mesh, textures: Textures, hits: Hits) -> None:
    """Draws opaque triangles: keeps the nearest one of each sample."""
    rows, columns = hits.depth.shape
    for t in range(mesh.triangle.shape[0]):
        material = mesh.material[t]
        if material == LENS:
            continue
        a, b, c = mesh.triangle[t]
        x0, y0, z0 = mesh.screen[a]
        x1, y1, z1 = mesh.screen[b]
        x2, y2, z2 = mesh.screen[c]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0.0 or (material != CLOTH and material != FRAME and area > 0.0):
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
                if material == EYE:
                    z += _EYE_BEHIND_DM
                if z >= hits.depth[y, x]:
                    continue
                if material in (EYE, CLOTH):
                    u = w0 * mesh.uv[a, 0] + w1 * mesh.uv[b, 0] + w2 * mesh.uv[c, 0]
                    v = w0 * mesh.uv[a, 1] + w1 * mesh.uv[b, 1] + w2 * mesh.uv[c, 1]
                    if texel_at(textures, material, u, v, 3) < 128.0:
                        continue
                hits.depth[y, x] = z
                hits.triangle[y, x] = t
                hits.bary[y, x, 0] = w0
                hits.bary[y, x, 1] = w1


# Strands.


@njit(cache=True, fastmath=True, nogil=True)
def mark_visible_points(strands: Strands, hits: Hits, visible: Bytes) -> None:
    """Sets `visible` [N] to 1 for points that lie in the picture and not far behind something opaque, else to 0."""
    rows, columns = hits.depth.shape
    for i in range(strands.screen.shape[0]):
        x, y, z = strands.screen[i]
        ix, iy = int(x), int(y)
        if x < -8.0 or y < -8.0 or ix >= columns + 8 or iy >= rows + 8:
            visible[i] = 0
            continue
        ix, iy = min(max(ix, 0), columns - 1), min(max(iy, 0), rows - 1)
        visible[i] = 1 if z < hits.depth[iy, ix] + _HIDDEN_DM else 0


@njit(cache=True, fastmath=True, nogil=True)
def sort_far_first(strands: Strands, visible: Bytes) -> tuple[Index, Index]:
    """First points of the visible segments, farthest first, and the strand of each."""
    count, low, high = 0, float(FAR), -float(FAR)
    for s in range(strands.start.shape[0] - 1):
        for i in range(strands.start[s], strands.start[s + 1] - 1):
            if visible[i] or visible[i + 1]:
                count += 1
                z = strands.screen[i, 2] + strands.screen[i + 1, 2]
                low, high = min(low, float(z)), max(high, float(z))
    scale = (_DEPTH_BINS - 1) / max(high - low, 1e-6)
    first = np.zeros(_DEPTH_BINS + 1, np.int32)
    for s in range(strands.start.shape[0] - 1):
        for i in range(strands.start[s], strands.start[s + 1] - 1):
            if visible[i] or visible[i + 1]:
                z = strands.screen[i, 2] + strands.screen[i + 1, 2]
                first[int((high - z) * scale) + 1] += 1
    for k in range(_DEPTH_BINS):
        first[k + 1] += first[k]
    order, owner = np.empty(count, np.int32), np.empty(count, np.int32)
    for s in range(strands.start.shape[0] - 1):
        for i in range(strands.start[s], strands.start[s + 1] - 1):
            if visible[i] or visible[i + 1]:
                z = strands.screen[i, 2] + strands.screen[i + 1, 2]
                k = int((high - z) * scale)
                order[first[k]] = i
                owner[first[k]] = s
                first[k] += 1
    return order, owner


@njit(cache=True, fastmath=True, nogil=True)
def draw_strands(
    strands: Strands, lit: Array, order: Index, owner: Index, samples_per_tangent: float, hits: Hits
) -> None:
    """Draws segments over the picture, farthest first, as tapering lines with exact coverage across."""
    rows, columns = hits.depth.shape
    for n in range(order.shape[0]):
        i, s = order[n], owner[n]
        first, last = strands.start[s], strands.start[s + 1] - 1
        kind = strands.kind[s]
        x0, y0, z0 = strands.screen[i]
        x1, y1, z1 = strands.screen[i + 1]
        is_steep = abs(y1 - y0) > abs(x1 - x0)
        if is_steep:
            x0, y0, x1, y1 = y0, x0, y1, x1
        length = math.sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2)
        if length < 1e-4:
            continue
        run = x1 - x0
        if abs(run) < 1e-6:
            continue
        t0, t1 = (i - first) / (last - first), (i + 1 - first) / (last - first)
        thick = strands.width[s] * samples_per_tangent / (0.5 * (z0 + z1))
        lean = abs(run) / length  # from the distance along the other axis to that across the line
        begin, end = (x0, x1) if run > 0.0 else (x1, x0)
        a, b = int(math.ceil(begin - 0.5)), int(math.ceil(end - 0.5))
        limit, across = (rows, columns) if is_steep else (columns, rows)
        slack = _BROW_SLACK_DM if kind == BROW else _LASH_SLACK_DM if kind == LASH else _SLACK_DM
        fine = 1.0 if kind >= BROW else 0.0
        for major in range(max(a, 0), min(b, limit)):
            f = (major + 0.5 - x0) / run
            t = t0 + f * (t1 - t0)
            taper = 1.0 - t * t * 0.9 if kind < LASH else 1.0 - 0.93 * t
            wide = thick * taper
            alpha = min(wide, 1.0)
            half = 0.5 * max(wide, 1.0)
            minor = y0 + f * (y1 - y0)
            z = z0 + f * (z1 - z0)
            reach = (half + 0.5) / lean
            low, high = int(math.floor(minor - reach)), int(math.ceil(minor + reach))
            for other in range(max(low, 0), min(high + 1, across)):
                cover = min(half + 0.5 - abs(other + 0.5 - minor) * lean, 1.0)
                if cover <= 0.01:
                    continue
                y, x = (major, other) if is_steep else (other, major)
                if z > hits.depth[y, x] + slack:
                    continue
                o = cover * alpha
                old = hits.overlay[y, x]
                for k in range(3):
                    c = lit[i, k] + f * (lit[i + 1, k] - lit[i, k])
                    old[k] += o * (c - old[k])
                old[3] += o * (1.0 - old[3])
                old[4] += o * (fine - old[4])


# Shadows.


@njit(cache=True, fastmath=True, nogil=True)
def cast_shadows(position: Array, triangle: Index, clip: Array, shadow: Array) -> None:
    """Fills the shadow maps `shadow` [L,S,S] with the depth of the nearest of these triangles."""
    size = shadow.shape[1]
    point = np.empty((position.shape[0], 3), np.float32)
    for light in range(clip.shape[0]):
        for i in range(position.shape[0]):
            for k in range(3):
                row = clip[light, k]
                point[i, k] = row[0] * position[i, 0] + row[1] * position[i, 1] + row[2] * position[i, 2] + row[3]
        for t in range(triangle.shape[0]):
            a, b, c = triangle[t]
            x0, y0, z0 = point[a]
            x1, y1, z1 = point[b]
            x2, y2, z2 = point[c]
            left, right = bounds(min(x0, x1, x2), max(x0, x1, x2), size)
            top, bottom = bounds(min(y0, y1, y2), max(y0, y1, y2), size)
            if left > right or top > bottom:
                continue
            area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
            if area == 0.0:
                continue
            scale = 1.0 / area
            for y in range(top, bottom + 1):
                for x in range(left, right + 1):
                    w0, w1, w2 = corner_weights(x, y, x0, y0, x1, y1, x2, y2, scale)
                    if w0 >= 0.0 and w1 >= 0.0 and w2 >= 0.0:
                        z = w0 * z0 + w1 * z1 + w2 * z2
                        shadow[light, y, x] = min(shadow[light, y, x], z)


@njit(cache=True, fastmath=True, nogil=True)
def cast_hair(strands: Strands, pixels_per_dm: float, lights: Lights) -> None:
    """Fills the maps of hair with the depth where it begins and its thickness (deep opacity, one layer)."""
    size = lights.shadow.shape[1]
    for light in range(lights.clip.shape[0]):
        c = lights.clip[light]
        front, thick = lights.hair_front[light], lights.hair_thick[light]
        for s in range(0, strands.start.shape[0] - 1):
            kind = strands.kind[s]
            if kind >= BROW or s % _SHADOW_STRANDS != 0:
                continue
            begin, end = strands.start[s], strands.start[s + 1]
            area = strands.width[s] * 0.7 * pixels_per_dm * pixels_per_dm * _SHADOW_STRANDS
            for i in range(begin, end):
                x, y, z = strands.point[i]
                j = i + 1 if i + 1 < end else i - 1
                ax, ay, az = strands.point[j]
                dx = c[0, 0] * (ax - x) + c[0, 1] * (ay - y) + c[0, 2] * (az - z)
                dy = c[1, 0] * (ax - x) + c[1, 1] * (ay - y) + c[1, 2] * (az - z)
                # The area that the segment covers, seen from the light.
                covers = math.sqrt(dx * dx + dy * dy) / pixels_per_dm * area
                sx = c[0, 0] * x + c[0, 1] * y + c[0, 2] * z + c[0, 3] - 0.5
                sy = c[1, 0] * x + c[1, 1] * y + c[1, 2] * z + c[1, 3] - 0.5
                if sx < 0.0 or sy < 0.0 or sx >= size - 1.0 or sy >= size - 1.0:
                    continue
                depth = c[2, 0] * x + c[2, 1] * y + c[2, 2] * z + c[2, 3]
                ix, iy = int(sx), int(sy)
                fx, fy = sx - ix, sy - iy
                for v in range(2):
                    for u in range(2):
                        w = (fx if u else 1.0 - fx) * (fy if v else 1.0 - fy)
                        thick[iy + v, ix + u] += w * covers
                        front[iy + v, ix + u] = min(front[iy + v, ix + u], depth)


@njit(cache=True, fastmath=True, nogil=True)
def draw_lens(mesh: Mesh, hits: Hits, tint: float, mirrored: Array) -> None:
    """Draws glass over the picture: it absorbs `tint` and reflects `mirrored` [C,3] at its corners."""
    rows, columns = hits.depth.shape
    for t in range(mesh.triangle.shape[0]):
        if mesh.material[t] != LENS:
            continue
        a, b, c = mesh.triangle[t]
        x0, y0, z0 = mesh.screen[a]
        x1, y1, z1 = mesh.screen[b]
        x2, y2, z2 = mesh.screen[c]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0.0:
            continue
        left, right = bounds(min(x0, x1, x2), max(x0, x1, x2), columns)
        top, bottom = bounds(min(y0, y1, y2), max(y0, y1, y2), rows)
        scale = 1.0 / area
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                w0, w1, w2 = corner_weights(x, y, x0, y0, x1, y1, x2, y2, scale)
                if w0 < 0.0 or w1 < 0.0 or w2 < 0.0 or w0 * z0 + w1 * z1 + w2 * z2 > hits.depth[y, x]:
                    continue
                for k in range(3):
                    hits.lens[y, x, k] = w0 * mirrored[a, k] + w1 * mirrored[b, k] + w2 * mirrored[c, k]
                hits.lens[y, x, 3] = tint
