"""A transition begins at one face and comes to the other, exactly, and flows in between."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from omote.engine.data import FlameParams
from omote.engine.face.light import studio_light
from omote.engine.offline.animation import Animation, RenderError
from omote.engine.offline.face_limits import require_in_limits
from omote.engine.offline.face_parser import parse_face
from omote.engine.offline.keyframes import EASES
from omote.engine.offline.timeline import transition

REST, SMILE = FlameParams.neutral(), parse_face("smile")


def going(
    seconds: float = 2.0,
    ease: str = "in-out",
    hold_s: float = 0.0,
    is_there_and_back: bool = False,
    fps: Fraction = Fraction(30),
    seed: int | None = None,
) -> Animation:
    return transition(
        REST,
        SMILE,
        seconds,
        ease=ease,
        hold_s=hold_s,
        is_there_and_back=is_there_and_back,
        fps=fps,
        light=studio_light(),
        character="hana",
        seed=seed,
    )


@pytest.mark.parametrize("ease", EASES)
@pytest.mark.parametrize("fps", (Fraction(24), Fraction(30000, 1001), Fraction(60)))
def test_first_picture_is_the_first_face_and_the_last_picture_the_last(ease: str, fps: Fraction) -> None:
    script = going(ease=ease, fps=fps)
    assert len(script) == round(2 * fps)
    np.testing.assert_allclose(script.faces[0], REST.vector(), atol=1e-5)
    np.testing.assert_allclose(script.faces[-1], SMILE.vector(), atol=1e-5)


def test_hold_stays_and_there_and_back_comes_back() -> None:
    script = going(1.0, hold_s=0.5, is_there_and_back=True)
    assert len(script) == 30 + 15 + 30
    np.testing.assert_allclose(script.faces[29:45], np.tile(SMILE.vector(), (16, 1)), atol=1e-5)
    np.testing.assert_allclose(script.faces[-1], REST.vector(), atol=1e-5)
    assert len(going(1.0, hold_s=0.5)) == 45
    assert len(going(1.0, is_there_and_back=True)) == 60


def test_without_a_seed_nothing_moves_but_what_was_asked_for() -> None:
    assert not np.ptp(going().faces[:, 53:56]).any()


def test_a_seed_makes_the_same_small_motion_each_time() -> None:
    first, again, other = (going(seed=seed) for seed in (1, 1, 2))
    assert first.digest() == again.digest() != other.digest()
    assert 0.0 < np.ptp(first.faces[:, 53:56], axis=0).max() < 0.1


def test_what_lies_between_is_a_face_too() -> None:
    for index in range(len(script := going(ease="smooth", seed=3))):
        require_in_limits(script.params(index), f"picture {index}")  # raises where it is none


@pytest.mark.parametrize(
    ("said", "sentence"),
    (
        ({"seconds": 0.0}, "more than 0 seconds"),
        ({"hold_s": -1.0}, "0 to 36000 seconds"),
        ({"ease": "bounce"}, "no ease is called"),
    ),
)
def test_time_or_ease_that_cannot_be_is_refused(said: dict[str, object], sentence: str) -> None:
    with pytest.raises(RenderError, match=sentence):
        going(**said)  # type: ignore[arg-type]


@pytest.mark.parametrize(("seconds", "hold_s"), [(1e9, 0.0), (1.0, 1e9), (float("nan"), 0.0), (1.0, float("inf"))])
def test_a_length_that_no_film_has_is_refused_in_a_sentence(seconds: float, hold_s: float) -> None:
    neutral = FlameParams.neutral()
    with pytest.raises(RenderError, match="36000"):
        transition(neutral, neutral, seconds, hold_s=hold_s, fps=Fraction(30), light=studio_light(), character="hana")
