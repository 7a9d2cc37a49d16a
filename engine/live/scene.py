"""Composites a portrait once, between the renderer and the outputs: where it stands, and what is behind it."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.bridge.errors import OmoteError

from ..data import AnyCharacter, Array, Portrait
from ..face.presence import smoothstep
from .overlays import MOST_THROWN, HeadFrame, Pinned, Thrown, draw_pinned, draw_thrown, head_frame

Rgba = NDArray[np.uint8]  # [H,W,4] straight alpha, or premultiplied where it is named so
Affine = NDArray[np.float64]  # [2,3] from pixel centres to pixel centres

ASPECTS = {"1:1": 1.0, "4:3": 4.0 / 3.0, "16:9": 16.0 / 9.0, "9:16": 9.0 / 16.0}  # width by height
MOST_BLUR = 0.1  # of the picture's height, one standard deviation
EASE_S = 0.25  # in which the portrait goes to another place
MOST_LEAN = 2.0
# For the lean: how far the head is from the camera, and how many metres one side of the portrait shows.
_DISTANCE_M, _SIDE_M = 0.55, 0.34
_NEAREST = 0.4  # of that distance, however far the performer leans in
_JUMP_M = 0.25  # farther from one picture to the next is another source or resting place, not a lean
_STEADY = 1.0 / 1024.0  # of a side: a lean that would move no corner farther is not shown


class SceneError(OmoteError, ValueError):
    """A value of a scene is impossible; the message says what was expected."""


@dataclass(frozen=True)
class Placement:
    """Where the square portrait stands in the picture. The default fills the picture's height, in its middle.

    Lengths are in sides of the portrait. The crop is cut from the portrait before it is moved.
    """

    x: float = 0.0  # to the right
    y: float = 0.0  # up
    zoom: float = 1.0
    turn_deg: float = 0.0  # clockwise
    left: float = 0.0  # cut away
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high) in PLACEMENT_RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise SceneError(f"{name} must be from {low:g} to {high:g}, got {value:g}")

    def leaning(self, shift: Array, strength: float) -> Placement:
        """The placement of a performer who has moved by `shift` [3] metres, as `Signal.head_translation` counts them.

        At strength 1 the portrait moves and grows as the performer does before a camera.
        """
        x, y, z = (strength * float(value) for value in shift)
        nearer = _DISTANCE_M / max(_DISTANCE_M - z, _NEAREST * _DISTANCE_M)
        moved = {
            "x": self.x + self.zoom * x / _SIDE_M,
            "y": self.y + self.zoom * y / _SIDE_M,
            "zoom": self.zoom * nearer,
        }
        limited = {
            name: min(max(one, PLACEMENT_RANGES[name][0]), PLACEMENT_RANGES[name][1]) for name, one in moved.items()
        }
        return replace(self, **limited)

    def distance(self, other: Placement) -> float:
        """At least how far a corner of the portrait moves from here to there, in sides."""
        first, second = (placement_matrix(one, 1, 1, 1) for one in (self, other))
        corners = np.array([[-0.5, -0.5, 1.0], [0.5, -0.5, 1.0], [-0.5, 0.5, 1.0], [0.5, 0.5, 1.0]])
        is_cut = any(getattr(self, name) != getattr(other, name) for name in ("left", "top", "right", "bottom"))
        return 1.0 if is_cut else float(np.abs(corners @ (second - first).T).max())

    def towards(self, other: Placement, share: float) -> Placement:
        """The placement `share` of the way to another one."""
        if share <= 0.0 or share >= 1.0:
            return other if share >= 1.0 else self
        names = (one.name for one in fields(self))
        pairs = ((name, getattr(self, name), getattr(other, name)) for name in names)
        return Placement(**{name: first + share * (second - first) for name, first, second in pairs})


PLACEMENT_RANGES = {
    "x": (-2.0, 2.0),
    "y": (-2.0, 2.0),
    "zoom": (0.1, 5.0),
    "turn_deg": (-180.0, 180.0),
    **dict.fromkeys(("left", "top", "right", "bottom"), (0.0, 0.49)),
}
CENTRED = Placement()


@dataclass(frozen=True, eq=False)
class Background:
    """What is behind the portrait: a picture, cut to fill, or a colour. It is opaque."""

    colour: tuple[int, int, int] = (0, 0, 0)  # sRGB; also under a picture that is transparent
    picture: Rgba | None = None
    blur: float = 0.0  # of the picture: one standard deviation in heights of the result, to MOST_BLUR

    def drawn(self, width: int, height: int) -> Rgba:
        """[height,width,4], not to be written to: it is the same array for the same size."""
        return _drawn_background(self, width, height)


@lru_cache(maxsize=4)
def _drawn_background(background: Background, width: int, height: int) -> Rgba:
    plain = np.full((height, width, 4), (*background.colour, 255), np.uint8)
    if background.picture is None:
        return plain
    # Cut it to the shape, so that no more is resized than is seen.
    rows, columns = background.picture.shape[:2]
    wide, high = min(columns, max(round(rows * width / height), 1)), min(rows, max(round(columns * height / width), 1))
    left, top = (columns - wide) // 2, (rows - high) // 2
    cut = cv2.cvtColor(background.picture[top : top + high, left : left + wide], cv2.COLOR_RGBA2mRGBA)
    part = np.asarray(
        cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA if high > height else cv2.INTER_CUBIC), np.uint8
    )
    part = np.minimum(part, part[..., 3:])
    if background.blur > 0.0:
        deviation = background.blur * height
        part = np.asarray(cv2.GaussianBlur(part, (0, 0), deviation, borderType=cv2.BORDER_REPLICATE), np.uint8)
    return _over(part, plain, Scratch())


@dataclass(frozen=True, eq=False)
class Scene:
    """How portraits are composited. The default leaves them as they are."""

    placement: Placement = CENTRED
    background: Background | None = None  # None is transparent
    aspect: float = 1.0  # width by height of the picture; the shorter side is as long as the portrait's
    lean: float = 0.0  # how far the portrait moves as the performer does; 0 not at all, to MOST_LEAN
    items: tuple[Pinned, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it leaves portraits as they are."""
        is_alone = self.background is None and not self.items
        return is_alone and self.aspect == 1.0 and self.lean == 0.0 and self.placement == CENTRED

    def size(self, side: int) -> tuple[int, int]:
        """Width and height in pixels of the picture for a portrait of `side` pixels."""
        if self.aspect >= 1.0:
            return 2 * round(side * self.aspect / 2.0), side
        return side, 2 * round(side / self.aspect / 2.0)


PLAIN = Scene()


@dataclass(frozen=True)
class Moment:
    """What decides about one picture besides the scene."""

    placement: Placement = CENTRED
    head: HeadFrame | None = None  # of the character; without it no item is drawn
    thrown: tuple[Thrown, ...] = ()
    now_ns: int = 0


class Scratch:
    """Arrays that each picture writes anew, so that the hot path allocates none; for one thread."""

    def __init__(self) -> None:
        self._arrays: dict[str, Rgba] = {}

    def array(self, name: str, *shape: int) -> Rgba:
        """An array of this shape with any content: the same one for the same name, unless the shape changes."""
        known = self._arrays.get(name)
        if known is None or known.shape != shape:
            known = self._arrays[name] = np.empty(shape, np.uint8)
        return known


def composited(
    portrait: Portrait, scene: Scene, moment: Moment | None = None, scratch: Scratch | None = None
) -> Portrait:
    """The portrait in this scene; the same object if that changes nothing. Without a moment it has no items.

    The result shares no array with `scratch`, which saves allocations from one picture to the next.

    >>> composited(portrait, Scene(background=Background((0, 255, 0)))).rgba[0, 0]
    array([  0, 255,   0, 255], dtype=uint8)
    """
    moment, scratch = moment or Moment(scene.placement), scratch or Scratch()
    where = moment.placement
    if where == CENTRED and scene.is_plain and not moment.thrown:
        return portrait

    # Place the portrait.
    side = len(portrait.rgba)
    width, height = scene.size(side)
    affine = placement_matrix(where, side, width, height)
    is_placed = where != CENTRED or (width, height) != (side, side)
    # What is given out is a new array: the cutout over a background, the straight picture without one.
    shown = scratch.array("shown", height, width, 4) if scene.background is None else None
    cutout = scratch.array("portrait", side, side, 4) if is_placed else shown
    cutout = np.asarray(cv2.cvtColor(portrait.rgba, cv2.COLOR_RGBA2mRGBA, dst=cutout), np.uint8)
    if is_placed:
        cutout = _placed(cutout, where, affine, shown if shown is not None else np.empty((height, width, 4), np.uint8))

    # Draw the items behind and before it.
    if moment.head is not None and (scene.items or moment.thrown):
        corner = affine[:, 2] + 0.5 - affine[:, :2] @ (0.5, 0.5)  # from centres of pixels to their corners
        to_canvas = np.column_stack([affine[:, :2] * side, corner])
        behind = [one for one in scene.items if one.is_behind]
        if behind:
            canvas = scratch.array("behind", height, width, 4)
            canvas[:] = 0
            draw_pinned(canvas, behind, moment.head, portrait.params, to_canvas, side)
            cutout = _over(cutout, canvas, scratch, out=cutout)
        before = [one for one in scene.items if not one.is_behind]
        draw_pinned(cutout, before, moment.head, portrait.params, to_canvas, side)
        draw_thrown(cutout, moment.thrown, moment.head, portrait.params, to_canvas, moment.now_ns)

    placed = None if where == CENTRED and width == height else _in_shares(affine, side, width, height)
    if scene.background is None:
        return replace(portrait, rgba=_straight(cutout), placed=placed)
    return replace(
        portrait, rgba=_over(cutout, scene.background.drawn(width, height), scratch), placed=placed, cutout=cutout
    )


def layered(portraits: Sequence[Portrait], background: Background | None = None) -> tuple[Rgba, Rgba]:
    """Several portraits in one picture, the first one behind; it has the size of the largest.

    Returns [H,W,4] the picture with straight alpha, over the background, and the same without it, premultiplied.
    """
    width, height = max((one.rgba.shape[1], one.rgba.shape[0]) for one in portraits)
    stack, scratch = np.zeros((height, width, 4), np.uint8), Scratch()
    for portrait in portraits:
        cutout = _cutout(portrait)
        is_smaller = cutout.shape != stack.shape
        layer = cv2.resize(cutout, (width, height), interpolation=cv2.INTER_LINEAR) if is_smaller else cutout
        stack = _over(np.asarray(layer, np.uint8), stack, scratch)
    shown = _straight(stack) if background is None else _over(stack, background.drawn(width, height), scratch)
    return shown, stack


def _cutout(portrait: Portrait) -> Rgba:
    """[H,W,4] premultiplied, without a background."""
    if portrait.cutout is not None:
        return portrait.cutout
    return np.asarray(cv2.cvtColor(portrait.rgba, cv2.COLOR_RGBA2mRGBA), np.uint8)


def placement_matrix(placement: Placement, side: int, width: int, height: int) -> Affine:
    """[2,3] from pixels of a portrait of `side` pixels to those of the picture."""
    angle = math.radians(placement.turn_deg)
    cosine, sine = placement.zoom * math.cos(angle), placement.zoom * math.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    middle = np.array([(width - 1) / 2.0 + placement.x * side, (height - 1) / 2.0 - placement.y * side])
    return np.column_stack([turn, middle - turn @ np.full(2, (side - 1) / 2.0)])


def _placed(premultiplied: Rgba, placement: Placement, affine: Affine, out: Rgba) -> Rgba:
    """Writes into `out` [height,width,4] the cropped portrait, premultiplied and moved, transparent around."""
    side = len(premultiplied)
    left, top = round(placement.left * side), round(placement.top * side)
    right, bottom = side - round(placement.right * side), side - round(placement.bottom * side)
    part = premultiplied[top:bottom, left:right]
    moved = affine.copy()
    moved[:, 2] += affine[:, :2] @ (left, top)
    if placement.zoom < 0.6:  # bilinear sampling would leave out pixels
        share = max(placement.zoom, 1.0 / min(part.shape[:2]))
        size = max(round(part.shape[1] * share), 1), max(round(part.shape[0] * share), 1)
        scale = np.array([part.shape[1] / size[0], part.shape[0] / size[1]])
        part = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        moved[:, 2] += moved[:, :2] @ ((scale - 1.0) / 2.0)
        moved[:, :2] *= scale
    size = out.shape[1], out.shape[0]
    cv2.warpAffine(part, moved, size, dst=out, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return out


def _in_shares(affine: Affine, side: int, width: int, height: int) -> tuple[float, ...]:
    """The same map between shares (0 to 1, from the upper left corner) of the portrait and of the picture."""
    turn = affine[:, :2]
    corner = affine[:, 2] + 0.5 - turn @ (0.5, 0.5)  # from centres of pixels to their corners
    scale = np.array([[width], [height]], np.float64)
    rows = np.column_stack([turn * side, corner]) / scale
    return tuple(float(value) for value in rows.ravel())


def _over(premultiplied: Rgba, behind: Rgba, scratch: Scratch, out: Rgba | None = None) -> Rgba:
    """[H,W,4] a premultiplied picture over another one; a new array, or `out`."""
    left = cv2.extractChannel(premultiplied, 3, dst=scratch.array("left", *premultiplied.shape[:2]))
    left = cv2.bitwise_not(left, dst=left)
    share = cv2.merge([left] * 4, dst=scratch.array("share", *premultiplied.shape))
    seen = cv2.multiply(behind, share, dst=share, scale=1.0 / 255.0)
    return np.asarray(cv2.add(premultiplied, seen, dst=out), np.uint8)


def _straight(premultiplied: Rgba) -> Rgba:
    return np.asarray(cv2.cvtColor(premultiplied, cv2.COLOR_mRGBA2RGBA), np.uint8)


class Compositor:
    """Composites one picture after another: moves between places, follows a lean, and draws no picture twice."""

    def __init__(self) -> None:
        self.scene = PLAIN  # replaced as a whole, from any thread
        self._from = self._to = self._shown = CENTRED
        self._since_ns = 0
        self._rest = np.zeros(3, np.float32)  # metres: where the performer's head is when it does not lean
        self._seen: Array | None = None  # where it was last
        self._thrown: tuple[Thrown, ...] = ()  # replaced as a whole
        self._throwing = threading.Lock()
        self._last: tuple[Rgba, bytes, Scene, Placement, Portrait] | None = None
        self._scratch = Scratch()

    def throw(self, *thrown: Thrown) -> None:
        """Lets these pictures fly, from any thread."""
        with self._throwing:
            self._thrown = (*self._thrown, *thrown)[-MOST_THROWN:]

    def recoil(self, now_ns: int) -> Array | None:
        """[3] the rotation vector by which the head gives way to what hits it; None if nothing flies."""
        thrown = self._thrown
        return np.asarray(sum(one.recoil(now_ns) for one in thrown), np.float32) if thrown else None

    def composite(self, portrait: Portrait, character: AnyCharacter, now_ns: int) -> Portrait:
        """The portrait of this character in the present scene, with times of one clock."""
        scene = self.scene
        where = self._placed(scene, now_ns)
        if scene.lean > 0.0:
            where = where.leaning(self._shift(portrait), scene.lean)
            if where.distance(self._shown) < _STEADY:
                where = self._shown
        self._shown = where
        thrown = self._flying(now_ns)
        if where == CENTRED and scene.is_plain and not thrown:
            self._last = None
            return portrait
        last, pose = self._last, portrait.params.neck_pose.tobytes() if scene.items else b""
        if last is not None and not thrown and last[0] is portrait.rgba and last[1:4] == (pose, scene, where):
            done = last[4]
            return replace(portrait, rgba=done.rgba, placed=done.placed, cutout=done.cutout)
        frame = head_frame(character) if scene.items or thrown else None
        done = composited(portrait, scene, Moment(where, frame, thrown, now_ns), self._scratch)
        self._last = None if thrown else (portrait.rgba, pose, scene, where, done)
        return done

    def _flying(self, now_ns: int) -> tuple[Thrown, ...]:
        if self._thrown:
            with self._throwing:
                self._thrown = tuple(one for one in self._thrown if not one.is_over(now_ns))
        return self._thrown

    def _placed(self, scene: Scene, now_ns: int) -> Placement:
        """The scene's placement, or one on the way to it."""
        elapsed_s = (now_ns - self._since_ns) / 1e9
        if scene.placement != self._to:
            self._from = self._from.towards(self._to, smoothstep(min(max(elapsed_s / EASE_S, 0.0), 1.0)))
            self._to, self._since_ns, elapsed_s = scene.placement, now_ns, 0.0
        return self._from.towards(self._to, smoothstep(min(max(elapsed_s / EASE_S, 0.0), 1.0)))

    def _shift(self, portrait: Portrait) -> Array:
        """[3] metres by which the performer leans; 0 in the end without a face."""
        seen = portrait.params.translation
        if portrait.presence == 1.0:
            if self._seen is None or np.abs(seen - self._seen).max() > _JUMP_M:
                # Without a calibration the tracker counts from the camera: the first face is at rest.
                is_absolute = float(np.linalg.norm(seen)) > _JUMP_M
                self._rest = seen if is_absolute else np.zeros(3, np.float32)
            self._seen = seen
        return np.asarray(seen - np.float32(portrait.presence) * self._rest, np.float32)
