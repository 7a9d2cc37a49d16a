"""Makes a rendered reference look like anybody's photo: ground, colour, blur, compression, an untrue crop."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Rgb = NDArray[np.uint8]


def as_photo(rgba: NDArray[np.uint8], rng: np.random.Generator, others: NDArray[np.uint8]) -> Rgb:
    """[S,S,3] the picture [S,S,4] as a camera might have seen it; `others` [n,S,S,4] may stand behind."""
    image = Image.fromarray(_on_ground(rgba, rng, others))
    if rng.random() < 0.7:
        image = _askew(image, rng)
    pixels = _recoloured(np.asarray(image, np.float32) / 255.0, rng)
    if rng.random() < 0.2:
        pixels = _occluded(pixels, rng)
    image = Image.fromarray((np.clip(pixels, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8))
    if rng.random() < 0.4:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.6))))
    if rng.random() < 0.4:
        image = _compressed(image, int(rng.integers(25, 90)))
    return np.asarray(image)


def _on_ground(rgba: NDArray[np.uint8], rng: np.random.Generator, others: NDArray[np.uint8]) -> Rgb:
    side, kind = rgba.shape[0], rng.random()
    if kind < 0.35:
        ground = np.broadcast_to(rng.integers(0, 256, 3), (side, side, 3)).astype(np.float32)
    elif kind < 0.8:  # large soft patches, as of a room out of focus
        coarse = rng.integers(0, 256, (int(rng.integers(2, 9)), int(rng.integers(2, 9)), 3)).astype(np.uint8)
        ground = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC), np.float32)
    else:
        other = others[rng.integers(len(others))]
        crop = Image.fromarray(np.ascontiguousarray(other[..., :3])).resize((2 * side, 2 * side))
        left, top = (int(v) for v in rng.integers(0, side, 2))
        ground = np.asarray(crop.crop((left, top, left + side, top + side)), np.float32)
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    return np.asarray(rgba[..., :3] * alpha + ground * (1.0 - alpha), np.uint8)


def _askew(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A pixel or two aside, a little larger or smaller, a degree or two turned."""
    side = image.width
    angle, scale = np.radians(rng.normal(0.0, 1.2)), float(np.exp(rng.normal(0.0, 0.015)))
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    x, y = rng.normal(0.0, 0.006 * side, 2) + side / 2
    matrix = (c, -s, x - c * side / 2 + s * side / 2, s, c, y - s * side / 2 - c * side / 2)
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)


def _recoloured(pixels: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    if rng.random() < 0.25:
        return pixels
    grey = pixels.mean(2, keepdims=True)
    pixels = grey + (pixels - grey) * np.float32(rng.uniform(0.75, 1.2))
    gain = np.exp(rng.normal(0.0, 0.06, 3)) * np.exp(rng.normal(0.0, 0.1))
    curved = np.clip(pixels * gain, 0.0, 1.0) ** np.exp(rng.normal(0.0, 0.15))
    return np.asarray(curved + rng.normal(0.0, rng.uniform(0.0, 0.02), pixels.shape), np.float32)


def _occluded(pixels: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A patch of one colour, a hand or a microphone, mostly below."""
    side = pixels.shape[0]
    height, width = rng.integers(side // 12, side // 4, 2)
    top, left = rng.integers(side // 3, side - height), rng.integers(0, side - width)
    pixels = pixels.copy()
    pixels[top : top + height, left : left + width] = rng.random(3)
    return pixels


def _compressed(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")
