"""Finds all faces in a picture, near and far, by a detector that finds the near ones in a part of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .tracker import Picture
from .view import FAR, Box, View


class FaceFinder:
    """Looks at one picture at a time and remembers nothing."""

    def __init__(self, look: Callable[[Picture], Sequence[Box]]) -> None:
        """`look` gives the faces in a picture, in its own pixels; it finds none below a fifth of its height."""
        self._look = look

    def faces(self, picture: Picture, view: View) -> list[Box]:
        """The faces in this view that are near enough, in pixels of the whole picture."""
        return [Box(view.left + one.x, view.top + one.y, one.size) for one in self._look(view.cut(picture))]

    def far_faces(self, picture: Picture) -> list[Box]:
        """Also those that are too far to be found at once; nine looks."""
        height = picture.shape[0]
        distinct: list[Box] = []
        for view in View.tiles(picture):
            for face in self.faces(picture, view):
                is_known = any(abs(face.x - one.x) + abs(face.y - one.y) < one.size / 2 for one in distinct)
                if not is_known and face.size < 2 * FAR * height:  # a larger one is the part of a face
                    distinct.append(face)
        return distinct
