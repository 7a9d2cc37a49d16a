"""Backgrounds, places and presets as the user chooses them, and the pictures that they show."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from omote.engine.live.scene import PLAIN, Background, Placement, Scene, SceneError
from omote.studio.app.pictures import MOST_PICTURES, MOST_SIDE_PX, PictureError, PictureLibrary
from omote.studio.app.scenes import Look, SceneChoice, SceneController, read_scene_choice
from omote.studio.app.settings import Settings, SettingsStore, load_settings


def png(width: int = 4, height: int = 2, alpha: int = 128) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((height, width, 4), (9, 8, 7, alpha), np.uint8)).save(file, "PNG")
    return file.getvalue()


class Shown:
    """A controller, and the last scene that it applied."""

    def __init__(self, folder: Path) -> None:
        self.scene, self.character = PLAIN, "aoi"
        self.pictures = PictureLibrary(folder)
        self.controller = SceneController(self.use, SceneChoice(), self.pictures, lambda: self.character)

    def use(self, scene: Scene) -> None:
        self.scene = scene

    def change(self, **changes: object) -> Scene:
        self.controller.choose(self.controller.choice.changed(changes, self.character))
        return self.scene

    @property
    def background(self) -> Background:
        assert self.scene.background
        return self.scene.background


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    return Shown(tmp_path)


def test_a_colour_and_a_picture_are_the_background(shown: Shown) -> None:
    assert shown.change().is_plain
    shown.change(background="colour", colour="#0A0b0C")
    assert (shown.background.colour, shown.background.picture) == ((10, 11, 12), None)
    name = shown.pictures.add("sea", png())
    shown.change(background="picture", picture=name, blur=0.5)
    first = shown.background
    assert first.picture is not None
    assert first.blur == 0.05
    shown.controller.refresh()
    assert shown.background is first  # so that it is drawn once
    shown.pictures.remove(name)
    shown.controller.refresh()
    assert shown.background.picture is None
    assert 'there is no picture "sea"' in shown.controller.notice
    shown.change(background="none")
    assert (shown.scene.background, shown.controller.notice) == (None, "")


def test_each_character_keeps_its_own_place(shown: Shown) -> None:
    assert shown.change(placement={"x": 0.5, "zoom": 2}).placement == Placement(x=0.5, zoom=2.0)
    assert shown.change(placement={"turn_deg": -10}).placement == Placement(0.5, 0.0, 2.0, -10.0)
    shown.character = "noah"
    shown.controller.refresh()
    assert shown.scene.placement == Placement()
    shown.character = "aoi"
    assert shown.change(placement=None).placement == Placement()
    assert shown.controller.choice.placements == {}


def test_a_preset_brings_back_background_shape_and_place(shown: Shown) -> None:
    shown.change(background="colour", colour="#112233", aspect="16:9", placement={"y": -0.25})
    controller = shown.controller
    controller.choose(controller.choice.with_preset(" Gaming ", "aoi"))
    shown.change(background="none", aspect="1:1", placement=None)
    choice = controller.choice
    controller.choose(choice.showing(choice.preset("Gaming"), "noah"))
    shown.character = "noah"
    controller.refresh()
    assert (shown.background.colour, shown.scene.aspect) == ((0x11, 0x22, 0x33), 16 / 9)
    assert shown.scene.placement == Placement(y=-0.25)
    assert controller.as_json()["presets"] == ["Gaming"]
    with pytest.raises(SceneError, match="there is no scene 'Chat'; there are Gaming"):
        choice.without_preset("Chat")
    assert choice.without_preset("Gaming").presets == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"backdrop": 1}, "a scene has no 'backdrop'"),
        ({"background": "video"}, "there are none, colour, picture"),
        ({"colour": "red"}, '"colour" must be like "#00b140"'),
        ({"picture": 7}, "the name of a picture"),
        ({"blur": 2}, '"blur" must be a number from 0 to 1'),
        ({"aspect": "3:1"}, "there are 1:1"),
        ({"placement": {"z": 1}}, '"placement" must be an object of x, y'),
        ({"placement": {"zoom": 0}}, "zoom must be from 0.1 to 5"),
        ({"placement": {"x": True}}, '"x" must be a number'),
    ],
)
def test_an_invalid_change_is_refused_and_changes_nothing(shown: Shown, changes: dict[str, object], said: str) -> None:
    with pytest.raises(SceneError) as refused:
        shown.change(background="colour", **changes) if "background" not in changes else shown.change(**changes)
    assert said in str(refused.value)
    assert shown.controller.choice == SceneChoice()


def test_scenes_are_kept_from_one_run_to_the_next(tmp_path: Path) -> None:
    choice = SceneChoice(Look("colour", "#010203", aspect="4:3"), {"aoi": Placement(zoom=1.5)}).with_preset(
        "one", "aoi"
    )
    assert read_scene_choice(choice.as_json()) == choice
    store = SettingsStore(folder=tmp_path)
    store.update(lambda settings: Settings(scene=choice))
    store.write()
    assert load_settings(tmp_path).scene == choice
    for broken in (7, {"presets": 1}, {"placements": {"a": {"x": "1"}}}, {"presets": [{"name": ""}]}):
        with pytest.raises(SceneError):
            read_scene_choice(broken)


def test_a_picture_is_kept_with_its_transparency_and_a_name_of_its_own(tmp_path: Path) -> None:
    library = PictureLibrary(tmp_path)
    assert [library.add(name, png()) for name in ("a/../b!", "../..", "海", "海")] == ["a b", "picture", "海", "海 2"]
    assert library.names() == sorted(["a b", "picture", "海", "海 2"])
    assert library.read("海").tolist() == np.full((2, 4, 4), (9, 8, 7, 128)).tolist()
    large = library.add("large", png(2 * MOST_SIDE_PX, 20, 255))
    assert library.read(large).shape == (10, MOST_SIDE_PX, 4)
    assert library.thumbnail("a b").startswith(b"\x89PNG")
    for name in ("../a b", "nothing", "", "a\x00b"):
        with pytest.raises(PictureError, match="there is no picture"):
            library.remove(name)
    with pytest.raises(PictureError, match="wanted a JPEG, PNG or WebP"):
        library.add("text", b"hello")
    for number in range(MOST_PICTURES - 5):
        (tmp_path / f"n{number}.png").write_bytes(b"")
    with pytest.raises(PictureError, match="remove one first"):
        library.add("more", png())
    with pytest.raises(PictureError, match="cannot be read"):
        library.read("n0")
