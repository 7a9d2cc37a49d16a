"""The animator draws what it is told, the same each time, and refuses what does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from omote.bridge import arkit
from omote.engine import (
    DEFAULT_CHARACTER,
    Animator,
    AnimatorError,
    FlameParams,
    character_names,
    from_weights,
    load_character,
    sizes,
    studio_light,
)
from omote.engine.painter import Painter

LIGHT = studio_light()
CHARACTER = load_character(DEFAULT_CHARACTER)


@pytest.fixture(scope="module")
def animator() -> Animator:
    return Animator()


def lips(rgba: np.ndarray) -> np.ndarray:
    """The middle of the lower face, as floats."""
    side = len(rgba)
    return rgba[side // 2 : 3 * side // 4, side * 3 // 8 : side * 5 // 8, :3].astype(float)


def test_a_still_face_is_a_still_picture(animator: Animator) -> None:
    params = from_weights(arkit.weights({"mouthSmileLeft": 0.4}))
    first = animator.draw(params, CHARACTER, LIGHT).rgba
    animator.draw(from_weights(arkit.weights({"jawOpen": 1.0})), CHARACTER, LIGHT)
    animator.reset()
    assert animator.draw(params, CHARACTER, LIGHT).rgba.tobytes() == first.tobytes()


def test_a_face_that_holds_still_is_not_drawn_again(animator: Animator) -> None:
    params = from_weights(arkit.weights({"mouthSmileLeft": 0.4}))
    first = animator.draw(params, CHARACTER, LIGHT)
    again = animator.draw(from_weights(arkit.weights({"mouthSmileLeft": 0.4})), CHARACTER, LIGHT.copy())
    assert again.rgba is first.rgba
    other = animator.draw(params, CHARACTER, LIGHT * 0.5)
    assert other.rgba is not first.rgba
    assert (other.rgba != first.rgba).any()


def test_a_head_that_only_stands_elsewhere_is_not_drawn_again(animator: Animator) -> None:
    smile = from_weights(arkit.weights({"mouthSmileLeft": 0.4}))
    nearer = replace(smile, translation=np.array([0.0, 0.0, 0.05], np.float32))
    first, again = animator.draw(smile, CHARACTER, LIGHT), animator.draw(nearer, CHARACTER, LIGHT)
    assert again.rgba is first.rgba
    np.testing.assert_allclose(again.params.translation, nearer.translation, atol=1e-6)


def test_a_trembling_face_is_steadier_with_its_memory_than_without(animator: Animator) -> None:
    rng = np.random.default_rng(0)
    held = np.full(arkit.COUNT, 0.15)
    trembling = [
        from_weights(np.clip(held + rng.normal(0.0, 0.012, arkit.COUNT), 0.0, 1.0).astype(np.float32))
        for _ in range(16)
    ]

    def noise(drawer: Animator) -> float:
        drawer.reset()
        pictures = [drawer.draw(params, CHARACTER, LIGHT).rgba.astype(float) for params in trembling]
        return float(np.std(pictures[8:], axis=0).mean())

    assert noise(animator) < 0.7 * noise(Animator(consistency=False))


def test_what_was_drawn_before_is_forgotten_on_reset(animator: Animator) -> None:
    near, params = from_weights(arkit.weights({"jawOpen": 0.302})), from_weights(arkit.weights({"jawOpen": 0.3}))
    animator.reset()
    alone = animator.draw(params, CHARACTER, LIGHT).rgba.tobytes()
    animator.draw(near, CHARACTER, LIGHT)
    animator.reset()
    assert animator.draw(params, CHARACTER, LIGHT).rgba.tobytes() == alone


def test_nothing_of_one_character_is_left_in_the_next(animator: Animator) -> None:
    params, other = from_weights(arkit.weights({"jawOpen": 0.3})), load_character("noah")
    animator.reset()
    alone = animator.draw(params, other, LIGHT).rgba.tobytes()
    animator.draw(from_weights(arkit.weights({"jawOpen": 0.302})), CHARACTER, LIGHT)
    animator.draw(params, CHARACTER, LIGHT)
    assert animator.draw(params, other, LIGHT).rgba.tobytes() == alone


def test_whether_a_character_can_be_drawn_is_known_before_it_is(animator: Animator) -> None:
    before = animator.draw(FlameParams.neutral(), CHARACTER, LIGHT)
    animator.check(load_character("noah"))
    with pytest.raises(AnimatorError, match="bank rows"):
        animator.check(replace(CHARACTER, bank=np.zeros((4, 8), np.float32)))
    assert animator.draw(FlameParams.neutral(), CHARACTER, LIGHT).rgba is before.rgba


def test_a_character_without_a_reference_is_drawn_from_its_texture_alone(animator: Animator) -> None:
    without = replace(CHARACTER, bank=np.zeros((0, 0), np.float32))
    ours = animator.draw(FlameParams.neutral(), without, LIGHT).rgba.astype(int)
    whole = animator.draw(FlameParams.neutral(), CHARACTER, LIGHT).rgba.astype(int)
    assert (ours != whole).any()
    assert np.abs(ours - whole).mean() < 10.0


def test_a_portrait_is_straight_rgba_of_the_networks_size(animator: Animator) -> None:
    params = FlameParams.neutral()
    animator.reset()
    portrait = animator.draw(params, CHARACTER, LIGHT)
    assert portrait.rgba.shape == (animator.size, animator.size, 4)
    assert portrait.rgba.dtype == np.uint8
    alpha = portrait.rgba[..., 3]
    middle = animator.size // 2
    assert alpha[middle, middle] > 250
    assert alpha[:8, :8].max() < 16  # a corner of the background
    assert (portrait.params.vector() == params.vector()).all()


def test_an_open_mouth_changes_the_mouth_more_than_the_forehead(animator: Animator) -> None:
    shut = animator.draw(FlameParams.neutral(), CHARACTER, LIGHT).rgba
    wide = animator.draw(from_weights(arkit.weights({"jawOpen": 0.9})), CHARACTER, LIGHT).rgba
    brow = slice(animator.size // 4, animator.size // 3)
    changed = np.abs(lips(wide) - lips(shut)).mean()
    assert changed > 3.0 * np.abs(wide[brow].astype(float) - shut[brow]).mean()
    assert changed > 5.0


def test_light_from_the_other_side_brightens_the_other_cheek(animator: Animator) -> None:
    mirrored = LIGHT.reshape(3, 9).copy()
    mirrored[:, [3, 4, 7]] *= -1.0  # the harmonics that are odd in x
    here = animator.draw(FlameParams.neutral(), CHARACTER, LIGHT).rgba[..., :3].astype(float)
    there = animator.draw(FlameParams.neutral(), CHARACTER, mirrored.ravel()).rgba[..., :3].astype(float)
    rows, half = slice(animator.size * 2 // 5, animator.size * 3 // 5), animator.size // 2
    reach = animator.size // 8

    def lean(picture: np.ndarray) -> float:
        return float(picture[rows, half : half + reach].mean() - picture[rows, half - reach : half].mean())

    assert lean(here) > lean(there) + 5.0


def test_onnx_runtime_draws_the_same_picture(animator: Animator) -> None:
    pytest.importorskip("onnxruntime")
    reference = Animator(runtime="onnxruntime").draw(FlameParams.neutral(), CHARACTER, LIGHT).rgba.astype(int)
    ours = animator.draw(FlameParams.neutral(), CHARACTER, LIGHT).rgba.astype(int)
    seen = reference[..., 3:] > 128
    # bf16 keeps eight bits of a number: a level or two of 255, a few at edges
    assert np.abs(ours - reference)[np.broadcast_to(seen, ours.shape)].mean() < 1.5


def test_more_steps_draw_a_like_picture(animator: Animator) -> None:
    one = animator.draw(FlameParams.neutral(), CHARACTER, LIGHT).rgba.astype(float)
    two = Animator(steps=2).draw(FlameParams.neutral(), CHARACTER, LIGHT).rgba.astype(float)
    assert 0.0 < np.abs(one - two)[..., 3].mean() < 20.0


def test_sizes_that_are_not_shipped_are_refused_with_those_that_are() -> None:
    with pytest.raises(AnimatorError, match=f"no network draws 77 pixels: --size takes .*{sizes()[-1]}"):
        Animator(size=77)


def test_three_steps_are_refused() -> None:
    with pytest.raises(AnimatorError, match="steps must be one of 1, 2, 4, got 3"):
        Animator(steps=3)


def test_an_unknown_runtime_is_refused_with_those_there_are() -> None:
    with pytest.raises(AnimatorError, match='no runtime "abacus": there are openvino'):
        Animator(runtime="abacus")


def test_a_character_of_another_model_is_refused_by_name(animator: Animator) -> None:
    with pytest.raises(AnimatorError, match='made for model "older"'):
        animator.draw(FlameParams.neutral(), replace(CHARACTER, model="older"), LIGHT)


def test_a_character_with_bank_rows_that_this_network_has_not_is_refused(animator: Animator) -> None:
    with pytest.raises(AnimatorError, match="bank rows"):
        animator.draw(FlameParams.neutral(), replace(CHARACTER, bank=np.zeros((4, 8), np.float32)), LIGHT)


def test_parameters_in_another_basis_are_refused(animator: Animator) -> None:
    with pytest.raises(AnimatorError, match=r'"open", these parameters "flame2020"'):
        animator.draw(replace(FlameParams.neutral(), basis="flame2020"), CHARACTER, LIGHT)


def test_light_that_is_not_finite_is_refused(animator: Animator) -> None:
    with pytest.raises(AnimatorError, match="light must be"):
        animator.draw(FlameParams.neutral(), CHARACTER, np.full(27, np.nan, np.float32))


def test_every_shipped_character_can_be_drawn(animator: Animator) -> None:
    pictures = {}
    for name in character_names():
        pictures[name] = animator.draw(FlameParams.neutral(), load_character(name), LIGHT).rgba.tobytes()
    assert len(set(pictures.values())) == len(pictures) > 0


def test_a_picture_seen_before_is_shown_again_and_not_drawn(animator: Animator) -> None:
    smile, open_mouth = (from_weights(arkit.weights({name: 0.6})) for name in ("mouthSmileLeft", "jawOpen"))
    animator.reset()
    found = []
    for _ in range(3):
        for _ in range(9):  # until the memory holds no other face
            animator.draw(open_mouth, CHARACTER, LIGHT)
        before = animator.counts
        found.append(animator.draw(smile, CHARACTER, LIGHT).rgba)
    assert found[2] is found[0]
    assert replace(before, cached=before.cached + 1) == animator.counts
    assert animator.draw(smile, load_character("noah"), LIGHT).rgba is not found[0]


def test_another_painter_draws_from_the_next_picture_on(animator: Animator) -> None:
    drawer = Animator()
    whole = drawer.draw(FlameParams.neutral(), CHARACTER, LIGHT).rgba
    drawer.shift(Painter(drawer.file, replace(drawer.painter.build, size=128)))
    assert (drawer.size, drawer.draw(FlameParams.neutral(), CHARACTER, LIGHT).rgba.shape) == (128, (128, 128, 4))
    drawer.shift(animator.painter)
    assert drawer.draw(FlameParams.neutral(), CHARACTER, LIGHT).rgba is whole  # which it still has


@pytest.mark.parametrize("size", [128, 192, 384])
def test_every_size_draws_the_same_person(animator: Animator, size: int) -> None:
    params = from_weights(arkit.weights({"mouthSmileLeft": 0.6, "mouthSmileRight": 0.6}))
    ours = shrunk(Animator(size).draw(params, CHARACTER, LIGHT).rgba)
    trained = shrunk(animator.draw(params, CHARACTER, LIGHT).rgba)
    apart = np.abs(ours - trained).mean()
    others = np.abs(shrunk(animator.draw(params, load_character("noah"), LIGHT).rgba) - trained).mean()
    assert apart < 0.35 * others


def shrunk(rgba: np.ndarray) -> np.ndarray:
    """[64,64,4] levels, colours as they show on black."""
    picture = Image.fromarray(rgba).convert("RGBa").resize((64, 64), Image.Resampling.BOX)
    return np.asarray(picture).astype(float)
