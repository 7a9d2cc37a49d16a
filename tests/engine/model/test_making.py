"""Photos become a character, and characters are mixed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.data import Character, FlameParams
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.model import making
from omote.engine.model.making import (
    character_from_seed,
    face_mask,
    made_from_photos,
    mixed_character,
)
from omote.engine.model.photos import PhotoReference, PhotoReferences
from omote.engine.model.renderer import Renderer
from omote.engine.testing.drawing import CopyingNetworks

from .test_character_file import ramp_character

SIDE = 256


def face(weights: dict[str, float] | None = None, yaw_deg: float = 0.0) -> FlameParams:
    turn = np.array([0.0, np.radians(yaw_deg), 0.0], np.float32)
    return from_weights(arkit.weights(weights or {}), None, turn)


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


def test_with_a_renderer_what_the_photo_does_not_show_is_borrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    rgba = np.full((SIDE, SIDE, 4), 200, np.uint8)
    one = PhotoReference("a.jpg", rgba, face(), studio_light(), 400.0, 0.01)
    found = PhotoReferences(np.zeros(100, np.float32), (one,), ())
    monkeypatch.setattr(making, "references_of", lambda photos, refiner: found)
    made = made_from_photos("me", [None], "", Renderer(CopyingNetworks()))  # type: ignore[list-item]
    assert {one.kind for one in made.character.references[1:]} == {"painted"}
    assert "who does not exist" in made.character.made_from


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
