"""The photoreal animator by networks whose pictures are known: what is drawn, kept, turned, tinted and refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.arc2face.networks import Networks
from omote.engine.arc2face.renderer import Options, PhotorealRenderer
from omote.engine.data import FLAME_BASIS, AnyCharacter, BankRows, FlameParams
from omote.engine.errors import AnimatorError
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.model.character_file import load_character
from omote.engine.model.portrait_renderer import DrawOptions
from tests.arc2face.flat import FlatUNet, flat_character, flat_networks

SIZE, LIGHT = 128, studio_light()
ME = flat_character("me", SIZE)


def to_flame(params: FlameParams) -> FlameParams:
    """The same numbers, labelled as FLAME's basis."""
    return replace(params, basis=FLAME_BASIS)


def animator(steps: int = 1, networks: Networks | None = None) -> PhotorealRenderer:
    return PhotorealRenderer(networks or flat_networks(SIZE), Options(steps), to_flame)


def calls(drawer: PhotorealRenderer) -> int:
    unet = drawer.networks.unet
    assert isinstance(unet, FlatUNet)
    return unet.calls


def face(jaw: float = 0.0, neck: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> FlameParams:
    opened = np.array([jaw, 0.0, 0.0], np.float32)
    return replace(FlameParams.neutral(), jaw_pose=opened, neck_pose=np.array(neck, np.float32))


def levels(latents: np.ndarray) -> np.ndarray:
    """[S,S,3] what the flat decoder makes of clean latents."""
    pixels = latents[:3].repeat(8, 1).repeat(8, 2)
    rounded: np.ndarray = np.clip(pixels * np.float32(127.5) + np.float32(128.0), 0, 255).astype(np.uint8)
    return rounded.transpose(1, 2, 0)


def test_the_picture_is_upright_in_red_green_and_blue_and_opaque() -> None:
    portrait = animator().draw(face(), ME, LIGHT)
    # The flat network halves what it sees and adds a tenth of its face's sum, which at rest is that of the neutral.
    clean = 0.5 * np.tanh(ME.noise) + np.float32(0.1 * 55 * 0.01)
    assert portrait.rgba.shape == (SIZE, SIZE, 4)
    np.testing.assert_allclose(portrait.rgba[..., :3].astype(int), levels(clean), atol=1)
    assert (portrait.rgba[..., 3] == 255).all()


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_still_face_is_the_same_bytes_and_so_is_one_that_comes_back(steps: int) -> None:
    drawer = animator(steps)
    first = drawer.draw(face(0.3), ME, LIGHT).rgba
    drawer.draw(face(0.0), ME, LIGHT)
    again = drawer.draw(face(0.3), ME, LIGHT).rgba
    assert calls(drawer) == 2 * steps
    assert animator(steps).draw(face(0.3), ME, LIGHT).rgba.tobytes() == first.tobytes() == again.tobytes()


def test_more_steps_are_another_picture() -> None:
    assert (animator(1).draw(face(), ME, LIGHT).rgba != animator(2).draw(face(), ME, LIGHT).rgba).any()


def test_a_head_that_only_turns_costs_no_network() -> None:
    drawer = animator()
    ahead = drawer.draw(face(0.3), ME, LIGHT)
    turned = drawer.draw(face(0.3, (0.0, 0.3, 0.0)), ME, LIGHT)
    assert (turned.rgba != ahead.rgba).any()
    assert calls(drawer) == 1
    assert (drawer.counts.drawn, drawer.counts.cached, drawer.counts.still) == (1, 1, 0)


def test_a_tracker_that_trembles_while_the_head_turns_redraws_no_still_face() -> None:
    drawer, rng = animator(), np.random.default_rng(0)
    for picture in range(60):
        weights = np.clip(0.3 + rng.normal(0.0, 0.004, arkit.COUNT), 0.0, 1.0).astype(np.float32)
        turn = np.array([0.0, 0.01 * picture, 0.0], np.float32)
        drawer.draw(from_weights(weights, None, turn), ME, LIGHT)
    assert calls(drawer) < 15  # until the face is held; one each where the head held it up


def test_what_holds_still_is_the_picture_before_and_is_counted_so() -> None:
    drawer = animator()
    first = drawer.draw(face(0.3), ME, LIGHT)
    nearer = replace(face(0.3), translation=np.array([0.0, 0.0, 0.05], np.float32))
    again = drawer.draw(nearer, ME, LIGHT.copy())
    assert again.rgba is first.rgba
    np.testing.assert_array_equal(again.params.translation, nearer.translation)
    assert (drawer.counts.drawn, drawer.counts.still) == (1, 1)


def test_eyes_that_look_aside_bend_the_picture_and_nothing_else() -> None:
    drawer = animator()
    ahead = drawer.draw(face(), ME, LIGHT).rgba
    aside = replace(face(), eye_pose=np.full((2, 3), 0.2, np.float32))
    differs = (drawer.draw(aside, ME, LIGHT).rgba != ahead).any(2)
    rows = np.flatnonzero(differs.any(1))
    assert 0 < len(rows) < SIZE // 3
    assert calls(drawer) == 1


def test_light_of_another_colour_tints_the_picture_without_the_network() -> None:
    drawer = animator()
    studio = drawer.draw(face(), ME, LIGHT).rgba.astype(int)
    red = LIGHT.copy()
    red[9:] *= 0.5
    reddened = drawer.draw(face(), ME, red).rgba.astype(int)
    np.testing.assert_array_equal(reddened[..., 0], studio[..., 0])
    assert (reddened[..., 1:3] <= studio[..., 1:3]).all()
    assert reddened[..., 1:3].mean() < 0.9 * studio[..., 1:3].mean()
    assert calls(drawer) == 1


def test_coefficients_of_flame_2020_are_drawn_as_they_are() -> None:
    drawer = animator()
    absolute = replace(to_flame(face(0.3)), jaw_pose=face(0.31).jaw_pose, eyelids=np.full(2, 0.01, np.float32))
    absolute = replace(absolute, expression=np.full(50, 0.01, np.float32))
    absolute = replace(absolute, jaw_pose=np.array([0.31, 0.01, 0.01], np.float32))
    opened, direct = drawer.draw(face(0.3), ME, LIGHT), animator().draw(absolute, ME, LIGHT)
    np.testing.assert_allclose(opened.rgba.astype(int), direct.rgba.astype(int), atol=3)
    assert direct.params.basis == FLAME_BASIS


def test_a_portrait_holds_what_it_shows() -> None:
    portrait = animator().draw(face(0.3), ME, LIGHT, DrawOptions(presence=0.5))
    assert portrait.presence == 0.5
    np.testing.assert_allclose(portrait.params.jaw_pose, [0.3, 0.0, 0.0], atol=1e-3)
    np.testing.assert_array_equal(portrait.light, LIGHT)


def test_two_characters_of_one_model_are_drawn_in_turn() -> None:
    drawer, other = animator(), flat_character("other", SIZE, seed=1)
    mine = drawer.draw(face(), ME, LIGHT).rgba
    theirs = drawer.draw(face(), other, LIGHT).rgba
    assert (mine != theirs).any()
    assert drawer.draw(face(), ME, LIGHT).rgba.tobytes() == mine.tobytes()


def test_characters_that_do_not_fit_are_refused_by_name() -> None:
    rows = np.zeros((4, 8), np.float16)
    misfits: dict[str, AnyCharacter] = {
        'character "hana" is not photoreal.*--character hana': load_character("hana"),
        'character "a" was made for the weights else': replace(ME, name="a", model="else"),
        'character "c" has 64 pixels on a side, the networks 128': flat_character("c", 64),
        'character "d" has a bank of another size': replace(ME, name="d", bank=BankRows((rows,), (rows,))),
    }
    drawer = animator()
    for message, misfit in misfits.items():
        with pytest.raises(AnimatorError, match=message):
            drawer.check(misfit)
        with pytest.raises(AnimatorError, match=message):
            drawer.draw(face(), misfit, LIGHT)
    drawer.check(ME)


def test_what_networks_do_not_speak_is_refused() -> None:
    with pytest.raises(AnimatorError, match='"flame2020" and "open", not "mine"'):
        animator().draw(replace(face(), basis="mine"), ME, LIGHT)
    with pytest.raises(AnimatorError, match="light must be"):
        animator().draw(face(), ME, LIGHT[:9])


def test_steps_that_the_networks_have_no_plan_for_are_refused() -> None:
    with pytest.raises(AnimatorError, match="support 1, 2, 3, 4 steps, not 7"):
        animator(7)
    with pytest.raises(AnimatorError, match="2 steps need a UNet for 1 or 2 pictures, got 4"):
        animator(2, flat_networks(SIZE, batch=4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(9), '--steps 9 for character "me": "lcm" takes 1 to 8 steps, got 9'),
        (Options(guidance=0.5), "--guidance must be from 1"),
        (Options(expression_scale=1.6), "--expression-scale must be from 0 to 1.5, got 1.6"),
    ],
)
def test_impossible_options_are_refused(options: Options, message: str) -> None:
    with pytest.raises(AnimatorError, match=message):
        options.check(ME)


def test_guidance_leads_away_from_the_empty_prompt_and_the_unspecified_expression() -> None:
    """The flat network adds a tenth of its face's sum to a clean latent: with zeros there is none of it."""
    plain = animator()
    guided = PhotorealRenderer(flat_networks(SIZE), Options(guidance=3.0), to_flame)
    clean, pushed = 0.5 * np.tanh(ME.noise) + 0.1 * 55 * 0.01, 0.5 * np.tanh(ME.noise) + 3.0 * 0.1 * 55 * 0.01
    np.testing.assert_allclose(plain.draw(face(), ME, LIGHT).rgba[..., :3], levels(clean.astype(np.float32)), atol=1)
    np.testing.assert_allclose(guided.draw(face(), ME, LIGHT).rgba[..., :3], levels(pushed.astype(np.float32)), atol=1)
    assert (calls(plain), calls(guided)) == (1, 2)
