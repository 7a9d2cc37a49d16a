"""Items that are added, changed, shown and thrown."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.engine.live.overlays import Pinned, Sprite
from omote.studio.app.items import (
    MOST_AT_ONCE,
    MOST_ITEMS,
    Item,
    ItemController,
    ItemError,
    read_items,
    with_changes,
    with_item,
    without_item,
)
from omote.studio.app.pictures import PictureError, PictureLibrary
from omote.studio.app.settings import Settings, SettingsStore, load_settings
from omote.studio.app.shipped_pictures import SHIPPED_PICTURES, shipped_picture


class Shown:
    """A controller, and what it has shown and thrown."""

    def __init__(self, folder: Path) -> None:
        self.pinned: tuple[Pinned, ...] = ()
        self.thrown: list[tuple[Sprite, int]] = []
        self.pictures = PictureLibrary(folder)
        self.controller = ItemController(self.show, self.throw, (), self.pictures)

    def show(self, pinned: tuple[Pinned, ...]) -> None:
        self.pinned = pinned

    def throw(self, sprite: Sprite, count: int) -> None:
        self.thrown.append((sprite, count))


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    return Shown(tmp_path)


@pytest.mark.parametrize("name", SHIPPED_PICTURES)
def test_a_shipped_picture_has_transparency_and_something_to_see(name: str) -> None:
    alpha = shipped_picture(name)[..., 3]
    assert alpha.max() == 255
    assert 0.1 < (alpha > 128).mean() < 0.9
    assert (alpha[0, 0], alpha[-1, -1]) == (0, 0)


def test_an_item_is_worn_where_its_picture_usually_is(shown: Shown) -> None:
    items = with_item(with_item((), "hat"), "mug")
    shown.controller.replace(items)
    assert [(one.anchor, one.y > 0.0) for one in shown.pinned] == [("head", True), ("shoulder", False)]
    assert [one.name for one in with_item(items, "hat")] == ["hat", "mug", "hat 2"]
    items = with_changes(items, "hat", {"is_shown": False, "x": 0.1})
    shown.controller.replace(items)
    assert len(shown.pinned) == 1
    shown.controller.replace(without_item(items, "mug"))
    assert len(shown.pinned) == 0


def test_items_with_one_long_picture_name_have_names_of_their_own() -> None:
    picture = "p" * 40
    items = with_item(with_item(with_item((), picture), picture), picture)
    assert [one.name for one in items] == [picture, "p" * 37 + " 2", "p" * 37 + " 3"]


def test_a_picture_that_is_gone_is_said_and_the_others_are_shown(shown: Shown) -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((4, 4, 4), 255, np.uint8)).save(file, "PNG")
    name = shown.pictures.add("hat", file.getvalue())
    assert name == "hat 2"  # a shipped one is called hat
    shown.controller.replace(with_item(with_item((), name), "glasses"))
    first = shown.pinned[1].sprite
    shown.pictures.remove(name)
    shown.controller.refresh()
    assert [one.sprite for one in shown.pinned] == [first]  # the same object, so that it is prepared once
    assert 'the item "hat 2" is not shown' in shown.controller.notice


def test_pictures_are_thrown_and_not_without_end(shown: Shown) -> None:
    shown.controller.throw("tomato", 1000)
    assert [count for _, count in shown.thrown] == [MOST_AT_ONCE]
    with pytest.raises(PictureError, match="there is no picture"):
        shown.controller.throw("brick")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (7, "a list of at most"),
        ([7], "a list of at most"),
        ([{"name": "a", "picture": "a"}] * (MOST_ITEMS + 1), "a list of at most"),
        ([{"name": "a", "picture": "a"}] * 2, "two items have the name 'a'"),
        ([{"name": "", "picture": "a"}], '"name" must be a text'),
        ([{"name": "a", "picture": 7}], '"picture" must be a text'),
        ([{"name": "a", "picture": "a", "anchor": "foot"}], "there are head, shoulder, screen"),
        ([{"name": "a", "picture": "a", "width": 0}], '"width" must be a number from 0.02 to 2'),
        ([{"name": "a", "picture": "a", "x": True}], '"x" must be a number'),
        ([{"name": "a", "picture": "a", "is_shown": 1}], '"is_shown" must be true or false'),
        ([{"name": "a", "picture": "a", "z": 1}], "an item has no 'z'"),
    ],
)
def test_invalid_items_are_refused(data: object, said: str) -> None:
    with pytest.raises(ItemError) as refused:
        read_items(data)
    assert said in str(refused.value)


def test_items_are_kept_from_one_run_to_the_next(tmp_path: Path) -> None:
    items = (Item("my hat", "hat", x=0.25, is_behind=True),)
    store = SettingsStore(folder=tmp_path)
    store.update(lambda settings: Settings(items=items))
    store.write()
    assert load_settings(tmp_path).items == items
    with pytest.raises(ItemError, match="there is no item 'x'; there are my hat"):
        with_changes(items, "x", {})
    full = tuple(Item(f"n{at}", "hat") for at in range(MOST_ITEMS))
    with pytest.raises(ItemError, match="remove one first"):
        with_item(full, "hat")
