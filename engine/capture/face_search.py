"""Which part of a picture is searched for a face, and which of several faces is followed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .mediapipe import focal_px
from .source import Picture

LEFT_AFTER_S = 1.5  # after which whoever is nearest becomes the performer
REACH, REACH_A_SECOND = 1.0, 0.5  # how far from where they were they may be found again, in sizes of their face
ALIKE = 1.7  # by what factor their face may have grown or shrunk meanwhile
# The finder calls a face 0.8 to 0.96 times as large as the tracker did. One that is larger than the performer's, a
# moment after they were lost, is somebody's who walks by before them; it is known again from picture to picture.
LARGER, MOMENT_S, SAME_SIZE = 1.1, 0.3, 1.15
# A poster under a camera's noise strays by at most 0.003 of its size within some seconds, a person who hardly moves by
# 0.01 and more.
STILL, LIFELESS_S = 0.005, 5.0
POSTERS = 8  # that are remembered


class PerformerSelector:
    """Remembers where the performer was; told of each picture in which their face was tracked."""

    def __init__(self) -> None:
        self._last: FaceBox | None = None
        self._seen_ns = 0
        self._anchor: FaceBox | None = None  # where the face was when it last moved
        self._moved_ns = 0
        self._lifeless: tuple[FaceBox, ...] = ()  # faces that were followed, and never moved
        self._gave_way_ns: int | None = None  # when another one was seen beside such a face
        self._passing: tuple[FaceBox, ...] = ()  # faces that hide the performer's, where they were last

    def seen(self, face: FaceBox, now_ns: int) -> None:
        """The performer's face is here now."""
        self._last, self._seen_ns, self._passing = face, now_ns, ()
        if self._anchor is None or _strayed(self._anchor, face) > STILL:
            if self._anchor is not None and _are_one(self._anchor, face):
                self._lifeless = tuple(one for one in self._lifeless if not _are_one(one, face))
            self._anchor, self._moved_ns = face, now_ns

    def is_lifeless(self, now_ns: int) -> bool:
        """Whether the face that is followed has not moved for so long that it may be a picture of one."""
        return self._anchor is not None and now_ns - self._moved_ns >= LIFELESS_S * 1e9

    def gives_way(self, others: Sequence[FaceBox], now_ns: int) -> bool:
        """Lets go of a lifeless face where one of these may be alive, and remembers not to take it for the performer's.

        `others` are the faces beside it.
        """
        if self._last is None or not self._alive(others):
            return False
        self._lifeless = (*self._lifeless, self._last)[-POSTERS:]
        self._last = self._anchor = None
        self._gave_way_ns = now_ns
        return True

    def is_awaited(self, now_ns: int) -> bool:
        """Whether they were there a moment ago, so that nobody else is taken for them."""
        return self._last is not None and self._lost_s(now_ns) <= LEFT_AFTER_S

    def choose(self, faces: Sequence[FaceBox], now_ns: int) -> FaceBox | None:
        """Which of these is the performer's face; None where it is none of them.

        Called while the performer is not tracked: an onlooker who comes nearer than them changes nothing before.
        """
        if self._last is None or not self.is_awaited(now_ns):
            alive = self._alive(faces)
            is_expected = self._gave_way_ns is not None and now_ns - self._gave_way_ns <= LEFT_AFTER_S * 1e9
            return max(alive if is_expected else alive or faces, key=lambda face: face.size, default=None)
        passing = self._passing_by(faces, now_ns)
        self._passing = passing or self._passing
        likely = [face for face in faces if face not in passing and self._may_be(face, now_ns)]
        return min(likely, key=self._unlikeness, default=None)

    def _alive(self, faces: Sequence[FaceBox]) -> list[FaceBox]:
        return [face for face in faces if not any(_are_one(face, still) for still in self._lifeless)]

    def _passing_by(self, faces: Sequence[FaceBox], now_ns: int) -> tuple[FaceBox, ...]:
        """The faces of those who walk by between the performer and the camera."""
        assert self._last is not None
        nearest = [(one, min(faces, key=partial(_away, one))) for one in self._passing if faces]
        known = [face for one, face in nearest if _are_one(one, face, SAME_SIZE)]
        is_moment = self._lost_s(now_ns) <= MOMENT_S
        return tuple(face for face in faces if face in known or (is_moment and face.size > LARGER * self._last.size))

    def _lost_s(self, now_ns: int) -> float:
        return max(now_ns - self._seen_ns, 0) / 1e9

    def _may_be(self, face: FaceBox, now_ns: int) -> bool:
        away, growth = self._differences(face)
        return away <= REACH + REACH_A_SECOND * self._lost_s(now_ns) and growth <= math.log(ALIKE)

    def _unlikeness(self, face: FaceBox) -> float:
        away, growth = self._differences(face)
        return away + growth

    def _differences(self, face: FaceBox) -> tuple[float, float]:
        """By how many sizes of the face it has moved, and the logarithm of by how much it has grown or shrunk."""
        assert self._last is not None
        away = math.hypot(face.x - self._last.x, face.y - self._last.y) / self._last.size
        return away, abs(math.log(face.size / self._last.size))


def _strayed(first: FaceBox, second: FaceBox) -> float:
    """By how many sizes of the face it has moved or grown."""
    apart = (second.x - first.x, second.y - first.y, second.size - first.size)
    return max(abs(one) for one in apart) / first.size


def _are_one(first: FaceBox, second: FaceBox, alike: float = ALIKE) -> bool:
    """Whether these may be the same face, found in two ways."""
    return _away(first, second) < first.size / 2 and abs(math.log(first.size / second.size)) <= math.log(alike)


def _away(first: FaceBox, second: FaceBox) -> float:
    return math.hypot(first.x - second.x, first.y - second.y)


class FaceDetector:
    """Looks at one picture at a time and remembers nothing."""

    def __init__(self, look: Callable[[Picture], Sequence[FaceBox]]) -> None:
        """`look` gives the faces in a picture, in its own pixels; it finds none below a fifth of its height."""
        self._look = look

    def faces(self, picture: Picture, view: SearchRegion) -> list[FaceBox]:
        """The faces in this view that are near enough, in pixels of the whole picture."""
        return [FaceBox(view.left + one.x, view.top + one.y, one.size) for one in self._look(view.cut(picture))]

    def far_faces(self, picture: Picture) -> list[FaceBox]:
        """Also those that are too far to be found at once; nine looks."""
        height = picture.shape[0]
        distinct: list[FaceBox] = []
        for view in SearchRegion.tiles(picture):
            for face in self.faces(picture, view):
                is_known = any(abs(face.x - one.x) + abs(face.y - one.y) < one.size / 2 for one in distinct)
                if not is_known and face.size < 2 * FAR_SCALE * height:  # a larger one is the part of a face
                    distinct.append(face)
        return distinct


FAR_SCALE = (
    0.22  # of a picture's height: the detector finds no face that is smaller than about a fifth of what it is shown
)
_SHARE = 0.4  # of a view's height, that a far face fills
_TILES = 3  # on a side; each is half as wide and high as the picture, and overlaps its neighbours by a half


@dataclass(frozen=True)
class FaceBox:
    """Where a face is, in pixels of the whole picture."""

    x: float  # of its middle
    y: float
    size: float  # about from ear to ear, and from brow to chin


@dataclass(frozen=True)
class SearchRegion:
    """A rectangle of a picture, in pixels; its sides are in the picture's proportion."""

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
        """The whole picture, or, where the face is too far to be found in it, what is near the face."""
        height, width = picture.shape[:2]
        if face.size >= FAR_SCALE * height:
            return cls.whole(picture)
        zoom = max(height * _SHARE / face.size, 1.0)
        own_width, own_height = min(round(width / zoom), width), min(round(height / zoom), height)
        left = min(max(round(face.x - own_width / 2), 0), width - own_width)
        top = min(max(round(face.y - own_height / 2), 0), height - own_height)
        return cls(left, top, own_width, own_height)

    @classmethod
    def tiles(cls, picture: Picture) -> list[Self]:
        """Enlarged views that together show the whole picture, and each far face whole in one of them."""
        height, width = picture.shape[:2]
        steps = range(_TILES)
        return [cls(width * i // 4, height * j // 4, width // 2, height // 2) for j in steps for i in steps]

    def cut(self, picture: Picture) -> Picture:
        """What is in the view: a part of the picture itself, and no copy."""
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]

    def is_whole(self, picture: Picture) -> bool:
        return self == SearchRegion.whole(picture)

    def shows_well(self, face: FaceBox, picture: Picture) -> bool:
        """Whether a far face is well inside, and not so near by now that less enlargement would do."""
        height, width = picture.shape[:2]
        margin = 0.6 * face.size
        return (
            0.15 * self.height < face.size < 0.7 * self.height
            and (self.left == 0 or face.x - self.left > margin)
            and (self.top == 0 or face.y - self.top > margin)
            and (self.left + self.width == width or self.left + self.width - face.x > margin)
            and (self.top + self.height == height or self.top + self.height - face.y > margin)
        )

    def translation_cm(self, seen: NDArray[np.float64], picture: Picture) -> NDArray[np.float64]:
        """[3] where the whole picture's camera has what this view's camera has at `seen`: farther, and off its axis."""
        height, width = picture.shape[:2]
        aside = np.array(
            [self.left + self.width / 2 - width / 2, height / 2 - self.top - self.height / 2, 0.0],
        )
        depth = seen[2] * height / self.height
        return np.asarray([seen[0], seen[1], depth] - aside * depth / focal_px(height))


def without_faces(picture: Picture, strangers: list[FaceBox], performer: FaceBox | None) -> Picture:
    """The picture with these faces painted over, so that none of them is taken for the performer's; itself for none."""
    if not strangers:
        return picture
    painted = picture.copy()
    for face in strangers:
        _region(painted, face, 1.4)[:] = 128
    if performer is not None:
        _region(painted, performer, 1.2)[:] = _region(picture, performer, 1.2)
    return painted


def _region(picture: Picture, face: FaceBox, share: float) -> Picture:
    height, width = picture.shape[:2]
    reach = share * face.size / 2
    left, right = (int(np.clip(face.x + side * reach, 0, width)) for side in (-1.0, 1.0))
    top, bottom = (int(np.clip(face.y + side * reach, 0, height)) for side in (-1.0, 1.0))
    return picture[top:bottom, left:right]
