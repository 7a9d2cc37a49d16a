"""One character becomes another: in time, evenly, and for the one who performs nothing changes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine import Animator, AnimatorError, from_weights, studio_light
from omote.engine.data import Actor, AnyCharacter, Array, FlameParams, Portrait, Signal, Stamp
from omote.engine.live.latency import LatencyMeter
from omote.engine.live.session import CROSSFADE_S, CharacterCrossfade, LiveSession
from omote.engine.model.portrait_renderer import Fading
from omote.engine.model.renderer import Renderer, crossfaded
from omote.engine.testing.drawing import CopyingNetworks, FlatRenderer, painted_character

A, B, C, NOBODY = (painted_character(name, k % 3) for k, name in enumerate(("a", "b", "c", "nobody")))
LIGHT = studio_light()
SMILE = from_weights(arkit.weights({"mouthSmileLeft": 0.5, "jawOpen": 0.2}))


class Noting(FlatRenderer):
    """Notes whom it drew, and who was seen through."""

    def __init__(self) -> None:
        super().__init__()
        self.drew: list[dict[str, float]] = []

    def check(self, character: AnyCharacter) -> None:
        if character is NOBODY:
            raise AnimatorError("nobody cannot be drawn")

    def draw(
        self,
        params: FlameParams,
        character: AnyCharacter,
        light: Array,
        *,
        stamp: Stamp | None = None,
        signal: Signal | None = None,
        presence: float = 1.0,
        fading: Fading = (),
        marks: Array | None = None,
        hair: float = 0.0,
    ) -> Portrait:
        shares = {one.name: round(share, 3) for one, share in fading}
        self.drew.append(shares | {character.name: round(1.0 - sum(shares.values()), 3)})
        return super().draw(params, character, light, stamp=stamp, signal=signal, presence=presence)


class Stage:
    """A scene whose clock is set by hand."""

    def __init__(self, morph_s: float = CROSSFADE_S) -> None:
        self.now_ns, self.artist = 10**12, Noting()
        self.scene = LiveSession(
            self.artist, A, Actor(), LIGHT, [], LatencyMeter(), lambda: self.now_ns, morph_s=morph_s
        )

    def picture(self, after_s: float = 0.0) -> dict[str, float]:
        """Who is drawn so much later, with what shares."""
        self.now_ns += round(after_s * 1e9)
        self.scene.wait(self.now_ns)
        return self.artist.drew[-1]


def test_each_picture_shows_what_its_time_asks_for() -> None:
    stage = Stage()
    assert stage.picture() == {"a": 1.0}
    stage.scene.change(B)
    assert stage.scene.character is B
    shown = [stage.picture(), *(stage.picture(0.1) for _ in range(5))]
    assert shown == [
        {"a": 1.0, "b": 0.0},
        {"a": 0.844, "b": 0.156},
        {"a": 0.5, "b": 0.5},
        {"a": 0.156, "b": 0.844},
        {"b": 1.0},
        {"b": 1.0},
    ]


def test_a_slow_machine_ends_in_the_same_time() -> None:
    stage = Stage()
    stage.scene.change(B)
    assert [stage.picture(0.2) for _ in range(2)] == [{"a": 0.5, "b": 0.5}, {"b": 1.0}]
    stage.scene.change(C)
    assert stage.picture(3.0) == {"c": 1.0}


def test_a_change_in_the_middle_goes_on_from_what_is_shown() -> None:
    stage = Stage()
    stage.scene.change(B)
    assert stage.picture(0.2) == {"a": 0.5, "b": 0.5}
    stage.scene.change(C)
    assert stage.picture() == {"a": 0.5, "b": 0.5, "c": 0.0}
    assert stage.picture(0.2) == {"a": 0.25, "b": 0.25, "c": 0.5}
    stage.scene.change(A)
    assert stage.picture() == {"b": 0.25, "c": 0.5, "a": 0.25}
    assert stage.picture(0.4) == {"a": 1.0}


def test_however_often_it_is_changed_few_are_drawn_at_once() -> None:
    morph, now_ns = CharacterCrossfade(A), 0
    for character in (B, C, NOBODY, A, B, C):
        now_ns += 10_000_000
        morph = morph.to(character, now_ns)
        assert len(morph.at(now_ns)) <= 2


def test_who_cannot_be_drawn_changes_nothing_not_even_a_change_that_is_going_on() -> None:
    stage = Stage()
    stage.scene.change(B)
    with pytest.raises(AnimatorError, match="nobody cannot be drawn"):
        stage.scene.change(NOBODY)
    assert stage.scene.character is B
    assert [stage.picture(0.2), stage.picture(0.2)] == [{"a": 0.5, "b": 0.5}, {"b": 1.0}]


def test_offline_there_is_a_cut() -> None:
    stage = Stage(morph_s=0.0)
    stage.scene.change(B)
    assert stage.picture() == {"b": 1.0}


def test_a_clock_that_has_not_come_to_the_beginning_shows_the_first() -> None:
    assert CharacterCrossfade(A).to(B, 100).at(50) == ((A, 1.0),)


def test_pictures_are_mixed_as_light_is_and_not_as_their_hidden_colours() -> None:
    clear, red = np.zeros((2, 2, 4), np.uint8), np.zeros((2, 2, 4), np.uint8)
    clear[..., :3], red[...] = 255, (200, 0, 0, 255)
    half = crossfaded((clear, red), (0.5, 0.5))
    np.testing.assert_allclose(half[0, 0], (200, 0, 0, 128), atol=1)
    assert crossfaded((red,), (1.0,)) is red


def copying() -> Animator:
    return Animator(256, renderer=Renderer(CopyingNetworks()))


def shown(animator: Animator, count: int = 12) -> list[np.ndarray]:
    """Pictures of a change from A to B, on grey, as floats."""
    morph = CharacterCrossfade(A).to(B, 0)
    at_ns = [round(k * CROSSFADE_S * 1e9 / count) for k in range(count + 1)]
    pictures = [animator.draw(SMILE, B, LIGHT, fading=morph.at(ns)).rgba.astype(float) for ns in at_ns]
    return [one[..., :3] * one[..., 3:] / 255 + 128.0 * (1 - one[..., 3:] / 255) for one in pictures]


def test_no_picture_of_a_change_jumps() -> None:
    pictures = shown(copying())
    whole = np.abs(pictures[-1] - pictures[0]).mean()
    steps = [np.abs(after - before).mean() for before, after in pairwise(pictures)]
    assert max(steps) < 2.0 * whole / len(steps)  # the eased middle alone is half as fast again as the mean
    assert max(steps[0], steps[-1]) < whole / len(steps)


def test_whoever_is_shown_the_same_one_performs() -> None:
    rng = np.random.default_rng(3)

    def trembling() -> FlameParams:
        weights = np.clip(np.full(arkit.COUNT, 0.15) + rng.normal(0.0, 0.012, arkit.COUNT), 0.0, 1.0)
        return from_weights(weights.astype(np.float32))

    animator = copying()
    for _ in range(8):
        before = animator.draw(trembling(), A, LIGHT).params
    faded = animator.draw(trembling(), B, LIGHT, fading=((A, 0.9),)).params
    cut = animator.draw(trembling(), C, LIGHT).params
    assert np.abs(faded.vector() - before.vector()).max() < 0.5 * np.abs(cut.vector() - before.vector()).max()
