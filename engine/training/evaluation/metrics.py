"""Metrics of pictures: distance from the truth, sharpness, steadiness, and how alike two sets of features are."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]  # [H,W,3]
Rgba = NDArray[np.uint8]  # [H,W,4] straight alpha
Mask = NDArray[np.bool_]  # [H,W]
Floats = NDArray[np.float64]

_GREY = 128
_SAME = 1e-12  # squared error of pictures that are the same: 120 dB


def over_grey(rgba: Rgba) -> Rgb:
    """[...,H,W,3] the picture on mid-grey."""
    alpha = rgba[..., 3:].astype(np.float32) / np.float32(255.0)
    return np.asarray(rgba[..., :3] * alpha + _GREY * (1.0 - alpha) + 0.5, np.uint8)


def psnr_db(ours: Rgb, truth: Rgb, mask: Mask | None = None) -> float:
    """Peak signal-to-noise ratio where `mask` holds; 120 for the same picture, NaN where nothing is masked."""
    chosen = (ours, truth) if mask is None else (ours[mask], truth[mask])
    if not chosen[0].size:
        return float("nan")
    error = np.square(chosen[0].astype(np.float32) - chosen[1]).mean(dtype=np.float64) / 255.0**2
    return float(-10.0 * np.log10(error + _SAME))


def alpha_error(ours: Rgba, truth: Rgba) -> float:
    """Mean absolute error of alpha, 0 to 1."""
    return float(np.abs(ours[..., 3].astype(np.float32) - truth[..., 3]).mean() / 255.0)


def sharpness(rgb: Rgb, mask: Mask | None = None) -> float:
    """Mean slope of brightness in levels a pixel, where `mask` holds; blur lowers it, noise raises it."""
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    slope = np.hypot(np.diff(luma, axis=1)[:-1], np.diff(luma, axis=0)[:, :-1])
    inside = slope if mask is None else slope[mask[:-1, :-1]]
    return float(inside.mean()) if inside.size else float("nan")


def noise(pictures: NDArray[np.uint8], mask: Mask | None = None) -> float:
    """Standard deviation of each pixel over the pictures [n,H,W,C], in levels: its mean where `mask` holds."""
    spread = pictures.astype(np.float32).std(0)
    return float(spread.mean() if mask is None else spread[mask].mean())


def motion(pictures: NDArray[np.uint8]) -> float:
    """Mean absolute change from picture to picture of [n,H,W,C], in levels."""
    return float(np.abs(_changes(pictures)).mean())


def flicker(ours: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """Mean absolute change from picture to picture that the truth does not make, in levels."""
    return float(np.abs(_changes(ours) - _changes(truth)).mean())


def _changes(pictures: NDArray[np.uint8]) -> NDArray[np.int16]:
    return np.asarray(np.diff(pictures.astype(np.int16), axis=0), np.int16)


def correlation(asked: NDArray[np.floating], read: NDArray[np.floating]) -> float:
    """Pearson's; 0 where either does not vary."""
    if len(asked) < 2 or asked.std() < 1e-9 or read.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(asked, read)[0, 1])


def slope(asked: NDArray[np.floating], read: NDArray[np.floating]) -> float:
    """How much is read for each unit asked, by least squares; 0 where nothing varies."""
    if not len(asked):
        return 0.0
    centred = asked - asked.mean()
    spread = float(np.square(centred).sum())
    return float((centred * read).sum()) / spread if spread > 1e-9 else 0.0


def kid(ours: Floats, truth: Floats) -> float:
    """Kernel distance of two sets of features [n,D] and [m,D], two rows each at least; about 0 for the same source.

    The unbiased squared maximum mean discrepancy with the cubic kernel of Binkowski et al., arXiv 1801.01401, whose
    features are Inception's. A figure of other features must not be compared with a published one.
    """
    a, b, ab = _cubic(ours, ours), _cubic(truth, truth), _cubic(ours, truth)
    n, m = len(ours), len(truth)
    within = (a.sum() - np.trace(a)) / (n * (n - 1)) + (b.sum() - np.trace(b)) / (m * (m - 1))
    return float(within - 2.0 * ab.mean())


def _cubic(a: Floats, b: Floats) -> Floats:
    return np.asarray((a @ b.T / a.shape[1] + 1.0) ** 3)
