"""Glasses, ears, hats, ribbons and collars as meshes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .character import EYE, Character, mix
from .hairstyles import CENTER, Skull, direction
from .rasterize import LABEL_CLOTH, LABEL_OTHER, LABEL_SKIN
from .shade import BODY_GROUP

Array = NDArray[np.float32]
Index = NDArray[np.int32]
Wide = NDArray[np.float64]
RGB = tuple[float, float, float]

# Hats that cover the hair above this height, dm at z = 0.
HATS: dict[str, float] = {"beanie": 14.74, "cap": 14.80, "witch_hat": 14.86, "beret": 15.20}
BRIM_SLOPE = 0.20  # brims rise towards the front
_FIRST_GROUP = 2000  # groups, between which lines are drawn; locks have lower numbers
_WHITE: RGB = (0.97, 0.97, 0.98)


@dataclass(frozen=True)
class PartMesh:
    """Corners and triangles; `attribute` has the columns of `rasterize.Mesh`."""

    position: Array  # [n,3] dm
    normal: Array  # [n,3]
    uv: Array  # [n,2]
    attribute: Array  # [n,4]
    triangle: NDArray[np.integer]  # [T,3]
    group: NDArray[np.integer]  # [T]
    picture: NDArray[np.integer]  # [T] row of the kit's hair textures, -1 for none
    color: Array  # [T,3]
    label: NDArray[np.uint8]  # [T]
    weight: Array  # [n,2] how much a corner follows skull and neck


@dataclass(frozen=True)
class Solid:
    """A solid of one colour."""

    position: Wide  # [n,3]
    normal: Wide  # [n,3]
    triangle: NDArray[np.int64]  # [t,3]
    color: RGB


def accessories_mesh(character: Character, skull: Array) -> PartMesh:
    """All accessories as one mesh on a resting head with these skin points [n,3]."""
    on_head = [*glasses(character), *headwear(character, Skull(skull))]
    solids = [*on_head, *collar(character), _throat(character)]
    count = [len(s.position) for s in solids]
    first = np.cumsum([0, *count])
    position = np.concatenate([s.position for s in solids]).astype(np.float32)
    triangle = np.concatenate([s.triangle + k for s, k in zip(solids, first, strict=False)]).astype(np.int32)
    each = [len(s.triangle) for s in solids]
    weight = np.zeros((len(position), 2), np.float32)
    weight[: first[len(on_head)], 0] = 1.0
    weight[first[-2] :] = 0.5
    label = [LABEL_OTHER] * len(on_head) + [LABEL_CLOTH] * (len(solids) - len(on_head) - 1) + [LABEL_SKIN]
    group = np.concatenate([_FIRST_GROUP + np.arange(len(solids) - 1), [BODY_GROUP]])
    zero: Array = np.zeros((len(position), 4), np.float32)
    return PartMesh(
        position,
        np.concatenate([s.normal for s in solids]).astype(np.float32),
        zero[:, :2],
        zero,
        triangle,
        np.repeat(group, each).astype(np.int32),
        np.full(len(triangle), -1, np.int32),
        np.repeat(np.array([s.color for s in solids], np.float32), each, axis=0),
        np.repeat(np.array(label, np.uint8), each),
        weight,
    )


def glasses(character: Character) -> list[Solid]:
    """Rims, bridge and arms of the kind in `character.glasses`."""
    if character.glasses is None:
        return []
    color, parts, a = character.worn[0], [], np.linspace(0, 2 * np.pi, 41)
    eye_x, height = EYE[0] + character.face.eye_spacing, character.face.eye_height
    wide = 0.30 * float(np.clip(character.face.eye_scale[0], 0.95, 1.15))
    high = 0.245 if character.glasses == "round" else 0.19
    for sign in (1.0, -1.0):
        c, s = np.cos(a), np.sin(a)
        if character.glasses != "round":  # a superellipse has nearly straight sides
            c, s = np.sign(c) * np.abs(c) ** 0.55, np.sign(s) * np.abs(s) ** 0.55
        if character.glasses == "half_rim":
            c, s = c[20:], s[20:]
        parts.append(tube(_bent(sign * (eye_x + wide * c), 14.02 + height + high * s), 0.020, color))
        end = _bent(np.array([sign * (eye_x + wide)]), np.array([14.06 + height]))[0]
        parts.append(tube(np.linspace(end, np.array([sign * 0.95, 14.12, -0.05]), 8), 0.018, color))
    x = np.linspace(-(eye_x - wide), eye_x - wide, 7)
    parts.append(tube(_bent(x, 14.05 + height + 0.03 * np.cos(x * 8)), 0.018, color))
    return parts


def headwear(character: Character, skull: Skull) -> list[Solid]:
    """Hats, ears, ribbons and the like."""
    kind, color, second = character.headwear, character.worn[1], character.trinket
    side = -1.0 if character.hair.is_mirrored else 1.0
    lift = character.hair.volume + 0.13
    on_side = skull.at(side * 0.72, 0.45, 0.14 + character.hair.volume)
    if kind is None:
        return []
    if kind in HATS:
        return _hat(character, skull)
    if kind.endswith("_ears"):
        width, height, lean, tip = {
            "cat_ears": (0.42, 1.05, 0.26, 1.0),
            "fox_ears": (0.44, 1.25, 0.32, 1.3),
            "bunny_ears": (0.24, 1.7, 0.12, 2.6),
        }[kind]
        inner = mix(color, (0.98, 0.80, 0.78), 0.75)
        return [part for sign in (1.0, -1.0) for part in _ear(sign, color, inner, width, height, lean, tip)]
    if kind == "horns":
        parts = []
        for sign in (1.0, -1.0):
            t = np.linspace(0, 1, 14)
            path = np.stack([sign * (0.55 + 0.35 * np.sin(2.2 * t)), 15.1 + 0.75 * t, 0.35 + 0.1 * np.sin(3 * t)], -1)
            parts.append(tube(path, 0.13 * (1 - t) ** 0.8 + 0.005, color, 8))
        return parts
    if kind in ("headband", "maid", "headphones"):
        parts = [_band(color, 0.35 if kind != "headphones" else 0.0, 0.05 if kind != "headphones" else 0.07, lift)]
        if kind == "maid":
            a = np.linspace(-1.0, 1.0, 60)
            t = np.linspace(0, 1, 4)[:, None]
            reach = 1.05 + lift + t * (0.22 + 0.05 * np.cos(a * 26))
            z = 0.35 + 0.10 * t + 0.03 * np.cos(a * 26) * t
            parts.append(
                sheet(
                    CENTER + np.stack([np.sin(a) * (reach + 0.06), np.cos(a) * reach, z + 0 * a], -1), _WHITE, flip=True
                )
            )
        if kind == "headphones":
            parts += [
                ball(np.array([s * (1.0 + lift), 14.25, 0.0]), np.array([0.14, 0.32, 0.28]), second)
                for s in (1.0, -1.0)
            ]
        return parts
    if kind == "ribbon":
        return _bow(skull.at(0.0, 1.05, 0.25 + character.hair.volume), 0.5, color)
    if kind == "side_bow":
        return _bow(on_side + np.array([0.0, 0.1, 0.1]), 0.42, color, -0.4 * side)
    if kind == "flower":
        middle = on_side
        petals = [
            ball(middle + 0.15 * np.array([np.cos(a), np.sin(a), 0.0]), np.array([0.11, 0.11, 0.05]), color)
            for a in np.arange(5) * 2 * np.pi / 5
        ]
        return [*petals, ball(middle + np.array([0, 0, 0.05]), 0.07, (0.98, 0.85, 0.35))]
    if kind == "hairpin":
        pins = []
        for k in range(1 + character.hair.seed % 3):
            e = 0.28 - 0.09 * k
            ends = np.stack(
                [skull.at(side * (0.62 + d), e - 0.2 * d, 0.16 + character.hair.volume) for d in (0.0, 0.26)]
            )
            pins.append(tube(np.linspace(ends[0], ends[1], 4), 0.028, color))
        return pins
    if kind == "crown":
        a = np.arange(49) * 2 * np.pi / 48
        t = np.linspace(0, 1, 5)[:, None]
        points = 15.50 + character.hair.volume + t * (0.22 + 0.16 * np.abs(np.sin(4 * a)))
        ring = np.stack([0.55 * np.sin(a) + 0 * t, points, 0.1 + 0.55 * np.cos(a) + 0 * t], -1)
        return [sheet(ring[:, :-1], (0.95, 0.78, 0.30), is_closed=True, flip=True)]
    a = np.linspace(0, 2 * np.pi, 49)  # a halo
    path = np.stack([0.62 * np.sin(a), 15.92 + 0.04 * np.sin(a), -0.05 + 0.55 * np.cos(a)], -1)
    return [tube(path, 0.045, mix(color, (1.0, 0.95, 0.6), 0.6))]


def collar(character: Character) -> list[Solid]:
    """Collars, scarves and ties, which stay with the shoulders."""
    kind, main, trim = character.collar, character.cloth[0], character.cloth[1]
    if kind is None:
        return []
    if kind == "scarf":
        a, parts = np.arange(41) * 2 * np.pi / 40 - np.pi, []
        for k, (y, r) in enumerate(((12.72, 0.62), (12.92, 0.58))):
            path = np.stack([r * np.sin(a), y - 0.10 * np.cos(a), -0.12 + (r - 0.05) * np.cos(a)], -1)
            parts.append(tube(path, 0.16, mix(trim, main, 0.15 * k), 9))
        return parts
    if kind == "hood":
        a = np.linspace(0.55, 2 * np.pi - 0.55, 33)
        path = np.stack([0.78 * np.sin(a), 12.62 - 0.25 * np.cos(a), -0.15 + 0.66 * np.cos(a)], -1)
        return [tube(path, 0.20 * np.sin(np.linspace(0.02, np.pi - 0.02, 33)), main, 9)]
    turn, w = np.meshgrid(np.linspace(0.10, 2 * np.pi - 0.10, 41), np.linspace(0, 1, 5), indexing="ij")
    front = np.minimum(turn, 2 * np.pi - turn)
    down = 12.90 - 0.13 * np.cos(turn) - (0.17 + 0.22 * np.exp(-(((front - 0.42) / 0.28) ** 2))) * w
    reach = 0.47 + 0.17 * w
    ring = np.stack([reach * np.sin(turn), down, -0.13 + reach * np.cos(turn) + 0.03 * w], -1)
    flaps = [sheet(ring, _WHITE if kind != "shirt" else trim)]
    if kind == "bow_tie":
        flaps += _bow(np.array([0.0, 12.60, 0.56]), 0.30, character.trinket)
    if kind == "tie":
        t, w = np.meshgrid(np.linspace(0, 1, 6), np.linspace(-1, 1, 5), indexing="ij")
        half = 0.07 + 0.07 * t
        tie = np.stack([w * half, 12.60 - 1.1 * t, 0.56 + 0.10 * np.minimum(t * 2, 1) + 0.02 * (1 - w * w)], -1)
        flaps += [
            sheet(tie, character.trinket, flip=True),
            ball(np.array([0.0, 12.62, 0.58]), np.array([0.09, 0.09, 0.06]), character.trinket),
        ]
    return flaps


def _throat(character: Character) -> Solid:
    """Skin inside the throat, which hides the gap where the jaw lifts off the neck."""
    shade = (character.skin[0] * 0.88, character.skin[1] * 0.74, character.skin[2] * 0.72)
    return ball(np.array([0.0, 13.10, -0.10]), np.array([0.31, 0.26, 0.34]), shade)


def _bent(x: Wide, y: Wide) -> Wide:
    """[n,3] points in front of the eyes, on a curve around the face."""
    return np.stack([x, y, 1.09 - 0.55 * x * x - 0.25 * np.clip(np.abs(x) - 0.5, 0, 1)], -1)


def _ear(
    sign: float, color: RGB, inner: RGB, width: float, height: float, lean: float, round_tip: float
) -> list[Solid]:
    """The ear of an animal: a leaf with a smaller one in it."""
    parts = []
    for scale, forward, tint in ((1.0, 0.0, color), (0.62, 0.13, inner)):
        t, w = np.meshgrid(np.linspace(0, 1, 9), np.linspace(-1, 1, 9), indexing="ij")
        half = width * scale * np.clip(1.0 - t**round_tip, 0.0, 1.0) ** 0.85
        up = height * scale * t
        x = 0.70 + w * half * 0.88 + up * lean
        y = 15.08 + up - 0.42 * w * half
        z = 0.05 + forward + 0.17 * scale * (1 - w * w) * (1 - t) - 0.12 * t
        parts.append(sheet(np.stack([sign * x, y, z], -1), tint, flip=sign > 0))
    return parts


def _band(color: RGB, z: float, thickness: float, lift: float, spread: float = 1.75) -> Solid:
    """A band over the head from ear to ear."""
    a = np.linspace(-spread, spread, 41)
    path = CENTER + np.stack([np.sin(a) * (0.99 + lift), np.cos(a) * (1.04 + lift), 0.0 * a + z], -1)
    return tube(path, thickness, color)


def _bow(center: Wide, size: float, color: RGB, turn: float = 0.0) -> list[Solid]:
    """Two loops, two ends and a knot."""
    parts = []
    t, w = np.meshgrid(np.linspace(0, 1, 9), np.linspace(-1, 1, 7), indexing="ij")
    rotate = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for sign in (1.0, -1.0):
        shapes = [
            (sign * t, w * (0.12 + 0.55 * t * (1.15 - 0.5 * t)), 0.25 * np.sin(np.pi * t) * (1 - w * w)),
            (sign * (0.15 + 0.5 * t), -1.1 * t + 0.22 * w * (0.4 + t), 0.05 * (1 - w * w) - 0.05),
        ]
        for x, y, z in shapes:
            xy = np.stack([x, y], -1) @ rotate.T * size
            parts.append(sheet(center + np.concatenate([xy, z[..., None] * size], -1), color, flip=sign < 0))
    parts.append(
        ball(center + np.array([0, 0, 0.06 * size]), np.array([0.2, 0.24, 0.2]) * size, mix(color, (0, 0, 0), 0.12))
    )
    return parts


def _dome(skull: Skull, brim_y: float, lift: float, color: RGB) -> Solid:
    """The crown of a hat: a shell over the skull down to the brim."""
    t, a = np.meshgrid(np.linspace(0, 1, 15), np.arange(32) * 2 * np.pi / 32 - np.pi, indexing="ij")
    low = np.arcsin(np.clip((brim_y - 0.06 + BRIM_SLOPE * np.cos(a) - CENTER[1]) / 1.15, -0.9, 0.9))
    e = low + t * (0.5 * np.pi - low)
    position = CENTER + direction(a, e) * (skull.radius(a, e) + lift)[..., None]
    return sheet(position, color, is_closed=True, flip=True)


def _hat(character: Character, skull: Skull) -> list[Solid]:
    kind, color, second = character.headwear, character.worn[1], character.trinket
    brim_y = HATS[str(kind)]
    if kind == "beanie":
        a = np.arange(41) * 2 * np.pi / 40 - np.pi
        e = np.arcsin((brim_y + BRIM_SLOPE * np.cos(a) - CENTER[1]) / 1.15)
        path = CENTER + direction(a, e) * (skull.radius(a, e) + 0.14)[..., None]
        pompon = [ball(np.array([0.0, 15.92, -0.1]), 0.24, second)] if character.hair.seed % 2 else []
        return [_dome(skull, brim_y, 0.19, color), tube(path, 0.13, second, 8), *pompon]
    if kind == "cap":
        t, a = np.meshgrid(np.linspace(0, 1, 7), np.linspace(-1.05, 1.05, 15), indexing="ij")
        reach = skull.radius(a, 0 * a + 0.3) * 0.95 + 0.18 + 0.60 * t * np.cos(a * 1.3)
        y = brim_y - 0.02 + BRIM_SLOPE * np.cos(a) - 0.20 * t
        visor = np.stack([np.sin(a) * reach, y, CENTER[2] + np.cos(a) * reach], -1)
        return [_dome(skull, brim_y, 0.18, color), sheet(visor, second, flip=True)]
    if kind == "witch_hat":
        t, a = np.meshgrid(np.linspace(0, 1, 7), np.arange(40) * 2 * np.pi / 40, indexing="ij")
        reach = 1.05 + 0.80 * t
        y = brim_y + BRIM_SLOPE * np.cos(a) + 0.10 * np.sin(2 * a) * t
        brim = np.stack([np.sin(a) * reach, y, CENTER[2] + np.cos(a) * reach], -1)
        t, a = np.meshgrid(np.linspace(0, 1, 12), np.arange(32) * 2 * np.pi / 32 - np.pi, indexing="ij")
        radius = 1.32 * (1 - t) ** 0.78 + 0.02
        y = brim_y - 0.05 + BRIM_SLOPE * np.cos(a) * (1 - t) + 1.7 * t
        cone = np.stack([np.sin(a) * radius + 0.4 * t**2, y, CENTER[2] + np.cos(a) * radius - 0.3 * t], -1)
        band = np.stack(
            [np.sin(a[0]) * 1.28, brim_y + 0.08 + BRIM_SLOPE * np.cos(a[0]), CENTER[2] + np.cos(a[0]) * 1.28], -1
        )
        ribbon = tube(np.concatenate([band, band[:1]]), 0.09, second, 6)
        return [sheet(brim, color, True, True), sheet(cone, color, True, True), ribbon]
    # A beret: a flat bag that leans to one side.
    side = 1.0 if character.hair.is_mirrored else -1.0
    return [ball(np.array([0.20 * side, 15.34, -0.10]), np.array([1.38, 0.46, 1.36]), color, 13, 28)]


def unit(vector: NDArray[np.floating]) -> Array:
    """[...,3] of length 1."""
    return np.asarray(vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9), np.float32)


def grid(rows: int, columns: int, is_closed: bool = False) -> NDArray[np.int64]:
    """[t,3] triangles between points [rows,columns]; closed where the last column meets the first."""
    across = columns if is_closed else columns - 1
    i = (np.arange(rows - 1)[:, None] * columns + np.arange(across)).ravel()
    j = (np.arange(rows - 1)[:, None] * columns + (np.arange(across) + 1) % columns).ravel()
    return np.concatenate([np.stack([i, j, i + columns], 1), np.stack([j, j + columns, i + columns], 1)])


def sheet(position: NDArray[np.floating], color: RGB, is_closed: bool = False, flip: bool = False) -> Solid:
    """A surface through points [rows,columns,3], with the normals of its own slope."""
    down = np.gradient(position, axis=0)
    around = np.roll(position, -1, 1) - np.roll(position, 1, 1)
    right = around if is_closed else np.gradient(position, axis=1)
    normal = unit(np.cross(right, down)) * (-1.0 if flip else 1.0)
    triangle = grid(position.shape[0], position.shape[1], is_closed)
    return Solid(position.reshape(-1, 3).astype(np.float64), normal.reshape(-1, 3).astype(np.float64), triangle, color)


def tube(path: NDArray[np.floating], radius: float | Wide, color: RGB, sides: int = 6) -> Solid:
    """A tube along points [n,3]."""
    tangent = unit(np.gradient(path, axis=0))
    side = unit(np.cross(tangent, np.array([0.02, 0.03, 1.0])))
    other = np.cross(tangent, side)
    a = np.arange(sides) * (2 * np.pi / sides)
    normal = side[:, None] * np.cos(a)[None, :, None] + other[:, None] * np.sin(a)[None, :, None]
    wide = np.broadcast_to(np.asarray(radius, np.float64), (len(path),))[:, None, None]
    position = path[:, None] + wide * normal
    return Solid(position.reshape(-1, 3), normal.reshape(-1, 3), grid(len(path), sides, True), color)


def ball(center: Wide, radius: Wide | float, color: RGB, rows: int = 9, columns: int = 14) -> Solid:
    """An ellipsoid with radii [3]."""
    e, a = np.meshgrid(
        np.linspace(-0.5 * np.pi, 0.5 * np.pi, rows), np.arange(columns) * 2 * np.pi / columns, indexing="ij"
    )
    normal = np.stack([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)], -1)
    position = center + normal * np.asarray(radius)
    return Solid(position.reshape(-1, 3), normal.reshape(-1, 3), grid(rows, columns, True), color)
