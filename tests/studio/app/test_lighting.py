"""The light that the user chooses, and the light of a game."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omote.engine.data import Array
from omote.engine.face.light import LIGHT_PRESETS, LightError, checked_light, lamp_light, studio_light
from omote.studio.app.lighting import LightChoice, LightController

GAME = np.linspace(0.1, 1.0, 27, dtype=np.float32)


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
    lighting = LightController(recorded.use, LightChoice())
    assert not lighting.is_game_seen
    lighting.from_game(GAME)
    assert recorded.shown == [(GAME, 0.0)]
    assert lighting.as_json()["game_seen"] is True
    lighting.from_game(None)
    assert recorded.shown[-1] == (None, 0.0)
    assert not lighting.is_game_seen


def test_a_games_light_is_remembered_and_not_shown_where_another_was_chosen() -> None:
    recorded = RecordedLight()
    lighting = LightController(recorded.use, LightChoice())
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
    lighting = LightController(recorded.use, LightChoice())
    with pytest.raises(ValueError, match="finite harmonics"):
        lighting.from_game(np.full(27, np.nan, np.float32))
    assert not lighting.is_game_seen
