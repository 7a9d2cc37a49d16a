"""Samples an anime character from a seed: hair, eyes, face shape, clothes and drawing style."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from . import hairstyles
from .kit import Kit

Array = NDArray[np.float32]
RGB = tuple[float, float, float]
DRAWN_IRISES = (
    "gradient", "rings", "rays", "star", "heart", "cross", "slit", "spiral", "crescent", "dark", "flower", "glass",
)  # fmt: skip

NECKLINES = ("crew", "vee", "boat", "turtle", "sailor", "tank")
NOSES = ("none", "dot", "line", "shadow", "corner", "nostrils")
MARKS = ("blush_lines", "freckles", "mole", "scar", "face_paint", "bandage")
HEADWEAR = (
    "cat_ears", "fox_ears", "bunny_ears", "horns", "headband", "ribbon", "side_bow", "flower", "hairpin", "beanie",
    "cap", "witch_hat", "beret", "headphones", "maid", "crown", "halo",
)  # fmt: skip

GLASSES = ("round", "square", "half_rim")
COLLARS = ("shirt", "scarf", "hood", "bow_tie", "tie")
SHADINGS = ("cel", "soft_cel", "three", "flat", "painterly", "pastel", "ink")

# Parts that no character of a training set has; only an evaluation meets them.
HELD_OUT: dict[str, frozenset[str]] = {
    "front": frozenset({"over_eye", "side_tail"}),
    "side": frozenset({"braid"}),
    "back": frozenset({"bun_bob", "twin_drills", "side_pony"}),
    "iris": frozenset({"spiral", "flower", "ring"}),
    "headwear": frozenset({"fox_ears", "beret", "side_bow"}),
    "shading": frozenset({"pastel"}),
}

EYE = (0.435, 14.10)  # x and y of the left eye's centre, dm
MOUTH_Y = 13.44
_EYE_REACH = (0.40, 0.36)  # dm in which the warp of an eye fades
_NOSE_Y = 13.83
_FRONT_Z = 0.1  # the face lies in front of it

# Human skin as anime paints it, from the lightest to the darkest.
_SKINS: tuple[RGB, ...] = (
    (1.00, 0.945, 0.915),
    (1.00, 0.918, 0.862),
    (0.992, 0.885, 0.808),
    (0.965, 0.835, 0.735),
    (0.910, 0.760, 0.640),
    (0.835, 0.665, 0.535),
    (0.730, 0.550, 0.420),
    (0.610, 0.435, 0.325),
    (0.490, 0.335, 0.250),
    (0.380, 0.255, 0.195),
)

_NATURAL: tuple[RGB, ...] = (
    (0.15, 0.13, 0.16), (0.22, 0.17, 0.17), (0.32, 0.22, 0.18), (0.45, 0.30, 0.22), (0.62, 0.44, 0.28),
    (0.90, 0.76, 0.48), (0.96, 0.90, 0.70), (0.70, 0.34, 0.22), (0.80, 0.80, 0.84), (0.94, 0.94, 0.97),
)  # fmt: skip

_RARE = ("slicked", "drill", "braid")


@dataclass(frozen=True)
class Hair:
    """A hairstyle; each part is a style of the kit or of `hairstyles`."""

    front: str
    side: str
    back: str
    is_mirrored: bool = False
    has_tail: bool = True
    has_ahoge: bool = False
    has_trinket: bool = False  # ribbons and pins that belong to the kit's styles
    length: float = 1.0  # stretches what hangs below the chin
    volume: float = 0.1  # dm above the skull
    seed: int = 0  # of the variation within a style made by code


@dataclass(frozen=True)
class DrawingStyle:
    """How a character is shaded and outlined."""

    shading: str = "cel"
    tones: int = 2  # 1 to 3
    edge: float = 0.06  # half width of the border between tones, as a cosine
    shade: float = 1.0  # strength of the shade
    rim: float = 1.0
    glow: float = 0.0  # a soft gradient over everything
    grain: float = 0.0  # brush marks
    line: float = 1.0  # width of lines, 0 for none
    ink: RGB = (0.1, 0.08, 0.1)
    ink_tint: float = 0.0  # 0: lines have a dark tone of what they outline, 1: they have the colour `ink`


_STYLES = {
    "cel": DrawingStyle("cel", 2, 0.04),
    "soft_cel": DrawingStyle("soft_cel", 2, 0.16, glow=0.1),
    "three": DrawingStyle("three", 3, 0.05),
    "flat": DrawingStyle("flat", 1, 0.05, rim=0.0),
    "painterly": DrawingStyle("painterly", 3, 0.34, glow=0.35, grain=1.0, line=0.45),
    "pastel": DrawingStyle("pastel", 2, 0.2, shade=0.55, glow=0.2, ink_tint=0.6, line=0.8),
    "ink": DrawingStyle("ink", 2, 0.025, shade=1.25, line=1.35, ink_tint=0.9),
}


@dataclass(frozen=True)
class FaceWarp:
    """How a face differs from that of the kit. Lengths in dm; factors are 1 for no change."""

    eye_scale: tuple[float, float] = (1.0, 1.0)  # width, height
    eye_tilt: float = 0.0  # slope: positive raises the outer corner
    eye_bend: float = 0.0  # positive lifts both corners, negative lets them droop
    eye_taper: float = 0.0  # positive makes the outer half taller
    eye_spacing: float = 0.0  # outward
    eye_height: float = 0.0  # upward
    face_width: float = 1.0
    jaw_width: float = 1.0
    cheek: float = 0.0  # outward at the height of the mouth
    chin_length: float = 0.0
    chin_point: float = 0.0  # positive narrows the tip of the chin
    mouth_width: float = 1.0
    mouth_height: float = 0.0  # upward
    mouth_bend: float = 0.0  # positive lifts the corners
    nose: float = 0.0  # forward
    shoulder_width: float = 1.0

    def apply_body(self, position: Array) -> Array:
        """[n,3] the same for points of the shoulders; the neck stays."""
        p = position.astype(np.float64)
        beside = np.clip((np.abs(p[:, 0]) - 0.35) / 0.5, 0.0, 1.0)
        p[:, 0] *= 1.0 + (self.shoulder_width - 1.0) * beside
        return p.astype(np.float32)

    def apply(self, position: Array) -> Array:
        """[n,3] these points [n,3] of the kit's head on this face."""
        p = position.astype(np.float64)
        is_front = p[:, 2] > _FRONT_Z
        for side in (1.0, -1.0):
            x, y = side * EYE[0], EYE[1]
            dx, dy = p[:, 0] - x, p[:, 1] - y
            near = np.exp(-((dx / _EYE_REACH[0]) ** 2) - (dy / _EYE_REACH[1]) ** 2) * is_front
            out = side * dx
            p[:, 0] += near * ((self.eye_scale[0] - 1.0) * dx + side * self.eye_spacing)
            taper = self.eye_taper * np.clip(out, -0.3, 0.3) * dy
            bend = self.eye_bend * (np.minimum(out * out, 0.09) - 0.03)
            p[:, 1] += near * ((self.eye_scale[1] - 1.0) * dy + taper + bend + self.eye_height + self.eye_tilt * out)
        dy = p[:, 1] - MOUTH_Y
        mouth = np.exp(-((p[:, 0] / 0.42) ** 2) - (dy / 0.30) ** 2) * is_front
        p[:, 0] += mouth * (self.mouth_width - 1.0) * p[:, 0]
        p[:, 1] += mouth * (self.mouth_height + self.mouth_bend * (np.minimum(p[:, 0] ** 2, 0.09) - 0.02))
        p[:, 2] += self.nose * np.exp(-((p[:, 0] / 0.12) ** 2) - ((p[:, 1] - _NOSE_Y) / 0.14) ** 2) * is_front
        p[:, 0] *= 1.0 + (self.face_width - 1.0) * np.clip((15.0 - p[:, 1]) / 1.2, 0.0, 1.0)
        forward = np.clip((p[:, 2] + 0.1) / 0.5, 0.0, 1.0)
        low = np.clip((14.1 - p[:, 1]) / 0.9, 0.0, 1.0) * forward
        cheek = self.cheek * np.exp(-(((p[:, 1] - 13.55) / 0.28) ** 2)) * forward
        p[:, 0] *= 1.0 + (self.jaw_width - 1.0) * np.sin(np.pi * np.clip(low, 0.0, 0.8) / 1.6) + cheek
        tip = np.clip((13.50 - p[:, 1]) / 0.45, 0.0, 1.0) * forward
        p[:, 0] *= 1.0 - self.chin_point * tip * tip
        chin = np.clip((p[:, 2] - 0.20) / 0.40, 0.0, 1.0)  # the jaw stays where it meets the neck
        p[:, 1] -= self.chin_length * low * low * chin
        return p.astype(np.float32)


@dataclass(frozen=True)
class Character:
    """A character, with everything that stays the same from picture to picture; colours are sRGB, 0 to 1."""

    hair: Hair
    hair_colors: tuple[RGB, RGB, RGB]  # root, middle, tip
    hair_shade: RGB  # factor in the shade
    streak: RGB
    streak_share: float  # of the locks
    ring: tuple[float, float, float]  # height (radians), width and strength of the highlight
    iris: str
    iris_colors: tuple[RGB, RGB]  # left, right
    iris_second: RGB  # second colour of two-coloured irises
    iris_size: float
    iris_seed: int
    face: FaceWarp
    ear: float  # how far the ears are pointed: 0 human, 1 elf
    lash_thickness: float
    lash_wing: float
    has_lower_lash: bool
    has_lid_fold: bool
    lash: RGB
    brow: RGB
    brow_thickness: float
    brow_length: float
    brow_tilt: float
    brow_arch: float
    brow_height: float  # dm
    through: tuple[float, float]  # opacity of eyes and brows over the fringe
    nose: str
    mark: str | None
    mark_color: RGB
    skin: RGB
    blush: float
    lip: RGB
    has_lower_lip: bool  # a short line below the mouth
    has_upper_teeth: bool
    has_lower_teeth: bool
    neckline: str
    pattern: int  # 0 plain, 1 stripes, 2 pinstripes, 3 two halves, 4 check
    cloth: tuple[RGB, RGB, RGB, RGB]  # main, trim, jacket, choker
    has_jacket: bool
    has_straps: bool
    has_choker: bool
    collar: str | None
    glasses: str | None
    headwear: str | None
    worn: tuple[RGB, RGB]  # colours of glasses, and of headwear
    trinket: RGB  # tint of ribbons and pins
    drawing_style: DrawingStyle


def sample_character(kit: Kit, seed: int, is_held_out: bool = False) -> Character:
    """A character; the same seed always gives the same one. Held-out characters have parts that no other has."""
    sampler = _Sampler(seed, is_held_out)
    hair, colors, skin, is_masculine = _hair(sampler, kit), _hair_colors(sampler), _skin(sampler), sampler.chance(0.33)
    hue = float(sampler.rng.random())
    left = (
        _hsv(hue, sampler.between(0.45, 0.95), sampler.between(0.5, 0.95))
        if sampler.chance(0.7)
        else (0.52, 0.32, 0.16)
    )
    right = _shift(left, sampler.between(0.25, 0.75), 1.0, 1.0) if sampler.chance(0.08) else left
    main = sampler.color((0.0, 0.6), (0.15, 0.97))
    trim = (0.97, 0.97, 0.98) if sampler.chance(0.4) else sampler.color((0.15, 0.65), (0.2, 0.85))
    headwear = sampler.pick("headwear", list(HEADWEAR)) if sampler.chance(0.35) else None
    neckline = str(sampler.rng.choice(NECKLINES))
    glasses = str(sampler.rng.choice(GLASSES)) if sampler.chance(0.16) else None
    dark_lash = mix((0.11, 0.07, 0.08), _shift(colors[1], 0.0, 1.2, 0.35), sampler.between(0.0, 0.7))
    worn = sampler.color((0.0, 0.8), (0.1, 0.95))
    return Character(
        hair=hair,
        hair_colors=colors,
        hair_shade=mix((0.70, 0.66, 0.76), sampler.color((0.1, 0.3), (0.66, 0.8)), 0.5),
        streak=_shift(colors[1], sampler.between(-0.5, 0.5), 1.1, 1.0)
        if sampler.chance(0.4)
        else _shift(colors[1], 0.0, 0.8, 1.12),
        streak_share=sampler.between(0.05, 0.25) if sampler.chance(0.22) else 0.0,
        ring=(
            sampler.between(0.55, 0.85),
            sampler.between(0.04, 0.13),
            sampler.between(0.15, 0.85) * sampler.chance(0.75),
        ),
        iris=sampler.pick("iris", kit.iris_names() + list(DRAWN_IRISES)),
        iris_colors=(left, right),
        iris_second=_shift(left, sampler.between(-0.3, 0.3), 0.9, 1.1)
        if sampler.chance(0.5)
        else sampler.color((0.3, 0.9), (0.5, 1.0)),
        iris_size=sampler.normal(1.0, 0.08, 0.78, 1.15),
        iris_seed=int(sampler.rng.integers(2**31)),
        face=_face(sampler, is_masculine),
        ear=sampler.between(0.4, 1.0) if sampler.chance(0.08) else 0.0,
        lash_thickness=sampler.between(0.5, 1.45),
        lash_wing=float(sampler.rng.choice([0.0, 0.0, 0.4, 0.7, 1.0])),
        has_lower_lash=sampler.chance(0.6),
        has_lid_fold=sampler.chance(0.6),
        lash=dark_lash,
        brow=mix(_shift(colors[1], 0.0, 1.15, 0.5), (0.16, 0.10, 0.10), sampler.between(0.1, 0.65)),
        brow_thickness=sampler.between(0.5, 1.35) + 0.4 * is_masculine,
        brow_length=sampler.between(0.7, 1.1),
        brow_tilt=sampler.normal(0.0, 0.09, -0.2, 0.25),
        brow_arch=sampler.normal(0.0, 0.45, -1.0, 1.0),
        brow_height=sampler.normal(-0.02, 0.035, -0.09, 0.05),
        through=(
            float(sampler.rng.choice([0.0, 0.0, 0.25, 0.45])),
            float(sampler.rng.choice([0.0, 0.5, 0.9, 1.0, 1.0])),
        ),
        nose=str(sampler.rng.choice(NOSES)),
        mark=str(sampler.rng.choice(MARKS)) if sampler.chance(0.28) else None,
        mark_color=sampler.color((0.5, 0.9), (0.4, 0.9)),
        skin=skin,
        blush=sampler.normal(0.3, 0.35, 0.0, 1.0),
        lip=mix(skin, (0.75, 0.25, 0.3), sampler.between(0.15, 0.6))
        if sampler.chance(0.25)
        else mix(skin, (0.25, 0.05, 0.08), 0.62),
        has_lower_lip=sampler.chance(0.3),
        has_upper_teeth=sampler.chance(0.7),
        has_lower_teeth=sampler.chance(0.3),
        neckline=neckline,
        pattern=int(sampler.rng.choice([0, 0, 0, 0, 1, 2, 3, 4])),
        cloth=(main, trim, sampler.color((0.0, 0.55), (0.12, 0.9)), sampler.color((0.0, 0.6), (0.05, 0.6))),
        has_jacket=sampler.chance(0.3),
        has_straps=sampler.chance(0.12),
        has_choker=sampler.chance(0.18),
        collar=_collar(sampler, neckline),
        glasses=glasses,
        headwear=headwear,
        worn=(
            sampler.color((0.2, 0.8), (0.08, 0.6)),
            colors[1] if headwear in ("cat_ears", "fox_ears", "bunny_ears") and sampler.chance(0.7) else worn,
        ),
        trinket=mix(trim, (1.0, 1.0, 1.0), 0.3) if sampler.chance(0.5) else worn,
        drawing_style=_drawing_style(sampler),
    )


def mix(a: RGB, b: RGB, t: float) -> RGB:
    """The colour at `t` of the way from a to b."""
    return (a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t)


def _hsv(h: float, s: float, v: float) -> RGB:
    loud = max(1.0 - abs((h % 1.0) - 0.31) / 0.15, 0.0)  # greens look garish sooner than other hues
    s, v = s * (1.0 - 0.4 * loud), v * (1.0 - 0.12 * loud)
    return colorsys.hsv_to_rgb(h % 1.0, min(max(s, 0.0), 1.0), min(max(v, 0.0), 1.0))


def _shift(color: RGB, hue: float, saturation: float, value: float) -> RGB:
    h, s, v = colorsys.rgb_to_hsv(*color)
    return _hsv(h + hue, s * saturation, v * value)


class _Sampler:
    """Random choices of one character."""

    def __init__(self, seed: int, is_held_out: bool) -> None:
        self.rng = np.random.default_rng(seed)
        self.is_held_out = is_held_out

    def normal(self, mean: float, spread: float, low: float, high: float) -> float:
        return float(np.clip(self.rng.normal(mean, spread), low, high))

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def pick(self, what: str, names: list[str]) -> str:
        """One of the names. Held-out names come only to held-out characters, half of the time."""
        kept = HELD_OUT.get(what, frozenset())
        others = [n for n in names if n not in kept]
        if self.is_held_out and self.chance(0.5):
            others = [n for n in names if n in kept] or others
        return str(self.rng.choice(others))

    def color(self, saturation: tuple[float, float], value: tuple[float, float]) -> RGB:
        return _hsv(float(self.rng.random()), self.between(*saturation), self.between(*value))


def _skin(sampler: _Sampler) -> RGB:
    """Every tone, so that none is rare; light ones more often, as in most drawings; one in twenty is not human."""
    if sampler.chance(0.05):
        return sampler.color((0.12, 0.4), (0.6, 0.98))
    at = sampler.between(0.0, len(_SKINS) - 1.001) if sampler.chance(0.55) else sampler.between(0.0, 3.2)
    return mix(_SKINS[int(at)], _SKINS[int(at) + 1], at - int(at))


def _hair_colors(sampler: _Sampler) -> tuple[RGB, RGB, RGB]:
    if sampler.chance(0.5):
        natural = _NATURAL[sampler.rng.integers(len(_NATURAL))]
        middle = _shift(
            natural, sampler.normal(0, 0.01, -0.05, 0.05), sampler.between(0.8, 1.1), sampler.between(0.95, 1.04)
        )
    else:
        middle = sampler.color((0.22, 0.72), (0.35, 0.98))
    root = _shift(middle, 0.0, 1.05, sampler.between(0.78, 1.0))
    kind = sampler.rng.random()
    if kind < 0.45:
        tip = _shift(middle, sampler.normal(0.0, 0.015, -0.1, 0.1), 1.0, sampler.between(0.95, 1.08))
    elif kind < 0.7:
        tip = _shift(middle, sampler.normal(0.0, 0.06, -0.2, 0.2), 0.9, sampler.between(0.8, 1.2))
    else:
        tip = sampler.color((0.3, 0.7), (0.5, 0.98))
    return root, middle, tip


def _hair(sampler: _Sampler, kit: Kit) -> Hair:
    styles = list(kit.hair_style)
    combined = [s for s in styles if s not in kit.swept]
    kind = sampler.rng.random()
    if kind < 0.20 and not sampler.is_held_out:  # a style as the kit has it
        front = side = back = sampler.pick("back", [s for s in styles if s not in HELD_OUT["front"]])
    else:
        front = sampler.pick("front", [s for s in hairstyles.FRONTS if s not in _RARE] * 4 + ["slicked"] + combined * 2)
        side = sampler.pick("side", [s for s in hairstyles.SIDES if s not in _RARE] * 3 + ["drill", "braid"] + combined)
        back = sampler.pick("back", list(hairstyles.BACKS) * 2 + combined)
    return Hair(
        front,
        side,
        back,
        is_mirrored=sampler.chance(0.5),
        has_tail=sampler.chance(0.8),
        has_ahoge=sampler.chance(0.3),
        has_trinket=sampler.chance(0.5),
        length=sampler.between(0.65, 1.3),
        volume=sampler.between(0.04, 0.30),
        seed=int(sampler.rng.integers(2**31)),
    )


def _face(sampler: _Sampler, is_masculine: bool) -> FaceWarp:
    age = sampler.between(-1.0, 1.0)  # children have larger and lower eyes over a shorter chin
    eye = sampler.normal(1.12 - 0.07 * age, 0.08, 0.84, 1.34)
    return FaceWarp(
        eye_scale=(
            float(np.clip(eye + sampler.normal(0, 0.05, -0.1, 0.1), 0.82, 1.30)),
            float(np.clip(eye + sampler.normal(0, 0.09, -0.2, 0.2) - 0.18 * is_masculine - 0.05 * age, 0.66, 1.36)),
        ),
        eye_tilt=sampler.normal(0.03, 0.10, -0.22, 0.26),
        eye_bend=sampler.normal(0.0, 0.5, -1.0, 1.0),
        eye_taper=sampler.normal(0.0, 0.35, -0.7, 0.7),
        eye_spacing=sampler.normal(0.0, 0.02, -0.04, 0.04),
        eye_height=sampler.normal(-0.01, 0.03, -0.07, 0.05) + 0.03 * age,
        face_width=sampler.normal(1.0, 0.04, 0.92, 1.08),
        jaw_width=sampler.normal(0.99, 0.06, 0.86, 1.12) + 0.05 * is_masculine,
        cheek=sampler.normal(0.0, 0.025, -0.05, 0.06),
        chin_length=sampler.normal(0.0, 0.035, -0.07, 0.07) + 0.04 * is_masculine + 0.04 * age,
        chin_point=sampler.normal(0.0, 0.12, -0.2, 0.3),
        mouth_width=sampler.normal(1.15, 0.18, 0.8, 1.6),
        mouth_height=sampler.normal(0.0, 0.02, -0.04, 0.05),
        mouth_bend=sampler.normal(0.0, 0.30, -0.6, 0.7),
        nose=sampler.normal(0.01, 0.035, -0.06, 0.09),
        shoulder_width=sampler.normal(0.96, 0.09, 0.74, 1.14) + 0.06 * is_masculine,
    )


def _drawing_style(sampler: _Sampler) -> DrawingStyle:
    style = _STYLES[sampler.pick("shading", ["cel", *SHADINGS])]
    ink = (
        (0.07, 0.05, 0.07) if style.shading == "ink" or sampler.chance(0.5) else sampler.color((0.3, 0.8), (0.15, 0.45))
    )
    tint = sampler.between(0.3, 1.0) if sampler.chance(0.25) else style.ink_tint
    width = (
        style.line * sampler.between(0.6, 1.25) * (0.0 if style.shading == "painterly" and sampler.chance(0.3) else 1.0)
    )
    return replace(
        style,
        edge=style.edge * sampler.between(0.7, 1.5),
        shade=style.shade * sampler.between(0.7, 1.2),
        rim=style.rim * sampler.between(0.0, 1.4),
        line=width,
        ink=ink,
        ink_tint=tint,
    )


def _collar(sampler: _Sampler, neckline: str) -> str | None:
    kind = str(sampler.rng.choice(COLLARS)) if sampler.chance(0.3) else None
    return kind if neckline != "turtle" or kind == "scarf" else None
