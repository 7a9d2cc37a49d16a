"""Makes the textures of skin, eyes, teeth and cloth: tone, blotches, freckles, wrinkles, pores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, uniform_filter

from .hair import density
from .haircut import Scalp
from .kit import Kit
from .person import Person
from .rasterize import (
    CAVITY,
    CHEEK,
    CLOTH,
    EYE,
    FRAME,
    LIP,
    MASKS,
    MATERIALS,
    SCALP,
    SKIN,
    STUBBLE,
    TEETH,
    TONGUE,
    Array,
    Bytes,
    Index,
    Textures,
)

_CHEEK_TEXELS = slice(690, 760), slice(440, 520)  # the front of the face in a skin texture
_FOREHEAD_TEXELS = slice(650, 715), slice(295, 345)
_LID_TEXELS = 12.0  # over how many texels the colour of a lid is evened out
_SLOPE_ONE = 64.0  # a slope of 1 in the bytes of the slope map


@dataclass(frozen=True)
class SkinMap:
    """The place of each texel of the skin texture on the kit's resting head."""

    position: Array  # [H,W,3] dm; far away where there is no skin
    inside: Array  # [H,W] radians inside of the hairline
    lip: Array  # [H,W] 0 to 1
    cheek: Array  # [H,W] 0 to 1
    lid: Array  # [H,W] 0 to 1, upper lids
    noise: Array  # [4,H,W] normal noise: pores, fine and coarse blotches, and lines along u


_SKIN_MAPS: dict[Path, SkinMap] = {}


def skin_map(kit: Kit, scalp: Scalp) -> SkinMap:
    """The map of the kit's skin texture; made once."""
    if kit.path not in _SKIN_MAPS:
        height, width = kit.texture("skins.young_light_male").shape[:2]
        lips = lips_and_cheeks(kit)
        values = np.column_stack([kit.position, scalp.inside, lips, _upper_lids(kit)]).astype(np.float32)
        out = np.full((height, width, values.shape[1]), -9.0, np.float32)
        _unwrap(kit.uv, kit.face, values[kit.corner_vertex], out)
        rng = np.random.default_rng(11)
        white = rng.standard_normal((height, width), dtype=np.float32)
        pores = gaussian_filter(white, 0.8, mode="wrap") - gaussian_filter(white, 1.8, mode="wrap")
        fine, coarse = gaussian_filter(white, 7.0, mode="wrap"), gaussian_filter(white, 34.0, mode="wrap")
        lines = gaussian_filter(pores, (0.6, 5.0), mode="wrap")
        noise = np.stack([field / field.std() for field in (pores, fine, coarse, lines)])
        cheek = np.clip(out[..., 5], 0.0, 1.0)
        lid = gaussian_filter(np.clip(out[..., 6], 0.0, 1.0), 1.5)
        _SKIN_MAPS[kit.path] = SkinMap(out[..., :3], out[..., 3], np.clip(out[..., 4], 0.0, 1.0), cheek, lid, noise)
    return _SKIN_MAPS[kit.path]


@njit(cache=True, nogil=True)
def _unwrap(uv: Array, face: Index, values: Array, out: Array) -> None:
    """Writes values [C,K] of corners to the texels [H,W,K] that triangles cover."""
    height, width = out.shape[:2]
    for t in range(face.shape[0]):
        a, b, c = face[t]
        x0, y0 = uv[a, 0] * width, (1.0 - uv[a, 1]) * height
        x1, y1 = uv[b, 0] * width, (1.0 - uv[b, 1]) * height
        x2, y2 = uv[c, 0] * width, (1.0 - uv[c, 1]) * height
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0.0:
            continue
        for y in range(max(int(min(y0, y1, y2)), 0), min(int(max(y0, y1, y2)) + 1, height - 1) + 1):
            for x in range(max(int(min(x0, x1, x2)), 0), min(int(max(x0, x1, x2)) + 1, width - 1) + 1):
                px, py = x + 0.5, y + 0.5
                w0 = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) / area
                w1 = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) / area
                w2 = 1.0 - w0 - w1
                if w0 < -0.02 or w1 < -0.02 or w2 < -0.02:
                    continue
                for k in range(values.shape[1]):
                    out[y, x, k] = w0 * values[a, k] + w1 * values[b, k] + w2 * values[c, k]


def make_textures(kit: Kit, scalp: Scalp, person: Person) -> Textures:
    """The textures and colours of a person, for the shader."""
    skin, slope, cheek = _skin(kit, scalp, person)
    used = {
        SKIN: skin,
        EYE: kit.texture(person.iris),
        TEETH: kit.texture("teeth.teeth"),
        TONGUE: kit.texture("tongue.tongue01"),
        CLOTH: _dye(kit.texture(f"clothes.{person.clothes}"), person.cloth_color, person.cloth_dye),
        CAVITY: np.full((1, 1, 4), (118, 60, 58, 255), np.uint8),
        FRAME: np.full((1, 1, 4), 255, np.uint8),
    }
    table, start = np.zeros((MATERIALS, 3), np.int64), 0
    for material, texture in used.items():
        table[material] = (start, texture.shape[1], texture.shape[0])
        start += texture.size
    tint = np.ones((MATERIALS, 3), np.float32)
    tone = np.array(person.skin_tone)
    tint[SKIN] = np.clip(tone / cheek, 0.05, 3.0)
    tint[TEETH], tint[TONGUE] = person.teeth, (0.66, 0.44, 0.43)
    tint[CAVITY] = np.clip(tone / 0.4, 0.45, 1.0)
    tint[FRAME] = person.frame_color
    hair = np.array(person.hair_color)
    # Shaded skin shows between hairs, more of it if they are short and thin.
    cover = 0.0 if person.hair is None else 0.55 if person.hair.top < 0.12 else 0.9
    under = 0.35 * hair + 0.10 * tone if person.hair is not None else tone
    shadow = 0.72 * tone + 0.10 * hair
    return Textures(
        texel=np.concatenate([texture.ravel() for texture in used.values()]),
        texture=table,
        tint=tint,
        slope=slope,
        lip=np.array(person.lip, np.float32),
        blush=np.array(person.blush, np.float32),
        scalp=np.array([*under, cover], np.float32),
        stubble=np.array([*shadow, person.shadow], np.float32),
        gloss=person.gloss,
        iris=np.array(person.iris_color, np.float32),
        pupil=person.pupil,
    )


def lips_and_cheeks(kit: Kit) -> Array:
    """[V,2] lips and cheeks of the head, found by the targets that move them."""
    count = len(kit.position)
    lips = sum(kit.local.magnitude(f"mouth/mouth-{lip}lip-volume-incr", count) for lip in ("upper", "lower"))
    cheeks = sum(kit.local.magnitude(f"cheek/{side}-cheek-volume-incr", count) for side in "lr")
    return np.stack([np.clip(1.6 * lips - 0.35, 0, 1), np.clip(cheeks, 0, 1) ** 1.5], 1).astype(np.float32)


def _upper_lids(kit: Kit) -> Array:
    """[V] 0 to 1: the skin of the upper lids, which a blink stretches."""
    moved = sum(kit.arkit.magnitude(name, len(kit.position)) for name in kit.lid_rims)
    return np.asarray(np.clip((moved - 0.1) / 0.3, 0.0, 1.0), np.float32)


def masks(kit: Kit, scalp: Scalp, person: Person) -> Array:
    """[V,4] how much the skin is lips, cheeks, scalp under hair, and shaved beard."""
    out = np.zeros((len(kit.position), MASKS), np.float32)
    out[:, [LIP, CHEEK]] = lips_and_cheeks(kit)
    if person.hair is not None:
        out[:, SCALP] = density(scalp, person.hair)
    out[:, STUBBLE] = np.maximum(scalp.beard, scalp.moustache)
    return out


def _skin(kit: Kit, scalp: Scalp, person: Person) -> tuple[Bytes, NDArray[np.int8], Array]:
    """The colour of the skin, the slopes of its height, and the linear colour [3] of its cheeks before they redden."""
    chart = skin_map(kit, scalp)
    base = _blend(kit.texture(person.skin[0]), kit.texture(person.skin[1]), person.skin_mix)
    gray = base[..., :3].astype(np.float32).mean(-1)
    groove = _wrinkles(chart, person)
    even = np.maximum(uniform_filter(uniform_filter(gray, 21), 21), 20.0)  # without its details
    slope = _slopes(chart, gray, even, groove, person)
    color = base[..., :3].astype(np.float32)
    # The hair that is painted on the scalp is replaced by skin, with a little of its grain.
    margin = 0.36 if "dark" in person.skin[0] else 0.22  # painted hair reaches further down on dark textures
    bald = np.clip((chart.inside + margin) / 0.24, 0.0, 1.0)[..., None]
    color = _even_lids(color, chart.lid)
    forehead = base[_FOREHEAD_TEXELS][..., :3].reshape(-1, 3).mean(0)
    rough = 1.0 + 0.10 * (gray / even - 1.0)
    color += bald * (forehead * rough[..., None] - color)
    shift = np.random.default_rng([person.seed, 5]).integers(0, 1024, 2)
    fine, coarse = (np.roll(chart.noise[k], tuple(shift), (0, 1)) for k in (1, 2))
    near = np.clip((chart.position[..., 1] - 6.0) / 0.3, 0.0, 1.0)  # texels of neck and chest are stretched
    blotch = np.clip(0.010 * coarse + 0.014 * fine, -0.05, 0.05) * person.blotches * near
    p = chart.position
    nose = np.exp(-(((p[..., 0]) / 0.14) ** 2 + ((p[..., 1] - 6.92) / 0.16) ** 2)) * (p[..., 2] > 1.3)
    cheeks = np.exp(-(((np.abs(p[..., 0]) - 0.38) / 0.2) ** 2 + ((p[..., 1] - 6.88) / 0.2) ** 2)) * (p[..., 2] > 0.8)
    grain = np.roll(chart.noise[0], tuple(shift), (0, 1))
    color *= 1.0 + 0.018 * (near * (1.0 - chart.lid) * person.pores * np.clip(grain, -2.5, 1.5))[..., None]
    red = person.redness * (0.45 * nose + 0.6 * cheeks) + blotch
    color *= 1.0 + np.stack([0.1 * red, -0.6 * red, -0.5 * red], -1)
    color *= 1.0 - 0.5 * person.freckles * _freckles(chart, person, nose + cheeks)[..., None] * (0.55, 0.85, 1.0)
    color *= 1.0 - groove[..., None] * (0.10, 0.16, 0.16)
    lids = np.exp(-(((np.abs(p[..., 0]) - 0.31) / 0.14) ** 2 + ((p[..., 1] - 7.35) / 0.05) ** 2)) * (p[..., 2] > 1.2)
    color *= 1.0 - person.eyeshadow[3] * lids[..., None] * (1.0 - np.array(person.eyeshadow[:3]))
    color *= 1.0 - _moles(chart, person)[..., None] * (0.55, 0.7, 0.75)
    out = base.copy()
    out[..., :3] = np.clip(color, 0.0, 255.0)
    return out, slope, _cheek_color(base)


def _even_lids(color: Array, lid: Array) -> Array:
    """[H,W,3] skin colour with blurred lids, because a blink would stretch their detail to streaks."""
    rows, columns = np.nonzero(lid > 0.0)
    part = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    gray = color[part].mean(-1, keepdims=True)
    share, typical = lid[part][..., None], np.median(gray)
    weight = np.clip((gray / typical - 0.7) / 0.2, 0.02, 1.0)  # leaves out what is painted between the lashes
    spread = gaussian_filter(weight * color[part], (_LID_TEXELS, _LID_TEXELS, 0.0))
    even = spread / gaussian_filter(weight, (_LID_TEXELS, _LID_TEXELS, 0.0))
    out = color.copy()
    out[part] += share * (even - out[part])
    return out


def _slopes(chart: SkinMap, gray: Array, even: Array, groove: Array, person: Person) -> NDArray[np.int8]:
    """[H,W,2] slopes along u and v: creases where the skin's picture has them, pores, and fine lines of the lips."""
    crease = gaussian_filter(gray, 0.7) - gaussian_filter(gray, 4.0)
    crease = np.clip(crease / even, -0.3, 0.3)
    shift = np.random.default_rng([person.seed, 6]).integers(0, 1024, 2)
    pores = np.roll(chart.noise[0], tuple(shift), (0, 1))
    face = np.clip((chart.position[..., 2] - 0.3) / 0.5, 0.25, 1.0)
    skin = 1.0 - chart.lip
    height = (0.9 + 1.5 * person.wrinkles) * crease + 0.11 * person.pores * np.minimum(pores, 0.6) * face * skin
    height -= 0.55 * groove
    # Creases of the lips run from chin to nose, along u in the texture.
    height += 0.03 * chart.lip * chart.noise[3]
    height *= np.clip(1.0 - np.clip((chart.inside + 0.1) / 0.1, 0.0, 1.0) * 0.7, 0.0, 1.0)
    height *= 1.0 - chart.lid
    height *= np.clip((chart.position[..., 1] - 6.02) / 0.2, 0.1, 1.0)  # the neck's texels are stretched
    du = np.gradient(height, axis=1)
    dv = -np.gradient(height, axis=0)
    texels_per_height = 3.0
    return np.asarray(np.clip(np.stack([du, dv], -1) * texels_per_height * _SLOPE_ONE, -127, 127), np.int8)


def _grooves(along: Array, spacing: float, width: float) -> Array:
    """1 at each multiple of `spacing`, falling off within `width`."""
    off = (along / spacing - np.round(along / spacing)) * spacing
    return np.asarray(np.exp(-((off / width) ** 2)), np.float32)


def _between(low: float, value: Array, high: float, soft: float) -> Array:
    """1 between two bounds, 0 outside, over `soft` in between."""
    return np.asarray(np.clip((value - low) / soft, 0.0, 1.0) * np.clip((high - value) / soft, 0.0, 1.0), np.float32)


def _wrinkles(chart: SkinMap, person: Person) -> Array:
    """[H,W] 0 to 1 lines of age: across the forehead, beside and below the eyes, from nose to mouth."""
    out = np.zeros(chart.lip.shape, np.float32)
    amount = max(person.wrinkles - 0.28, 0.0)
    if amount == 0.0:
        return out
    p = chart.position
    rows, columns = np.nonzero((p[..., 2] > 0.85) & (p[..., 1] > 6.3) & (p[..., 1] < 8.05))
    x, y = np.abs(p[rows, columns, 0]), p[rows, columns, 1]
    rng = np.random.default_rng([person.seed, 10])
    bend, gap = float(rng.uniform(0.02, 0.06)), float(rng.uniform(0.085, 0.12))
    wobble = 0.012 * chart.noise[2][rows, columns]

    inside = _between(7.62, y, 7.98, 0.05) * _between(-1.0, x, 0.52, 0.15)
    forehead = 0.8 * inside * _grooves(y - bend * np.cos(5.0 * x) + wobble, gap, 0.011)
    far, angle = np.hypot(x - 0.45, y - 7.29), np.arctan2(y - 7.29, x - 0.45)
    feet = 0.8 * _between(0.05, far, 0.22, 0.05) * (np.abs(angle) < 0.8) * _grooves(angle + 2.0 * wobble, 0.36, 0.07)
    down = np.clip((6.93 - y) / 0.42, 0.0, 1.0)
    fold = np.exp(-(((x - 0.19 - 0.19 * down**0.8 - wobble) / 0.016) ** 2)) * np.clip(1.4 - down, 0.0, 1.0)
    fold *= (y < 6.95) & (y > 6.42)
    bag = 0.6 * np.exp(-(((y - 7.17 + 0.03 * np.cos(9.0 * (x - 0.31)) - wobble) / 0.014) ** 2))
    bag *= _between(0.15, x, 0.47, 0.06)
    out[rows, columns] = np.clip(np.max([forehead, feet, fold, bag], 0) * amount, 0.0, 1.0)
    return out


def _freckles(chart: SkinMap, person: Person, where: Array) -> Array:
    """[H,W] 0 to 1 small spots over nose and cheeks."""
    shift = np.random.default_rng([person.seed, 7]).integers(0, 1024, 2)
    spots = np.roll(chart.noise[0], tuple(shift), (0, 1))
    spots = gaussian_filter(np.maximum(spots - 2.3, 0.0), 1.0)
    return np.asarray(np.clip(spots * 5.0, 0.0, 1.0) * np.clip(where + 0.15, 0.0, 1.0) * (chart.lip < 0.2))


def _moles(chart: SkinMap, person: Person) -> Array:
    """[H,W] 0 to 1 single dark spots on face and neck."""
    out = np.zeros(chart.lip.shape, np.float32)
    rng = np.random.default_rng([person.seed, 8])
    for _ in range(person.moles):
        at = np.array([rng.uniform(-0.6, 0.6), rng.uniform(6.2, 7.9), 1.2])
        near = np.linalg.norm((chart.position - at) * (1.0, 1.0, 0.3), axis=-1)
        radius = rng.uniform(0.008, 0.016)
        out = np.maximum(out, rng.uniform(0.5, 1.0) * np.clip((radius - near) / 0.006 + 0.5, 0.0, 1.0))
    return out * (chart.lip < 0.1)


def _blend(first: Bytes, second: Bytes, share: float) -> Bytes:
    k = np.uint16(round(share * 256))
    return ((first * (np.uint16(256) - k) + second * k) >> 8).astype(np.uint8)


def _dye(texture: Bytes, color: tuple[float, float, float], amount: float) -> Bytes:
    """Cloth in another colour; its folds and prints stay as light and dark."""
    gray = texture[..., :3].astype(np.float32).mean(-1, keepdims=True) / 255.0
    target = 255.0 * np.array(color, np.float32) ** np.float32(1 / 2.2)
    dyed = np.clip(target * gray / max(float(gray.mean()), 0.05), 0, 255)
    out = texture.copy()
    out[..., :3] = texture[..., :3] * (1.0 - amount) + dyed * amount
    return out


def _cheek_color(skin: Bytes) -> Array:
    """[3] mean linear colour of the front of the face in a repacked skin texture."""
    patch = skin[_CHEEK_TEXELS][..., :3]
    return np.asarray(((patch / 255.0) ** 2.2).mean((0, 1)), np.float32)
