"""How near a picture comes to the truth (PSNR, SSIM, alpha error), and how sharp it is by itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]  # [H,W,3]
Rgba = NDArray[np.uint8]  # [H,W,4] straight alpha
Mask = NDArray[np.bool_]  # [H,W]
Levels = NDArray[np.float64]  # [H,W] brightness, 0 to 255

_GREY = 128
_WINDOW, _SIGMA = 11, 1.5  # of Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment", 2004; so are K1 and K2
_C1, _C2 = (0.01 * 255.0) ** 2, (0.03 * 255.0) ** 2
_LUMA = np.array([0.299, 0.587, 0.114])


def over_grey(rgba: Rgba) -> Rgb:
    """[H,W,3] the picture on a mid-grey ground."""
    alpha = rgba[..., 3:] / 255.0
    return np.asarray(rgba[..., :3] * alpha + _GREY * (1.0 - alpha), np.uint8)


def luma(rgb: Rgb) -> Levels:
    """[H,W] brightness as television weighs it, 0 to 255."""
    return np.asarray(rgb @ _LUMA)


def psnr_db(ours: Rgb, truth: Rgb, mask: Mask | None = None) -> float:
    """Peak signal to noise, where `mask` holds; 120 where the pictures are the same."""
    squared = np.square((ours.astype(np.float64) - truth) / 255.0)
    error = squared.mean() if mask is None else squared[mask].mean()
    return float(-10.0 * np.log10(error + 1e-12))


def ssim(ours: Rgb, truth: Rgb, mask: Mask | None = None) -> float:
    """Wang's structural similarity of brightness, 1 for the same picture; the mean where `mask` holds.

    Windows that would reach over the border are left out, as in the authors' own code.
    """
    a, b = luma(ours), luma(truth)
    mean_a, mean_b = _weighted(a), _weighted(b)
    var_a, var_b = _weighted(a * a) - mean_a**2, _weighted(b * b) - mean_b**2
    covariance = _weighted(a * b) - mean_a * mean_b
    similar = (2.0 * mean_a * mean_b + _C1) * (2.0 * covariance + _C2)
    similar /= (mean_a**2 + mean_b**2 + _C1) * (var_a + var_b + _C2)
    edge = _WINDOW // 2
    return float(similar.mean() if mask is None else similar[mask[edge:-edge, edge:-edge]].mean())


def alpha_error(ours: Rgba, truth: Rgba) -> float:
    """Mean absolute error of alpha, 0 to 1."""
    return float(np.abs(ours[..., 3].astype(np.float64) - truth[..., 3]).mean() / 255.0)


def sharpness(rgb: Rgb, mask: Mask | None = None) -> float:
    """Mean slope of brightness in levels a pixel, where `mask` holds: a blurred picture has less of it."""
    light = luma(rgb)
    slope = np.hypot(np.diff(light, axis=1)[:-1], np.diff(light, axis=0)[:, :-1])
    return float(slope.mean() if mask is None else slope[mask[:-1, :-1]].mean())


def _weighted(levels: Levels) -> Levels:
    """[H-10,W-10] the Gaussian-weighted mean around each pixel whose window lies in the picture."""
    place = np.arange(_WINDOW) - _WINDOW // 2
    weight = np.exp(-(place**2) / (2.0 * _SIGMA**2))
    weight /= weight.sum()
    for axis in (0, 1):
        length = levels.shape[axis] - _WINDOW + 1
        parts = (w * levels.take(range(k, k + length), axis) for k, w in enumerate(weight))
        levels = np.asarray(sum(parts))
    return levels
