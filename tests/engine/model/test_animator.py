"""The animator draws what it is told, the same each time, and refuses what does not fit."""

from __future__ import annotations

import gc
from dataclasses import replace
from weakref import ref

import numpy as np
import pytest
from PIL import Image

from omote.bridge import arkit
from omote.engine import (
    Animator,
    AnimatorError,
    Character,
    Ensemble,
    EnsembleMember,
    FlameParams,
    character_names,
    from_weights,
    load_character,
    studio_light,
)
from omote.engine.model.portrait_renderer import DrawOptions
from omote.engine.model.renderer import SIZES, PreparedCharacter, Renderer
from omote.engine.testing.drawing import CopyingNetworks, painted_character
from tests.arc2face.flat import flat_character

LIGHT = studio_light()
MIKA, NOA = painted_character("mika"), painted_character("noa", 1)
REST = FlameParams.neutral()


def copying(size: int = 256, consistency: bool = True) -> Animator:
    return Animator(size, consistency=consistency, renderer=Renderer(CopyingNetworks()))


@pytest.fixture
def animator() -> Animator:
    return copying()


@pytest.fixture(scope="module")
def shipped() -> Animator:
    return Animator(256, runtime="openvino", references=1)


def face(**weights: float) -> FlameParams:
    return from_weights(arkit.weights(weights))


def test_a_still_face_is_a_still_picture(shipped: Animator) -> None:
    shipped.reset()
    first = shipped.draw(face(mouthSmileLeft=0.4), MIKA, LIGHT).rgba
    shipped.draw(face(jawOpen=1.0), MIKA, LIGHT)
    shipped.reset()
    again = replace(MIKA)  # another object, whose pictures are not kept
    assert shipped.draw(face(mouthSmileLeft=0.4), again, LIGHT).rgba.tobytes() == first.tobytes()


def test_a_face_that_holds_still_is_not_drawn_again(animator: Animator) -> None:
    first = animator.draw(face(mouthSmileLeft=0.4), MIKA, LIGHT)
    again = animator.draw(face(mouthSmileLeft=0.4), MIKA, LIGHT.copy())
    assert again.rgba is first.rgba
    assert animator.draw(face(mouthSmileLeft=0.4), MIKA, LIGHT * np.float32(0.5)).rgba is not first.rgba
    assert (animator.counts.drawn, animator.counts.still) == (2, 1)


def test_a_head_that_only_stands_elsewhere_is_not_drawn_again(animator: Animator) -> None:
    smile = face(mouthSmileLeft=0.4)
    nearer = replace(smile, translation=np.array([0.0, 0.0, 0.05], np.float32))
    first, again = animator.draw(smile, MIKA, LIGHT), animator.draw(nearer, MIKA, LIGHT)
    assert again.rgba is first.rgba
    np.testing.assert_allclose(again.params.translation, nearer.translation, atol=1e-6)


def test_a_trembling_face_is_steadier_with_its_memory_than_without() -> None:
    rng = np.random.default_rng(0)
    held = np.full(arkit.COUNT, 0.15)
    trembling = [
        from_weights(np.clip(held + rng.normal(0.0, 0.012, arkit.COUNT), 0.0, 1.0).astype(np.float32))
        for _ in range(16)
    ]

    def noise(drawer: Animator) -> float:
        pictures = [drawer.draw(params, MIKA, LIGHT).rgba.astype(float) for params in trembling]
        return float(np.std(pictures[8:], axis=0).mean())

    assert noise(copying()) < 0.7 * noise(copying(consistency=False))


def test_nothing_of_one_character_is_left_in_the_next(animator: Animator) -> None:
    params = face(jawOpen=0.3)
    alone = copying().draw(params, NOA, LIGHT).rgba.tobytes()
    animator.draw(face(jawOpen=0.302), MIKA, LIGHT)
    animator.draw(params, MIKA, LIGHT)
    assert animator.draw(params, NOA, LIGHT).rgba.tobytes() == alone


def test_of_many_characters_the_last_four_stay_in_memory(animator: Animator, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare, made = animator.renderer.prepare, []

    def prepared(character: Character) -> PreparedCharacter:
        found = prepare(character)
        made.append((character.name, ref(found)))
        return found

    monkeypatch.setattr(animator.renderer, "prepare", prepared)
    cast = [painted_character(f"number {k}") for k in range(6)]
    for one in (*cast[:4], cast[0], *cast[4:]):  # the first is used again, so the second goes before it
        animator.draw(REST, one)
    gc.collect()
    assert [name for name, one in made if one() is not None] == ["number 0", "number 3", "number 4", "number 5"]


def test_whether_a_character_can_be_drawn_is_known_before_it_is(animator: Animator) -> None:
    before = animator.draw(REST, MIKA, LIGHT)
    animator.check(NOA)
    with pytest.raises(AnimatorError, match="is photoreal, and this network draws others: `omote live"):
        animator.check(flat_character("photo", 64))
    assert animator.draw(REST, MIKA, LIGHT).rgba is before.rgba


def test_a_portrait_is_straight_rgba_of_the_size_asked_for(animator: Animator) -> None:
    portrait = animator.draw(REST, MIKA, LIGHT)
    assert portrait.rgba.shape == (256, 256, 4)
    assert portrait.rgba.dtype == np.uint8
    assert portrait.rgba[128, 128, 3] > 250
    assert portrait.rgba[:8, :8, 3].max() < 16  # a corner of the background
    assert (portrait.params.vector() == REST.vector()).all()


def test_another_size_is_drawn_from_the_next_picture_on_and_what_was_drawn_is_kept(animator: Animator) -> None:
    small = animator.draw(REST, MIKA, LIGHT).rgba
    for size in SIZES:
        animator.use(size, 1)
        assert animator.draw(REST, MIKA, LIGHT).rgba.shape == (size, size, 4)
    animator.use(256, 1)
    assert animator.draw(REST, MIKA, LIGHT).rgba is small


def test_a_picture_seen_before_is_shown_again_and_not_drawn(animator: Animator) -> None:
    found = []
    for _ in range(3):
        for _ in range(9):  # until the memory holds no other face
            animator.draw(face(jawOpen=0.6), MIKA, LIGHT)
        before = animator.counts
        found.append(animator.draw(face(mouthSmileLeft=0.6), MIKA, LIGHT).rgba)
    assert found[2] is found[0]
    assert replace(before, cached=before.cached + 1) == animator.counts
    assert animator.draw(face(mouthSmileLeft=0.6), NOA, LIGHT).rgba is not found[0]


def test_one_who_fades_is_seen_through_the_one_who_comes(animator: Animator) -> None:
    first, last = (copying().draw(REST, one, LIGHT).rgba[128, 128, :3].astype(int) for one in (MIKA, NOA))
    both = animator.draw(REST, NOA, LIGHT, DrawOptions(fading=((MIKA, 0.25),))).rgba
    np.testing.assert_allclose(both[128, 128, :3], 0.25 * first + 0.75 * last, atol=2.0)
    assert animator.counts.drawn == 1
    assert animator.draw(REST, NOA, LIGHT, DrawOptions(fading=((MIKA, 0.25),))).rgba is both
    animator.draw(REST, NOA, LIGHT, DrawOptions(fading=((MIKA, 0.5),)))
    assert (animator.counts.drawn, animator.counts.cached) == (1, 1)  # both were drawn before


def test_a_drawn_character_is_drawn_by_its_own_head(shipped: Animator) -> None:
    anime = painted_character("aki", head="anime")
    picture = shipped.draw(REST, anime, LIGHT).rgba
    assert picture[128, 128, 3] > 250


def test_onnx_runtime_draws_the_same_picture(shipped: Animator) -> None:
    pytest.importorskip("onnxruntime")
    reference = Animator(256, runtime="onnxruntime", references=1).draw(REST, MIKA, LIGHT).rgba.astype(int)
    ours = shipped.draw(REST, MIKA, LIGHT).rgba.astype(int)
    seen = np.broadcast_to(reference[..., 3:] > 128, ours.shape)
    # bf16 keeps eight bits of a number: a level or two of 255, a few at edges
    assert np.abs(ours - reference)[seen].mean() < 1.5


def test_more_steps_draw_a_like_picture(shipped: Animator) -> None:
    one = shipped.draw(REST, MIKA, LIGHT).rgba.astype(float)
    shipped.use(256, 2)
    two = shipped.draw(REST, MIKA, LIGHT).rgba.astype(float)
    shipped.use(256, 1)
    assert 0.0 < np.abs(one - two)[..., :3].mean() < 20.0


@pytest.mark.parametrize("size", [size for size in SIZES if size != 256])
def test_every_size_draws_the_same_person(shipped: Animator, size: int) -> None:
    params = face(mouthSmileLeft=0.6, mouthSmileRight=0.6)
    small = shrunk(shipped.draw(params, MIKA, LIGHT).rgba)
    others = np.abs(shrunk(shipped.draw(params, NOA, LIGHT).rgba) - small).mean()
    shipped.use(size, 1)
    large = shrunk(shipped.draw(params, MIKA, LIGHT).rgba)
    shipped.use(256, 1)
    assert np.abs(large - small).mean() < 0.35 * others


def shrunk(rgba: np.ndarray) -> np.ndarray:
    """[64,64,4] levels, colours as they show on black."""
    picture = Image.fromarray(rgba).convert("RGBa").resize((64, 64), Image.Resampling.BOX)
    return np.asarray(picture).astype(float)


@pytest.mark.slow
def test_every_shipped_character_can_be_drawn(shipped: Animator) -> None:
    pictures = {name: shipped.draw(REST, load_character(name), LIGHT).rgba.tobytes() for name in character_names()}
    assert len(set(pictures.values())) == len(pictures) > 0


@pytest.mark.parametrize(
    ("size", "steps", "says"),
    [
        (77, 1, "size must be one of 256, 384, 512, 768, 1024 pixels, got 77"),
        (256, 3, "steps must be one of 1, 2, 4, got 3"),
    ],
)
def test_sizes_and_steps_that_there_are_not_are_refused_with_those_that_there_are(
    animator: Animator, size: int, steps: int, says: str
) -> None:
    with pytest.raises(AnimatorError, match=says):
        Animator(size, steps)
    with pytest.raises(AnimatorError, match=says):
        animator.use(size, steps)


def test_an_unknown_runtime_is_refused_with_those_there_are() -> None:
    with pytest.raises(AnimatorError, match='no runtime "abacus": there are openvino'):
        Animator(runtime="abacus")


def test_parameters_in_another_basis_are_refused(animator: Animator) -> None:
    with pytest.raises(AnimatorError, match=r'"open", these parameters "flame2020"'):
        animator.draw(replace(REST, basis="flame2020"), MIKA, LIGHT)


def test_light_that_is_not_finite_is_refused(animator: Animator) -> None:
    with pytest.raises(AnimatorError, match="light must be"):
        animator.draw(REST, MIKA, np.full(27, np.nan, np.float32))


def test_an_ensemble_draws_each_as_it_would_be_drawn_alone() -> None:
    ensemble = Ensemble(2, 256, runtime="openvino")
    parts = [EnsembleMember(MIKA, REST, LIGHT), EnsembleMember(NOA, face(jawOpen=0.5), LIGHT, presence=0.0)]
    first, second = ensemble.draw(parts)
    assert (first.presence, second.presence) == (1.0, 0.0)
    alone = Animator(256, renderer=ensemble.renderer).draw(face(jawOpen=0.5), NOA, LIGHT, DrawOptions(presence=0.0))
    assert second.rgba.tobytes() == alone.rgba.tobytes()
    with pytest.raises(AnimatorError, match="has 2 characters, got 1"):
        ensemble.draw(parts[:1])
    with pytest.raises(AnimatorError, match="at least one character, got 0"):
        Ensemble(0)
