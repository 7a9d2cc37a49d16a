"""Of the references that show lids, gaze, brows and mouth doing something, the nearest of each part are copied."""

from __future__ import annotations

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import FlameParams
from omote.engine.face.correspondence import EYE_CHANNEL, GRID, MOUTH_CHANNEL
from omote.engine.face.retarget import from_weights, to_weights
from omote.engine.model.anchors import Choice, Key
from omote.engine.model.renderer import PreparedCharacter, Renderer
from omote.engine.testing.drawing import CopyingNetworks, painted_character


def both(**weights: float) -> dict[str, float]:
    return {f"{name}{side}": value for name, value in weights.items() for side in ("Left", "Right")}


def face(weights: dict[str, float], yaw: float = 0.0) -> FlameParams:
    return from_weights(arkit.weights(weights), None, np.array([0.0, yaw, 0.0], np.float32))


MOUTH = 2  # of the zones
LOWERED, LOW, CLOSED, OPEN, AWAY = 1, 2, 3, 4, 5
FACES = [
    face(both(eyeBlink=0.4)),
    face(both(eyeBlink=0.75) | {"jawOpen": 0.4}),
    face(both(eyeBlink=1.0) | both(browDown=1.0)),
    face({"jawOpen": 0.8}),
    face({"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8}),
]


@pytest.fixture(scope="module")
def look() -> PreparedCharacter:
    return Renderer(CopyingNetworks()).prepare(painted_character(faces=FACES, head="anime"))


def chosen(look: PreparedCharacter, weights: dict[str, float]) -> list[Choice]:
    return look.anchors.chosen(arkit.weights(weights), np.zeros(3, np.float32))


@pytest.mark.parametrize(
    ("weights", "nearest", "second"),
    [
        (both(eyeBlink=0.7), (LOW, LOW, -1, -1), (LOWERED, LOWERED, -1, -1)),
        (both(eyeBlink=0.85), (LOW, LOW, -1, -1), (CLOSED, CLOSED, -1, -1)),
        ({"eyeBlinkLeft": 1.0}, (CLOSED, -1, -1, -1), (LOW, -1, -1, -1)),
        ({"eyeBlinkRight": 0.4, "jawOpen": 0.8}, (-1, LOWERED, OPEN, -1), (-1, LOW, LOW, -1)),
        ({"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8, **both(browDown=1.0)}, (AWAY, AWAY, -1, CLOSED), None),
    ],
)
def test_each_part_is_copied_from_the_references_nearest_in_it(
    look: PreparedCharacter, weights: dict[str, float], nearest: Key, second: Key | None
) -> None:
    found = chosen(look, weights)
    copied = [tuple(np.where(one.share > 0.0, one.key, -1).tolist()) for one in found]
    assert copied[0] == nearest
    assert found[0].share[np.array(nearest) >= 0].min() == 1.0
    if second is not None:
        assert copied[1] == second


def test_a_part_at_rest_lies_in_the_picture_beside_it_where_that_rests_too(look: PreparedCharacter) -> None:
    assert chosen(look, both(eyeBlink=0.4))[0].key == (LOWERED,) * 4
    # Its mouth is open, so the mouth is the first reference's; its brows rest.
    assert chosen(look, both(eyeBlink=0.75))[0].key == (LOW, LOW, -1, LOW)


def test_a_resting_face_has_no_anchor(look: PreparedCharacter) -> None:
    assert chosen(look, {"mouthSmileLeft": 0.05}) == []


def test_lips_that_part_a_little_copy_a_mouth_that_is_wide_open(look: PreparedCharacter) -> None:
    (found, *_) = chosen(look, {"jawOpen": 0.1})
    assert isinstance(found.key, tuple)
    assert found.key[MOUTH] in (LOW, OPEN)
    assert found.share[MOUTH] == 1.0


def test_behind_puckered_lips_is_what_another_picture_shows() -> None:
    faces = [face({"mouthPucker": 1.0}), face({"jawOpen": 0.8}), face({"jawOpen": 0.5, "tongueOut": 1.0})]
    look = Renderer(CopyingNetworks()).prepare(painted_character(faces=faces))
    first, second = chosen(look, {"mouthPucker": 0.7, "jawOpen": 0.2})
    assert (first.key, second.key) == ((1, 1, 1, 1), (2, 2, 2, 2))
    assert second.share[MOUTH] == 1.0
    # What the network reads: the inside of the mouth is seen in the second alone, although it does something else.
    inputs, order = Renderer(CopyingNetworks()).inputs(
        look, face({"mouthPucker": 0.7, "jawOpen": 0.2}), look.references[0].light
    )
    is_mouth = inputs["geometry"][0, MOUTH_CHANNEL] > 0.5
    square = inputs["trust"][0, :, :2].prod(1)[:, is_mouth].mean(1)
    assert square[order.index(second.key)] > 0.8
    assert square[order.index(first.key)] < 0.1


def test_no_part_comes_or_goes_at_once(look: PreparedCharacter) -> None:
    def shares(blink: float) -> dict[tuple[int, int], float]:
        found = chosen(look, both(eyeBlink=blink) | {"jawOpen": 1.0 - blink})
        return {
            (part, number): float(one.share[part])
            for one in found
            for part, number in enumerate(one.key if isinstance(one.key, tuple) else ())
            if number >= 0
        }

    before = shares(0.0)
    for blink in np.arange(0.0, 1.0, 0.01):
        now = shares(float(blink))
        for key in before.keys() | now.keys():
            assert abs(before.get(key, 0.0) - now.get(key, 0.0)) < 0.25
        before = now


def test_parts_are_put_together_as_their_own_pictures_show_them(look: PreparedCharacter) -> None:
    key = (CLOSED, 0, OPEN, -1)
    made = look.anchors.composite(key, look.encoded)
    weights = dict(zip(arkit.NAMES, made.weights.tolist(), strict=True))
    assert [weights[name] for name in ("eyeBlinkLeft", "eyeBlinkRight", "jawOpen")] == pytest.approx([1.0, 0.0, 0.8])
    pictures = look.pictures(256)
    source = look.anchors.source(key, look.encoded, pictures).rgba
    eyes = np.argwhere(look.views[0].geometry[EYE_CHANNEL] > 0.5) * 2
    mouth = np.argwhere(look.views[OPEN].geometry[MOUTH_CHANNEL] > 0.5) * 2
    left = eyes[eyes[:, 1] > 130]  # of the subject
    right = eyes[eyes[:, 1] < 126]
    for cells, number in ((left, CLOSED), (right, 0), (mouth, OPEN)):
        np.testing.assert_array_equal(source[tuple(cells.T)], pictures[number].rgba[tuple(cells.T)])
    # The head to copy from has the closed eye and the open mouth where those pictures have them.
    vertex = look.viewer.zone_share
    for zone, number in ((0, CLOSED), (2, OPEN)):
        mine = (vertex.argmax(0) == zone) & (vertex.max(0) > 0.5)
        np.testing.assert_array_equal(made.view.screen[mine], look.views[number].screen[mine])
    assert made.encoded.picture.shape == (1, 8, GRID, GRID)


def test_the_same_parts_are_put_together_once(look: PreparedCharacter) -> None:
    key = (LOW, LOW, -1, -1)
    assert look.anchors.composite(key, look.encoded) is look.anchors.composite(key, look.encoded)
    assert look.sources([key], 256)[0] is look.sources([key], 256)[0]


def test_references_of_another_side_are_copied_whole() -> None:
    faces = [face(both(eyeBlink=1.0), 0.3), face({"jawOpen": 0.8}, -0.3)]
    look = Renderer(CopyingNetworks()).prepare(painted_character(faces=faces))
    found = look.anchors.chosen(to_weights(faces[1]), faces[1].neck_pose)
    assert [one.key for one in found] == [2]
    assert found[0].share.tolist() == [1.0] * 4


def test_photos_that_look_elsewhere_are_no_anchors_from_another_side() -> None:
    aside = {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0}
    look = Renderer(CopyingNetworks()).prepare(painted_character(faces=[face(aside, 0.3), face(aside)]))
    assert look.anchors.is_anchor.tolist() == [False, False, True]
