"""Items: the user's pictures on the head, the shoulder or the screen, which are shown, hidden and thrown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from omote.bridge.errors import OmoteError
from omote.engine.live.overlays import Anchor, Pinned, Sprite

from .pictures import PictureError, PictureLibrary
from .validation import shown_value

ANCHORS: tuple[Anchor, ...] = get_args(Anchor)
MOST_ITEMS = 16
MOST_AT_ONCE = 12  # of one throw
_MOST_NAME = 40  # letters
_RANGES = {"x": (-1.0, 1.0), "y": (-1.0, 1.0), "width": (0.02, 2.0), "turn_deg": (-180.0, 180.0)}
_USUAL: Mapping[str, tuple[Anchor, float, float, float]] = {  # anchor, x, y, width
    "hat": ("head", 0.0, 0.34, 0.6),
    "glasses": ("head", 0.0, -0.01, 0.34),
    "mug": ("shoulder", 0.28, -0.36, 0.2),
}


class ItemError(OmoteError, ValueError):
    """An item does not exist or is invalid; the message says what was expected."""


@dataclass(frozen=True)
class Item:
    """One picture over the portrait; lengths are in sides of the portrait, as in `Pinned`."""

    name: str
    picture: str  # of the user's, or a shipped one
    anchor: Anchor = "head"
    x: float = 0.0
    y: float = 0.0
    width: float = 0.3
    turn_deg: float = 0.0
    is_behind: bool = False
    is_shown: bool = True

    def changed(self, changes: Mapping[str, object]) -> Item:
        """Returns a copy with these JSON values changed; ItemError if one is invalid."""
        values = {**asdict(self), **changes}
        if unknown := [name for name in changes if name not in asdict(self)]:
            known = ", ".join(one.name for one in fields(self))
            raise ItemError(f"an item has no {shown_value(unknown[0])}; it has {known}")
        for name in ("name", "picture"):
            value = values[name]
            if not isinstance(value, str) or not 0 < len(value.strip()) <= _MOST_NAME or not value.isprintable():
                raise ItemError(f'"{name}" must be a text of 1 to {_MOST_NAME} letters, got {shown_value(value)}')
        if values["anchor"] not in ANCHORS:
            raise ItemError(f'"anchor" is {shown_value(values["anchor"])}; there are {", ".join(ANCHORS)}')
        for name, (low, high) in _RANGES.items():
            value = values[name]
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise ItemError(f'"{name}" must be a number from {low:g} to {high:g}, got {shown_value(value)}')
        for name in ("is_behind", "is_shown"):
            if not isinstance(values[name], bool):
                raise ItemError(f'"{name}" must be true or false, got {shown_value(values[name])}')
        return Item(**values)


def read_items(data: object) -> tuple[Item, ...]:
    """Parses a list of items from JSON values; ItemError says which is invalid, and why."""
    if not isinstance(data, list) or len(data) > MOST_ITEMS or not all(isinstance(one, Mapping) for one in data):
        raise ItemError(f"items are a list of at most {MOST_ITEMS} objects, got {shown_value(data)}")
    items = tuple(Item("item", "item").changed(one) for one in data)
    names = [one.name for one in items]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise ItemError(f"two items have the name {shown_value(repeated[0])}")
    return items


class ItemController:
    """Shows items through `show(pinned)` and throws pictures through `throw(sprite, count)`; from any thread but the
    one that draws."""

    def __init__(
        self,
        show: Callable[[tuple[Pinned, ...]], None],
        throw: Callable[[Sprite, int], None],
        items: tuple[Item, ...],
        pictures: PictureLibrary,
    ) -> None:
        self._show, self._throw, self._items, self._pictures = show, throw, items, pictures
        self.notice = ""  # which picture is missing
        self._lock = threading.Lock()

    @property
    def items(self) -> tuple[Item, ...]:
        return self._items

    def replace(self, items: tuple[Item, ...]) -> None:
        """Shows these items."""
        with self._lock:
            self._items = items
            self._apply()

    def refresh(self) -> None:
        """Shows the items again, after pictures were added or removed."""
        self.replace(self._items)

    def throw(self, picture: str, count: int = 1) -> None:
        """Throws a picture so often, at most `MOST_AT_ONCE`; PictureError if there is none."""
        self._throw(_sprite_of(_Held(self._pictures.read(picture))), min(max(count, 1), MOST_AT_ONCE))

    def _apply(self) -> None:
        pinned, self.notice = [], ""
        for item in self._items:
            if not item.is_shown:
                continue
            try:
                sprite = _sprite_of(_Held(self._pictures.read(item.picture)))
            except PictureError as error:
                self.notice = f'the item "{item.name}" is not shown: {error}'
                continue
            place = item.x, item.y, item.width, item.turn_deg
            pinned.append(Pinned(sprite, item.anchor, *place, is_behind=item.is_behind))
        self._show(tuple(pinned))


def with_item(items: tuple[Item, ...], picture: str) -> tuple[Item, ...]:
    """The items and a new one with this picture, where such a picture is usually worn; ItemError if there are many."""
    if len(items) >= MOST_ITEMS:
        raise ItemError(f"there are {MOST_ITEMS} items, which is the most: remove one first")
    names, stem = {one.name for one in items}, picture[: _MOST_NAME - 3]  # room for " 16"
    name = next(one for one in (picture, *(f"{stem} {k}" for k in range(2, MOST_ITEMS + 2))) if one not in names)
    anchor, x, y, width = _USUAL.get(picture, ("head", 0.0, 0.0, 0.3))
    return (*items, Item(name, picture, anchor, x, y, width))


def with_changes(items: tuple[Item, ...], name: object, changes: Mapping[str, object]) -> tuple[Item, ...]:
    """The items with one of them changed; ItemError if there is none of this name, or a value is invalid."""
    found = item_named(items, name)
    changed = found.changed(changes)
    return read_items([asdict(changed if one is found else one) for one in items])


def without_item(items: tuple[Item, ...], name: object) -> tuple[Item, ...]:
    """The items without this one; ItemError if there is none of this name."""
    found = item_named(items, name)
    return tuple(one for one in items if one is not found)


def item_named(items: tuple[Item, ...], name: object) -> Item:
    """The item of this name; ItemError if there is none."""
    for one in items:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in items) or "none"
    raise ItemError(f"there is no item {shown_value(name)}; there are {known[:200]}")


class _Held:
    """A picture that is compared by identity, as a key."""

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        self.picture = picture

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.picture is self.picture

    def __hash__(self) -> int:
        return id(self.picture)


@lru_cache(maxsize=32)
def _sprite_of(held: _Held) -> Sprite:
    return Sprite(held.picture)
