"""Photos become a character, and the anchors that they lack are painted."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.data import Character, FlameParams, Reference
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights, to_weights
from omote.engine.model import making
from omote.engine.model.making import CLOSED_EYES, LEFT, OPEN_MOUTH, REST, RIGHT, made_from_photos, with_anchors
from omote.engine.model.photos import PhotoReference, PhotoReferences
from omote.engine.model.renderer import Renderer

SIDE = 256
SMILE = {"mouthSmileLeft": 0.7, "mouthSmileRight": 0.7}


def face(weights: dict[str, float] | None = None, yaw_deg: float = 0.0) -> FlameParams:
    turn = np.array([0.0, np.radians(yaw_deg), 0.0], np.float32)
    return from_weights(arkit.weights(weights or {}), None, turn)


def character(*faces: FlameParams) -> Character:
    rgba = np.full((SIDE, SIDE, 4), 200, np.uint8)
    references = tuple(Reference(rgba, one, studio_light(), "photo") for one in faces)
    return Character("me", "open", np.zeros(100, np.float32), references, "x", "x")


class Plain(Renderer):
    """Draws a plain picture, and notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, FlameParams, int, int]] = []

    def look(self, character: Character) -> Character:  # type: ignore[override]
        return character

    def draw(  # type: ignore[override]
        self, look: Character, params: FlameParams, light: NDArray[np.float32], size: int, steps: int = 1
    ) -> NDArray[np.uint8]:
        assert (light == look.references[0].light).all()
        self.asked.append((len(look.references), params, size, steps))
        return np.full((size, size, 4), len(self.asked), np.uint8)


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
def test_anchors_are_what_no_reference_shows(faces: list[FlameParams], missing: list[making.Anchor]) -> None:
    found = list(making.missing_anchors(character(*faces).references))
    assert [one.name for one in found] == [one.name for one in missing]


def test_each_anchor_is_painted_with_the_earlier_ones_among_the_references() -> None:
    renderer = Plain()
    made = with_anchors(character(face(SMILE)), renderer)
    assert [count for count, _, _, _ in renderer.asked] == [1, 2, 3, 4, 5]
    assert {(size, steps) for _, _, size, steps in renderer.asked} == {(SIDE, making.ANCHOR_STEPS)}
    assert [one.kind for one in made.references] == ["photo", *["painted"] * 5]
    assert [int(one.rgba[0, 0, 0]) for one in made.references[1:]] == [1, 2, 3, 4, 5]
    weights = to_weights(made.references[3].params)
    assert weights[arkit.INDEX["eyeBlinkLeft"]] == pytest.approx(1.0)
    assert np.degrees(made.references[4].params.neck_pose[1]) == pytest.approx(30.0)


def test_anchors_end_where_a_character_has_no_more_room() -> None:
    renderer = Plain()
    made = with_anchors(character(*[face(SMILE)] * 6), renderer)
    assert len(made.references) == 8
    assert len(renderer.asked) == 2


def test_a_character_from_photos_says_where_it_is_from(monkeypatch: pytest.MonkeyPatch) -> None:
    rgba = np.full((SIDE, SIDE, 4), 200, np.uint8)
    one = PhotoReference("a.jpg", rgba, face(), studio_light(), 400.0, 0.01)
    found = PhotoReferences(np.zeros(100, np.float32), (one, one), ("Take it in more light.",))
    monkeypatch.setattr(making, "references_of", lambda photos, refiner: found)
    for count, said in ((1, "Made from a photo of a real person"), (2, "Made from 2 photos of a real person")):
        made = made_from_photos("me", [None] * count, "They agreed", None)  # type: ignore[list-item]
        assert made.character.made_from == said
        assert made.character.consent == "They agreed"
        assert made.character.licence.startswith("Private")
        assert [one.kind for one in made.character.references] == ["photo", "photo"]
        assert made.warnings == ("Take it in more light.",)


def test_with_a_renderer_the_anchors_are_painted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    rgba = np.full((SIDE, SIDE, 4), 200, np.uint8)
    one = PhotoReference("a.jpg", rgba, face(), studio_light(), 400.0, 0.01)
    found = PhotoReferences(np.zeros(100, np.float32), (one,), ())
    monkeypatch.setattr(making, "references_of", lambda photos, refiner: found)
    made = made_from_photos("me", [None], "", Plain())  # type: ignore[list-item]
    assert [one.kind for one in made.character.references] == ["photo", *["painted"] * 4]
