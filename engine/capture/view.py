"""The part of a picture that is searched for a face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .canonical_face import focal_px
from .tracker import Picture

FAR = 0.22  # of a picture's height: the detector finds no face that is smaller than about a fifth of what it is shown
_SHARE = 0.4  # of a view's height, that a far face fills
_TILES = 3  # on a side; each is half as wide and high as the picture, and overlaps its neighbours by a half


@dataclass(frozen=True)
class Box:
    """Where a face is, in pixels of the whole picture."""

    x: float  # of its middle
    y: float
    size: float  # about from ear to ear, and from brow to chin


@dataclass(frozen=True)
class View:
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
    def around(cls, face: Box, picture: Picture) -> Self:
        """The whole picture, or, where the face is too far to be found in it, what is near the face."""
        height, width = picture.shape[:2]
        if face.size >= FAR * height:
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
        return self == View.whole(picture)

    def shows_well(self, face: Box, picture: Picture) -> bool:
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


def without(picture: Picture, strangers: list[Box], performer: Box | None) -> Picture:
    """The picture with these faces painted over, so that none of them is taken for the performer's; itself for none."""
    if not strangers:
        return picture
    painted = picture.copy()
    for face in strangers:
        _region(painted, face, 1.4)[:] = 128
    if performer is not None:
        _region(painted, performer, 1.2)[:] = _region(picture, performer, 1.2)
    return painted


def _region(picture: Picture, face: Box, share: float) -> Picture:
    height, width = picture.shape[:2]
    reach = share * face.size / 2
    left, right = (int(np.clip(face.x + side * reach, 0, width)) for side in (-1.0, 1.0))
    top, bottom = (int(np.clip(face.y + side * reach, 0, height)) for side in (-1.0, 1.0))
    return picture[top:bottom, left:right]
