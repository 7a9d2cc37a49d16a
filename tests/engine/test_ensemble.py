"""An ensemble draws each of its characters as an animator would draw it alone."""

from __future__ import annotations

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine import (
    Animator,
    AnimatorError,
    Ensemble,
    FlameParams,
    Part,
    from_weights,
    load_character,
    studio_light,
)

LIGHT = studio_light()
DIM = LIGHT * np.float32(0.6)
HANA, NOAH = load_character("hana"), load_character("noah")
SMILE = from_weights(arkit.weights({"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6}))


@pytest.fixture(scope="module")
def ensemble() -> Ensemble:
    return Ensemble(2, size=128)


def test_each_is_drawn_as_it_would_be_alone(ensemble: Ensemble) -> None:
    alone = Animator(size=128)
    ensemble.reset()
    ours = ensemble.draw([Part(HANA, SMILE, LIGHT), Part(NOAH, FlameParams.neutral(), DIM)])
    theirs = (alone.draw(SMILE, HANA, LIGHT), alone.draw(FlameParams.neutral(), NOAH, DIM))
    for one, other in zip(ours, theirs, strict=True):
        apart = np.abs(one.rgba.astype(int) - other.rgba)
        assert apart.mean() < 0.2  # the same sums in another order, rounded to levels
        assert np.array_equal(one.params.vector(), other.params.vector())


def test_characters_may_change_places(ensemble: Ensemble) -> None:
    parts = [Part(HANA, SMILE, LIGHT), Part(NOAH, SMILE, LIGHT)]
    first = [one.rgba.astype(int) for one in ensemble.draw(parts)]
    second = [one.rgba.astype(int) for one in ensemble.draw(parts[::-1])]
    assert np.abs(first[0] - second[1]).mean() < 0.2
    assert np.abs(first[0] - second[0]).mean() > 2.0


def test_another_number_of_parts_is_refused_by_number(ensemble: Ensemble) -> None:
    with pytest.raises(AnimatorError, match="has 2 characters, got 1"):
        ensemble.draw([Part(HANA, SMILE, LIGHT)])


def test_an_empty_ensemble_is_refused() -> None:
    with pytest.raises(AnimatorError, match="at least one character, got 0"):
        Ensemble(0)


def test_light_that_is_none_is_refused_before_anything_is_drawn(ensemble: Ensemble) -> None:
    with pytest.raises(AnimatorError, match="light must be"):
        ensemble.draw([Part(HANA, SMILE, LIGHT), Part(NOAH, SMILE, np.full(27, np.inf, np.float32))])


def test_a_size_that_no_network_draws_is_refused_with_those_there_are() -> None:
    with pytest.raises(AnimatorError, match="no network draws 77 pixels: --size takes 128"):
        Ensemble(2, size=77)
