"""Turns a character into pictures and colours; colours irises and draws the ones that are not in the kit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .character import DRAWN_IRISES, RGB, Character, mix
from .kit import Kit, Texture
from .surface import Paint

Array = NDArray[np.float32]
Wide = NDArray[np.float64]
SKIN_PICTURE, LEFT_IRIS, RIGHT_IRIS, STRANDS = 0, 1, 2, 3  # then one for each of the kit's hair textures
_PAINTED_SKIN = np.array([252, 234, 213]) / 255.0  # what the skin picture takes for plain skin


_IRIS_WIDTH, _IRIS_HEIGHT = 256, 320
_SPIRAL, _PETALS = 9.0, 6


def _figure_in_iris(name: str, x: Wide, y: Wide) -> NDArray[np.bool_]:
    """Where the pupil of a drawn iris is, on a square from -1 to 1."""
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


def _drawn_iris(who: Character, color: RGB) -> Texture:
    """An iris painted by code: gradient, rim, rays or rings, a pupil with a shape. Highlights come on top."""
    rng = np.random.default_rng(who.iris_seed)
    rows, columns = np.mgrid[0:_IRIS_HEIGHT, 0:_IRIS_WIDTH]
    x, y = (columns + 0.5) / _IRIS_WIDTH * 2 - 1, (rows + 0.5) / _IRIS_HEIGHT * 2 - 1
    r, angle = np.hypot(x, y), np.arctan2(x, -y)
    second = np.array(who.iris_second)
    down = np.clip((y + 0.7) / 1.5, 0.0, 1.0)[..., None] ** rng.uniform(0.7, 1.6)
    dark, main = np.array(color) * rng.uniform(0.25, 0.5), np.array(color)
    pale = np.clip(main * 0.45 + 0.55 * second + 0.15, 0, 1)
    steps = float(rng.choice([0, 0, 3, 4]))
    down = np.round(down * steps) / steps if steps else down
    rgb = dark + (main - dark) * np.clip(down * 2, 0, 1) + (pale - main) * np.clip(down * 2 - 1, 0, 1)
    if who.iris == "rings":
        ring = (np.abs(r - 0.45) < 0.06) | (np.abs(r - 0.70) < 0.04)
        rgb = np.where(ring[..., None], 0.4 * rgb + 0.6 * second, rgb)
    if who.iris in ("rays", "glass"):
        rays = 0.5 + 0.5 * np.cos(angle * int(rng.integers(14, 30)) + 3.0 * np.sin(angle * 5.0))
        rgb = rgb * (1.0 + 0.35 * (rays * np.clip((r - 0.25) * 3, 0, 1) * (r < 0.8))[..., None])
    if who.iris == "crescent" or rng.random() < 0.4:
        below = np.exp(-(((np.hypot(x, y - 0.05) - 0.62) / 0.15) ** 2)) * np.clip(y * 3, 0, 1)
        rgb = rgb + (np.clip(second + 0.25, 0, 1) - rgb) * 0.8 * below[..., None]
    pupil = _figure_in_iris(who.iris, x, y)
    is_bright = who.iris in ("star", "heart", "cross", "flower")
    inner = np.clip(second * 0.4 + 0.62, 0, 1) if is_bright else dark * rng.uniform(0.1, 0.4)
    if who.iris != "gradient" or rng.random() < 0.5:
        rgb = np.where(pupil[..., None], inner, rgb)
    rim = np.clip((r - rng.uniform(0.80, 0.92)) / 0.05, 0.0, 1.0)[..., None]
    rgb = rgb + (dark * 0.45 - rgb) * rim * rng.uniform(0.6, 1.0)
    lid = np.clip((-y - rng.uniform(0.1, 0.4)) / 0.4, 0.0, 1.0)[..., None]
    rgb = rgb * (1.0 - rng.uniform(0.2, 0.6) * lid)
    alpha = np.clip((1.0 - r) * 40, 0, 1)
    return (np.dstack([rgb, alpha]) * 255).clip(0, 255).astype(np.uint8)


def _kit_iris(kit: Kit, name: str, color: RGB) -> Texture:
    """An iris of the kit in this colour: its brightness looked up on a ramp from dark to pale."""
    source = kit.texture(f"iris.{name}")
    value = source[..., 0] / 255.0
    dark = np.array(color) * 0.20 + 0.02
    ramp = np.array([dark, 0.25 * dark + 0.75 * np.array(color), color, mix(color, (1.0, 1.0, 0.96), 0.62)])
    rgb = np.stack([np.interp(value, np.array([0.0, 0.35, 0.62, 1.0]), ramp[:, k]) for k in range(3)], 2)
    return np.dstack([rgb * 255, source[..., 3]]).astype(np.uint8)


def _lights_in_eye(picture: Texture, who: Character) -> Texture:
    """The same iris with one to four painted highlights: round, oval, a bar or a star."""
    rng = np.random.default_rng([who.iris_seed, 1])
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


def iris(kit: Kit, who: Character, eye: int) -> Texture:
    """The picture of an eye's iris, 0 left, 1 right."""
    color = who.iris_colors[eye]
    picture = _drawn_iris(who, color) if who.iris in DRAWN_IRISES else _kit_iris(kit, who.iris, color)
    if who.iris in DRAWN_IRISES:
        return _lights_in_eye(picture, who)  # light falls into both eyes from one side
    return picture if eye == 0 else picture[:, ::-1]


def paint(kit: Kit, who: Character) -> Paint:
    """All a character's pictures and colours."""
    pen = who.pen
    pictures = [
        kit.texture("skin"),
        iris(kit, who, 0),
        iris(kit, who, 1),
        *(kit.texture(name) for name in kit.hair_texture),
    ]
    table, start = [], 0
    for picture in pictures:
        table.append((start, picture.shape[1], picture.shape[0]))
        start += picture.size
    root, middle, tip = (np.array(c) for c in who.hair_colors)
    bright = float(middle.mean())
    shine = np.clip(middle * 1.25 + 0.20 + 0.12 * bright, 0, 1)
    streak = np.array(who.streak)
    hair = [
        [root, middle, tip, shine],
        [streak * 0.95, streak, streak, np.clip(streak * 1.2 + 0.2, 0, 1)],
        [np.array(who.trinket)] * 4,
    ]
    depth = 1.0 - float(np.mean(who.skin))
    return Paint(
        texel=np.concatenate([p.ravel() for p in pictures]),
        texture=np.array(table, np.int64),
        skin=(np.array(who.skin) / _PAINTED_SKIN).astype(np.float32),
        skin_shade=np.array([0.95 - 0.20 * depth, 0.82 - 0.09 * depth, 0.80 - 0.02 * depth], np.float32),
        blush=np.array([1.0, 0.72, 0.72, who.blush], np.float32),
        cloth=np.array(who.cloth, np.float32),
        jacket=who.has_jacket,
        choker=0.085 if who.has_choker else -1.0,
        hair=np.array(hair, np.float32),
        hair_shade=np.array(who.hair_shade, np.float32),
        iris_dim=0.55,
        through=np.array(who.through, np.float32),
        ring=np.array(who.ring, np.float32),
        ink=np.array(pen.ink, np.float32),
        style=np.array(
            [
                pen.tones,
                pen.edge,
                pen.shade,
                pen.rim,
                pen.glow,
                pen.grain,
                pen.line,
                pen.ink_tint,
                who.pattern,
                who.hair.front in kit.swept,
            ],
            np.float32,
        ),
    )
