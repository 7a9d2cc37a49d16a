"""One character becomes another: in time, evenly, and for the one who performs nothing changes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine import (
    DEFAULT_CHARACTER,
    Animator,
    AnimatorError,
    from_weights,
    load_character,
    studio_light,
)
from omote.engine.face.head import open_head
from omote.engine.face.maps import MapMaker
from omote.engine.flat_artist import FlatArtist
from omote.engine.latency import LatencyMeter
from omote.engine.morph import MORPH_S, STEPS, Morph, between, mixed
from omote.engine.nouns import Actor, AnyCharacter, Array, Character, FlameParams, Portrait, Signal, Stamp
from omote.engine.scene import Scene

HANA, NOAH = load_character(DEFAULT_CHARACTER), load_character("noah")
LIGHT = studio_light()
SMILE = from_weights(arkit.weights({"mouthSmileLeft": 0.5, "jawOpen": 0.2}))
END_NS = round(MORPH_S * 1e9)


def named(name: str) -> Character:
    nothing = np.zeros(1, np.float32)
    return Character(name, nothing, nothing, nothing, nothing, "none", "none", "none")


class Usher(FlatArtist):
    """Goes from one character to another by way of three, and notes whom it drew."""

    def __init__(self) -> None:
        super().__init__()
        self.drew: list[str] = []

    def check(self, character: AnyCharacter) -> None:
        if character.name == "nobody":
            raise AnimatorError("nobody cannot be drawn")

    def way(self, first: AnyCharacter, last: AnyCharacter) -> tuple[AnyCharacter, ...]:
        return (first, *(named(f"{first.name}>{last.name} {k}") for k in (1, 2, 3)), last)

    def draw(
        self,
        params: FlameParams,
        character: AnyCharacter,
        light: Array,
        *,
        stamp: Stamp | None = None,
        signal: Signal | None = None,
        presence: float = 1.0,
    ) -> Portrait:
        self.drew.append(character.name)
        return super().draw(params, character, light, stamp=stamp, signal=signal, presence=presence)


class Stage:
    """A scene whose clock is set by hand."""

    def __init__(self, morph_s: float = MORPH_S) -> None:
        self.now_ns, self.artist = 10**12, Usher()
        self.scene = Scene(
            self.artist, named("a"), Actor(), LIGHT, [], LatencyMeter(), lambda: self.now_ns, morph_s=morph_s
        )

    def picture(self, after_s: float = 0.0) -> str:
        """Who is drawn so much later."""
        self.now_ns += round(after_s * 1e9)
        self.scene.wait(self.now_ns)
        return self.artist.drew[-1]


def test_each_picture_shows_the_character_that_its_time_asks_for() -> None:
    stage = Stage()
    assert stage.picture() == "a"
    stage.scene.change(named("b"))
    assert [stage.picture(), *(stage.picture(0.1) for _ in range(5))] == ["a", "a>b 1", "a>b 2", "a>b 3", "b", "b"]


def test_a_slow_machine_ends_in_the_same_time() -> None:
    stage = Stage()
    stage.scene.change(named("b"))
    assert [stage.picture(0.2) for _ in range(3)] == ["a>b 2", "b", "b"]
    stage.scene.change(named("c"))
    assert stage.picture(3.0) == "c"


def test_a_change_in_the_middle_goes_on_from_what_is_shown() -> None:
    stage = Stage()
    stage.scene.change(named("b"))
    assert stage.picture(0.2) == "a>b 2"
    stage.scene.change(named("c"))
    assert stage.picture() == "a>b 2"
    assert stage.picture(0.1) == "a>b 2>c 1"
    assert stage.picture(0.3) == "c"


def test_the_character_that_was_chosen_is_told_from_the_beginning() -> None:
    stage = Stage()
    stage.scene.change(named("b"))
    assert stage.scene.character.name == "b"


def test_who_cannot_be_drawn_changes_nothing_not_even_a_change_that_is_going_on() -> None:
    stage = Stage()
    stage.scene.change(named("b"))
    with pytest.raises(AnimatorError, match="nobody cannot be drawn"):
        stage.scene.change(named("nobody"))
    assert stage.scene.character.name == "b"
    assert [stage.picture(0.1), stage.picture(0.3)] == ["a>b 1", "b"]


def test_offline_there_is_a_cut() -> None:
    stage = Stage(morph_s=0.0)
    stage.scene.change(named("b"))
    assert stage.picture() == "b"


def test_a_clock_that_has_not_come_to_the_beginning_shows_the_first() -> None:
    assert Morph((HANA, NOAH), 100).at(50) is HANA


def test_halfway_between_two_characters_is_their_mean() -> None:
    half = mixed(HANA, NOAH, 0.5)
    np.testing.assert_allclose(half.shape, (HANA.shape + NOAH.shape) / 2, atol=1e-6)
    np.testing.assert_allclose(half.texture, (HANA.texture + NOAH.texture) / 2, atol=1e-5)
    assert half.name == NOAH.name


def test_a_character_with_rows_and_one_without_have_none_between_them() -> None:
    assert not len(mixed(HANA, replace(NOAH, bank=np.zeros((0, 0), np.float32)), 0.5).bank)


def test_a_change_begins_and_ends_gently() -> None:
    way = np.array([one.identity for one in (HANA, *between(HANA, NOAH), NOAH)])
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    assert len(steps) == STEPS
    assert steps[0] < 0.4 * steps[STEPS // 2] > steps[-1]


def test_a_maker_of_maps_from_that_of_another_head_draws_the_same_maps() -> None:
    hana, noah = (open_head().shaped(one.shape) for one in (HANA, NOAH))
    ours, wanted = MapMaker(hana).of(noah).draw(SMILE), MapMaker(noah).draw(SMILE)
    assert ours.geometry.tobytes() == wanted.geometry.tobytes()
    assert ours.uv.tobytes() == wanted.uv.tobytes()


@pytest.fixture(scope="module")
def animator() -> Animator:
    return Animator()


def shown(animator: Animator, way: tuple[AnyCharacter, ...]) -> list[np.ndarray]:
    """Pictures of the way, on grey, as floats."""
    pictures = [animator.draw(SMILE, one, LIGHT).rgba.astype(float) for one in way]
    return [one[..., :3] * one[..., 3:] / 255 + 128.0 * (1 - one[..., 3:] / 255) for one in pictures]


def test_no_picture_of_a_change_jumps(animator: Animator) -> None:
    pictures = shown(animator, animator.way(HANA, NOAH))
    whole = np.abs(pictures[-1] - pictures[0]).mean()
    steps = [np.abs(after - before).mean() for before, after in pairwise(pictures)]
    assert max(steps) < 3.0 * whole / STEPS  # the eased middle alone is half as fast again as the mean
    assert max(steps[0], steps[-1]) < whole / STEPS


def test_the_ends_of_a_change_are_the_characters_themselves(animator: Animator) -> None:
    way = animator.way(HANA, NOAH)
    assert way[0] is HANA
    assert way[-1] is NOAH
    last = [animator.draw(SMILE, one, LIGHT) for one in way][-1]
    alone = Animator().draw(SMILE, NOAH, LIGHT)
    np.testing.assert_array_equal(last.rgba, alone.rgba)


def test_whoever_is_shown_the_same_one_performs(animator: Animator) -> None:
    rng = np.random.default_rng(3)

    def trembling() -> FlameParams:
        weights = np.clip(np.full(arkit.COUNT, 0.15) + rng.normal(0.0, 0.012, arkit.COUNT), 0.0, 1.0)
        return from_weights(weights.astype(np.float32))

    animator.draw(trembling(), HANA, LIGHT)
    animator.reset()
    way = animator.way(HANA, NOAH)
    for _ in range(8):
        before = animator.draw(trembling(), HANA, LIGHT).params
    morphed = animator.draw(trembling(), way[1], LIGHT).params
    cut = animator.draw(trembling(), replace(NOAH), LIGHT).params
    assert np.abs(morphed.vector() - before.vector()).max() < 0.5 * np.abs(cut.vector() - before.vector()).max()


def test_a_change_that_goes_on_in_the_middle_does_not_begin_the_face_anew(animator: Animator) -> None:
    animator.reset()
    first = animator.way(HANA, NOAH)
    before = [animator.draw(SMILE, one, LIGHT) for one in first[:6]][-1]
    second = animator.way(first[4], load_character("aoi"))  # one back: that picture was on its way already
    again = animator.draw(SMILE, second[0], LIGHT)
    assert animator._look in animator._way
    np.testing.assert_array_equal(again.params.vector(), before.params.vector())


def test_what_a_change_needed_is_let_go_when_it_is_over(animator: Animator) -> None:
    way = animator.way(HANA, NOAH)
    assert len(animator._way) == 1 + STEPS
    animator.draw(SMILE, way[3], LIGHT)
    assert len(animator._way) == 1 + STEPS
    animator.draw(SMILE, way[-1], LIGHT)
    assert animator._way == ()


def test_a_way_to_one_who_does_not_fit_is_refused(animator: Animator) -> None:
    with pytest.raises(AnimatorError, match="model"):
        animator.way(HANA, replace(NOAH, model="another"))
