"""The renderer copies from the references that are near, and a picture is a function of what it shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import FlameParams
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.model.anchors import Key
from omote.engine.model.networks import face_params, face_row
from omote.engine.model.renderer import MOST_AT_ONCE, PreparedCharacter, Renderer
from omote.engine.testing.drawing import CopyingNetworks, painted_character

REST, LIGHT = FlameParams.neutral(), studio_light()


def turned(yaw: float) -> FlameParams:
    return replace(REST, neck_pose=np.array([0.0, yaw, 0.0], np.float32))


FACES = [turned(yaw) for yaw in (-0.6, -0.3, 0.3, 0.6)]


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(CopyingNetworks())


@pytest.fixture(scope="module")
def look(renderer: Renderer) -> PreparedCharacter:
    return renderer.prepare(painted_character(faces=FACES))


def chosen(look: PreparedCharacter, face: FlameParams) -> dict[Key, float]:
    choice, present, _ = look.chosen(face)
    return dict(zip(choice.order, present[0].tolist(), strict=True))


def test_a_reference_alone_is_always_there(renderer: Renderer) -> None:
    look = renderer.prepare(painted_character())
    assert look.at_once == 1
    assert chosen(look, turned(1.0)) == {0: 1.0}


def test_the_references_turned_most_alike_are_copied_from(look: PreparedCharacter) -> None:
    assert look.at_once == MOST_AT_ONCE
    found = chosen(look, turned(0.45))
    assert {number for number, share in found.items() if share > 0.9} == {3, 4}
    assert chosen(look, turned(0.6))[4] == 1.0


def test_closed_eyes_and_an_open_mouth_are_copied_at_once(renderer: Renderer) -> None:
    closed = arkit.weights({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0})
    shown = [from_weights(one) for one in (arkit.weights({"jawOpen": 0.8}), closed)]
    look = renderer.prepare(painted_character(faces=[*shown, turned(0.3), turned(-0.3)]))
    for turn in (0.0, 0.28):
        winking = from_weights(arkit.weights({"eyeBlinkLeft": 1.0, "jawOpen": 0.7}), None, turned(turn).neck_pose)
        found = {key for key, share in chosen(look, winking).items() if share > 0.0}
        assert {0 if turn == 0.0 else 3, (2, 1, 1, 2)} <= found


def test_a_single_picture_turns_up_to_26_degrees(renderer: Renderer, look: PreparedCharacter) -> None:
    single = renderer.prepare(painted_character())
    for wanted, least, most in ((0.2, 0.2, 0.2), (0.35, 0.33, 0.35), (1.0, 0.44, 0.454), (-1.0, -0.454, -0.44)):
        face = replace(turned(wanted), neck_pose=np.array([0.0, wanted, 0.7], np.float32))
        found = single.within_reach(face).neck_pose
        assert least - 1e-6 <= found[1] <= most + 1e-6
        assert found[2] == np.float32(0.7)  # a head tilts as far as it likes
    assert look.within_reach(turned(1.0)).neck_pose[1] == np.float32(1.0)


def test_nothing_is_painted_beside_a_single_picture(renderer: Renderer) -> None:
    character = painted_character()
    plain = replace(character.references[0], rgba=np.full_like(character.references[0].rgba, 200))
    drawn = renderer.draw(renderer.prepare(replace(character, references=(plain,))), turned(0.4), LIGHT, 256)
    assert (drawn[..., 3] == 200).mean() > 0.98  # but for a mouth and lids
    assert np.abs(drawn[..., :3].astype(int) - 200).mean() < 1.5


def test_photos_of_several_sides_widen_the_reach(renderer: Renderer) -> None:
    character = painted_character(faces=[turned(0.5)])
    photos = tuple(replace(one, kind="photo") for one in character.references)
    look = renderer.prepare(replace(character, references=photos))
    assert look.within_reach(turned(0.6)).neck_pose[1] == np.float32(0.6)
    assert look.within_reach(turned(-1.0)).neck_pose[1] > -0.46


def test_no_reference_comes_or_goes_at_once(look: PreparedCharacter) -> None:
    before = chosen(look, turned(-0.8))
    for yaw in np.arange(-0.8, 0.8, 0.01):
        now = chosen(look, turned(float(yaw)))
        for number in before.keys() | now.keys():
            assert abs(before.get(number, 0.0) - now.get(number, 0.0)) < 0.35  # of the whole, in half a degree
        before = now


def test_what_stands_is_the_same_array_while_the_choice_is_the_same(
    renderer: Renderer, look: PreparedCharacter
) -> None:
    first, _ = renderer.inputs(look, turned(0.44), LIGHT)
    second, _ = renderer.inputs(look, turned(0.45), LIGHT)
    for name in ("x", "t", "style", "picture", "fine", "coarse", "identity"):
        assert first[name] is second[name]
    assert first["place"] is not second["place"]


def test_a_face_that_a_reference_shows_is_drawn_as_that_reference(renderer: Renderer) -> None:
    character = painted_character()
    drawn = renderer.draw(renderer.prepare(character), REST, LIGHT, 256).astype(int)
    wanted = character.references[0].rgba.astype(int)
    inside = (wanted[..., 3] == 255) & (drawn[..., 3] == 255)
    assert inside.mean() > 0.2
    assert np.abs(drawn - wanted)[inside].mean() < 2.0


def test_a_turned_head_takes_its_picture_with_it(renderer: Renderer, look: PreparedCharacter) -> None:
    straight, aside = (renderer.draw(look, face, LIGHT, 256) for face in (REST, turned(0.5)))
    assert np.abs(straight.astype(int) - aside).mean() > 2.0


def test_steps_see_what_was_drawn_before(renderer: Renderer, look: PreparedCharacter) -> None:
    networks = renderer.networks
    assert isinstance(networks, CopyingNetworks)
    before = networks.session.calls
    renderer.draw(look, REST, LIGHT, 256, steps=4)
    assert networks.session.calls == before + 4


def test_another_basis_and_light_that_is_none_are_refused(renderer: Renderer, look: PreparedCharacter) -> None:
    with pytest.raises(ValueError, match='speaks the basis "open"'):
        renderer.draw(look, replace(REST, basis="flame2020"), LIGHT)
    with pytest.raises(ValueError, match="light must be"):
        renderer.draw(look, REST, LIGHT[:9])
    smile = from_weights(arkit.weights({"mouthSmileLeft": 0.5}))
    assert renderer.draw(look, smile, LIGHT).shape == (512, 512, 4)


def test_a_row_of_numbers_tells_the_face_that_it_was_made_of() -> None:
    face = from_weights(arkit.weights({"jawOpen": 0.5, "mouthSmileLeft": 0.7}), None, turned(0.3).neck_pose)
    np.testing.assert_allclose(face_params(face_row(face)).vector(), face.vector(), atol=1e-6)
