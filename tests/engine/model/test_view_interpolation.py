"""A head between two references lies in both where their optical flow says, and a turn goes on without a jump."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from omote.engine.data import Character, FlameParams
from omote.engine.face.correspondence import GRID
from omote.engine.face.light import studio_light
from omote.engine.model.renderer import PreparedCharacter, Renderer
from omote.engine.model.view_interpolation import STEPS, Pair, Turned, moved, turned
from omote.engine.testing.drawing import CopyingNetworks, painted_character

LIGHT = studio_light()


def facing(yaw: float, pitch: float = 0.0) -> FlameParams:
    return replace(FlameParams.neutral(), neck_pose=np.array([pitch, yaw, 0.0], np.float32))


def with_bun(character: Character, columns: list[float]) -> Character:
    """The same with a striped disc above the head, at this part of the width in each reference."""
    references = []
    for one, column in zip(character.references, columns, strict=True):
        rgba, side = one.rgba.copy(), len(one.rgba)
        middle = (round(column * side), round(0.14 * side))
        cv2.circle(rgba, middle, side // 12, (60, 40, 90, 255), -1)
        cv2.circle(rgba, middle, side // 24, (240, 220, 90, 255), -1)
        references.append(replace(one, rgba=rgba))
    return replace(character, references=tuple(references))


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(CopyingNetworks())


@pytest.fixture(scope="module")
def look(renderer: Renderer) -> PreparedCharacter:
    """Turned by 0, 15 and -15 degrees; what stands off the head moves by a twentieth of the picture."""
    character = painted_character(faces=[facing(0.26), facing(-0.26)], head="anime")
    return renderer.prepare(with_bun(character, [0.5, 0.55, 0.45]))


def bun(rgba: np.ndarray) -> tuple[float, float]:
    """Where the disc's middle is in a picture, as a part of its width, and how large it is."""
    bright, side = rgba.astype(int), len(rgba)
    is_bun = (bright[..., 1] > 200) & (bright[..., 2] < 140) & (bright[..., 3] > 200)
    is_bun[side // 3 :] = False
    return float(np.nonzero(is_bun)[1].mean()) / side, float(is_bun.sum())


def test_references_that_lie_side_by_side_are_matched(look: PreparedCharacter) -> None:
    assert {(pair.first, pair.second) for pair in look.pairs} == {(0, 1), (0, 2)}


def test_photos_are_not_matched(renderer: Renderer) -> None:
    character = painted_character(faces=[facing(0.26)])
    photos = tuple(replace(one, kind="photo") for one in character.references)
    assert renderer.prepare(replace(character, references=photos)).pairs == ()


def test_what_stands_off_the_head_is_half_way_at_half_the_turn(renderer: Renderer, look: PreparedCharacter) -> None:
    whole = bun(renderer.draw(look, facing(0.0), LIGHT, 256))[1]
    for yaw, column in ((0.0, 0.5), (0.13, 0.525), (0.26, 0.55), (-0.13, 0.475)):
        found, size = bun(renderer.draw(look, facing(yaw), LIGHT, 256))
        assert found == pytest.approx(column, abs=0.008)
        assert size > 0.8 * whole  # one disc, and not two that are half seen


def test_a_turn_has_no_jump_where_other_references_take_over(renderer: Renderer, look: PreparedCharacter) -> None:
    drawn = [renderer.draw(look, facing(yaw), LIGHT, 256).astype(int) for yaw in np.linspace(-0.3, 0.3, 61)]
    change = np.array([np.abs(after - before).mean() for before, after in pairwise(drawn)])
    assert change.max() < 3.0 * np.median(change)


def test_a_head_turned_as_a_reference_lies_in_it_where_it_is(look: PreparedCharacter) -> None:
    (first, _), (_, second) = look.pairs[0].places(0), look.pairs[0].places(STEPS)
    own = (np.arange(GRID) + 0.5) * (2.0 / GRID) - 1.0
    for places in (first, second):
        np.testing.assert_allclose(places[:, :, 0], np.broadcast_to(own, (GRID, GRID)), atol=1e-6)


def test_a_nod_does_not_change_between_which_references_a_head_is(look: PreparedCharacter) -> None:
    level, nodding = (turned(look.pairs, look.turns, facing(0.2, pitch).neck_pose) for pitch in (0.0, 0.15))
    assert level == nodding == Turned(0, round(STEPS * 0.2 / 0.26))
    assert turned((), look.turns, facing(0.2).neck_pose) is None


def test_places_are_sampled_in_any_shape() -> None:
    line = (np.arange(GRID, dtype=np.float32) + np.float32(0.5)) * np.float32(2.0 / GRID) - np.float32(1.0)
    places = np.stack(np.meshgrid(line, line), -1)
    at = np.random.default_rng(3).uniform(-0.9, 0.9, (301, 2)).astype(np.float32)
    np.testing.assert_allclose(moved(places, at), at, atol=2e-3)  # OpenCV samples at 1/32 of a cell


def test_flow_there_and_back_is_the_same_motion(look: PreparedCharacter) -> None:
    pair: Pair = look.pairs[0]
    row, column = round(0.14 * GRID), round(0.5 * GRID)
    there = pair.flow[0][row, column]
    assert there[0] == pytest.approx(0.05 * GRID, abs=0.6)
    back = pair.flow[1][row, round(column + float(there[0]))]
    np.testing.assert_allclose(back, -there, atol=0.6)
