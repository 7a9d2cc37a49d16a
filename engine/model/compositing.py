"""Compositing at full resolution on a CPU: references are fetched, relit and covered with paint, in 8 bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Scalar = TypeVar("Scalar", np.uint8, np.float32)

_GAIN_ONE = 64  # how 1 is written in 8 bits where up to 3.98 must fit
_FAINT = 1.0 / 512.0  # a share that changes no level


class DrawnLayers(NamedTuple):
    """One picture's layers as the network gives them; see `denoiser.Layers`."""

    share: Array  # [K,128,128]
    place: Array  # [K,2,128,128]
    gain: Array  # [3,128,128]
    shade: Array  # [3,128,128]
    under: Array  # [4,128,128]
    paint: Array  # [4,256,256]
    cut: Array  # [3,256,256]


class _Box(NamedTuple):
    """A part of the picture, as the slices of the layers' grid and of the picture."""

    small: tuple[slice, slice]
    full: tuple[slice, slice]


def compose(layers: DrawnLayers, references: Sequence[Bytes]) -> Bytes:
    """[S,S,4] straight RGBA out of premultiplied references [S,S,4].

    The same as `denoiser.compose` up to the rounding of five 8-bit steps; OpenCV fetches at 1/32 of a pixel.
    """
    size = len(references[0])
    picture = _copied(layers, references, size)
    _relight(picture, layers, size)
    _cover(picture, layers, size)
    return straight(picture)


def _copied(layers: DrawnLayers, references: Sequence[Bytes], size: int) -> Bytes:
    """[S,S,4] the references' blend."""
    scale = np.float32(size / 2)
    picture = np.zeros((size, size, 4), np.uint8)
    for share, place, reference in zip(layers.share, layers.place, references, strict=True):
        box = _box(share > _FAINT, size)
        if box is None:
            continue
        at = _enlarged(np.ascontiguousarray(place.transpose(1, 2, 0)) * scale + (scale - np.float32(0.5)), size)
        fetched = cv2.remap(
            reference, np.ascontiguousarray(at[box.full]), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
        )
        if len(references) == 1:
            return np.asarray(fetched, np.uint8)
        weight = _enlarged(_bytes(share, 255.0), size)[box.full]
        part = picture[box.full]
        cv2.add(part, cv2.multiply(fetched, cv2.merge([weight] * 4), scale=1.0 / 255.0), part)
    return picture


def _relight(picture: Bytes, layers: DrawnLayers, size: int) -> None:
    """Multiplies colour with the light's gain and with what a sharp shadow leaves; never above alpha."""
    ones = np.full(layers.gain.shape[1:], _GAIN_ONE, np.uint8)
    gain = _enlarged(cv2.merge([*(_bytes(one, _GAIN_ONE) for one in layers.gain), ones]), size)
    box = _box(layers.cut[2] > -0.5, size)
    if box is not None:
        dark = _bytes(_sharp(_enlarged(layers.cut[2], size)[box.full]), 255.0)
        shade = _enlarged(cv2.merge([*(_bytes(one, 255.0) for one in layers.shade), ones * 0]), size)[box.full]
        left = cv2.bitwise_not(cv2.multiply(cv2.merge([dark] * 4), shade, scale=1.0 / 255.0))
        part = gain[box.full]
        cv2.multiply(part, left, part, scale=1.0 / 255.0)
    lit = cv2.multiply(picture, gain, scale=1.0 / _GAIN_ONE)
    _keep_below_alpha(lit, picture[..., 3])
    picture[:] = lit


def _cover(picture: Bytes, layers: DrawnLayers, size: int) -> None:
    """Lays paint over what was copied."""
    box = _box(layers.cut[0] > -0.5, size)
    if box is None:
        return
    paint = _layer(layers.paint, size, box)
    if (layers.cut[1] > -0.5).any():
        over = _sharp(_enlarged(layers.cut[1], size)[box.full])
        paint = np.asarray(cv2.blendLinear(_layer(layers.under, size, box), paint, over, 1.0 - over), np.uint8)
    cover = _sharp(_enlarged(layers.cut[0], size)[box.full])
    part = picture[box.full]
    part[:] = cv2.blendLinear(paint, np.ascontiguousarray(part), cover, 1.0 - cover)
    _keep_below_alpha(part, part[..., 3])


def _layer(rgba: Array, size: int, box: _Box) -> Bytes:
    """[h,w,4] one painted layer, enlarged."""
    small = cv2.merge([_bytes(one, 255.0) for one in rgba])
    return np.ascontiguousarray(_enlarged(small, size)[box.full])


def _keep_below_alpha(picture: Bytes, alpha: Bytes) -> None:
    cv2.min(picture, cv2.merge([alpha] * 4), picture)


def premultiplied(rgba: Bytes, size: int) -> Bytes:
    """[S,S,4] with colour multiplied by alpha, at another size."""
    alpha = rgba[..., 3]
    faded = cv2.multiply(rgba, cv2.merge([alpha, alpha, alpha, np.full_like(alpha, 255)]), scale=1.0 / 255.0)
    if size == len(rgba):
        return np.asarray(faded, np.uint8)
    kind = cv2.INTER_AREA if size < len(rgba) else cv2.INTER_CUBIC
    out = np.asarray(cv2.resize(faded, (size, size), interpolation=kind), np.uint8)
    return np.minimum(out, out[..., 3:])


def straight(picture: Bytes) -> Bytes:
    """The same picture with colour divided by alpha."""
    alpha = picture[..., 3]
    opacity = cv2.merge([alpha, alpha, alpha, np.full_like(alpha, 255)])
    return np.asarray(cv2.divide(picture, opacity, scale=255.0), np.uint8)


def _box(is_used: NDArray[np.bool_], size: int) -> _Box | None:
    """What encloses the cells that are used, and two around them; None if none is."""
    rows, columns = np.flatnonzero(is_used.any(1)), np.flatnonzero(is_used.any(0))
    if not len(rows):
        return None
    cells = len(is_used)
    ends = [(max(int(a[0]) - 2, 0), min(int(a[-1]) + 3, cells)) for a in (rows, columns)]
    small = slice(*ends[0]), slice(*ends[1])
    full = tuple(slice(a * size // cells, -(-b * size // cells)) for a, b in ends)
    return _Box(small, (full[0], full[1]))


def _enlarged(small: NDArray[Scalar], size: int) -> NDArray[Scalar]:
    return np.asarray(
        cv2.resize(np.ascontiguousarray(small), (size, size), interpolation=cv2.INTER_LINEAR), small.dtype
    )


def _bytes(values: Array, one: float) -> Bytes:
    return np.asarray(cv2.convertScaleAbs(np.ascontiguousarray(values), alpha=one), np.uint8)


def _sharp(values: Array) -> Array:
    """0 below -0.5, 1 above 0.5, straight between."""
    values = values + np.float32(0.5)
    return np.clip(values, 0.0, 1.0, out=values)
