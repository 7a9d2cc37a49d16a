"""The light that the user chooses, and the light of a game."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from omote.engine.data import Array
from omote.engine.face.light import LIGHT_PRESETS, LightError, checked_light, lamp_light, studio_light
from omote.studio.app.lighting import LightChoice, LightController
from omote.studio.app.pictures import PictureError
from omote.studio.app.screen import SIDE_PX, Rgb, ScreenError, ScreenReader, grab_screen, small_picture

GAME = np.linspace(0.1, 1.0, 27, dtype=np.float32)


def no_picture(name: str) -> Rgb:
    raise PictureError(f'there is no picture "{name}"')


class RecordedLight:
    """Records the lights that are used."""

    def __init__(self) -> None:
        self.shown: list[tuple[Array | None, float]] = []

    def use(self, harmonics: Array | None, within_s: float) -> None:
        if harmonics is not None:
            checked_light(harmonics)
        self.shown.append((harmonics, within_s))


def test_the_usual_lamp_is_about_the_studios() -> None:
    choice = LightChoice(mode="ball")
    light = choice.harmonics()
    assert light is not None
    np.testing.assert_allclose(light, studio_light(), atol=0.12)  # of 0.9: nobody sees a change


@pytest.mark.parametrize("name", LIGHT_PRESETS)
def test_a_preset_is_a_light_that_the_network_knows(name: str) -> None:
    light = checked_light(LIGHT_PRESETS[name].setting.harmonics()).reshape(3, 9)
    assert (light[:, 0] > 0.2).all()  # nobody stands in the dark
    assert (light[:, 0] < 1.3).all()  # or burns
    assert (np.abs(light[:, 1:]) <= np.sqrt([3, 3, 3, 5, 5, 5, 5, 5]) * light[:, :1] + 1e-5).all()


@pytest.mark.parametrize(("axis", "at"), [((1, 0, 0), 3), ((0, 1, 0), 1), ((0, 0, 1), 2)])
def test_light_comes_from_where_the_lamp_is(axis: tuple[float, float, float], at: int) -> None:
    light = lamp_light(axis, 1.0, 0.0, 0.0).reshape(3, 9)[0]
    back = lamp_light((-axis[0], -axis[1], -axis[2]), 1.0, 0.0, 0.0).reshape(3, 9)[0]
    assert light[at] == pytest.approx(0.79, abs=0.02)
    assert light[at] == pytest.approx(-back[at], abs=1e-5)


def test_warm_light_is_red_and_cold_light_blue_at_about_one_brightness() -> None:
    weights = np.array([0.2126, 0.7152, 0.0722])
    warm, cold = (lamp_light((0, 0, 1), 1.0, warmth, 0.5).reshape(3, 9)[:, 0] for warmth in (1.0, -1.0))
    assert warm[0] > warm[1] > warm[2]
    assert cold[0] < cold[1] < cold[2]
    assert weights @ warm == pytest.approx(weights @ cold, rel=0.01)


@given(
    st.tuples(*[st.floats(-1e3, 1e3)] * 3).filter(lambda one: np.linalg.norm(one) > 1e-3),
    st.floats(0, 3),
    st.floats(-1, 1),
    st.floats(0, 1),
)
def test_every_lamp_is_a_finite_light(
    direction: tuple[float, float, float], strength: float, warmth: float, ambient: float
) -> None:
    checked_light(lamp_light(direction, strength, warmth, ambient))


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"mode": "disco"}, "there are studio, preset, ball, game"),
        ({"mode": ["ball"]}, "there are studio"),
        ({"preset": "hell"}, "there are soft"),
        ({"direction": [0, 0, 0]}, "not all 0"),
        ({"direction": [1, 2]}, "list of 3 numbers"),
        ({"direction": "up"}, "list of 3 numbers"),
        ({"direction": [1, 2, float("nan")]}, "must be a number"),
        ({"strength": 4}, "from 0 to 3, got 4"),
        ({"strength": True}, "must be a number"),
        ({"warmth": "hot"}, "must be a number"),
        ({"ambient": -0.1}, "from 0 to 1"),
        ({"color": 1}, 'a light has no "color"'),
    ],
)
def test_an_invalid_light_is_refused(said: dict[str, object], wanted: str) -> None:
    with pytest.raises(LightError) as refused:
        LightChoice().changed(said)
    assert wanted in str(refused.value)


def test_a_direction_is_normalized() -> None:
    assert LightChoice().changed({"mode": "ball", "direction": [0, 3, 4]}).direction == pytest.approx((0.0, 0.6, 0.8))


def test_what_the_other_modes_showed_is_remembered() -> None:
    choice = LightChoice().changed({"mode": "preset", "preset": "night"}).changed({"mode": "studio"})
    assert choice.changed({"mode": "preset"}).preset == "night"


def test_a_games_light_is_shown_at_once_where_nothing_else_was_chosen() -> None:
    recorded = RecordedLight()
    lighting = LightController(recorded.use, LightChoice(), no_picture)
    assert not lighting.is_game_seen
    lighting.from_game(GAME)
    assert recorded.shown == [(GAME, 0.0)]
    assert lighting.as_json()["game_seen"] is True
    lighting.from_game(None)
    assert recorded.shown[-1] == (None, 0.0)
    assert not lighting.is_game_seen


def test_a_games_light_is_remembered_and_not_shown_where_another_was_chosen() -> None:
    recorded = RecordedLight()
    lighting = LightController(recorded.use, LightChoice(), no_picture)
    lighting.choose(LightChoice(mode="preset", preset="stage"))
    lighting.from_game(GAME)
    assert len(recorded.shown) == 1
    assert lighting.is_game_seen
    lighting.choose(LightChoice(mode="game"))
    shown, within_s = recorded.shown[-1]
    np.testing.assert_array_equal(np.asarray(shown), GAME)
    assert within_s == pytest.approx(0.2)


def test_invalid_harmonics_are_not_taken_from_a_game() -> None:
    recorded = RecordedLight()
    lighting = LightController(recorded.use, LightChoice(), no_picture)
    with pytest.raises(ValueError, match="finite harmonics"):
        lighting.from_game(np.full(27, np.nan, np.float32))
    assert not lighting.is_game_seen


def halves(left: tuple[int, int, int], right: tuple[int, int, int]) -> Image.Image:
    picture = np.empty((90, 160, 3), np.uint8)
    picture[:, :80], picture[:, 80:] = left, right
    return Image.fromarray(picture)


class WatchedLight(RecordedLight):
    """Waits for lights that come from another thread."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Event()

    def use(self, harmonics: Array | None, within_s: float) -> None:
        super().use(harmonics, within_s)
        if harmonics is not None:
            self.came.set()


def test_the_screen_lights_the_face_from_the_side_that_is_bright() -> None:
    recorded = WatchedLight()
    lighting = LightController(
        recorded.use, LightChoice(ambient=0.2), no_picture, lambda: halves((255, 0, 0), (0, 0, 0))
    )
    lighting.choose(LightChoice(mode="screen", ambient=0.2))
    assert recorded.came.wait(20)
    lighting.choose(LightChoice(mode="studio"))
    shown = next(one for one, _ in recorded.shown if one is not None)
    red, green, _ = shown.reshape(3, 9)
    assert red[0] > 2.0 * green[0]
    assert red[3] > 0.1  # a mirror: what is at the performer's left lights the picture's right
    assert recorded.shown[-1][0] is None


def test_a_screen_that_cannot_be_read_is_said_and_leaves_the_studios_light() -> None:
    failed = threading.Event()

    def refuse() -> Image.Image:
        failed.set()
        raise ScreenError("the screen cannot be read")

    recorded = RecordedLight()
    lighting = LightController(recorded.use, LightChoice(), no_picture, refuse)
    lighting.choose(LightChoice(mode="screen"))
    assert failed.wait(20)
    for thread in threading.enumerate():
        if thread.name == "screen":
            thread.join(20)
    assert lighting.notice == "the screen cannot be read"
    assert recorded.shown[-1][0] is None


def test_a_picture_lights_the_face_as_if_it_stood_around_it() -> None:
    def blue_left(name: str) -> Rgb:
        assert name == "sea"
        return small_picture(halves((0, 0, 255), (0, 0, 0)))

    recorded = RecordedLight()
    lighting = LightController(recorded.use, LightChoice(), blue_left)
    lighting.choose(LightChoice().changed({"mode": "picture", "picture": "sea", "ambient": 0.2}))
    shown = recorded.shown[-1][0]
    assert shown is not None
    red, _, blue = shown.reshape(3, 9)
    assert blue[0] > 2.0 * red[0]
    assert blue[3] < -0.1
    lighting = LightController(recorded.use, LightChoice(), no_picture)
    lighting.choose(LightChoice(mode="picture", picture="gone"))
    assert recorded.shown[-1][0] is None
    assert lighting.notice == 'the light is the studio\'s: there is no picture "gone"'


@pytest.mark.parametrize(
    "make", [lambda: Image.new("RGB", (1, 1), "white"), lambda: Image.new("RGBA", (4000, 30), "white")]
)
def test_colours_of_pictures_of_any_size_are_a_small_square(make: Callable[[], Image.Image]) -> None:
    assert (small_picture(make()) == np.full((SIDE_PX, SIDE_PX, 3), 255)).all()


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")
def test_a_real_x11_screen_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "320x200x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=(write,), stderr=subprocess.DEVNULL) as server:
        try:
            os.close(write)
            number = os.read(read, 16).decode().strip()
            monkeypatch.setenv("DISPLAY", f":{number}")
            assert grab_screen().size == (320, 200)
        finally:
            os.close(read)
            server.terminate()


def test_a_stopped_reader_reports_nothing() -> None:
    reported: list[str] = []

    def grab() -> Image.Image:
        reader.stop()
        raise ScreenError("the screen cannot be read")

    reader = ScreenReader(lambda colours: None, reported.append, grab)
    reader.start()
    for thread in threading.enumerate():
        if thread.name == "screen":
            thread.join()
    assert reported == []


@pytest.mark.skipif(os.name != "posix", reason="only Linux has sessions without a screen")
def test_a_session_without_a_screen_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(ScreenError, match="no X11 screen"):
        grab_screen()
