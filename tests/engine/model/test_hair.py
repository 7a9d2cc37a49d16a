"""Hair is told from skin and clothes by its colour, and swings without the face."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omote.engine import Animator, FlameParams, Stamp, load_character, studio_light
from omote.engine.model.hair import CHAINS, JOINTS, hair_mask, hair_of, swung
from omote.engine.model.portrait_renderer import DrawOptions
from omote.engine.model.renderer import PreparedCharacter, Renderer, viewer_of
from omote.engine.testing.drawing import CopyingNetworks, painted_character

LIGHT, REST = studio_light(), FlameParams.neutral()
FRAME_NS = 20_000_000


def turned(yaw: float) -> FlameParams:
    return replace(REST, neck_pose=np.array([0.0, yaw, 0.0], np.float32))


@pytest.fixture(scope="module")
def look() -> PreparedCharacter:
    return Renderer(CopyingNetworks()).prepare(load_character("yuki"))


def sway(right: float) -> np.ndarray:
    """Every joint as far to the right."""
    found = np.zeros((JOINTS, CHAINS, 3), np.float32)
    found[..., 0] = right
    return found


def test_white_locks_are_hair_and_face_and_clothes_are_not(look: PreparedCharacter) -> None:
    is_hair = hair_mask(look.references[0], look.views[0])
    assert is_hair[12:28, 50:78].mean() > 0.9  # the crown
    assert not is_hair[60:84, 52:76].any()  # eyes, nose and mouth
    assert not is_hair[118:, 50:78].any()  # the shirt
    assert is_hair[84:100].any()  # locks beside the neck


def test_short_hair_does_not_swing() -> None:
    character = load_character("marcus")
    viewer = viewer_of(character)
    assert hair_of(character.references[0], viewer, viewer.view(character.references[0].params)) is None


def test_a_sway_moves_the_locks_and_leaves_crown_face_and_shirt_alone(look: PreparedCharacter) -> None:
    networks = CopyingNetworks()
    inputs, order = Renderer(networks).inputs(look, REST, LIGHT)
    place = inputs["place"][0, order.index(0)]
    assert look.hair is not None
    moved = look.hair.displacement(sway(0.1), place)
    assert np.abs(moved[60:84, 52:76]).max() < 0.01  # cells
    is_hair = hair_mask(look.references[0], look.views[0])
    locks = np.zeros_like(is_hair)
    locks[90:105] = is_hair[90:105]
    assert moved[locks, 0].max() == pytest.approx(0.1 * look.hair.cells, rel=0.1)
    assert np.abs(moved[..., 1]).max() < 1e-4
    layers = networks.layers(inputs)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(swung(layers, np.zeros_like(moved)), layers, strict=True))


def test_a_uniform_displacement_moves_every_layer_by_so_many_cells(look: PreparedCharacter) -> None:
    networks = CopyingNetworks()
    inputs, _ = Renderer(networks).inputs(look, REST, LIGHT)
    layers = networks.layers(inputs)
    moved = swung(layers, np.full((128, 128, 2), (3.0, 0.0), np.float32))
    assert np.allclose(moved.place[..., 3:], layers.place[..., :-3], atol=1e-5)
    assert np.allclose(moved.paint[..., 6:], layers.paint[..., :-6], atol=1e-5)


def pictures(animator: Animator, faces: list[FlameParams], strength: float = 1.0) -> list[np.ndarray]:
    yuki = load_character("yuki")
    stamps = [Stamp(k, k * FRAME_NS, 0) for k in range(len(faces))]
    return [
        animator.draw(one, yuki, LIGHT, DrawOptions(at, hair=strength)).rgba
        for one, at in zip(faces, stamps, strict=True)
    ]


def test_a_turn_swings_the_hair_of_a_picture_until_it_is_as_without() -> None:
    faces = [REST, *[turned(0.3)] * 150]
    animator, still = (Animator(256, renderer=Renderer(CopyingNetworks())) for _ in range(2))
    swinging, without = pictures(animator, faces), pictures(still, faces, 0.0)
    assert not np.array_equal(swinging[3], without[3])
    assert np.array_equal(swinging[-1], without[-1])
    assert np.array_equal(swinging[-1], swinging[-2])
    assert animator.counts.still > 20  # at rest nothing is drawn anew
    again = pictures(Animator(256, renderer=Renderer(CopyingNetworks())), faces)
    assert all(np.array_equal(a, b) for a, b in zip(swinging, again, strict=True))


def test_who_has_no_hair_to_swing_is_drawn_as_ever() -> None:
    animator = Animator(256, renderer=Renderer(CopyingNetworks()))
    bald = painted_character("mika")
    one, two = (
        animator.draw(turned(0.3), bald, LIGHT, DrawOptions(Stamp(k, k * FRAME_NS, 0), hair=hair)).rgba
        for k, hair in ((0, 0.0), (1, 1.0))
    )
    assert np.array_equal(one, two)
