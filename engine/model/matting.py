"""Cuts a person out of a picture: a small network finds the person, closed-form matting the edge of the hair."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ..runtime.dispatch import open_session
from ..runtime.session import Build, ExportedGraph, OutputSpec, Session

Array = NDArray[np.float32]
Rgb = NDArray[np.uint8]
Mask = NDArray[np.bool_]

FILE = Path(__file__).with_name("person_mask.onnx")
SHA256 = "e527303c9ee09963163defa9537acd6bdadd88126de127bd3742ed089437b4e7"
_SIDE = 256  # pixels on a side of the network's input
_CLOSER = (0.8, 0.62)  # sides of further windows around the head, as parts of the picture

# The band in which the edge is looked for, as parts of the picture's side: around hair and elsewhere.
_HAIR_BAND, _BAND = 0.030, 0.010
_DOUBT = 0.25, 0.75  # the network's mask is stretched from here to 0 and 1, because it is hazy far from any edge
_HOLE = 0.01  # of the picture: a smaller enclosed hole is an error of the network
_SURE = 0.04  # the network's mask is trusted if it is so near to 0 or 1
_KNOWN = 50.0  # weight of known alpha; neighbours have a weight of 1
_GUESS, _FAR_GUESS = 0.01, 2.0  # weight of the network's mask at its own edge, and at the end of the band
_COLOUR, _DOUBTFUL = 0.2, 0.01  # weight of alpha by colour, and the variance of alpha from which it counts little
_LEAST_VARIANCE = 1e-4  # of the colours (0 to 1) of a plain thing
_NEARBY = 0.04  # of the picture's side: how far colours are collected
_SOFT = 5e-5  # variance of colours (0 to 1) below which a window counts as plain
_LEVELS = ((4, 60, 2), (2, 40, 2), (1, 25, 2))  # shrink, steps, radius of the windows in pixels
_SCREEN_LEAST, _SCREEN_BEYOND = (
    0.05,
    30,
)  # the least share of a screen in the picture, and its least difference from grey in levels
_SCREEN_REACH = 0.04  # of the picture's side: how far inward its colour is removed
_STRAND = 0.012  # of the picture's side: how far what is half transparent may lie from the person
_VEIL, _VEILED = 0.012, (0.6, 0.9)  # how far covered places reach, as a part of the side, and their alpha
_CLEAR = 0.05  # alpha below it becomes 0, and above one minus it becomes 1


def cut_out(picture: Rgb, head: Mask, face: Mask, session: Session | None = None) -> Rgb:
    """[S,S,4] the person with straight alpha, without the background's colour in the edge.

    `picture` [S,S,3]; `head` [S,S] is the fitted head, `face` [S,S] the inner part of its face.
    """
    return cut_along(picture, person_mask(picture, head, session or shipped_session()), head, face)


def cut_along(picture: Rgb, mask: Array, head: Mask, face: Mask) -> Rgb:
    """[S,S,4] the figure of a network's rough `mask` [S,S], with an edge by colour; see `cut_out`."""
    low, high = _DOUBT
    guess = _without_holes(np.clip((mask - low) / (high - low), 0.0, 1.0).astype(np.float32))
    known, weight = _known_by_colour(picture, *_known(guess, head, face))
    alpha = matte(picture, known, weight)
    reach = 2 * round(_STRAND * len(picture)) + 1
    solid = _largest(alpha > 0.5, face).astype(np.uint8)
    near = cv2.dilate(solid, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))) > 0
    alpha = _without_haze(np.where(near, alpha, np.float32(0.0)))
    return without_spill(with_alpha(picture, alpha), picture)


@cache
def shipped_session() -> Session:
    """The network that finds people; compiled once, in a tenth of a second."""
    graph = ExportedGraph(FILE, SHA256, {"picture": (1, 3, _SIDE, _SIDE)}, {"mask": OutputSpec((1, 1, _SIDE, _SIDE))})
    return open_session(graph, Build("openvino", "f32"))


def person_mask(picture: Rgb, head: Mask, session: Session) -> Array:
    """[S,S] the probability of a person, 0 to 1, from the whole picture and from windows around the head."""
    side = len(picture)
    mask = _person_probability(picture, session)
    rows, columns = np.nonzero(head)
    for share in _CLOSER if len(rows) else ():
        reach = round(share * side)
        middle = (rows.min() + rows.mean()) / 2.0  # of the head without the neck and the shoulders
        top = int(np.clip(middle - 0.42 * reach, 0, side - reach))
        left = int(np.clip(columns.mean() - reach / 2.0, 0, side - reach))
        near = _person_probability(picture[top : top + reach, left : left + reach], session)
        # A window counts most in its middle, and less towards its edges.
        ramp = np.minimum(np.arange(reach) + 1, reach - np.arange(reach)) / (0.15 * reach)
        weight = 0.6 * np.clip(np.minimum.outer(ramp, ramp), 0.0, 1.0).astype(np.float32)
        part = mask[top : top + reach, left : left + reach]
        part += weight * (near - part)
    return mask


def _person_probability(picture: Rgb, session: Session) -> Array:
    """The mean with the mirrored picture."""
    small = cv2.resize(picture, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    seen = np.zeros((_SIDE, _SIDE), np.float32)
    for way in (1, -1):
        shown = np.ascontiguousarray(small[:, ::way].transpose(2, 0, 1)[None])
        seen += 0.5 * session.run({"picture": shown})["mask"][0, 0, :, ::way]
    height, width = picture.shape[:2]
    large = cv2.resize(seen, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(large, 0.0, 1.0), np.float32)


def _known(guess: Array, head: Mask, face: Mask) -> tuple[Array, Array]:
    """[S,S] alpha as far as the network knows it, and its weight [S,S]."""
    side = len(guess)
    is_person = _largest(guess > 0.5, face)
    outside, inside = (_distance(one) for one in (~is_person, is_person))
    rows = np.nonzero(head.any(1))[0]
    # Down to the chin the edge may be hair; below it is mostly cloth.
    face_rows = np.nonzero(face.any(1))[0]
    chin = face_rows[-1] if len(face_rows) else (rows[-1] if len(rows) else side)
    share = np.clip((np.arange(side) - chin) / (0.1 * side), 0.0, 1.0)[:, None]
    band = (side * (_HAIR_BAND + (_BAND - _HAIR_BAND) * share)).astype(np.float32)
    is_inside = (inside > band) & (guess > 1.0 - _SURE) | face
    is_outside = (outside > band) & ((guess < _SURE) | (outside > 3.0 * band))
    away = np.maximum(inside, outside) / band  # 0 at the network's edge, 1 where the band ends
    weight = _GUESS + (_FAR_GUESS - _GUESS) * np.clip(away, 0.0, 1.0) ** 2
    known = np.where(is_inside, 1.0, np.where(is_outside, 0.0, guess))
    return known.astype(np.float32), np.where(is_inside | is_outside, _KNOWN, weight).astype(np.float32)


def _known_by_colour(picture: Rgb, known: Array, weight: Array) -> tuple[Array, Array]:
    """The same, improved where person and background differ in colour: then a strand's colour gives its alpha.

    Both colours are means of known pixels nearby. The more they differ, and the less each varies, the more a pixel's
    place between them counts, and the less the network's mask.
    """
    image = picture.astype(np.float32) / 255.0
    sure = weight >= _KNOWN
    reach = _NEARBY * len(picture)
    person, person_spread = _nearby(image, (sure & (known > 0.5)).astype(np.float32), reach)
    ground, ground_spread = _nearby(image, (sure & (known < 0.5)).astype(np.float32), reach)
    apart = person - ground
    distance = np.einsum("yxc,yxc->yx", apart, apart) + 1e-4
    alpha = np.clip(np.einsum("yxc,yxc->yx", image - ground, apart) / distance, 0.0, 1.0)
    off = image - ground - alpha[..., None] * apart
    spread = alpha**2 * person_spread + (1.0 - alpha) ** 2 * ground_spread + np.einsum("yxc,yxc->yx", off, off)
    doubt = spread / distance
    trust = 1.0 / (1.0 + (doubt / _DOUBTFUL) ** 2)
    by_colour, by_network = _COLOUR * trust, weight * (1.0 - trust)
    mixed = (by_colour * alpha + by_network * known) / (by_colour + by_network)
    return np.where(sure, known, mixed).astype(np.float32), np.where(sure, weight, by_colour + by_network).astype(
        np.float32
    )


def _nearby(image: Array, weight: Array, reach: float) -> tuple[Array, Array]:
    """[S,S,3] the weighted mean colour nearby, and [S,S] its variance over all channels."""
    squared = np.einsum("yxc,yxc->yx", image, image)
    weighted = (image * weight[..., None], np.dstack([squared * weight, weight]))
    colour, rest = (_blurred(one, reach) for one in weighted)
    total = np.maximum(rest[..., 1], 1e-12)
    mean = colour / total[..., None]
    variance = rest[..., 0] / total - np.einsum("yxc,yxc->yx", mean, mean)
    return mean.astype(np.float32), np.maximum(variance, _LEAST_VARIANCE).astype(np.float32)


def _blurred(value: Array, reach: float) -> Array:
    """[S,S,C] a sum of wider and wider blurs with smaller and smaller weights."""
    side, shrink = len(value), max(int(reach / 4.0), 1)
    size = (max(side // shrink, 2),) * 2
    small = cv2.resize(value, size, interpolation=cv2.INTER_AREA)
    total = np.zeros_like(small)
    for wider, share in ((1.0, 1.0), (3.0, 1e-3), (9.0, 1e-6), (27.0, 1e-9)):
        total += share * cv2.GaussianBlur(small, (0, 0), wider * reach / shrink, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(total, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def _without_holes(guess: Array) -> Array:
    """[S,S] the same, 1 in small places that the person encloses."""
    _, label, box, _ = cv2.connectedComponentsWithStats((guess < 0.5).astype(np.uint8), connectivity=4)
    is_small = box[:, cv2.CC_STAT_AREA] < _HOLE * guess.size
    reaches = np.unique(np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]]))
    is_small[[0, *reaches]] = False  # 0 is the person
    filled = cv2.dilate(is_small[label].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return np.where(filled, np.float32(1.0), guess)


def _distance(mask: Mask) -> Array:
    """[S,S] pixels to the nearest place outside the mask."""
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], np.float32)


def _largest(mask: Mask, face: Mask) -> Mask:
    """The parts that are connected with the face, without other people and specks of the background."""
    _, label = cv2.connectedComponents((mask | face).astype(np.uint8))
    own = np.unique(label[face])
    return np.isin(label, own[own > 0]) if len(own) else mask


def matte(picture: Rgb, known: Array, weight: Array) -> Array:
    """[S,S] alpha near `known` as far as that has weight, elsewhere by the colour lines of Levin et al. (2008).

    Each window of the picture explains alpha as a linear function of colour; the windows overlap, and the one alpha
    that most agree with is found by conjugate gradients (He et al., 2010: without writing the matrix), from coarse to
    fine. Neighbours have a weight of 1.
    """
    side = len(picture)
    alpha = known
    for shrink, steps, radius in _LEVELS:
        size = (max(side // shrink, 8),) * 2
        small, wanted, weighs = (
            cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (picture, known, weight)
        )
        start = cv2.resize(alpha, size, interpolation=cv2.INTER_LINEAR)
        alpha = _solved(_ColourLines(small.astype(np.float32) / 255.0, radius), weighs, wanted, start, steps)
    alpha = np.where(weight >= _KNOWN, known, alpha)
    return np.asarray(np.clip((alpha - _CLEAR) / (1.0 - 2.0 * _CLEAR), 0.0, 1.0), np.float32)


def _without_haze(alpha: Array) -> Array:
    """[S,S] the same without half-covered places far from wholly covered ones.

    Strands are thin and grow out of hair; a wide veil is an error of both colour and network.
    """
    width = 2 * round(_VEIL * len(alpha)) + 1
    near = cv2.dilate(alpha, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
    low, high = _VEILED
    return np.asarray(alpha * np.clip((near - low) / (high - low), 0.0, 1.0), np.float32)


class _ColourLines:
    """The linear model of alpha in each window of a picture."""

    def __init__(self, picture: Array, radius: int) -> None:
        self.picture, self.size = picture, (2 * radius + 1,) * 2
        self.mean = self._box(picture)
        products = [picture[..., i] * picture[..., j] for i, j in _PAIRS]
        spread = [
            self._box(p) - self.mean[..., i] * self.mean[..., j] for p, (i, j) in zip(products, _PAIRS, strict=True)
        ]
        rr, rg, rb, gg, gb, bb = spread
        rr, gg, bb = rr + _SOFT, gg + _SOFT, bb + _SOFT
        # The inverse of the symmetric 3x3 matrices, by cofactors.
        a, b, c = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
        d, e, f = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
        scale = 1.0 / np.maximum(rr * a + rg * b + rb * c, 1e-20)
        self.inverse = [one * scale for one in (a, b, c, d, e, f)]

    def _box(self, value: Array) -> Array:
        return np.asarray(cv2.boxFilter(value, -1, self.size, borderType=cv2.BORDER_REFLECT_101))

    def apart(self, alpha: Array) -> Array:
        """[S,S] the difference of alpha from the models of the windows around each pixel."""
        both = self._box(np.dstack([self.picture * alpha[..., None], alpha]))
        mean = both[..., 3]
        r, g, b = (both[..., k] - self.mean[..., k] * mean for k in range(3))
        rr, rg, rb, gg, gb, bb = self.inverse
        slope = np.dstack([rr * r + rg * g + rb * b, rg * r + gg * g + gb * b, rb * r + gb * g + bb * b])
        offset = mean - np.einsum("yxc,yxc->yx", slope, self.mean)
        model = self._box(np.dstack([slope, offset]))
        return np.asarray(alpha - np.einsum("yxc,yxc->yx", model[..., :3], self.picture) - model[..., 3])


_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def _solved(lines: _ColourLines, weight: Array, wanted: Array, start: Array, steps: int) -> Array:
    """Conjugate gradients on `apart(alpha) + weight (alpha - wanted) = 0`."""
    alpha, ease = start.copy(), 1.0 / (1.0 + weight)
    rest = weight * wanted - lines.apart(alpha) - weight * alpha
    eased = rest * ease
    along, size = eased.copy(), float(np.vdot(rest, eased))
    for _ in range(steps):
        if size < 1e-9:
            break
        pushed = lines.apart(along) + weight * along
        curve = float(np.vdot(along, pushed))
        if not curve > 0.0:  # only by rounding: it has converged
            break
        step = size / curve
        alpha += step * along
        rest -= step * pushed
        eased = rest * ease
        before, size = size, float(np.vdot(rest, eased))
        along = eased + (size / before) * along
    return alpha


def with_alpha(picture: Rgb, alpha: Array) -> Rgb:
    """[S,S,4] the picture cut out, its half-covered pixels in the person's own colour (Germer et al., 2021).

    Person and background are estimated together from coarse to fine: both vary slowly, and mixed by alpha they give
    the picture.
    """
    side = len(picture)
    person = background = None
    for level in range(int(np.ceil(np.log2(side))) + 1):
        size = (min(2**level, side),) * 2
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
        part = (
            cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)[..., None] if level else alpha.mean().reshape(1, 1, 1)
        )
        small = small.reshape(*size, 3)
        if person is None or background is None:
            person = background = small
        person, background = (
            cv2.resize(one, size, interpolation=cv2.INTER_NEAREST).reshape(*size, 3) for one in (person, background)
        )
        person, background = _unmixed(small, part, person, background, 10 if size[0] <= 32 else 3)
    assert person is not None
    is_whole = alpha[..., None] >= 1.0
    colour = np.where(is_whole, picture, np.clip(person * 255.0 + 0.5, 0.0, 255.0)).astype(np.uint8)
    return np.dstack([colour, np.round(alpha * 255.0).astype(np.uint8)])


def without_spill(rgba: Rgb, picture: Rgb) -> Rgb:
    """The same without the light that a green or a blue screen throws on the edge of a person."""
    alpha = rgba[..., 3]
    behind = picture[alpha == 0].reshape(-1, 3).astype(np.float32)
    if len(behind) < _SCREEN_LEAST * alpha.size:
        return rgba
    usual = np.median(behind, 0)
    screen = int(usual.argmax())
    others = [k for k in range(3) if k != screen]
    beyond = behind[:, screen] - behind[:, others].max(1)
    # Red counts as no screen: skin and hair are as red.
    if screen == 0 or np.percentile(beyond, 10) < _SCREEN_BEYOND:
        return rgba
    near = np.clip(1.5 - _distance(alpha > 127) / (_SCREEN_REACH * len(alpha)), 0.0, 1.0) * (alpha > 0)
    spilt = np.maximum(rgba[..., screen] - rgba[..., others].max(2).astype(np.float32), 0.0)
    clean = rgba.copy()
    clean[..., screen] = np.round(rgba[..., screen] - spilt * near)
    return clean


def _unmixed(picture: Array, alpha: Array, person: Array, background: Array, steps: int) -> tuple[Array, Array]:
    """Person and background after so many Jacobi steps."""
    shifts = ((0, 1), (0, -1), (1, 1), (1, -1))
    weight = [1e-5 + np.abs(alpha - _shifted(alpha, *shift)) for shift in shifts]
    total = sum(weight)
    rest = 1.0 - alpha
    a, b, d = alpha * alpha + total, alpha * rest, rest * rest + total
    scale = 1.0 / (a * d - b * b)
    for _ in range(steps):
        p, q = alpha * picture, rest * picture
        for w, shift in zip(weight, shifts, strict=True):
            p = p + w * _shifted(person, *shift)
            q = q + w * _shifted(background, *shift)
        person = np.clip((d * p - b * q) * scale, 0.0, 1.0)
        background = np.clip((a * q - b * p) * scale, 0.0, 1.0)
    return person, background


def _shifted(value: Array, axis: int, by: int) -> Array:
    """The neighbours on one side; the edge is its own neighbour."""
    moved = np.roll(value, by, axis)
    edge = 0 if by > 0 else -1
    if axis == 0:
        moved[edge] = value[edge]
    else:
        moved[:, edge] = value[:, edge]
    return moved
