"""Photos become a character with painted anchors, and characters are mixed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.data import MOST_REFERENCES, Character, FlameParams, Reference
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights, to_weights
from omote.engine.model import making
from omote.engine.model.making import (
    CLOSED_EYES,
    LEFT,
    OPEN_MOUTH,
    REST,
    RIGHT,
    character_from_seed,
    face_mask,
    made_from_photos,
    mixed_character,
    with_anchors,
)
from omote.engine.model.photos import PhotoReference, PhotoReferences
from omote.engine.model.renderer import Renderer
from omote.engine.testing.drawing import CopyingNetworks

from .test_character_file import ramp_character

SIDE = 256
SMILE = {"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7}


def face(weights: dict[str, float] | None = None, yaw_deg: float = 0.0) -> FlameParams:
    turn = np.array([0.0, np.radians(yaw_deg), 0.0], np.float32)
    return from_weights(arkit.weights(weights or {}), None, turn)


def character(*faces: FlameParams) -> Character:
    rgba = np.full((SIDE, SIDE, 4), 200, np.uint8)
    references = tuple(Reference(rgba, one, studio_light(), "photo") for one in faces)
    return Character("me", "open", np.zeros(100, np.float32), references, "x", "x")


class PlainRenderer(Renderer):
    """Draws plain pictures, and notes its arguments."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, FlameParams, int, int]] = []

    def prepare(self, character: Character) -> Character:  # type: ignore[override]
        return character

    def draw(  # type: ignore[override]
        self, prepared: Character, params: FlameParams, light: NDArray[np.float32], size: int, steps: int = 1
    ) -> NDArray[np.uint8]:
        assert (light == prepared.references[0].light).all()
        self.calls.append((len(prepared.references), params, size, steps))
        return np.full((size, size, 4), len(self.calls), np.uint8)


@pytest.mark.parametrize(
    ("faces", "missing"),
    [
        ([face()], [OPEN_MOUTH, CLOSED_EYES, LEFT, RIGHT]),
        ([face(SMILE)], [REST, OPEN_MOUTH, CLOSED_EYES, LEFT, RIGHT]),
        ([face({"jawOpen": 0.6})], [REST, CLOSED_EYES, LEFT, RIGHT]),
        ([face(), face(yaw_deg=28.0)], [OPEN_MOUTH, CLOSED_EYES, RIGHT]),
        ([face({"eyeBlinkLeft": 1.0}), face()], [OPEN_MOUTH, CLOSED_EYES, LEFT, RIGHT]),
        ([one.params for one in (REST, OPEN_MOUTH, CLOSED_EYES, LEFT, RIGHT)], []),
    ],
    ids=["rest", "smile", "open", "turned", "wink", "all"],
)
def test_anchors_are_the_faces_that_no_reference_shows(faces: list[FlameParams], missing: list[making.Anchor]) -> None:
    found = list(making.missing_anchors(character(*faces).references))
    assert [one.name for one in found] == [one.name for one in missing]


def test_each_anchor_is_painted_with_the_earlier_ones_among_the_references() -> None:
    renderer = PlainRenderer()
    made = with_anchors(character(face(SMILE)), renderer)
    assert [count for count, _, _, _ in renderer.calls] == [1, 2, 3, 4, 5]
    assert {(size, steps) for _, _, size, steps in renderer.calls} == {(SIDE, making.ANCHOR_STEPS)}
    assert [one.kind for one in made.references] == ["photo", *["painted"] * 5]
    assert [int(one.rgba[0, 0, 0]) for one in made.references[1:]] == [1, 2, 3, 4, 5]
    weights = to_weights(made.references[3].params)
    assert weights[arkit.INDEX["eyeBlinkLeft"]] == pytest.approx(1.0)
    assert np.degrees(made.references[4].params.neck_pose[1]) == pytest.approx(30.0)


def test_there_are_no_more_anchors_than_a_character_has_room_for() -> None:
    renderer = PlainRenderer()
    made = with_anchors(character(*[face(SMILE)] * (MOST_REFERENCES - 2)), renderer)
    assert len(made.references) == MOST_REFERENCES
    assert len(renderer.calls) == 2


def test_a_character_from_photos_names_its_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    rgba = np.full((SIDE, SIDE, 4), 200, np.uint8)
    one = PhotoReference("a.jpg", rgba, face(), studio_light(), 400.0, 0.01)
    found = PhotoReferences(np.zeros(100, np.float32), (one, one), ("Take it in more light.",))
    monkeypatch.setattr(making, "references_of", lambda photos, refiner: found)
    for count, origin in ((1, "Made from a photo of a real person"), (2, "Made from 2 photos of a real person")):
        made = made_from_photos("me", [None] * count, "They agreed", None)  # type: ignore[list-item]
        assert made.character.made_from == origin
        assert made.character.consent == "They agreed"
        assert made.character.licence.startswith("Private")
        assert [one.kind for one in made.character.references] == ["photo", "photo"]
        assert made.warnings == ("Take it in more light.",)


def test_with_a_renderer_the_anchors_are_painted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    rgba = np.full((SIDE, SIDE, 4), 200, np.uint8)
    one = PhotoReference("a.jpg", rgba, face(), studio_light(), 400.0, 0.01)
    found = PhotoReferences(np.zeros(100, np.float32), (one,), ())
    monkeypatch.setattr(making, "references_of", lambda photos, refiner: found)
    made = made_from_photos("me", [None], "", PlainRenderer())  # type: ignore[list-item]
    assert [one.kind for one in made.character.references] == ["photo", *["painted"] * 4]


# Mixing characters.


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(CopyingNetworks())


def of_colour(name: str, colour: tuple[int, int, int]) -> Character:
    who = ramp_character(2)
    rgba = np.empty((256, 256, 4), np.uint8)
    rgba[...] = (*colour, 255)
    references = tuple(replace(one, rgba=rgba, params=FlameParams.neutral()) for one in who.references)
    return replace(who, name=name, references=references, shape=np.full(100, colour[0] / 255.0, np.float32))


RED, BLUE = of_colour("red", (200, 40, 40)), of_colour("blue", (40, 40, 200))


def test_the_face_is_between_two_and_the_rest_is_the_nearer_ones(renderer: Renderer) -> None:
    made = mixed_character(RED, BLUE, 0.25, renderer, "mixed")
    np.testing.assert_allclose(made.shape, 0.75 * RED.shape + 0.25 * BLUE.shape, atol=1e-6)
    assert made.name == "mixed"
    assert "75% red, 25% blue" in made.made_from
    assert len(made.references) == len(RED.references)
    prepared = renderer.prepare(made)
    for one in made.references:
        is_face = face_mask(prepared.viewer, one.params, len(one.rgba)) > 0.99
        assert is_face.mean() > 0.01
        face = one.rgba[is_face].mean(0)
        assert abs(face[0] - 160.0) < 4.0
        assert abs(face[2] - 80.0) < 4.0
        np.testing.assert_allclose(one.rgba[8, 8], (200, 40, 40, 255), atol=3.0)


def test_from_half_on_the_second_is_the_nearer_one(renderer: Renderer) -> None:
    made = mixed_character(RED, BLUE, 0.75, renderer, "mixed")
    np.testing.assert_allclose(made.references[0].rgba[8, 8], (40, 40, 200, 255), atol=3.0)
    np.testing.assert_allclose(made.shape, 0.25 * RED.shape + 0.75 * BLUE.shape, atol=1e-6)


def test_a_seed_always_makes_the_same_character_and_another_seed_another(renderer: Renderer) -> None:
    cast = [RED, BLUE, of_colour("green", (40, 200, 40)), of_colour("grey", (120, 120, 120))]
    one, same, other = (character_from_seed(seed, cast, renderer, "new") for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.references[0].rgba, same.references[0].rgba)
    assert np.abs(one.references[0].rgba.astype(int) - other.references[0].rgba).max() > 20


def test_what_cannot_be_mixed_is_refused(renderer: Renderer) -> None:
    with pytest.raises(ValueError, match="cannot be mixed"):
        mixed_character(RED, replace(BLUE, head="anime"), 0.5, renderer, "x")
    with pytest.raises(ValueError, match="0 to 1"):
        mixed_character(RED, BLUE, 1.5, renderer, "x")
    with pytest.raises(ValueError, match="three characters"):
        character_from_seed(1, [RED, BLUE], renderer, "x")
