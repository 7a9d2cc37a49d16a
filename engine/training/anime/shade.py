"""Shades samples in two tones, draws lines between groups, and resolves samples into the picture."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .rasterize import (
    ACROSS,
    ALONG,
    BLUSH,
    BODY,
    EDGE,
    EYE_WHITE,
    GLOW,
    GRAIN,
    HAIR,
    INK,
    INK_TINT,
    IS_MESH,
    LABEL_CLOTH,
    LABEL_HAIR,
    LABEL_NONE,
    LABEL_OTHER,
    LATITUDE,
    PATTERN,
    PLAIN,
    RIM,
    SCALP,
    SHADE,
    SKIN,
    TINT,
    TONES,
    Array,
    Hits,
    Mesh,
    Textures,
    Tone,
    bilinear,
)

FACE_GROUP, BODY_GROUP, CLOTH_GROUP, JACKET_GROUP, SCALP_GROUP, EYE_GROUP, MOUTH_GROUP, FIRST_LOCK = range(8)
_TRIM_DM = 0.055
_THIRD_TONE, _THIRD_AT = 0.80, -0.42  # brightness of the deepest tone, and how much further from the light it begins


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def _step(low: float, high: float, x: float) -> float:
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    smooth: float = t * t * (3.0 - 2.0 * t)
    return smooth


@njit(cache=True, fastmath=True, nogil=True)
def cloth_at(neckline: int, x: float, y: float, z: float) -> float:
    """Depth (dm) of a point of the resting body inside cloth, for a row of `character.NECKLINES`."""
    # Ellipses seen from the front: functions of x and y alone stay smooth on coarse triangles.
    side = abs(x)
    wide, low = 0.60, 0.46
    if neckline == 2:
        wide, low = 1.02, 0.30
    elif neckline == 5:
        wide, low = 0.74, 0.62
    high = y - 12.86
    if high > 0.0:
        low = 3.0
    elif z < -0.1:
        low = 0.20
    ring = (math.sqrt((side / wide) ** 2 + (high / low) ** 2) - 1.0) * 0.5
    deep = 9.0
    if z > -0.1 and (neckline == 1 or neckline == 4):
        deep = (side - 0.55 * (y - (11.95 if neckline == 1 else 11.75))) * 0.87
    elif neckline == 3:
        ring = 13.05 - y
    elif neckline == 5:
        deep = 1.12 - side
    return min(ring, deep)


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def jacket_at(x: float, y: float, z: float) -> float:
    """Depth (dm) of a point of the resting body inside an open jacket."""
    opening = abs(x) - 0.40 - 0.38 * (y - 12.0) if z > -0.1 else 9.0
    return min(opening, math.sqrt(x * x + (z + 0.1) ** 2) - 0.58, 12.86 - y)


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def _is_patterned(pattern: int, x: float, y: float) -> bool:
    """Whether a point of the resting body has the second colour of a pattern."""
    if pattern == 1:
        return y * 4.0 % 1.0 < 0.5
    if pattern == 2:
        return x * 5.0 % 1.0 < 0.14
    if pattern == 3:
        return x > 0.0
    if pattern == 4:
        return (x * 3.0 % 1.0 < 0.5) != (y * 3.0 % 1.0 < 0.5)
    return False


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def _brush(x: float, y: float, z: float) -> float:
    """Broad brush strokes on the surface, -1 to 1."""
    a = math.sin(x * 11.0 + 5.0 * math.sin(y * 4.3 + z * 3.1)) * math.sin(y * 7.0 - x * 5.0 + 2.0 * math.sin(z * 6.0))
    b: float = 0.7 * a + 0.3 * math.sin(x * 31.0 + y * 23.0 + 4.0 * a)
    return b


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def _strands(lock: int, across: float) -> float:
    """A value from -1 to 1 that varies between strands of a lock, for the jags of the highlight."""
    x = across * 9.0 + lock * 3.7
    i = math.floor(x)
    f = x - i
    f = f * f * (3.0 - 2.0 * f)
    a = math.sin(i * 127.1 + lock * 311.7) * 43758.5
    b = math.sin((i + 1.0) * 127.1 + lock * 311.7) * 43758.5
    return 2.0 * ((a - math.floor(a)) * (1.0 - f) + (b - math.floor(b)) * f) - 1.0


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def _hair(hair: Array, tint: int, along: float, k: int) -> float:
    """Colour of a lock from root to tip."""
    value: float = hair[tint, 0, k] + (hair[tint, 1, k] - hair[tint, 0, k]) * _step(0.0, 0.5, along)
    value += (hair[tint, 2, k] - hair[tint, 1, k]) * _step(0.5, 1.0, along)
    return value


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def _is_under_fringe(
    depth: Array, triangle: NDArray[np.int32], material: NDArray[np.int8], y: int, x: int, down: int, right: int
) -> bool:
    """Whether hair towards the light shades this sample of the face."""
    sy, sx = y + down, x + right
    if sy < 0 or sx < 0 or sy >= depth.shape[0] or sx >= depth.shape[1]:
        return False
    t = triangle[sy, sx]
    is_dark: bool = t >= 0 and material[t] == HAIR and 0.03 < depth[y, x] - depth[sy, sx] < 1.2
    return is_dark


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def _is_under_chin(depth: Array, face_depth: Array, face_material: NDArray[np.int8], y: int, x: int, up: int) -> bool:
    """Whether the chin shades this sample of the neck."""
    sy = y - up
    is_dark: bool = sy >= 0 and face_material[sy, x] != BODY and 0.10 < depth[y, x] - face_depth[sy, x] < 1.1
    return is_dark


@njit(cache=True, fastmath=True, nogil=True)
def shade(mesh: Mesh, textures: Textures, tone: Tone, hits: Hits) -> None:
    """Writes the colour and the group of every sample."""
    rows, columns = hits.depth.shape
    right, down, chin = int(tone.fringe[0]), int(tone.fringe[1]), int(tone.chin)
    n, at = np.empty(3, np.float32), np.empty(4, np.float32)
    base, dark, rgba = np.empty(3, np.float32), np.empty(3, np.float32), np.empty(4, np.float32)
    for y in range(rows):
        for x in range(columns):
            t = hits.triangle[y, x]
            if t < 0:
                continue
            a, b, c = mesh.triangle[t, 0], mesh.triangle[t, 1], mesh.triangle[t, 2]
            material, group = mesh.material[t], int(mesh.group[t])
            w0, w1 = hits.bary[y, x, 0], hits.bary[y, x, 1]
            w2 = np.float32(1.0) - w0 - w1
            for k in range(3):
                n[k] = w0 * mesh.normal[a, k] + w1 * mesh.normal[b, k] + w2 * mesh.normal[c, k]
            for k in range(4):
                at[k] = w0 * mesh.attribute[a, k] + w1 * mesh.attribute[b, k] + w2 * mesh.attribute[c, k]
            u = w0 * mesh.uv[a, 0] + w1 * mesh.uv[b, 0] + w2 * mesh.uv[c, 0]
            v = w0 * mesh.uv[a, 1] + w1 * mesh.uv[b, 1] + w2 * mesh.uv[c, 1]
            scale = 1.0 / math.sqrt(n[0] * n[0] + n[1] * n[1] + n[2] * n[2] + 1e-9)
            if (material in (HAIR, PLAIN)) and n[2] < 0.0:
                scale = -scale
            for k in range(3):
                n[k] *= scale
            cosine = n[0] * tone.toward[0] + n[1] * tone.toward[1] + n[2] * tone.toward[2]
            shine, rim, bias, keeps_light = 0.0, 0.0, 0.0, False
            cover, jacket, is_choker = 0.0, -1.0, False
            if material == BODY:
                if textures.jacket:
                    jacket = jacket_at(at[0], at[1], at[2])
                cover = cloth_at(int(at[3] + 0.5), at[0], at[1], at[2])
                is_choker = (
                    abs(at[1] - 12.80 + 0.10 * at[2]) < textures.choker and at[0] ** 2 + (at[2] + 0.1) ** 2 < 0.24
                )
            if material == HAIR or (material == SKIN and at[SCALP] > 0.0):
                tint = 0
                along, across, latitude = np.float32(0.03), u * 4.0, np.float32(9.0)
                if material == HAIR:
                    tint, along, across, latitude = int(at[TINT] + 0.5), at[ALONG], at[ACROSS], at[LATITUDE]
                else:
                    group = SCALP_GROUP
                    hits.label[y, x] = LABEL_HAIR
                for k in range(3):
                    base[k] = _hair(textures.hair, tint, along, k)
                if mesh.picture[t] >= 0 and material == HAIR:
                    bilinear(textures.texel, textures.texture, mesh.picture[t], u, v, rgba)
                    for k in range(3):
                        if tint == 2:
                            base[k] *= rgba[k]
                        else:
                            base[k] *= 1.0 + 0.5 * (rgba[k] - 0.75)
                for k in range(3):
                    dark[k] = base[k] * textures.hair_shade[k]
                jag = _strands(group, across)
                off = abs(latitude - textures.ring[0] - 0.035 * jag) / (textures.ring[1] * (0.55 + 0.45 * jag))
                facing = _step(0.15, 0.75, n[2]) * _step(-0.15, 0.45, cosine)
                shine = textures.ring[2] * (1.0 - _step(0.55, 1.0, off)) * facing if tint < 2 else 0.0
                if shine > 0.0:
                    for k in range(3):
                        base[k] += shine * (textures.hair[tint, 3, k] - base[k])
                bias, rim = 0.08, 1.0
                hits.rim[y, x] = 1.0 if textures.style[IS_MESH] > 0.0 else min(abs(u - 0.5) * 2.0, 1.0)
                hits.line_width[y, x] = 1.0 - 0.6 * _step(0.7, 1.0, along)  # lines taper with the lock
            elif material == SKIN or (material == BODY and cover <= 0.0 and jacket <= 0.0 and not is_choker):
                bilinear(textures.texel, textures.texture, mesh.picture[t], u, v, rgba)
                glow = textures.blush[3] * min(max(at[BLUSH], 0.0), 1.0) if material == SKIN else 0.0
                for k in range(3):
                    base[k] = rgba[k] * textures.skin[k]
                    base[k] += glow * (base[k] * textures.blush[k] - base[k])
                    dark[k] = base[k] * textures.skin_shade[k]
                bias, rim = -0.12, 0.45
            elif material == BODY:
                row, group, tuck = 0, CLOTH_GROUP, 1.0
                hits.label[y, x] = LABEL_CLOTH
                if cover < (_TRIM_DM if at[3] < 3.5 or at[3] > 4.5 else 0.30):
                    row = 1
                if cover <= 0.0:
                    row = 3
                    hits.label[y, x] = LABEL_OTHER
                if row == 0 and _is_patterned(int(textures.style[PATTERN]), at[0], at[1]):
                    row = 1
                if jacket > 0.0:
                    row, group = 2, JACKET_GROUP
                    tuck = 0.86 if 0.13 < jacket < 0.155 else 1.0
                    hits.label[y, x] = LABEL_CLOTH
                for k in range(3):
                    base[k] = textures.cloth[row, k] * tuck
                    dark[k] = base[k] * (0.70 + 0.07 * (k == 2))
                rim = 0.5
            elif material == EYE_WHITE:
                bilinear(textures.texel, textures.texture, mesh.picture[t], u, v, rgba)
                for k in range(3):
                    base[k] = 0.985 - textures.iris_dim * (1.0 - rgba[k]) * (1.0 - 0.12 * (k == 2))
                    dark[k] = base[k] * (0.80 + 0.05 * (k == 2))
                keeps_light = True
            elif material == PLAIN:
                for k in range(3):
                    base[k] = mesh.color[t, k]
                    dark[k] = base[k] * (0.68 + 0.06 * (k == 2))
                rim = 0.6
            else:
                for k in range(3):
                    base[k] = mesh.color[t, k]
                    dark[k] = base[k] * 0.85
                keeps_light = True
            if textures.style[GRAIN] > 0.0:
                stroke = textures.style[GRAIN] * _brush(0.3 * n[0] + 0.12 * u, 0.3 * n[1] + 0.12 * v, 0.3 * n[2])
                cosine += 0.10 * stroke
                for k in range(3):
                    base[k] *= 1.0 + 0.02 * stroke
            edge_width, tones = textures.style[EDGE], int(textures.style[TONES])
            light = 1.0 if keeps_light or tones < 2 else _step(bias - edge_width, bias + edge_width, cosine)
            is_hair = material == HAIR or group == SCALP_GROUP
            if tones >= 2 and light > 0.0 and not is_hair:
                is_dark = _is_under_fringe(hits.depth, hits.triangle, mesh.material, y, x, down, right)
                if material == BODY and not is_dark:
                    is_dark = _is_under_chin(hits.depth, hits.face_depth, hits.face_material, y, x, chin)
                light = 0.0 if is_dark else light
            deep = 1.0
            if tones >= 3 and not keeps_light:
                at_deep = bias + _THIRD_AT
                deep -= (1.0 - _THIRD_TONE) * (1.0 - _step(at_deep - edge_width, at_deep + edge_width, cosine))
            rise = 1.0
            if textures.style[GLOW] > 0.0 and not keeps_light:
                rise += textures.style[GLOW] * 0.30 * (min(max(cosine, -1.0), 1.0) - 0.35)
            rim *= textures.style[RIM]
            edge = _step(0.48, 0.72, 1.0 - max(n[2], 0.0)) * rim
            away = min(max(0.5 - 0.8 * n[0] * (1.0 if tone.toward[0] >= 0.0 else -1.0), 0.0), 1.0)
            for k in range(3):
                lit, shadow = base[k] * tone.lit[k], dark[k] * tone.shade[k] * deep
                shadow = lit + min(textures.style[SHADE], 1.3) * (shadow - lit)
                value = (shadow + light * (lit - shadow)) * rise
                value += edge * away * tone.rim[k] * (0.4 + 0.6 * base[k])
                hits.color[y, x, k] = min(max(value, 0.0), 1.0)
            hits.color[y, x, 3] = 1.0
            hits.group[y, x] = group


@njit(cache=True, fastmath=True, nogil=True, inline="always")
def _strength(near: int, far: int, step: float, rim: float) -> float:
    """The strength of a line between two groups `step` dm apart; `rim` is 1 at the edge of the nearer lock."""
    low, high = min(near, far), max(near, far)
    strength = 1.0
    if far < 0:
        pass
    elif near == far:
        strength = _step(0.5, 0.9, step) if near < FIRST_LOCK else 0.0
    elif low >= FIRST_LOCK or (low == SCALP_GROUP and high >= FIRST_LOCK):
        # An edge has a line even where locks touch, or it would look dashed, but not where they intersect.
        strength = max(0.9 * _step(0.04, 0.11, step), 0.65 * _step(0.25, 0.45, rim))
    elif high == MOUTH_GROUP:
        strength = 0.8
    elif low == FACE_GROUP and high in (SCALP_GROUP, EYE_GROUP):
        strength = _step(0.16, 0.28, step)
    elif low == FACE_GROUP and high == BODY_GROUP:
        strength = _step(0.10, 0.20, step)
    return strength


@njit(cache=True, fastmath=True, nogil=True)
def _is_sliver(group: NDArray[np.int16], y: int, x: int) -> bool:
    """Whether a sample is one of few of its group, as between lips that almost close."""
    rows, columns = group.shape
    count = 0
    for j in range(max(y - 3, 0), min(y + 4, rows)):
        for i in range(max(x - 3, 0), min(x + 4, columns)):
            count += group[j, i] == group[y, x]
    return count < 14


@njit(cache=True, fastmath=True, nogil=True)
def ink(hits: Hits, textures: Textures, tone: Tone) -> None:
    """Draws lines of constant width where one group ends in front of another, in a dark tone of the nearer one."""
    rows, columns = hits.depth.shape
    reach = int(math.ceil(tone.line))
    if textures.style[INK] <= 0.0:
        return
    for y in range(rows):
        for x in range(columns):
            for way in range(2):
                y1, x1 = y + way, x + 1 - way
                if y1 >= rows or x1 >= columns:
                    continue
                g, h = hits.group[y, x], hits.group[y1, x1]
                if g < 0 and h < 0:
                    continue
                step = hits.depth[y1, x1] - hits.depth[y, x]
                if g == h and abs(step) < 0.1:
                    continue
                ny, nx, near, far = y, x, g, h
                if step < 0.0:
                    ny, nx, near, far = y1, x1, h, g
                step = abs(step)
                if near == far:  # a fold has a larger step than the slope of the nearer side
                    by, bx = 2 * ny - y - y1 + ny, 2 * nx - x - x1 + nx
                    if not (0 <= by < rows and 0 <= bx < columns):
                        continue
                    step -= 3.0 * abs(hits.depth[ny, nx] - hits.depth[by, bx])
                strength = _strength(near, far, step, hits.rim[ny, nx])
                if g == MOUTH_GROUP or h == MOUTH_GROUP:
                    my, mx = (y, x) if g == MOUTH_GROUP else (y1, x1)
                    if _is_sliver(hits.group, my, mx):
                        continue
                if strength < 0.25:
                    continue
                # Intersecting locks must not leave dots, and the neck must not speckle the jaw.
                cuts = min(g, h) >= SCALP_GROUP and strength < 0.8
                cuts = cuts or (min(g, h) == FACE_GROUP and max(g, h) == BODY_GROUP)
                if cuts and (_is_sliver(hits.group, y, x) or _is_sliver(hits.group, y1, x1)):
                    continue
                is_crack = near <= BODY_GROUP and (far >= SCALP_GROUP or far < 0)
                if is_crack and _is_sliver(hits.group, y + y1 - ny, x + x1 - nx):
                    continue
                front, radius = hits.depth[ny, nx] - 0.03, tone.line * hits.line_width[ny, nx]
                for j in range(-reach, reach + 2):
                    for i in range(-reach, reach + 2):
                        # The distance from the border between the two samples.
                        dy, dx = j - 0.5 * way, i - 0.5 * (1 - way)
                        cover = min(max(radius + 0.5 - math.sqrt(dx * dx + dy * dy), 0.0), 1.0) * strength
                        qy, qx = y + j, x + i
                        if cover <= 0.0 or not (0 <= qy < rows and 0 <= qx < columns):
                            continue
                        is_hidden = hits.depth[qy, qx] < front and hits.group[qy, qx] != near
                        if is_hidden or hits.ink[qy, qx, 3] >= cover:
                            continue
                        hits.ink[qy, qx, 3] = cover
                        if hits.label[qy, qx] == LABEL_NONE:
                            hits.label[qy, qx] = hits.label[ny, nx]
                        warm = near < CLOTH_GROUP or near in (EYE_GROUP, MOUTH_GROUP)
                        for k in range(3):
                            drawn = hits.color[ny, nx, k] * (0.42 if k < 2 else 0.48)
                            if near == MOUTH_GROUP or far == MOUTH_GROUP:
                                drawn = 0.36 if k == 0 else 0.12
                            elif warm:
                                drawn = hits.color[ny, nx, k] * (0.52 if k == 0 else 0.33)
                            hits.ink[qy, qx, k] = drawn + textures.style[INK_TINT] * (textures.ink[k] - drawn)


@njit(cache=True, fastmath=True, nogil=True)
def resolve(hits: Hits, samples: int, rgba: NDArray[np.uint8], material: NDArray[np.uint8]) -> None:
    """Averages the samples of each pixel into sRGB with straight alpha; lines go over colour, brows over lines.

    `material` [H,W] becomes the most common label of the samples of a pixel, if its alpha is at least a half.
    """
    count = np.zeros(8, np.int64)
    for y in range(rgba.shape[0]):
        for x in range(rgba.shape[1]):
            red = green = blue = total = 0.0
            count[:] = 0
            for j in range(samples):
                for i in range(samples):
                    sy, sx = y * samples + j, x * samples + i
                    line, brow = hits.ink[sy, sx, 3], hits.brow[sy, sx, 3]
                    alpha = hits.color[sy, sx, 3]
                    alpha += line * (1.0 - alpha)
                    if alpha <= 0.0:
                        continue
                    count[hits.label[sy, sx]] += 1
                    share = line if hits.color[sy, sx, 3] > 0.0 else 1.0
                    share *= 1.0 - 0.8 * brow
                    if brow > 0.0:
                        alpha = max(alpha, brow)
                    c0 = hits.color[sy, sx, 0] + share * (hits.ink[sy, sx, 0] - hits.color[sy, sx, 0])
                    c1 = hits.color[sy, sx, 1] + share * (hits.ink[sy, sx, 1] - hits.color[sy, sx, 1])
                    c2 = hits.color[sy, sx, 2] + share * (hits.ink[sy, sx, 2] - hits.color[sy, sx, 2])
                    red += alpha * (c0 * (1.0 - brow) + hits.brow[sy, sx, 0])
                    green += alpha * (c1 * (1.0 - brow) + hits.brow[sy, sx, 1])
                    blue += alpha * (c2 * (1.0 - brow) + hits.brow[sy, sx, 2])
                    total += alpha
            if total <= 0.0:
                continue
            rgba[y, x, 0] = int(min(red / total, 1.0) * 255.0 + 0.5)
            rgba[y, x, 1] = int(min(green / total, 1.0) * 255.0 + 0.5)
            rgba[y, x, 2] = int(min(blue / total, 1.0) * 255.0 + 0.5)
            rgba[y, x, 3] = int(total / (samples * samples) * 255.0 + 0.5)
            if rgba[y, x, 3] >= 128:
                material[y, x] = count[1:].argmax() + 1
