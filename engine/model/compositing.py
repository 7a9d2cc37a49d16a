"""Composites at full resolution: references are fetched, relit and covered with paint, exactly so beside edges."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ..face.correspondence import GRID, View, Viewer
from ..face.rasterizer import rasterize

Array = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Scalar = TypeVar("Scalar", np.uint8, np.float32, np.bool_)

CELLS = 128  # on a side of the layers, but for the two that have twice as many
_BAND = 32  # cells; a band of the picture is drawn as far as it shows something
_GAIN_ONE = 64  # how 1 is written in 8 bits where up to 3.98 must fit
_FAINT = 1.0 / 512.0  # a share that changes no level
_helper = ThreadPoolExecutor(1, "compositing")


class DrawnLayers(NamedTuple):
    """One picture's layers as the network gives them; see `denoiser.Layers`."""

    share: Array  # [K,128,128]
    place: Array  # [K,2,128,128]
    gain: Array  # [3,128,128]
    shade: Array  # [3,128,128]
    under: Array  # [4,128,128]
    paint: Array  # [4,256,256]
    cut: Array  # [3,256,256]


class CopySource(NamedTuple):
    """A reference as it is copied from."""

    rgba: Bytes  # [S,S,4] premultiplied
    reach: Bytes  # [128,128] 255 in cells that are not empty and beside them, else 0

    @classmethod
    def of(cls, rgba: Bytes) -> CopySource:
        """Of premultiplied [S,S,4]."""
        step = len(rgba) // CELLS
        opaque = rgba[..., 3].reshape(CELLS, step, CELLS, step).max((1, 3)) > 0
        return cls(rgba, _grown(opaque).view(np.uint8) * np.uint8(255))


class _Window(NamedTuple):
    """A part of the picture, in cells of the layers' grid."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        """The part of these [n,n] or [n,n,C]."""
        n = len(values)
        rows, columns = (slice(a * n // CELLS, b * n // CELLS) for a, b in (self[:2], self[2:]))
        return values[rows, columns]

    def enlarged(self, values: NDArray[Scalar], size: int) -> NDArray[Scalar]:
        """The part of these, as it is in a picture of `size` pixels on a side."""
        top, bottom, left, right = self
        around = _Window(max(top - 1, 0), min(bottom + 1, CELLS), max(left - 1, 0), min(right + 1, CELLS))
        part, step = around.of(values), size // CELLS
        side = (around.right - around.left) * step, (around.bottom - around.top) * step
        large = cv2.resize(part, side, interpolation=cv2.INTER_LINEAR)
        down, along = (top - around.top) * step, (left - around.left) * step
        large = large[down : down + (bottom - top) * step, along : along + (right - left) * step]
        return np.ascontiguousarray(large, values.dtype)

    def around(self, is_used: Mask) -> _Window | None:
        """What of it encloses the cells [128,128] that are used; None if none is."""
        used = self.of(is_used)
        rows, columns = np.flatnonzero(used.any(1)), np.flatnonzero(used.any(0))
        if not len(rows):
            return None
        top, left = self.top + int(rows[0]), self.left + int(columns[0])
        return _Window(top, self.top + int(rows[-1]) + 1, left, self.left + int(columns[-1]) + 1)


class Fetched(NamedTuple):
    """Pixels that are fetched from elsewhere than the grid of the layers says."""

    pixel: NDArray[np.int64]  # [n] flat numbers
    place: Array  # [K,n,2] as in the layers
    is_known: Mask  # [K,n] where not, the layers' own place serves

    def only(self, chosen: Mask) -> Fetched:
        """Those of [n] that are chosen."""
        return Fetched(self.pixel[chosen], self.place[:, chosen], self.is_known[:, chosen])


def compose(layers: DrawnLayers, references: Sequence[CopySource], exact: Fetched | None = None) -> Bytes:
    """[S,S,4] straight RGBA; `exact` says where pixels beside an edge are fetched.

    The same as `denoiser.compose` up to the rounding of four 8-bit steps; OpenCV fetches at 1/32 of a pixel.
    """
    canvas = _Canvas(layers, references, exact)
    bands = (_Window(top, top + _BAND, 0, CELLS).around(canvas.is_seen) for top in range(0, CELLS, _BAND))
    seen = [band for band in bands if band]
    others = _helper.submit(canvas.draw, seen[1::2])
    canvas.draw(seen[::2])
    others.result()
    return canvas.picture


class _Canvas:
    """A picture that is drawn part by part, from any thread."""

    def __init__(self, layers: DrawnLayers, references: Sequence[CopySource], exact: Fetched | None) -> None:
        self._references = [one.rgba for one in references]
        self._size = size = len(self._references[0])
        self.picture = np.zeros((size, size, 4), np.uint8)
        self._place = [
            _interleaved(place * np.float32(size / 2) + np.float32(size / 2 - 0.5)) for place in layers.place
        ]
        self._share = [_bytes(share, 255.0) for share in layers.share]
        none = np.zeros((CELLS, CELLS), np.uint8)
        gain = cv2.merge([*(_bytes(one, _GAIN_ONE) for one in layers.gain), none + np.uint8(_GAIN_ONE)])
        self._gain = cv2.medianBlur(gain, 3)  # as `denoiser.without_specks`
        self._shade = cv2.merge([*(_bytes(one, 255.0) for one in layers.shade), none])
        self._paint, self._under = (
            _interleaved(one) for one in (_bytes(layers.paint, 255.0), _bytes(layers.under, 255.0))
        )
        self._cut = layers.cut
        self._is_covered, self._is_lined, self._is_shadowed = (_cells_seen(cut > -0.5) for cut in layers.cut)
        self.is_seen = self._is_covered & (_cells_seen(self._paint[..., 3] > 0) | _grown(self._under[..., 3] > 0))
        for source, share, place in zip(references, self._share, self._place, strict=True):
            at = (place + np.float32(0.5)) * np.float32(CELLS / size) - np.float32(0.5)
            reach = cv2.remap(source.reach, at, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
            self.is_seen |= _grown((reach > 0) & (share > 0))
        self._at = self._place if exact is None else [self._corrected(*each, exact) for each in enumerate(self._place)]

    def _corrected(self, number: int, place: Array, exact: Fetched) -> Array:
        """[S,S,2] where each pixel of a reference is fetched."""
        size, known = self._size, exact.is_known[number]
        at = np.asarray(cv2.resize(place, (size, size), interpolation=cv2.INTER_LINEAR), np.float32)
        pixels = exact.place[number][known] * np.float32(size / 2) + np.float32(size / 2 - 0.5)
        at.reshape(-1, 2)[exact.pixel[known]] = pixels
        return at

    def draw(self, windows: Sequence[_Window]) -> None:
        for window in windows:
            part = self._covered(window, self._relit(window, self._copied(window)))
            window.of(self.picture)[:] = straight(part)

    def _copied(self, window: _Window) -> Bytes:
        """[h,w,4] the references' blend."""
        layers = zip(self._share, self._at, self._references, strict=True)
        found = [self._fetched(window, *layer) for layer in layers if window.of(layer[0]).any()]
        return found[0][0] if len(self._share) == 1 else _blended(found)

    def _fetched(self, window: _Window, share: Bytes, place: Array, reference: Bytes) -> tuple[Bytes, Bytes]:
        """One reference's [h,w,4], and its share [h,w]."""
        at = window.of(place) if len(place) == self._size else window.enlarged(place, self._size)
        fetched = cv2.remap(reference, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        return np.asarray(fetched, np.uint8), window.enlarged(share, self._size)

    def _relit(self, window: _Window, picture: Bytes) -> Bytes:
        """Colour multiplied with the light's gain and with what a sharp shadow leaves; never above alpha."""
        gain = window.enlarged(self._gain, self._size)
        if window.of(self._is_shadowed).any():
            dark = cv2.merge([_edge(window.enlarged(self._cut[2], self._size))] * 4)
            left = cv2.bitwise_not(cv2.multiply(dark, window.enlarged(self._shade, self._size), scale=1.0 / 255.0))
            cv2.multiply(gain, left, gain, scale=1.0 / 255.0)
        return _below_alpha(np.asarray(cv2.multiply(picture, gain, scale=1.0 / _GAIN_ONE), np.uint8), picture)

    def _covered(self, window: _Window, picture: Bytes) -> Bytes:
        """Paint over what was copied."""
        if not window.of(self._is_covered).any():
            return picture
        cover = _edge(window.enlarged(self._cut[0], self._size))
        layers = [(picture, np.asarray(cv2.bitwise_not(cover), np.uint8))]
        if window.of(self._is_lined).any():
            over = np.asarray(
                cv2.multiply(cover, _edge(window.enlarged(self._cut[1], self._size)), scale=1.0 / 255.0), np.uint8
            )
            layers.append((window.enlarged(self._under, self._size), over))
            cover = cover - over
        return _blended([*layers, (window.enlarged(self._paint, self._size), cover)])


def _blended(layers: Sequence[tuple[Bytes, Bytes]]) -> Bytes:
    """[h,w,4] the sum of pictures [h,w,4] times weights [h,w] of which 255 is 1, rounded once."""
    total = np.zeros(layers[0][0].shape, np.float32)
    for picture, weight in layers:
        cv2.accumulateProduct(picture, cv2.merge([weight] * 4), total)
    return _bytes(total, 1.0 / 255.0)


def _below_alpha(picture: Bytes, of: Bytes) -> Bytes:
    """The picture [h,w,4], nowhere brighter than the alpha of another."""
    alpha = (np.ascontiguousarray(of).view(np.uint32) >> np.uint32(24)) * np.uint32(0x01010101)
    return np.asarray(cv2.min(picture, alpha.view(np.uint8)), np.uint8)


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
    return np.asarray(cv2.cvtColor(_below_alpha(picture, picture), cv2.COLOR_mRGBA2RGBA), np.uint8)


def _interleaved(planes: NDArray[Scalar]) -> NDArray[Scalar]:
    """[n,n,C] of [C,n,n]."""
    return np.asarray(cv2.merge(list(planes)), planes.dtype)


def _grown(cells: Mask) -> Mask:
    """[128,128] true where these are, and beside them."""
    return np.asarray(cv2.dilate(cells.view(np.uint8), np.ones((3, 3), np.uint8)), np.uint8).view(np.bool_)


def _cells_seen(fine: Mask) -> Mask:
    """[128,128] the cells in which these [256,256] can be seen when they are enlarged."""
    near = cv2.dilate(fine.view(np.uint8), np.ones((4, 4), np.uint8), anchor=(1, 1))
    return np.ascontiguousarray(near[::2, ::2]).view(np.bool_)


def _bytes(values: Array, one: float) -> Bytes:
    flat = cv2.convertScaleAbs(np.ascontiguousarray(values).reshape(len(values), -1), alpha=one)
    return np.asarray(flat, np.uint8).reshape(values.shape)


def _edge(cut: Array) -> Bytes:
    """0 below -0.5, 255 above 0.5, straight between."""
    return np.asarray(cv2.convertScaleAbs(np.maximum(cut, np.float32(-0.5)), alpha=255.0, beta=127.5), np.uint8)


Index = NDArray[np.int64]

_JUMP = 1.5  # cells by which neighbours must be copied from farther apart than they lie for an edge to be between them


class EdgePixels(NamedTuple):
    """Pixels beside edges."""

    pixel: Index  # [n] flat numbers
    place: Array  # [K,n,2] where they lie in the references: x right, y down, -1 to 1
    is_known: Mask  # [K,n] whether that is so; elsewhere the grid's own place serves


def edge_pixels(viewer: Viewer, wanted: View, references: Sequence[View], place: Array, size: int) -> EdgePixels | None:
    """Of a picture of `size` pixels on a side whose cells lie at `place` [K,128,128,2]; None where nothing jumps."""
    beside = _beside_edges(place)
    if not beside.any():
        return None
    step = size // GRID
    corner = np.clip(wanted.screen[:, :2], 0, GRID - 1).astype(np.int64)
    near = cv2.dilate(beside.view(np.uint8), np.ones((3, 3), np.uint8)).ravel().view(np.bool_)
    at_vertex = near.take(corner[:, 1] * GRID + corner[:, 0])
    at_vertex[len(viewer.shaped.vertex) :] = True  # the hair's triangles are larger than a cell
    a, b, c = at_vertex.take(viewer.triangle.T)
    drawn = np.flatnonzero(a | b | c)
    screen = wanted.screen * np.array([step, step, 1.0], np.float32)
    pixel, number, weight = rasterize(screen, np.asfortranarray(viewer.triangle.take(drawn, 0)), size)
    band = np.asarray(cv2.resize(beside.view(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST)).ravel()
    chosen = np.flatnonzero(band.take(pixel))
    pixel = pixel.take(chosen)
    found = viewer.found(wanted, references, drawn.take(number.take(chosen)), weight.take(chosen, 0))
    on_head = np.stack([found.column, found.row], -1) * np.float32(2.0 / GRID) - np.float32(1.0)
    # What is beside the head goes on as the grid's cells beside it do, not as those on it.
    band[pixel] = 0
    rest = np.flatnonzero(band)
    is_empty = np.isinf(wanted.depth.reshape(GRID, GRID)).astype(np.float32)
    around = np.stack([sampled_grid(np.dstack([one * is_empty[..., None], is_empty]), rest, size) for one in place])
    share = around[..., 2:]
    return EdgePixels(
        np.concatenate([pixel, rest]),
        np.concatenate([on_head, around[..., :2] / np.maximum(share, np.float32(1e-3))], 1),
        np.concatenate([found.is_known, share[..., 0] > 1e-2], 1),
    )


def sampled_grid(cells: Array, pixel: Index, size: int) -> Array:
    """[n,C] what a grid [128,128,C] is at these pixels of a picture, straight between the cells."""
    scale = np.float32(GRID / size)
    rows = -(-max(len(pixel), 1) // _LINE)
    at = np.zeros((2, rows * _LINE), np.float32)
    at[0, : len(pixel)], at[1, : len(pixel)] = pixel % size, pixel // size
    column, row = ((at + np.float32(0.5)) * scale - np.float32(0.5)).reshape(2, rows, _LINE)
    found = cv2.remap(cells, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape(rows * _LINE, -1)[: len(pixel)], np.float32)


_LINE = 1024  # pixels that are sampled in a row


def _beside_edges(place: Array) -> Mask:
    """[128,128] the cells on both sides of an edge."""
    found = np.zeros((GRID, GRID), np.bool_)
    cell = np.float32(2.0 / GRID)
    for one in place:
        x, y = cv2.split(one)
        right = np.abs(x[:, 1:] - x[:, :-1] - cell) + np.abs(y[:, 1:] - y[:, :-1]) > _JUMP * cell
        down = np.abs(x[1:] - x[:-1]) + np.abs(y[1:] - y[:-1] - cell) > _JUMP * cell
        found[:, 1:] |= right
        found[:, :-1] |= right
        found[1:] |= down
        found[:-1] |= down
    return found
