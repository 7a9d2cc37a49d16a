"""How much detail pictures hold: what is lost where they are reduced to half their side and scaled up again."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PIL import Image

from .render import Picture
from .surface import LABELS, Bytes

REGIONS = ("skin", "hair", "eye", "mouth", "brow", "cloth")
_GROUND = 128.0


def restored(rgba: Bytes, reduced_by: Image.Resampling) -> Bytes:
    """[H,W,3] a picture on grey, reduced to half its side and scaled up again (bicubic)."""
    whole = Image.fromarray(on_grey(rgba))
    half = whole.resize((whole.width // 2, whole.height // 2), reduced_by)
    return np.asarray(half.resize(whole.size, Image.Resampling.BICUBIC))


def on_grey(rgba: Bytes) -> Bytes:
    """[H,W,3]"""
    alpha = rgba[..., 3:] / 255.0
    return np.asarray(np.round(rgba[..., :3] * alpha + _GROUND * (1.0 - alpha)), np.uint8)


def detail_psnr(pictures: Iterable[Picture], reduced_by: Image.Resampling = Image.Resampling.BOX) -> dict[str, float]:
    """PSNR in dB by region of what half the resolution keeps; infinite where all is kept, NaN where nothing is seen."""
    error = dict.fromkeys((*REGIONS, "all"), 0.0)
    count = dict.fromkeys(error, 0)
    for picture in pictures:
        lost = (restored(picture.rgba, reduced_by).astype(np.float64) - on_grey(picture.rgba)) ** 2
        for name in error:
            where = picture.material > 0 if name == "all" else picture.material == LABELS.index(name)
            error[name] += float(lost[where].sum())
            count[name] += int(where.sum()) * 3
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = {name: np.float64(error[name]) / np.float64(count[name]) for name in error}
        return {name: float(10.0 * np.log10(255.0**2 / value)) for name, value in mean.items()}
