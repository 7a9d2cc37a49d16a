"""Makes a character from one drawing: finds its face, fits the anime head to that, and cuts the figure out."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from omote.bridge import arkit

from ..data import Character, FlameParams, Reference
from ..face.anime_head import anime_head
from ..face.drawing_fit import MIRRORED, NAMES, NEEDED, POINTS, DrawnFace, fit_anime_head
from ..face.light import studio_light
from ..face.rasterizer import Camera, rasterize
from ..face.retarget import from_weights, to_weights
from ..images import PhotoError, Rgb, Rgba
from ..runtime.dispatch import open_session
from ..runtime.session import Build, ExportedGraph, OutputSpec, Session
from .matting import cut_along, with_alpha
from .photos import MadeCharacter, spread

Array = NDArray[np.float32]
Wide = NDArray[np.float64]
Mask = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Value = TypeVar("Value", np.uint8, np.float32)
Points = Mapping[str, tuple[float, float]]  # pixels, x right, y down, by the names of `drawing_fit.POINTS`

FILE = Path(__file__).with_name("drawing_points.onnx")
SHA256 = "1682a74753c197386e6b552ae5843de0b18c902170edf9f87bc2fcd2390c04d0"
SEEN, CELL = 192, 4  # pixels on a side of the network's input, and of one of its cells
LICENCE = (
    "Private: its artist decides what it is used for. The head that moves it: Seed-san model by "
    "VirtualCast, Inc. (credit wherever it is shown)"
)

_NO_POINTS = 'wanted points by name, in pixels from the upper left corner, such as {"chin": [210, 340]}'
_SURE = 0.66  # mean of the needed points' peaks; below it no face was found
_FACE = 0.42  # width of the face as a part of the second window
_DOUBTFUL = 0.75
_CLOSER_WINDOWS = 2  # windows around the face after the first one, each nearer
_TILES = (1, 2, 4)  # the network finds no face narrower than a sixth of its window
_AROUND = 2  # cells around a peak that give its place between cells

_SIDES = (512, 640, 768, 896, 1024)  # of reference pictures, in pixels
_BEND_REACH = 0.05  # of our picture's side: how far the displacement of a point reaches
_BEND_MOST = 0.04  # of the face's width
_PLAIN, _PLAIN_SHARE = 14, 0.7  # levels by which a plain ground may vary, and the share of the border that is plain
_LEAKED = 0.9  # of the face; below it the ground has leaked into the figure through an open line
_GAP_SHARE = 0.002  # of the picture: the smallest gap in the figure
_CLEAR_SHARE = 0.02  # of a file's pixels that are transparent if it has an alpha of its own
_FACE_SHARE = 0.47  # of our picture: the width of a face
# A closed eye: how far skin covers the open one, upward too for its lashes, and the line of the lids; of its width.
_OVER, _LASH_UP, _LINE = (1.25, 1.5), -0.06, 0.085
_LASHES = (0.2, 0.05)  # how far the upper lashes reach above the lid's edge and below it, of an eye's width
_INK = 60.0  # levels by which lashes are darker than a lid
_HALF_CLOSED = (0.4, 0.75)  # between them and an open and a closed eye the head moves the lids
_SKIN_LIKE, _HAIR_LIKE = 40.0, 45.0  # levels
# How far above a closed eye's cover the edges of a lock are looked for, and how wide and how ragged a lock
# is at most; of its width.
_ABOVE, _LOCK_WIDEST, _RAGGED = 0.12, 0.6, 0.02
_DARK = 330.0  # sum of levels: darker hair has lines as dark as itself
_EYES = (tuple(range(36, 42)), tuple(range(42, 48)))  # of the 68-point set
_BLINKS = arkit.INDEX["eyeBlinkLeft"], arkit.INDEX["eyeBlinkRight"]
_SQUINTS = arkit.INDEX["cheekSquintLeft"], arkit.INDEX["cheekSquintRight"]
_SMALL_PX, _TURNED_DEG, _UNLIKE, _SHUT, _OPEN = 200, 20.0, 0.03, 0.5, 0.35


@dataclass(frozen=True)
class FoundFace:
    """The points of a drawn face."""

    points: Points
    confidence: float  # 0 to 1


@cache
def shipped_session() -> Session:
    """The network that finds faces and figures; compiled once."""
    cells = SEEN // CELL
    outputs = {"points": OutputSpec((1, len(NAMES), cells, cells)), "figure": OutputSpec((1, 1, 2 * cells, 2 * cells))}
    return open_session(ExportedGraph(FILE, SHA256, {"picture": (1, 3, SEEN, SEEN)}, outputs), Build("openvino", "f32"))


def made_from_drawing(name: str, drawing: Rgba, points: Points | None, consent: str) -> MadeCharacter:
    """The figure in a drawing [H,W,4] as a character, in about two seconds.

    `points` are those of its face; without them they are looked for. `consent` is the maker's declaration about the
    drawing. Raises PhotoError if no face is found, or the points do not make one.
    """
    confidence = 1.0
    if points is None:
        found = find_face(drawing)
        if found is None:
            raise PhotoError(
                f"no drawn face was found in {name}: cut the picture so that the face fills a third of its width, "
                "or place the face's points yourself (--points, docs/characters.md)"
            )
        points, confidence = _clamped(found.points, drawing), found.confidence
    height, width = drawing.shape[:2]
    if outside := [name for name, (x, y) in points.items() if not (0.0 <= x <= width and 0.0 <= y <= height)]:
        raise PhotoError(f"{outside[0]} lies outside the drawing, which has {width} x {height} pixels")
    try:
        face = fit_anime_head(points)
    except ValueError as error:
        raise PhotoError(str(error)) from error
    rgba = _rectified(drawing, points, face)
    references = [Reference(rgba, face.params, studio_light(), "drawing")]
    if face.weights[list(_BLINKS)].max() < _SHUT:
        for lowered in _lowered(face.params):
            references.append(Reference(with_lids(rgba, face, lowered), lowered, studio_light(), "painted"))
    character = Character(name, "anime", face.shape, tuple(references), LICENCE, "Made from a drawing", consent)
    return MadeCharacter(character, tuple(drawing_warnings(face, points, confidence)))


def _clamped(points: Points, drawing: Rgba) -> Points:
    """The same points, within the drawing."""
    height, width = drawing.shape[:2]
    return {name: (min(max(x, 0.0), width), min(max(y, 0.0), height)) for name, (x, y) in points.items()}


def read_points(path: Path) -> Points:
    """The points in a JSON file: an object of names, each with x and y in pixels; PhotoError for anything else."""
    try:
        return checked_points(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise PhotoError(
            f"{path} holds no points ({error}); omote character points PICTURE --out FILE.json writes some first"
        ) from error


def checked_points(value: object) -> Points:
    """The points in JSON's types, {"chin": [210, 340], ...} in pixels; PhotoError for anything else."""
    if not isinstance(value, dict) or not value:
        raise PhotoError(_NO_POINTS)
    try:
        points = {name: (float(x), float(y)) for name, (x, y) in value.items()}
    except (ValueError, TypeError, OverflowError) as error:
        raise PhotoError(f"{_NO_POINTS} ({error})") from error
    if unknown := [str(name)[:40] for name in points if name not in POINTS]:
        raise PhotoError(f'no point is called "{unknown[0]}": there are {", ".join(NAMES)}')
    if not all(math.isfinite(x) and math.isfinite(y) for x, y in points.values()):
        raise PhotoError("a point is not finite: wanted pixels from the upper left corner")
    return points


def usual_points(drawing: Rgba) -> Points:
    """The points of an average face in the middle of a drawing, half as wide as that."""
    head = anime_head()
    shaped = head.shaped(np.zeros(len(head.shapedirs), np.float32))
    marks = Camera.framing(shaped).project(head.landmarks(head.pose(shaped, FlameParams.neutral())), 1)[:, :2]
    height, width = drawing.shape[:2]
    side = 0.5 * width / _FACE_SHARE
    corner = np.array([0.5 * width, 0.42 * height]) - side * marks.mean(0)
    found = {name: corner + side * marks[list(group)].mean(0) for name, group in POINTS.items()}
    return {name: (float(x), float(y)) for name, (x, y) in found.items()}


def sketch(drawing: Rgba, points: Points) -> bytes:
    """A PNG of the drawing with each point and its name."""
    scale = max(1.0, 1200.0 / drawing.shape[1])
    size = round(drawing.shape[1] * scale), round(drawing.shape[0] * scale)
    image = Image.fromarray(on_grey(drawing)).resize(size, Image.Resampling.LANCZOS)
    pen, radius = ImageDraw.Draw(image), max(size) / 300
    for name, point in points.items():
        x, y = point[0] * scale, point[1] * scale
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(230, 30, 30), outline=(255, 255, 255))
        pen.text((x + 2 * radius, y - radius), name, fill=(230, 30, 30), stroke_width=2, stroke_fill=(255, 255, 255))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


# Finding the face.


def find_face(drawing: Rgba, session: Session | None = None) -> FoundFace | None:
    """The points of the most likely face in a drawing [H,W,4]; None without a face."""
    session = session or shipped_session()
    picture = on_grey(drawing)
    best: tuple[float, Wide] = (0.0, np.zeros((len(NAMES), 2)))
    for tiles in _TILES:
        for window in _windows(picture.shape, tiles):
            best = max(best, _points_in_window(picture, window, session), key=lambda one: one[0])
        if best[0] > _SURE:
            break
    confidence, points = best
    for _ in range(_CLOSER_WINDOWS if confidence > 0.5 * _SURE else 0):
        confidence, points = _points_in_window(picture, _around(points), session)
    if confidence < _SURE:
        return None
    return FoundFace({name: (float(x), float(y)) for name, (x, y) in zip(NAMES, points, strict=True)}, confidence)


def on_grey(drawing: Rgba) -> Rgb:
    """[H,W,3] on a grey that is neither skin nor line."""
    alpha = drawing[..., 3:].astype(np.float32) / 255.0
    return np.asarray(drawing[..., :3] * alpha + 190.0 * (1.0 - alpha) + 0.5, np.uint8)


@dataclass(frozen=True)
class _Window:
    """A turned square of a picture, in its pixels."""

    middle: complex
    across: complex  # from its left to its right border

    def matrix(self, side: int) -> Wide:
        """[2,3] from pixels of the window, drawn with so many on a side, to those of the picture."""
        step = self.across / side
        first = self.middle - self.across * (0.5 + 0.5j)
        return np.array([[step.real, -step.imag, first.real], [step.imag, step.real, first.imag]])


def _windows(shape: tuple[int, ...], tiles: int) -> Iterator[_Window]:
    """Squares that cover a picture, overlapping by a half."""
    height, width = shape[:2]
    side = max(height, width) / tiles if tiles > 1 else float(max(height, width))
    for middle_y in _middles(height, side):
        for middle_x in _middles(width, side):
            yield _Window(complex(middle_x, middle_y), complex(side, 0.0))


def _middles(length: int, side: float) -> Iterator[float]:
    if side >= length:
        yield length / 2
        return
    count = math.ceil((length - side) / (side / 2)) + 1
    yield from (float(middle) for middle in np.linspace(side / 2, length - side / 2, count))


def _around(points: Wide) -> _Window:
    """The upright square around a face, as the network sees it best."""
    at = {name: complex(*point) for name, point in zip(NAMES, points, strict=True)}
    # By the eyes and the chin: the jaw is what drawings vary most.
    eyes = at["left_eye_outer"] - at["right_eye_outer"]
    middle = 0.5 * (at["left_eye_outer"] + at["right_eye_outer"])
    reach = max(abs(eyes) * 1.33, 1.1 * abs(at["chin"] - middle), 4.0)
    upright = eyes / abs(eyes) if abs(eyes) > 1.0 else 1.0
    return _Window(complex(np.mean(points[:, 0]), np.mean(points[:, 1])), upright * reach / _FACE)


def _points_in_window(picture: Rgb, window: _Window, session: Session) -> tuple[float, Wide]:
    """The network's confidence in a face in a window, and its points [P,2] in the picture."""
    matrix = window.matrix(SEEN)
    shrink = abs(window.across) / SEEN
    # Blur before shrinking.
    soft = cv2.GaussianBlur(picture, (0, 0), 0.45 * shrink) if shrink > 1.2 else picture
    to_centre = matrix.copy()
    to_centre[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5
    seen = cv2.warpAffine(
        soft, to_centre, (SEEN, SEEN), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    maps, _ = _both_ways(np.asarray(seen, np.uint8), session)
    sure = maps.reshape(len(NAMES), -1).max(1)
    points = _peaks(maps) @ matrix[:, :2].T + matrix[:, 2]
    return float(sure[[NAMES.index(name) for name in NEEDED]].mean()), points


def _both_ways(seen: Rgb, session: Session) -> tuple[Array, Array]:
    """[P,C,C] the maps of the points in an input [S,S,3], the figure's [2C,2C]: means with the mirrored input."""
    maps, figures = [], []
    for way in (1, -1):
        shown = np.ascontiguousarray(seen[:, ::way].transpose(2, 0, 1)[None], np.float32) / np.float32(255.0)
        found = session.run({"picture": shown})
        maps.append(np.array(found["points"][0])[list(MIRRORED) if way < 0 else slice(None), :, ::way])
        figures.append(np.array(found["figure"][0, 0])[:, ::way])
    return np.mean(maps, 0), np.mean(figures, 0)


def _figure(picture: Rgb, session: Session) -> Array:
    """[S,S] the network's confidence in a figure in our picture [S,S,3], 0 to 1."""
    small = cv2.resize(picture, (SEEN, SEEN), interpolation=cv2.INTER_AREA)
    _, figure = _both_ways(np.asarray(small, np.uint8), session)
    return np.asarray(cv2.resize(figure, picture.shape[1::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def _peaks(maps: Array) -> Wide:
    """[P,2] the pixels of the window at which these maps [P,C,C] are highest, between cells."""
    count, cells, _ = maps.shape
    row, column = np.unravel_index(maps.reshape(count, -1).argmax(1), (cells, cells))
    padded = np.pad(maps, ((0, 0), (_AROUND, _AROUND), (_AROUND, _AROUND)))
    found = np.zeros((count, 2))
    reach = np.arange(-_AROUND, _AROUND + 1)
    for k in range(count):
        part = padded[k, row[k] : row[k] + len(reach), column[k] : column[k] + len(reach)] + 1e-9
        found[k] = (column[k] + (part.sum(0) @ reach) / part.sum(), row[k] + (part.sum(1) @ reach) / part.sum())
    return (found + 0.5) * CELL


# The reference picture.


def _rectified(drawing: Rgba, points: Points, face: DrawnFace) -> Rgba:
    """[S,S,4] the figure in our framing, warped so that its points lie on the head's."""
    side = next((side for side in _SIDES if side >= 0.95 * face.place.scale), _SIDES[-1])
    seen = np.array([points[name] for name in NAMES if name in points])
    most = _BEND_MOST * _FACE_SHARE * face.place.scale
    missed = face.missed * np.minimum(1.0, most / np.maximum(np.linalg.norm(face.missed, axis=1, keepdims=True), 1e-6))
    step = (np.arange(side) + 0.5) / side
    ours = np.stack(np.meshgrid(step, step), -1).reshape(-1, 2)
    beside = bend_displacements(face.place.inverse().apply(seen - face.missed), missed, side)
    where = (face.place.apply(ours).reshape(side, side, 2) + beside).astype(np.float32)
    shrink = max(face.place.scale / side, 1.0)
    alpha = drawing[..., 3]
    if (alpha < 128).mean() >= _CLEAR_SHARE:
        cover = alpha[..., None] / np.float32(255.0)
        found = _fetched(np.dstack([drawing[..., :3] * cover, cover]).astype(np.float32), where, shrink)
        colour = found[..., :3] / np.maximum(found[..., 3:], 1e-3)
        rgba = np.dstack([colour.clip(0.0, 255.0), found[..., 3].clip(0.0, 1.0) * 255.0])
        rgba = np.asarray(rgba + 0.5, np.uint8)
    else:
        picture = _fetched(drawing[..., :3], where, shrink)
        figure_seen = _figure(picture, shipped_session())
        plain, (head, inner) = _before_plain_ground(drawing[..., :3], seen), _head_and_face(face, side)
        if plain is None or _fetched(plain.figure, where, shrink)[inner].mean() < _LEAKED:
            rgba = cut_along(picture, figure_seen, head, inner)
        else:
            matte = _fetched(plain.figure, where, shrink).clip(0.0, 1.0)
            matte[_gaps(picture, plain.ground, figure_seen, inner)] = 0.0
            rgba = with_alpha(picture, matte)
    height, width = drawing.shape[:2]
    is_inside = (where >= 0.0).all(2) & (where[..., 0] <= width) & (where[..., 1] <= height)
    rgba[..., 3] *= is_inside
    return rgba


def _lowered(params: FlameParams) -> Iterator[FlameParams]:
    """The same face with its eyes half closed, nearly closed, closed, and closed by raised cheeks, as in a laugh."""
    for closing in (*_HALF_CLOSED, 1.0):
        yield replace(params, eyelids=np.full(2, closing, np.float32))
    weights = to_weights(params)
    weights[list(_SQUINTS)] = 1.0
    squinting = from_weights(weights).expression
    yield replace(params, expression=squinting, eyelids=np.ones(2, np.float32))


def with_lids(rgba: Rgba, face: DrawnFace, lowered: FlameParams) -> Rgba:
    """[S,S,4] the same figure with its lids as in another face: skin above the line where the head's lids are."""
    head, side = anime_head(), len(rgba)
    shaped = head.shaped(face.shape)
    camera = Camera.framing(shaped)
    before, after = (
        camera.project(head.landmarks(head.pose(shaped, params)), side)[:, :2] for params in (face.params, lowered)
    )
    out = rgba.copy()
    for eye in _EYES:
        _close(out, before[list(eye)], after[list(eye)], float(lowered.eyelids.max()))
    return out


def _close(rgba: Rgba, opened: Array, lowered: Array, closing: float) -> None:
    """Closes one eye, in place; its lids are [6,2] pixels: a corner, two above, the other corner, two below."""
    side = len(rgba)
    middle, width = opened.mean(0), float(np.ptp(opened[:, 0]))
    over = cv2.convexHull(((opened - middle) * _OVER + middle + (0.0, _LASH_UP * width)).astype(np.float32))
    cover = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(cover, np.round(over).astype(np.int32), 255, cv2.LINE_AA)
    cover = cv2.GaussianBlur(cover, (0, 0), 0.02 * width + 0.5)
    # Fill with the colour around the eye where that is like the skin of the cheek: hair may hang over it.
    reach = round(0.6 * width)
    left, top = (max(int(v), 0) for v in middle - 2 * reach)
    part = (slice(top, top + 4 * reach), slice(left, left + 4 * reach))
    colour, hidden = rgba[part][..., :3].astype(np.float32), cover[part]
    below = opened[:, 1].max() - top + 0.1 * width
    cheek = colour[int(below) : int(below + 0.35 * width) + 1, reach : 3 * reach].reshape(-1, 3)
    skin = np.median(cheek, 0) if len(cheek) else np.median(colour.reshape(-1, 3), 0)
    alike = (np.abs(colour - skin).max(2) < _SKIN_LIKE) & (hidden == 0)
    locks = _locks(colour, hidden, skin)[..., None]
    share = hidden[..., None] / np.float32(255.0) * (np.float32(1.0) - locks)
    filled = np.stack(
        [spread(np.where(alike, colour[..., k], skin[k]), alike.astype(np.float32)) for k in range(3)], -1
    )
    drawn = filled * share + colour * (1.0 - share)
    if closing < 1.0:
        drawn = _half_closed(colour, drawn, opened - (left, top), lowered - (left, top), width)
        drawn = colour * locks + drawn * (1.0 - locks)
    else:
        dark = colour[hidden > 200].reshape(-1, 3)
        ink = dark[np.argsort(dark.sum(1))[: max(len(dark) // 20, 1)]].mean(0) if len(dark) else np.zeros(3)
        line = _lid_line(lowered - (left, top), width, hidden.shape)[..., None] * (np.float32(1.0) - locks)
        drawn = drawn * (1.0 - line) + ink * line
    rgba[part][..., :3] = (drawn + 0.5).clip(0.0, 255.0)


def _half_closed(eye: Array, lid: Array, opened: Array, lowered: Array, width: float) -> Array:
    """[h,w,3] an eye below the line of its lowered lid, a closed lid above it, and on the line the upper lashes.

    Lids are as in `_close`, in pixels of the part [h,w,3] that shows the eye open, and without the eye.
    """
    y, x = np.mgrid[: eye.shape[0], : eye.shape[1]].astype(np.float32) + np.float32(0.5)
    corners = opened[[0, 3], 0]
    within = np.clip(x, corners.min(), corners.max())
    before, after = (np.polyval(np.polyfit(lids[:4, 0], lids[:4, 1], 2), within) for lids in (opened, lowered))
    down = np.maximum(after - before, 0.0).astype(np.float32)
    below = np.where(within == x, np.clip(y - after + 0.5, 0.0, 1.0), 1.0)[..., None]
    # The lashes are what is darker than the lid, around the upper lid of the open eye.
    at = (x - np.float32(0.5), y - down - np.float32(0.5))
    lashes, behind = (
        cv2.remap(one, *at, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).clip(0.0, 255.0) for one in (eye, lid)
    )
    above, under = (np.float32(part * width) for part in _LASHES)
    rise = y - after
    is_near = np.clip((rise + above) / 2.0 + 0.5, 0.0, 1.0) * np.clip((under - rise) / 2.0 + 0.5, 0.0, 1.0)
    darker = np.clip((behind.mean(2) - lashes.mean(2)) / np.float32(_INK), 0.0, 1.0)
    ink = (is_near * darker)[..., None]
    half = lid * (1.0 - below) + eye * below
    return np.asarray(half * (1.0 - ink) + lashes * ink, np.float32)


def _locks(colour: Array, hidden: Bytes, skin: Array) -> Array:
    """[h,w] 0 to 1: the locks of hair that hang over an eye, whose cover is `hidden` [h,w].

    Their edges go on straight from above the cover. A run of hair too wide or too ragged for a lock is left out.
    """
    rows = np.flatnonzero(hidden.any(1))
    found = np.zeros(hidden.shape, np.float32)
    width = int(np.count_nonzero(hidden.any(0)))
    first, above = (int(rows[0]) - 2, round(_ABOVE * width)) if len(rows) else (0, 0)
    if first < above or above < 3:
        return found
    is_hair = np.abs(colour - skin).max(2) >= _SKIN_LIKE
    y, x = np.arange(first, int(rows[-1]) + 1)[:, None], np.arange(hidden.shape[1])[None]
    for run in _runs(is_hair[first]):
        own, edges = np.median(colour[first, run[0] : run[1]], 0), [run]
        for row in range(first - 1, first - above, -1):
            left, right = edges[-1]
            edges += [one for one in _runs(is_hair[row]) if one[0] < right and left < one[1]][:1]
        if len(edges) < above or run[1] - run[0] > _LOCK_WIDEST * width:
            continue
        at, rows_up = np.array(edges, np.float64), first - np.arange(len(edges))
        lines = [np.polyfit(rows_up, at[:, k], 1) for k in (0, 1)]
        ragged = max(np.abs(np.polyval(line, rows_up) - at[:, k]).max() for k, line in enumerate(lines))
        if ragged > 1.0 + _RAGGED * width:
            continue
        inside = (x >= np.polyval(lines[0], y) - 0.5) & (x < np.polyval(lines[1], y) + 0.5)
        lock = inside & is_hair[y, x] & (np.abs(colour[y, x] - own).max(2) < _HAIR_LIKE)
        outlined = inside & (colour[y, x].sum(2) < own.sum()) & (own.sum() < _DARK)
        found[first : int(rows[-1]) + 1][lock | outlined] = 1.0
    return np.asarray(cv2.GaussianBlur(found, (0, 0), 0.7), np.float32)


def _runs(is_hair: Mask) -> list[tuple[int, int]]:
    """Beginnings and ends of the hair in a row [w]."""
    step = np.diff(np.pad(is_hair, 1).astype(np.int8))
    return list(zip(np.flatnonzero(step == 1).tolist(), np.flatnonzero(step == -1).tolist(), strict=True))


def _lid_line(closed: Array, width: float, shape: tuple[int, ...]) -> Array:
    """[h,w] 0 to 1: a line through the closed lids [6,2], thickest in its middle."""
    corner = np.array([closed[0], closed[1:3].mean(0), closed[3]])
    across = np.linspace(corner[0, 0], corner[2, 0], 32)
    height = np.poly1d(np.polyfit(corner[:, 0] - corner[1, 0], corner[:, 1], 2))(across - corner[1, 0])
    thick = _LINE * width * np.sqrt(np.sin(np.linspace(0.12, np.pi - 0.12, 32)))
    outline = np.concatenate(
        [np.stack([across, height - thick / 2], 1), np.stack([across, height + thick / 2], 1)[::-1]]
    )
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(outline * 16.0).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return np.asarray(mask / np.float32(255.0), np.float32)


def _fetched(picture: NDArray[Value], where: Array, shrink: float) -> NDArray[Value]:
    """The picture at these pixels [S,S,2], blurred before it shrinks."""
    if shrink > 1.1:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.45 * shrink), picture.dtype)
    x, y = where[..., 0] - 0.5, where[..., 1] - 0.5
    found = cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, picture.dtype)


def bend_displacements(at: Wide, missed: Wide, side: int) -> Array:
    """[S,S,2] displacements that are `missed` [n,2] at these points [n,2] (0 to 1), and fade out around them."""
    apart = np.square(at[:, None] - at[None]).sum(2)
    kernel = np.exp(-apart / (2.0 * _BEND_REACH**2))
    weight = np.linalg.solve(kernel + 0.05 * np.eye(len(at)), missed)
    step = (np.arange(side) + 0.5) / side
    across, down = (np.exp(-np.square(step - at[:, axis, None]) / (2.0 * _BEND_REACH**2)) for axis in (0, 1))
    return np.asarray(np.einsum("ny,nx,nk->yxk", down, across, weight, optimize=True), np.float32)


def bent(rgba: Rgba, at: Wide, missed: Wide) -> Rgba:
    """[S,S,4] a picture, warped so that what lies `missed` [n,2] beside these points [n,2] lies on them.

    Both are in parts of its side. The whole picture moves by their mean; the rest fades out around the points.
    """
    side = len(rgba)
    step = (np.arange(side) + 0.5) / side
    away = missed.mean(0)
    where = (np.stack(np.meshgrid(step, step), -1) + away + bend_displacements(at, missed - away, side)) * side
    cover = rgba[..., 3:] / np.float32(255.0)
    flat = np.dstack([rgba[..., :3] * cover, cover * np.float32(255.0)]).astype(np.float32)
    x, y = (where[..., k].astype(np.float32) - np.float32(0.5) for k in (0, 1))
    moved = cv2.remap(flat, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).clip(0.0, 255.0)
    moved[..., :3] /= np.maximum(moved[..., 3:] / 255.0, 1e-3)
    return np.asarray(moved.clip(0.0, 255.0) + 0.5, np.uint8)


@dataclass(frozen=True)
class _Plain:
    """A figure before a ground of one colour."""

    figure: Array  # [H,W] 1 on the figure, 0 on the ground
    ground: NDArray[np.floating]  # [3] levels


def _gaps(picture: Rgb, ground: NDArray[np.floating], figure: Array, face: Mask) -> Mask:
    """[S,S] parts of the ground that the figure encloses, as between hair and shoulder.

    White inside a closed outline may be cloth: the network that finds figures decides, and small parts stay. What
    reaches into the face [S,S] is skin as white as the ground.
    """
    is_plain = (np.abs(picture.astype(np.int16) - ground).max(2) <= _PLAIN).astype(np.uint8)
    count, label, stats, _ = cv2.connectedComponentsWithStats(is_plain, connectivity=4)
    sure = np.bincount(label.ravel(), figure.ravel(), count) / np.maximum(stats[:, cv2.CC_STAT_AREA], 1)
    is_gap = (sure < 0.5) & (stats[:, cv2.CC_STAT_AREA] > _GAP_SHARE * picture.shape[0] * picture.shape[1])
    is_gap[0] = False
    is_gap[np.unique(label[face])] = False
    grown = cv2.dilate(is_gap[label].astype(np.uint8), np.ones((3, 3), np.uint8))  # its soft border
    return np.asarray(grown > 0)


def _before_plain_ground(picture: Rgb, points: Wide) -> _Plain | None:
    """The figure before a ground of one colour; None if the ground is not plain.

    The ground is connected with the border above and beside: white inside a closed outline stays.
    """
    height, width = picture.shape[:2]
    border = np.concatenate([picture[0], picture[:, 0], picture[:, -1]]).astype(np.int16)
    usual = np.median(border, 0)
    if (np.abs(border - usual).max(1) <= _PLAIN).mean() < _PLAIN_SHARE:
        return None
    is_plain = (np.abs(picture.astype(np.int16) - usual).max(2) <= _PLAIN).astype(np.uint8)
    # Close gaps of a pixel or two in the lines.
    width_px = max(round(0.004 * max(height, width)), 1)
    is_open = cv2.erode(is_plain, np.ones((width_px, width_px), np.uint8))
    _, label = cv2.connectedComponents(cv2.copyMakeBorder(is_open, 1, 0, 1, 1, cv2.BORDER_CONSTANT, value=1))
    outside = (label == label[0, 0])[1:, 1:-1].astype(np.uint8)
    ground = cv2.dilate(outside, np.ones((width_px + 2, width_px + 2), np.uint8)) & is_plain
    at = np.clip(points, 0, (width - 1, height - 1)).astype(np.int64)
    if ground[at[:, 1], at[:, 0]].mean() > 0.2:  # the ground leaked through an open line
        return None
    figure = np.asarray(cv2.GaussianBlur(1.0 - ground.astype(np.float32), (0, 0), 0.7), np.float32)
    return _Plain(figure, usual)


def _head_and_face(face: DrawnFace, side: int) -> tuple[Mask, Mask]:
    """[S,S] the fitted head, and the inner part of its face."""
    head = anime_head()
    shaped = head.shaped(face.shape)
    camera, posed = Camera.framing(shaped), head.pose(shaped, face.params)
    mask = np.zeros(side * side, np.bool_)
    mask[rasterize(camera.project(posed, side), head.triangle.astype(np.int64), side)[0]] = True
    marks = camera.project(head.landmarks(posed), side)[:, :2]
    inner = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(inner, cv2.convexHull(np.round(marks).astype(np.int32)), 1)
    reach = 2 * round(0.02 * side) + 1
    inner = cv2.erode(inner, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    return mask.reshape(side, side), inner > 0


def drawing_warnings(face: DrawnFace, points: Points, confidence: float) -> Iterator[str]:
    """Warnings about a drawing."""
    weights = dict(zip(arkit.NAMES, face.weights.tolist(), strict=True))
    yaw_deg = abs(math.degrees(float(face.params.neck_pose[1])))
    width = _FACE_SHARE * face.place.scale
    if confidence < _DOUBTFUL or face.residual > _UNLIKE:
        yield (
            "The face was found with doubt, or its proportions are unusual: check blinks and the mouth, and place "
            "the points yourself if they are off (--points)."
        )
    if yaw_deg > _TURNED_DEG:
        yield f"The head is turned by {yaw_deg:.0f} degrees, so one side is painted: take a drawing from the front."
    if width < _SMALL_PX:
        yield f"The face is only {width:.0f} pixels wide and will look blurred: use a larger file."
    if max(weights["eyeBlinkLeft"], weights["eyeBlinkRight"]) > _SHUT:
        yield "An eye is closed, and nothing tells how it looks open: use a drawing with open eyes."
    if weights["jawOpen"] > _OPEN:
        yield "The mouth is open: a drawing with a closed mouth comes to rest better."
    if "right_iris" not in points or "left_iris" not in points:
        yield "Without the points of the irises the eyes may look past the camera."
