"""The drawn characters that ship, each designed by hand from the kit's parts."""

from __future__ import annotations

import colorsys
from dataclasses import replace

from .character import RGB, Character, DrawingStyle, FaceWarp, Hair, mix

_STYLE = DrawingStyle("soft_cel", 2, 0.05, glow=0.08, line=0.75)

# Faces: large eyes over a narrow chin and a small mouth, and how age and build change them.
_YOUNG_WOMAN = FaceWarp(
    eye_scale=(1.16, 1.22),
    eye_height=-0.03,
    eye_tilt=0.04,
    face_width=0.96,
    jaw_width=0.92,
    chin_point=0.12,
    chin_length=-0.01,
    mouth_width=0.9,
    mouth_bend=0.35,
    shoulder_width=0.88,
)
_WOMAN = replace(
    _YOUNG_WOMAN,
    eye_scale=(1.12, 1.06),
    eye_height=0.0,
    eye_tilt=0.08,
    chin_length=0.03,
    mouth_width=0.95,
    mouth_bend=0.25,
    nose=0.03,
)
_YOUNG_MAN = replace(
    _YOUNG_WOMAN,
    eye_scale=(1.08, 1.02),
    eye_height=-0.01,
    eye_tilt=0.02,
    jaw_width=0.97,
    chin_point=0.06,
    chin_length=0.03,
    mouth_bend=0.2,
    nose=0.02,
    shoulder_width=0.98,
)
_MAN = replace(
    _YOUNG_MAN,
    eye_scale=(1.04, 0.84),
    eye_height=0.02,
    eye_tilt=0.06,
    jaw_width=1.01,
    chin_length=0.06,
    mouth_width=1.0,
    mouth_bend=0.12,
    nose=0.05,
    shoulder_width=1.06,
)
# What a male character has instead of the lashes of `_design`.
_PLAIN_LASHES = {"has_lower_lash": False, "lash_wing": 0.0, "lash_thickness": 0.8}


def _rgb(text: str) -> RGB:
    """sRGB, 0 to 1, of "#rrggbb"."""
    red, green, blue = (int(text[at : at + 2], 16) / 255.0 for at in (1, 3, 5))
    return red, green, blue


def _darkened(color: RGB, value: float) -> RGB:
    hue, saturation, old = colorsys.rgb_to_hsv(*color)
    return colorsys.hsv_to_rgb(hue, min(1.1 * saturation, 1.0), old * value)


_SKINS = tuple(
    map(_rgb, ("#fff0ea", "#ffe9dc", "#fde0cd", "#f3d0b6", "#e2b996", "#c99a74", "#a87850", "#84563a", "#68422c"))
)


def _design(
    face: FaceWarp, hair: Hair, hair_colors: str, eye_color: str, skin: int, cloth: str, **traits: object
) -> Character:
    """A character; colours are written as "#rrggbb", three for the hair (root to tip) and four for the clothes."""
    root, middle, tip = map(_rgb, hair_colors.split())
    main, trim, jacket, choker = map(_rgb, cloth.split())
    eyes, tone = _rgb(eye_color), _SKINS[skin]
    design = Character(
        hair=hair,
        hair_colors=(root, middle, tip),
        hair_shade=(0.72, 0.68, 0.78),
        streak=tip,
        streak_share=0.0,
        ring=(0.68, 0.07, 0.5),
        iris="deep",
        iris_colors=(eyes, eyes),
        iris_second=mix(eyes, (1.0, 1.0, 1.0), 0.4),
        iris_size=1.04,
        iris_seed=1,
        face=face,
        ear=0.0,
        lash_thickness=1.0,
        lash_wing=0.4,
        has_lower_lash=True,
        has_lid_fold=True,
        lash=mix((0.11, 0.07, 0.08), _darkened(middle, 0.35), 0.4),
        brow=mix(_darkened(middle, 0.5), (0.16, 0.10, 0.10), 0.3),
        brow_thickness=0.8,
        brow_length=0.95,
        brow_tilt=0.0,
        brow_arch=0.3,
        brow_height=0.0,
        through=(0.0, 0.9),
        nose="dot",
        mark=None,
        mark_color=(0.8, 0.4, 0.4),
        skin=tone,
        blush=0.35,
        lip=mix(tone, (0.45, 0.08, 0.12), 0.6),
        has_lower_lip=False,
        has_upper_teeth=True,
        has_lower_teeth=False,
        neckline="crew",
        pattern=0,
        cloth=(main, trim, jacket, choker),
        has_jacket=False,
        has_straps=False,
        has_choker=False,
        collar=None,
        glasses=None,
        headwear=None,
        worn=((0.15, 0.14, 0.18), (0.9, 0.9, 0.95)),
        trinket=(0.9, 0.3, 0.35),
        drawing_style=_STYLE,
    )
    return replace(design, **traits)  # type: ignore[arg-type]


DESIGNS: dict[str, Character] = {
    "aoi": _design(
        _YOUNG_WOMAN,
        Hair("long_straight", "long_straight", "long_straight"),
        "#27335c #33457a #4a6fb0",
        "#3fa7d6",
        0,
        "#f4f5f8 #2d3a66 #2d3a66 #2d3a66",
        neckline="sailor",
        blush=0.4,
    ),
    "beni": _design(
        replace(_YOUNG_WOMAN, eye_tilt=0.1, mouth_bend=0.5),
        Hair("side_tail", "side_tail", "side_tail", has_trinket=True),
        "#7e1f24 #b5333a #e0645a",
        "#e0902c",
        1,
        "#26252b #c23b42 #1d1c21 #1d1c21",
        has_jacket=True,
        has_choker=True,
        lash_wing=1.0,
        brow_tilt=0.12,
        trinket=_rgb("#f2f0ea"),
    ),
    "gin": _design(
        replace(_MAN, eye_scale=(1.0, 0.78), chin_length=0.08),
        Hair("short_layers", "short_layers", "short_layers", is_mirrored=True),
        "#6b7078 #9aa0a8 #c4c9d0",
        "#5d7f78",
        4,
        "#f3f3f1 #2f3d4f #2b3440 #2b3440",
        collar="tie",
        has_jacket=True,
        glasses="square",
        brow=_rgb("#6b7078"),
        brow_thickness=1.2,
        nose="line",
        blush=0.0,
        **_PLAIN_LASHES,
    ),
    "haru": _design(
        _YOUNG_MAN,
        Hair("short_layers", "short_layers", "short_layers"),
        "#c79a4b #ecc877 #f6e3a8",
        "#4f86d9",
        1,
        "#f5f4f0 #3b4a6b #3b4a6b #3b4a6b",
        collar="tie",
        has_jacket=True,
        brow_thickness=1.1,
        blush=0.2,
        **_PLAIN_LASHES,
    ),
    "kaito": _design(
        _MAN,
        Hair("short_spiky", "short_spiky", "short_spiky", is_mirrored=True),
        "#1b1f2e #262c42 #3c4a70",
        "#7f93b8",
        3,
        "#2f3440 #c9ccd4 #23262e #23262e",
        neckline="vee",
        has_jacket=True,
        brow_thickness=1.35,
        brow_tilt=0.08,
        nose="line",
        blush=0.0,
        **_PLAIN_LASHES,
    ),
    "kuro": _design(
        replace(_YOUNG_WOMAN, eye_tilt=0.12, mouth_bend=0.2),
        Hair("bob_wolf", "bob_wolf", "bob_wolf"),
        "#17161c #221f2a #3a2f44",
        "#d33a4e",
        0,
        "#1f1d24 #8f2a3c #1f1d24 #15141a",
        iris="slit",
        has_choker=True,
        headwear="cat_ears",
        worn=((0.1, 0.1, 0.12), _rgb("#221f2a")),
        streak=_rgb("#c22f46"),
        streak_share=0.12,
        lash_wing=0.7,
        brow_tilt=0.06,
        blush=0.25,
    ),
    "mei": _design(
        replace(_WOMAN, eye_tilt=-0.02, mouth_bend=0.45),
        Hair("bob_part", "bob_part", "bun", volume=0.1, seed=6),
        "#2b1d1a #4a3029 #7a5243",
        "#7a5a3a",
        5,
        "#e9d9c4 #8c5a4a #6f7f6a #5a3a30",
        neckline="vee",
        has_jacket=True,
        glasses="round",
        lip=_rgb("#a04848"),
        has_lower_lip=True,
        nose="shadow",
        blush=0.25,
    ),
    "minto": _design(
        replace(_YOUNG_WOMAN, mouth_bend=0.5),
        Hair("bob_part", "none", "twin_tails", length=1.2, volume=0.14, seed=3),
        "#3f9f86 #68c7a9 #b5ecd4",
        "#2f9e73",
        1,
        "#fdfdfb #68c7a9 #8fd9c2 #2f7f68",
        neckline="sailor",
        iris="star",
        headwear="side_bow",
        worn=((0.2, 0.2, 0.2), _rgb("#f6d465")),
        blush=0.45,
    ),
    "momo": _design(
        replace(_YOUNG_WOMAN, eye_scale=(1.2, 1.3), eye_tilt=-0.02, mouth_width=0.85, mouth_bend=0.5),
        Hair("bun_bob", "bun_bob", "bun_bob"),
        "#d9708f #f09ab3 #ffd0dc",
        "#d8507e",
        0,
        "#fff3f6 #f09ab3 #f09ab3 #d9708f",
        collar="bow_tie",
        iris="heart",
        blush=0.7,
        drawing_style=replace(_STYLE, ink=_rgb("#6b2f3f"), ink_tint=0.5),
    ),
    "ren": _design(
        _YOUNG_MAN,
        Hair("bob_wolf", "bob_wolf", "bob_wolf", is_mirrored=True),
        "#c9ccd8 #e9ebf2 #ffffff",
        "#e0b23c",
        7,
        "#3a2f52 #d9b450 #2b2340 #2b2340",
        neckline="vee",
        has_jacket=True,
        has_lower_lash=False,
        lash_wing=0.2,
        brow=_rgb("#cfcfd8"),
        brow_thickness=1.0,
        nose="shadow",
        blush=0.1,
    ),
    "ruri": _design(
        _WOMAN,
        Hair("bob_part", "bob_part", "wavy", is_mirrored=True, length=1.15, volume=0.14, seed=5),
        "#4b2f6e #6f4a9c #b48be0",
        "#f0b84a",
        6,
        "#f2ede4 #6f4a9c #6f4a9c #3d2858",
        neckline="boat",
        lip=_rgb("#8c3e44"),
        has_lower_lip=True,
        lash_wing=0.8,
        brow_thickness=0.7,
        nose="shadow",
        blush=0.25,
    ),
    "sakura": _design(
        replace(_YOUNG_WOMAN, eye_scale=(1.18, 1.26), mouth_bend=0.55),
        Hair("long_straight", "long_straight", "twin_braids", is_mirrored=True, volume=0.1, seed=8),
        "#c98aa0 #f3b9c9 #ffe3ea",
        "#7d9b4e",
        1,
        "#fffaf4 #e79ab0 #c8d6a0 #e79ab0",
        collar="shirt",
        headwear="flower",
        worn=((0.2, 0.2, 0.2), _rgb("#ff9fb8")),
        blush=0.55,
    ),
    "sora": _design(
        replace(_YOUNG_MAN, eye_scale=(1.14, 1.12), mouth_bend=0.45),
        Hair("short_spiky", "short_spiky", "short_spiky", has_ahoge=True),
        "#1f8fa0 #45c4d0 #a6eef0",
        "#2a7fbf",
        2,
        "#ffffff #f08a3c #f5b04a #2b5c78",
        has_jacket=True,
        mark="freckles",
        headwear="headphones",
        worn=((0.2, 0.2, 0.2), _rgb("#f2f4f6")),
        brow_tilt=0.04,
    ),
    "yuki": _design(
        replace(_WOMAN, eye_tilt=0.05),
        Hair("long_straight", "long_straight", "long_straight", is_mirrored=True, length=1.25),
        "#b9bfd2 #e6e9f3 #f8f9ff",
        "#8a6fd0",
        0,
        "#3d4566 #e6e9f3 #2c3350 #2c3350",
        neckline="turtle",
        has_lower_lip=True,
        lash_wing=0.6,
        brow=_rgb("#9aa0b8"),
        blush=0.25,
    ),
}
