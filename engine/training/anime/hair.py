"""Sweeps the locks of a character, from the kit and from `hairstyles`, into a mesh that clears the skull."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import hairstyles
from .accessories import BRIM_SLOPE, HATS, PartMesh, unit
from .character import Character
from .hairstyles import CENTER, TIE, Cut, Skull
from .kit import Kit
from .rasterize import LABEL_HAIR, LABEL_OTHER
from .shade import FIRST_LOCK

Array = NDArray[np.floating]
Index = NDArray[np.integer]

_CLEAR_DM = 0.05
_SWELL = 0.45  # how much further the kit's hair stands off for each dm of volume
_HANG_Y = 13.3  # hair below this is stretched by `hair_length` and follows the shoulders more and more


def latitude(position: Array) -> Array:
    """Elevation on the skull in radians: 0 at the level of the eyes, pi/2 at the crown."""
    d = unit(position - CENTER)
    return np.asarray(np.arcsin(np.clip(d[:, 1], -1, 1)), np.float32)


def _comb(point: Array, thick: Array, skull: Array) -> Array:
    """Moves points [n,K,3] of locks outward until they clear the skull; roots may stay inside."""
    d = point.reshape(-1, 3) - CENTER
    far = np.linalg.norm(d, axis=1)
    s = skull - CENTER
    radius = np.linalg.norm(s, axis=1)
    nearest = (unit(d) @ unit(s).T).argmax(1)
    close = (unit(d) * unit(s)[nearest]).sum(1) > 0.985
    need = np.where(close, radius[nearest] + _CLEAR_DM + 0.35 * thick.ravel() - far, 0.0)
    need = np.clip(need, 0.0, 0.6).reshape(point.shape[:2])
    # Only around the face: hair may curl in under the ears and at the nape.
    need *= np.clip((point[..., 1] - 13.75) / 0.4, 0.0, 1.0) * np.clip((point[..., 2] + 0.4) / 0.3, 0.0, 1.0)
    need *= np.clip(np.arange(point.shape[1]) / (0.15 * point.shape[1]), 0.0, 1.0)
    for _ in range(3):  # smooth the push without reducing it
        soft = (np.roll(need, 1, 1) + 2 * need + np.roll(need, -1, 1)) / 4
        soft[:, 0], soft[:, -1] = need[:, 0], need[:, -1]
        need = np.maximum(need, soft)
    return np.asarray(point + need[..., None] * unit(d).reshape(point.shape), np.float32)


def _kit_locks(kit: Kit, character: Character) -> NDArray[np.int64]:
    """Rows of the kit's locks that this character has."""
    locks, names, style = kit.locks, list(kit.hair_style), character.hair
    group = {name: k for k, name in enumerate(kit.hair_group)}

    def of(name: str, *groups: str) -> NDArray[np.bool_]:
        if name not in names:
            return np.zeros(len(locks.style), np.bool_)
        return np.asarray((locks.style == names.index(name)) & np.isin(locks.group, [group[g] for g in groups]))

    chosen = of(style.front, "front") | of(style.side, "side") | of(style.back, "back")
    if style.has_ahoge:
        chosen |= of(style.front, "ahoge")
    if style.has_tail:
        chosen |= of(style.back, "tail")
    if style.back == "side_tail" and style.has_tail:
        chosen |= of(style.back, "accessory")
    if style.has_trinket and style.front != "side_tail":
        chosen |= of(style.front, "accessory")
    return np.flatnonzero(chosen)


def _made_locks(character: Character, skull: Array) -> list[hairstyles.Lock]:
    """The locks of this character that are made by code."""
    style, round_skull = character.hair, Skull(skull)

    def cut(part: int) -> Cut:
        return Cut(round_skull, np.random.default_rng([style.seed, part]), style.volume, style.length)

    locks = []
    for part, (name, styles) in enumerate(
        ((style.back, hairstyles.BACKS), (style.side, hairstyles.SIDES), (style.front, hairstyles.FRONTS))
    ):
        if name in styles:
            locks += styles[name](cut(part))
    if style.has_ahoge and style.front in hairstyles.FRONTS:
        locks += hairstyles.ahoge(cut(3))
    return locks


def _sweep(kit: Kit, character: Character, skull: Array) -> PartMesh:
    locks, rows = kit.locks, _kit_locks(kit, character)
    made = _made_locks(character, skull)
    point, normal, made_size, made_tint, made_section = hairstyles.stacked(made)
    center, out = np.concatenate([locks.point[rows], point]), np.concatenate([locks.normal[rows], normal])
    section, size = np.concatenate([locks.section[rows], made_section]), np.concatenate([locks.size[rows], made_size])
    picture = np.concatenate([locks.texture[rows], _made_picture(kit, made_tint, character)]).astype(np.int32)
    tints = np.concatenate([locks.tint[rows], made_tint])
    is_kit = np.arange(len(tints)) < len(rows)
    if character.hair.is_mirrored:
        flip = np.array([-1.0, 1.0, 1.0], np.float32)
        center, out = center * flip, out * flip
    swell = (_SWELL * character.hair.volume) * is_kit[:, None, None]
    center = (center + swell * unit(center - CENTER)).astype(np.float32)
    is_hair = tints < TIE
    center[is_hair] = _comb(center[is_hair], size[is_hair, :, 1], skull)
    n, count = center.shape[:2]
    tangent = unit(np.gradient(center, axis=1))
    out = unit(out - tangent * (out * tangent).sum(2, keepdims=True))
    across = np.cross(tangent, out)
    is_front = np.zeros(n, np.bool_)
    is_front[: len(rows)] = locks.group[rows] == kit.hair_group.index("front")
    is_cut = is_hair & is_kit & ~is_front
    taper = np.clip((1.0 - np.linspace(0, 1, count)) / 0.18, 0.12, 1.0)  # only a fringe has blunt ends
    size[is_cut] *= taper[None, :, None]
    size = np.maximum(size, np.array([0.024, 0.014], np.float32))  # thinner locks would break up into dots
    wide = across[:, :, None] * (section[:, None, :, :1] * size[:, :, None, :1])
    deep = out[:, :, None] * (section[:, None, :, 1:] * size[:, :, None, 1:])
    position = center[:, :, None] + wide + deep
    ring = section.shape[1]
    rounded = unit(across[:, :, None] * section[:, None, :, :1] + 1.6 * out[:, :, None] * section[:, None, :, 1:])
    round_head = unit(position - CENTER)
    normal = unit(0.45 * rounded + 0.25 * out[:, :, None] + 0.6 * round_head)
    along = np.broadcast_to(np.linspace(0, 1, count, dtype=np.float32)[None, :, None], (n, count, ring))
    u = np.broadcast_to(section[:, None, :, 0] + 0.5, (n, count, ring))
    streaks = np.random.default_rng(17 + character.hair.seed).random(n) < character.streak_share
    second = np.maximum(np.where(is_hair & (character.streak_share > 0), tints, 0), streaks)
    tint = np.where(is_hair, second, 2).astype(np.float32)
    flat = position.reshape(-1, 3).astype(np.float32)
    attribute = np.stack([along.ravel(), u.ravel(), np.repeat(tint, count * ring), latitude(flat)], 1)
    i = np.arange(count - 1)[:, None] * ring + np.arange(ring)
    j = np.arange(count - 1)[:, None] * ring + (np.arange(ring) + 1) % ring
    quad = np.concatenate([np.stack([i, j, i + ring], -1), np.stack([j, j + ring, i + ring], -1)], 1).reshape(-1, 3)
    triangle = (quad[None] + (np.arange(n) * count * ring)[:, None, None]).reshape(-1, 3)
    group = np.repeat(FIRST_LOCK + 1 + np.arange(n), len(quad))
    uv = np.stack([u.ravel(), along.ravel()], 1)
    white = np.ones((len(triangle), 3), np.float32)
    label = np.repeat(np.where(is_hair, LABEL_HAIR, LABEL_OTHER).astype(np.uint8), len(quad))
    pictures = np.repeat(picture, len(quad))
    return PartMesh(flat, normal.reshape(-1, 3), uv, attribute, triangle, group, pictures, white, label, follow(flat))


def _made_picture(kit: Kit, tint: NDArray[np.uint8], character: Character) -> NDArray[np.int64]:
    """[L] rows of the kit's hair textures for locks made by code."""
    strand = ("strand_fine", "strand_soft", "plain")[character.hair.seed % 3]
    return np.where(tint == TIE, kit.hair_texture.index("plain"), kit.hair_texture.index(strand))


def _kit_mesh(kit: Kit, character: Character, skull: Array) -> PartMesh:
    """The mesh of a style that the kit has as a mesh."""
    mesh = kit.swept[character.hair.front]
    flip = np.array([-1.0 if character.hair.is_mirrored else 1.0, 1.0, 1.0], np.float32)
    position, normal = mesh.position * flip, mesh.normal * flip
    position = position + unit(position - CENTER) * np.float32(_SWELL * character.hair.volume)
    top = float(position[:, 1].max())
    span = np.zeros((mesh.lock.max() + 1, 2), np.float32)
    for k in range(len(span)):
        y = position[mesh.lock == k, 1]
        span[k] = max(float(y.max()), top - 0.6), float(y.min())
    low, high = span[mesh.lock, 1], span[mesh.lock, 0]
    along = np.clip((high - position[:, 1]) / np.maximum(high - low, 0.1), 0.0, 1.0)
    streak = np.random.default_rng(23).random(len(span)) < character.streak_share
    angle = np.arctan2(position[:, 0], position[:, 2] - CENTER[2]) * 1.4
    attribute = np.stack([along, angle, streak[mesh.lock].astype(np.float32), latitude(position)], 1)
    uv = np.stack([np.abs((angle * 1.5) % 2.0 - 1.0), along], 1)
    triangle = mesh.triangle
    group = FIRST_LOCK + 1 + mesh.lock[triangle[:, 0]]
    picture = np.zeros(len(triangle), np.int32)
    white = np.ones((len(triangle), 3), np.float32)
    label = np.full(len(triangle), LABEL_HAIR, np.uint8)
    return PartMesh(position, normal, uv, attribute, triangle, group, picture, white, label, follow(position))


def hair(kit: Kit, character: Character, skull: Array) -> PartMesh:
    """The hair of a character on a resting head; it stays outside of `skull` [n,3]."""
    is_ready = character.hair.front in kit.swept
    strip = _kit_mesh(kit, character, skull) if is_ready else _sweep(kit, character, skull)
    position = strip.position
    hanging = np.minimum(position[:, 1] - _HANG_Y, 0.0)
    position[:, 1] += hanging * (character.hair.length - 1.0) * (0.8 if is_ready else 0.0)
    position[:, 0] *= 1.0 + 0.7 * (character.face.face_width - 1.0)
    if character.headwear in HATS:
        _press(position, skull, HATS[character.headwear])
    return strip


def _press(position: Array, skull: Array, brim_y: float) -> None:
    """Presses hair under a hat down to the skull."""
    away = position - CENTER
    far = np.linalg.norm(away, axis=1)
    azimuth, elevation = np.arctan2(away[:, 0], away[:, 2]), np.arcsin(np.clip(away[:, 1] / far, -1.0, 1.0))
    room = Skull(skull).radius(azimuth.astype(np.float64), elevation.astype(np.float64)) + 0.07
    covered = np.clip((position[:, 1] - brim_y - BRIM_SLOPE * position[:, 2]) / 0.10 + 1.6, 0.0, 1.0)
    scale = 1.0 + covered * (np.minimum(room / far, 1.0) - 1.0)
    position[:] = CENTER + away * scale[:, None]


def follow(position: Array) -> Array:
    """[n,2] how much hair follows the skull and the neck; on the shoulders it stays with them."""
    skull = np.clip((position[:, 1] - 11.2) / (_HANG_Y - 11.2), 0.15, 1.0)
    return np.stack([skull, 0.6 * (1.0 - skull)], 1).astype(np.float32)
