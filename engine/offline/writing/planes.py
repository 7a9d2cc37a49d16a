"""Turns pictures into the planes that encoders take, so that colours do not depend on which encoder it is.

Y'CbCr of BT.709 in its limited range, from sRGB as it is: what players expect of a video that is tagged so.

Alpha is straight, as FFmpeg's readers of VP9 and ProRes 4444 have it, and what a browser multiplies by. Under clear
pixels the nearest colours go on, because what a lossy codec finds there bleeds into the edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omote.engine.offline.picture_file import Picture

from .form import Form

Floats = NDArray[np.float32]
_RED, _BLUE = np.float32(0.2126), np.float32(0.0722)
_GREEN = np.float32(1) - _RED - _BLUE
_FULL = np.float32(255)


def planes(picture: Picture, form: Form, background: tuple[int, int, int]) -> bytes:
    """The planes of `form.pixels` one behind the other, row by row without gaps; odd sizes share a last half colour.

    Without alpha in the form, the picture stands on `background`.
    """
    alpha = picture[..., 3]
    colour = _spread(picture) if form.has_alpha else _over(picture, background)
    unit = np.float32(1 << (form.depth - 8))
    luma, blue, red = _ycbcr(colour)
    if "420" in form.pixels:
        blue, red = _halved(blue), _halved(red)
    parts = [_whole(luma * 219 + 16, unit), _whole(blue * 224 + 128, unit), _whole(red * 224 + 128, unit)]
    if form.has_alpha:  # always of full range
        most = np.float32((1 << form.depth) - 1)
        parts.append(_whole(alpha.astype(np.float32) * (most / 255), np.float32(1)))
    return b"".join(part.astype(f"<u{1 if form.depth == 8 else 2}").tobytes() for part in parts)


def _unit(channels: Picture) -> Floats:
    """0 to 1."""
    return np.asarray(channels / _FULL, np.float32)


def _over(picture: Picture, background: tuple[int, int, int]) -> Floats:
    """[S,S,3] 0 to 1, composited in sRGB, as browsers do."""
    share = _unit(picture[..., 3:])
    behind = np.asarray(np.array(background) / _FULL, np.float32)
    return _unit(picture[..., :3]) * share + behind * (1 - share)


def _ycbcr(colour: Floats) -> tuple[Floats, Floats, Floats]:
    """Luma 0 to 1, and the differences of blue and red to it, -0.5 to 0.5."""
    red, green, blue = colour[..., 0], colour[..., 1], colour[..., 2]
    luma: Floats = red * _RED + green * _GREEN + blue * _BLUE
    return luma, (blue - luma) / (2 * (1 - _BLUE)), (red - luma) / (2 * (1 - _RED))


def _halved(plane: Floats) -> Floats:
    """Half as many samples each way; each lies on its left pixel, between two rows, where H.264 and VP9 put it."""
    edged = np.pad(plane, ((0, plane.shape[0] % 2), (1, 1 + plane.shape[1] % 2)), "edge")
    across = (edged[:, 0:-2:2] + 2 * edged[:, 1:-1:2] + edged[:, 2::2]) / 4
    return np.asarray((across[0::2] + across[1::2]) / 2, np.float32)


def _whole(plane: Floats, unit: np.float32) -> Floats:
    return np.asarray(np.rint(plane * unit), np.float32)


def _spread(picture: Picture) -> Floats:
    """[S,S,3] 0 to 1: its colours where anything is seen, and their smooth continuation where nothing is."""
    colour, share = _unit(picture[..., :3]), _unit(picture[..., 3:])
    return np.where(share > 0, colour, _filled(colour * share, share))


def _filled(weighted: Floats, share: Floats) -> Floats:
    """The mean colour around each pixel, from as small a neighbourhood as has any (pull and push)."""
    if max(share.shape[:2]) == 1:
        return np.divide(weighted, share, out=np.full_like(weighted, 0.5), where=share > 0)
    rows, columns = share.shape[:2]
    coarse = np.repeat(np.repeat(_filled(_pooled(weighted), _pooled(share)), 2, 0), 2, 1)[:rows, :columns]
    own: Floats = np.divide(weighted, share, out=np.zeros_like(weighted), where=share > 0)
    trust: Floats = np.minimum(share, 1)
    return np.asarray(own * trust + coarse * (1 - trust), np.float32)


def _pooled(plane: Floats) -> Floats:
    """Sums of 2x2."""
    edged = np.pad(plane, ((0, plane.shape[0] % 2), (0, plane.shape[1] % 2), (0, 0)))
    total: Floats = edged[0::2, 0::2] + edged[1::2, 0::2] + edged[0::2, 1::2] + edged[1::2, 1::2]
    return total
