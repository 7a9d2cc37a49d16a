"""Which part of a picture is searched for faces, and which of several faces is the performer's."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .mediapipe import focal_px
from .source import Picture

LEFT_AFTER_S = 1.5  # after this time the nearest face becomes the performer's
# How far from their last place a performer may be found again, in sizes of their face, and that a second; and the
# factor by which the face may have grown or shrunk.
_REACH, _REACH_PER_S = 1.0, 0.5
_SIZE_CHANGE = 1.7
# The detector's box of a face is 0.8 to 0.96 times as large as the tracker's. A face that is larger than the
# performer's just after they were lost belongs to a person who passes in front; it is recognized from picture to
# picture by its size.
_PASSING_SIZE, _PASSING_S, _SAME_SIZE = 1.1, 0.3, 1.15
# Under a camera's noise a poster moves by at most 0.003 of its size within some seconds, a person who hardly moves by
# 0.01 and more.
_STILL, LIFELESS_S = 0.005, 5.0
_MOST_POSTERS = 8  # that are remembered


# The detector finds no face that is smaller than about a fifth of the picture's height.
FAR_SCALE = 0.22
_FACE_SHARE = 0.4  # of a region's height that a far face fills
_TILES = 3  # on a side; each is half as wide and high as the picture, and overlaps its neighbours by half


@dataclass(frozen=True)
class FaceBox:
    """The place of a face, in pixels of the whole picture."""

    x: float  # of its middle
    y: float
    size: float  # about from ear to ear, and from brow to chin

    def distance(self, other: FaceBox) -> float:
        """Pixels between the middles."""
        return math.hypot(other.x - self.x, other.y - self.y)

    def growth(self, other: FaceBox) -> float:
        """The logarithm of the factor by which the other is larger or smaller; at least 0."""
        return abs(math.log(other.size / self.size))

    def may_be(self, other: FaceBox, size_change: float = _SIZE_CHANGE) -> bool:
        """Whether the two may be the same face, found in two ways."""
        return self.distance(other) < self.size / 2 and self.growth(other) <= math.log(size_change)

    def has_moved(self, other: FaceBox) -> bool:
        """Whether the face has moved or grown by more than a poster under a camera's noise."""
        change = max(abs(other.x - self.x), abs(other.y - self.y), abs(other.size - self.size))
        return change / self.size > _STILL


@dataclass(frozen=True)
class SearchRegion:
    """A rectangle of a picture, in pixels, with the picture's proportions."""

    left: int
    top: int
    width: int
    height: int

    @classmethod
    def whole(cls, picture: Picture) -> Self:
        height, width = picture.shape[:2]
        return cls(0, 0, width, height)

    @classmethod
    def around(cls, face: FaceBox, picture: Picture) -> Self:
        """The whole picture, or the surroundings of a face that is too far to be found in it."""
        height, width = picture.shape[:2]
        if face.size >= FAR_SCALE * height:
            return cls.whole(picture)
        zoom = max(height * _FACE_SHARE / face.size, 1.0)
        own_width, own_height = min(round(width / zoom), width), min(round(height / zoom), height)
        left = min(max(round(face.x - own_width / 2), 0), width - own_width)
        top = min(max(round(face.y - own_height / 2), 0), height - own_height)
        return cls(left, top, own_width, own_height)

    @classmethod
    def tiles(cls, picture: Picture) -> list[Self]:
        """Regions that together cover the picture, so that each far face lies whole in one of them."""
        height, width = picture.shape[:2]
        steps = range(_TILES)
        return [cls(width * i // 4, height * j // 4, width // 2, height // 2) for j in steps for i in steps]

    def cut(self, picture: Picture) -> Picture:
        """The pixels of the region: a view of the picture, not a copy."""
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]

    def shows_well(self, face: FaceBox, picture: Picture) -> bool:
        """Whether a far face is well inside, and not so near by now that less enlargement suffices."""
        height, width = picture.shape[:2]
        margin = 0.6 * face.size
        return (
            0.15 * self.height < face.size < 0.7 * self.height
            and (self.left == 0 or face.x - self.left > margin)
            and (self.top == 0 or face.y - self.top > margin)
            and (self.left + self.width == width or self.left + self.width - face.x > margin)
            and (self.top + self.height == height or self.top + self.height - face.y > margin)
        )

    def translation_cm(self, position: NDArray[np.float64], picture: Picture) -> NDArray[np.float64]:
        """[3] cm: a position [3] in the camera of this region, for the camera of the whole picture.

        That is farther away, and off the axis.
        """
        height, width = picture.shape[:2]
        offset_px = np.array([self.left + self.width / 2 - width / 2, height / 2 - self.top - self.height / 2, 0.0])
        depth = position[2] * height / self.height
        return np.asarray([position[0], position[1], depth] - offset_px * depth / focal_px(height))


class PerformerSelector:
    """Chooses the performer's face among several, by where it was in the pictures before."""

    def __init__(self) -> None:
        self._last: FaceBox | None = None
        self._seen_ns = 0
        self._anchor: FaceBox | None = None  # where the face was when it last moved
        self._moved_ns = 0
        self._posters: tuple[FaceBox, ...] = ()  # faces that were followed, and never moved
        self._gave_way_ns: int | None = None  # when another face was found beside a poster
        self._passing: tuple[FaceBox, ...] = ()  # the last places of faces that hide the performer's

    def follow(self, face: FaceBox, now_ns: int) -> None:
        """The performer's face was tracked here."""
        self._last, self._seen_ns, self._passing = face, now_ns, ()
        if self._anchor is None or self._anchor.has_moved(face):
            if self._anchor is not None and self._anchor.may_be(face):
                self._posters = tuple(one for one in self._posters if not one.may_be(face))
            self._anchor, self._moved_ns = face, now_ns

    def is_lifeless(self, now_ns: int) -> bool:
        """Whether the followed face has not moved for so long that it may be a picture of one."""
        return self._anchor is not None and now_ns - self._moved_ns >= LIFELESS_S * 1e9

    def gives_way(self, others: Sequence[FaceBox], now_ns: int) -> bool:
        """Lets go of a lifeless face if one of the others may be alive, and remembers it as a poster."""
        if self._last is None or not self._alive(others):
            return False
        self._posters = (*self._posters, self._last)[-_MOST_POSTERS:]
        self._last = self._anchor = None
        self._gave_way_ns = now_ns
        return True

    def is_awaited(self, now_ns: int) -> bool:
        """Whether the performer was there so recently that no other face takes their place."""
        return self._last is not None and self._lost_s(now_ns) <= LEFT_AFTER_S

    def choose(self, faces: Sequence[FaceBox], now_ns: int) -> FaceBox | None:
        """The performer's face among these; None if it is none of them.

        Called only while the performer is not tracked, so an onlooker who comes nearer changes nothing before.
        """
        if self._last is None or not self.is_awaited(now_ns):
            alive = self._alive(faces)
            is_expected = self._gave_way_ns is not None and now_ns - self._gave_way_ns <= LEFT_AFTER_S * 1e9
            return max(alive if is_expected else alive or faces, key=lambda face: face.size, default=None)
        last, lost_s = self._last, self._lost_s(now_ns)
        passing = self._passing_by(last, faces, lost_s)
        self._passing = passing or self._passing

        def difference(face: FaceBox) -> float:
            return last.distance(face) / last.size + last.growth(face)

        def may_be(face: FaceBox) -> bool:
            reach = _REACH + _REACH_PER_S * lost_s
            return last.distance(face) / last.size <= reach and last.growth(face) <= math.log(_SIZE_CHANGE)

        return min((face for face in faces if face not in passing and may_be(face)), key=difference, default=None)

    def _alive(self, faces: Sequence[FaceBox]) -> list[FaceBox]:
        return [face for face in faces if not any(face.may_be(poster) for poster in self._posters)]

    def _passing_by(self, last: FaceBox, faces: Sequence[FaceBox], lost_s: float) -> tuple[FaceBox, ...]:
        """The faces of people who pass between the performer and the camera."""
        nearest = [(one, min(faces, key=one.distance)) for one in self._passing if faces]
        known = [face for one, face in nearest if one.may_be(face, _SAME_SIZE)]
        is_recent = lost_s <= _PASSING_S
        return tuple(face for face in faces if face in known or (is_recent and face.size > _PASSING_SIZE * last.size))

    def _lost_s(self, now_ns: int) -> float:
        return max(now_ns - self._seen_ns, 0) / 1e9


class FaceDetector:
    """Finds the faces in one picture at a time and remembers nothing."""

    def __init__(self, detect: Callable[[Picture], Sequence[FaceBox]]) -> None:
        """`detect` gives the faces in a picture, in its own pixels; it finds none below a fifth of its height."""
        self._detect = detect

    def faces(self, picture: Picture, region: SearchRegion) -> list[FaceBox]:
        """The faces that are near enough in this region, in pixels of the whole picture."""
        found = self._detect(region.cut(picture))
        return [FaceBox(region.left + one.x, region.top + one.y, one.size) for one in found]

    def far_faces(self, picture: Picture) -> list[FaceBox]:
        """Also faces that are too far to be found in the whole picture; searches nine regions."""
        height = picture.shape[0]
        distinct: list[FaceBox] = []
        for region in SearchRegion.tiles(picture):
            for face in self.faces(picture, region):
                is_known = any(abs(face.x - one.x) + abs(face.y - one.y) < one.size / 2 for one in distinct)
                if not is_known and face.size < 2 * FAR_SCALE * height:  # A larger one is a part of a face.
                    distinct.append(face)
        return distinct


def without_faces(picture: Picture, others: Sequence[FaceBox], performer: FaceBox | None) -> Picture:
    """The picture with the other faces painted over, so that MediaPipe tracks the performer's; itself for none."""
    if not others:
        return picture
    painted = picture.copy()
    for face in others:
        _surroundings(painted, face, 1.4)[:] = 128
    if performer is not None:
        _surroundings(painted, performer, 1.2)[:] = _surroundings(picture, performer, 1.2)
    return painted


def _surroundings(picture: Picture, face: FaceBox, scale: float) -> Picture:
    """The square around a face that is so many times as wide."""
    height, width = picture.shape[:2]
    reach = scale * face.size / 2
    left, right = (int(np.clip(face.x + side * reach, 0, width)) for side in (-1.0, 1.0))
    top, bottom = (int(np.clip(face.y + side * reach, 0, height)) for side in (-1.0, 1.0))
    return picture[top:bottom, left:right]
