"""Makes the textures, colours and decals of an anime character."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .character import DRAWN_IRISES, RGB, Character, mix
from .kit import Kit, Texture
from .rasterize import Textures

Array = NDArray[np.float32]
Wide = NDArray[np.float64]
SKIN_PICTURE, LEFT_IRIS, RIGHT_IRIS, STRANDS = 0, 1, 2, 3  # then one for each of the kit's hair textures
_PAINTED_SKIN = np.array([252, 234, 213]) / 255.0  # plain skin in the skin picture


_IRIS_WIDTH, _IRIS_HEIGHT = 256, 320
_SPIRAL, _PETALS = 9.0, 6


def _figure_in_iris(name: str, x: Wide, y: Wide) -> NDArray[np.bool_]:
    """The pupil of a drawn iris, on a square from -1 to 1."""
    r, angle = np.hypot(x, y), np.arctan2(x, -y)
    if name == "star":
        return np.asarray(np.hypot(x, y * 1.1) < 0.20 + 0.17 * np.abs(np.cos(angle * 2.5)) ** 2.2)
    if name == "heart":
        return np.asarray((1.5 * x) ** 2 + (1.35 * -(y - 0.05) - 0.55 * np.sqrt(np.abs(1.5 * x))) ** 2 < 0.16)
    if name == "cross":
        return np.asarray((np.abs(x) + np.abs(y) ** 0.9 * 0.75 < 0.42) & (np.abs(x * y) < 0.022))
    if name == "slit":
        return np.asarray((np.abs(x) / 0.13) + (np.abs(y) / 0.62) ** 2 < 1.0)
    if name == "spiral":
        return np.asarray((np.sin(angle + _SPIRAL * r) > 0.35) & (r < 0.72))
    if name == "flower":
        return np.asarray(r < 0.26 + 0.16 * np.cos(angle * _PETALS))
    if name == "dark":
        return np.asarray(np.hypot(x, y * 0.9) < 0.55)
    return np.asarray(np.hypot(x, y * 0.85) < 0.30)


def _drawn_iris(character: Character, color: RGB) -> Texture:
    """An iris painted by code: gradient, rim, rays or rings, a pupil with a shape. Highlights come on top."""
    rng = np.random.default_rng(character.iris_seed)
    rows, columns = np.mgrid[0:_IRIS_HEIGHT, 0:_IRIS_WIDTH]
    x, y = (columns + 0.5) / _IRIS_WIDTH * 2 - 1, (rows + 0.5) / _IRIS_HEIGHT * 2 - 1
    r, angle = np.hypot(x, y), np.arctan2(x, -y)
    second = np.array(character.iris_second)
    down = np.clip((y + 0.7) / 1.5, 0.0, 1.0)[..., None] ** rng.uniform(0.7, 1.6)
    dark, main = np.array(color) * rng.uniform(0.25, 0.5), np.array(color)
    pale = np.clip(main * 0.45 + 0.55 * second + 0.15, 0, 1)
    steps = float(rng.choice([0, 0, 3, 4]))
    down = np.round(down * steps) / steps if steps else down
    rgb = dark + (main - dark) * np.clip(down * 2, 0, 1) + (pale - main) * np.clip(down * 2 - 1, 0, 1)
    if character.iris == "rings":
        ring = (np.abs(r - 0.45) < 0.06) | (np.abs(r - 0.70) < 0.04)
        rgb = np.where(ring[..., None], 0.4 * rgb + 0.6 * second, rgb)
    if character.iris in ("rays", "glass"):
        rays = 0.5 + 0.5 * np.cos(angle * int(rng.integers(14, 30)) + 3.0 * np.sin(angle * 5.0))
        rgb = rgb * (1.0 + 0.35 * (rays * np.clip((r - 0.25) * 3, 0, 1) * (r < 0.8))[..., None])
    if character.iris == "crescent" or rng.random() < 0.4:
        below = np.exp(-(((np.hypot(x, y - 0.05) - 0.62) / 0.15) ** 2)) * np.clip(y * 3, 0, 1)
        rgb = rgb + (np.clip(second + 0.25, 0, 1) - rgb) * 0.8 * below[..., None]
    pupil = _figure_in_iris(character.iris, x, y)
    is_bright = character.iris in ("star", "heart", "cross", "flower")
    inner = np.clip(second * 0.4 + 0.62, 0, 1) if is_bright else dark * rng.uniform(0.1, 0.4)
    if character.iris != "gradient" or rng.random() < 0.5:
        rgb = np.where(pupil[..., None], inner, rgb)
    rim = np.clip((r - rng.uniform(0.80, 0.92)) / 0.05, 0.0, 1.0)[..., None]
    rgb = rgb + (dark * 0.45 - rgb) * rim * rng.uniform(0.6, 1.0)
    lid = np.clip((-y - rng.uniform(0.1, 0.4)) / 0.4, 0.0, 1.0)[..., None]
    rgb = rgb * (1.0 - rng.uniform(0.2, 0.6) * lid)
    alpha = np.clip((1.0 - r) * 40, 0, 1)
    return (np.dstack([rgb, alpha]) * 255).clip(0, 255).astype(np.uint8)


def _kit_iris(kit: Kit, name: str, color: RGB) -> Texture:
    """An iris of the kit in this colour: its brightness mapped to a ramp from dark to pale."""
    source = kit.texture(f"iris.{name}")
    value = source[..., 0] / 255.0
    dark = np.array(color) * 0.20 + 0.02
    ramp = np.array([dark, 0.25 * dark + 0.75 * np.array(color), color, mix(color, (1.0, 1.0, 0.96), 0.62)])
    rgb = np.stack([np.interp(value, np.array([0.0, 0.35, 0.62, 1.0]), ramp[:, k]) for k in range(3)], 2)
    return np.dstack([rgb * 255, source[..., 3]]).astype(np.uint8)


def _lights_in_eye(picture: Texture, character: Character) -> Texture:
    """The same iris with one to four painted highlights: round, oval, a bar or a star."""
    rng = np.random.default_rng([character.iris_seed, 1])
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width]
    x, y = (columns + 0.5) / width * 2 - 1, (rows + 0.5) / height * 2 - 1
    cover = np.zeros((height, width))
    side = -1.0 if rng.random() < 0.7 else 1.0
    spots = [(side * rng.uniform(0.25, 0.42), rng.uniform(-0.52, -0.3), rng.uniform(0.16, 0.30))]
    spots += [(-side * rng.uniform(0.2, 0.45), rng.uniform(0.25, 0.5), rng.uniform(0.06, 0.14))] * bool(
        rng.random() < 0.7
    )
    spots += [(side * rng.uniform(0.0, 0.5), rng.uniform(0.1, 0.55), rng.uniform(0.04, 0.08))] * bool(
        rng.random() < 0.4
    )
    kind = rng.choice(["round", "oval", "bar", "star"], p=[0.5, 0.25, 0.15, 0.1])
    for cx, cy, size in spots:
        dx, dy = x - cx, (y - cy) * 1.25
        if kind == "bar":
            far = np.maximum(np.abs(dx) * 0.8, np.abs(dy) * 1.7)
        elif kind == "star":
            far = (np.sqrt(np.abs(dx)) + np.sqrt(np.abs(dy))) ** 2 * 0.8
        else:
            far = np.hypot(dx, dy * (0.65 if kind == "oval" else 1.0))
        cover = np.maximum(cover, np.clip((size - far) * 30.0, 0.0, 1.0))
    lit = picture.astype(np.float64)
    lit[..., :3] += (255.0 - lit[..., :3]) * (cover * rng.uniform(0.8, 1.0))[..., None]
    return lit.astype(np.uint8)


def iris_texture(kit: Kit, character: Character, eye: int) -> Texture:
    """The picture of an eye's iris, 0 left, 1 right."""
    color = character.iris_colors[eye]
    picture = _drawn_iris(character, color) if character.iris in DRAWN_IRISES else _kit_iris(kit, character.iris, color)
    if character.iris in DRAWN_IRISES:
        return _lights_in_eye(picture, character)  # highlights are on the same side of both eyes
    return picture if eye == 0 else picture[:, ::-1]


def make_textures(kit: Kit, character: Character) -> Textures:
    """The pictures and colours of a character."""
    style = character.drawing_style
    pictures = [
        kit.texture("skin"),
        iris_texture(kit, character, 0),
        iris_texture(kit, character, 1),
        *(kit.texture(name) for name in kit.hair_texture),
    ]
    table, start = [], 0
    for picture in pictures:
        table.append((start, picture.shape[1], picture.shape[0]))
        start += picture.size
    root, middle, tip = (np.array(c) for c in character.hair_colors)
    bright = float(middle.mean())
    shine = np.clip(middle * 1.25 + 0.20 + 0.12 * bright, 0, 1)
    streak = np.array(character.streak)
    hair = [
        [root, middle, tip, shine],
        [streak * 0.95, streak, streak, np.clip(streak * 1.2 + 0.2, 0, 1)],
        [np.array(character.trinket)] * 4,
    ]
    depth = 1.0 - float(np.mean(character.skin))
    return Textures(
        texel=np.concatenate([p.ravel() for p in pictures]),
        texture=np.array(table, np.int64),
        skin=(np.array(character.skin) / _PAINTED_SKIN).astype(np.float32),
        skin_shade=np.array([0.95 - 0.20 * depth, 0.82 - 0.09 * depth, 0.80 - 0.02 * depth], np.float32),
        blush=np.array([1.0, 0.72, 0.72, character.blush], np.float32),
        cloth=np.array(character.cloth, np.float32),
        jacket=character.has_jacket,
        choker=0.085 if character.has_choker else -1.0,
        hair=np.array(hair, np.float32),
        hair_shade=np.array(character.hair_shade, np.float32),
        iris_dim=0.55,
        through=np.array(character.through, np.float32),
        ring=np.array(character.ring, np.float32),
        ink=np.array(style.ink, np.float32),
        style=np.array(
            [
                style.tones,
                style.edge,
                style.shade,
                style.rim,
                style.glow,
                style.grain,
                style.line,
                style.ink_tint,
                character.pattern,
                character.hair.front in kit.swept,
            ],
            np.float32,
        ),
    )


@dataclass(frozen=True)
class Decal:
    """A flat shape on the resting face, before it is warped."""

    point: Wide  # [n,2] x and y in dm
    triangle: NDArray[np.int64]  # [t,3]
    color: RGB
    opacity: Wide  # [n]


def _fan(outline: Wide, color: RGB, opacity: float = 1.0, edge: float = 1.0) -> Decal:
    """A filled shape; `edge` is the opacity of its outline relative to its middle."""
    n = len(outline)
    k = np.arange(n)
    triangle = np.stack([np.zeros(n, np.int64), 1 + k, 1 + (k + 1) % n], 1)
    point = np.concatenate([outline.mean(0, keepdims=True), outline])
    return Decal(point, triangle, color, opacity * np.concatenate([[1.0], np.full(n, edge)]))


def _dot(x: float, y: float, radius: float, color: RGB, opacity: float = 1.0, edge: float = 1.0) -> Decal:
    a = np.arange(10) * 2 * np.pi / 10
    return _fan(np.stack([x + radius * np.cos(a), y + radius * np.sin(a)], 1), color, opacity, edge)


def _stroke(ends: list[tuple[float, float]], width: float, color: RGB, opacity: float = 1.0) -> Decal:
    """A line through points, thinner towards both ends."""
    p = np.array(ends, np.float64)
    t = np.linspace(0, len(p) - 1, 4 * len(p))
    p = np.stack([np.interp(t, np.arange(len(p)), p[:, k]) for k in range(2)], 1)
    along = np.gradient(p, axis=0)
    across = np.stack([-along[:, 1], along[:, 0]], 1) / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    half = 0.5 * width * np.sqrt(np.clip(np.sin(np.pi * np.linspace(0.06, 0.94, len(p))), 0, 1))[:, None]
    point = np.stack([p + half * across, p - half * across], 1).reshape(-1, 2)
    k = 2 * np.arange(len(p) - 1)
    triangle = np.concatenate([np.stack([k, k + 1, k + 2], 1), np.stack([k + 1, k + 3, k + 2], 1)])
    return Decal(point, triangle, color, np.full(len(point), opacity))


def _nose(character: Character) -> list[Decal]:
    line, shade = mix(character.skin, (0.30, 0.08, 0.08), 0.55), mix(character.skin, (0.55, 0.22, 0.25), 0.35)
    side = -1.0 if character.hair.is_mirrored else 1.0
    if character.nose == "dot":
        return [_dot(0.0, 13.795, 0.014, line, 0.85)]
    if character.nose == "line":
        return [_stroke([(side * 0.015, 13.86), (side * 0.03, 13.79)], 0.018, line)]
    if character.nose == "shadow":
        outline = np.array([(0.0, 13.89), (side * 0.055, 13.775), (-side * 0.01, 13.765)])
        return [_fan(outline, shade, 0.9)]
    if character.nose == "corner":
        return [_stroke([(side * 0.01, 13.92), (side * 0.045, 13.80), (-side * 0.02, 13.775)], 0.018, line)]
    if character.nose == "nostrils":
        return [_stroke([(s * 0.015, 13.775), (s * 0.045, 13.785)], 0.016, line, 0.9) for s in (1.0, -1.0)]
    return []


def _lower_lip(character: Character) -> list[Decal]:
    if not character.has_lower_lip:
        return []
    color = mix(character.skin, (0.40, 0.12, 0.14), 0.4)
    return [_stroke([(-0.055, 13.335), (0.0, 13.328), (0.055, 13.335)], 0.014, color, 0.9)]


def _mark(character: Character) -> list[Decal]:
    dark, red = mix(character.skin, (0.25, 0.08, 0.05), 0.6), mix(character.skin, (0.90, 0.25, 0.28), 0.55)
    side = -1.0 if character.hair.is_mirrored else 1.0
    x0 = 0.52 + character.face.eye_spacing
    if character.mark == "blush_lines":
        starts = [(s * (x0 + dx), 13.80) for s in (1.0, -1.0) for dx in (-0.09, -0.02, 0.05)]
        return [_stroke([(x, y), (x - 0.035, y - 0.075)], 0.016, red) for x, y in starts]
    if character.mark == "freckles":
        rng = np.random.default_rng(character.iris_seed)
        dots = [(s * rng.uniform(0.18, 0.62), rng.uniform(13.72, 13.84)) for s in (1.0, -1.0) for _ in range(6)]
        return [_dot(float(x), float(y), 0.010, dark, 0.6) for x, y in dots]
    if character.mark == "mole":
        x, y = ((0.52, 13.80), (0.16, 13.33), (0.30, 13.60))[character.iris_seed % 3]
        return [_dot(side * x, y, 0.014, dark)]
    if character.mark == "scar":
        parts = [_stroke([(side * 0.40, 13.84), (side * 0.62, 13.62)], 0.026, red)]
        return parts + [
            _stroke([(side * (0.46 + d), 13.80 - d), (side * (0.53 + d), 13.83 - d)], 0.012, red) for d in (0.0, 0.07)
        ]
    if character.mark == "face_paint":
        if character.iris_seed % 2:
            outline = np.array([(0.44, 13.83), (0.62, 13.83), (0.53, 13.60)])
            return [_fan(outline * (s, 1.0), character.mark_color) for s in (1.0, -1.0)]
        return [
            _stroke([(s * 0.36, 13.78 - d), (s * 0.64, 13.80 - d)], 0.045, character.mark_color)
            for s in (1.0, -1.0)
            for d in (0.0, 0.08)
        ]
    if character.mark == "bandage":
        outline = np.array([(-0.13, -0.045), (0.13, -0.045), (0.13, 0.045), (-0.13, 0.045)])
        turn = np.array([[0.92, -0.39], [0.39, 0.92]])
        return [_fan(outline @ turn.T + (side * 0.50, 13.74), mix(character.skin, (1.0, 0.98, 0.92), 0.75))]
    return []


def decals(character: Character) -> list[Decal]:
    """All that is painted on a character's face."""
    return [*_nose(character), *_lower_lip(character), *_mark(character)]
