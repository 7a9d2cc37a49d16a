"""A character of one photo borrows closed lids, a gaze aside and the inside of its mouth from a shipped person."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.data import Character, Reference
from omote.engine.face.fitting import Fitter
from omote.engine.face.head import open_head
from omote.engine.face.rasterizer import Camera
from omote.engine.face.retarget import to_weights
from omote.engine.model.borrowing import SIDE, with_borrowed_parts
from omote.engine.model.renderer import Renderer
from omote.engine.testing.drawing import CopyingNetworks, painted_character, shipped_character

# Sol, who does not exist, stands for the person in a photo: the other pictures of her are what is wanted.
PERSON = "sol"
EYE, LIPS = [33, 133, 159, 145], [78, 308, 13, 14]  # MediaPipe's landmarks of an eye's and the mouth's ends and middles


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer(CopyingNetworks())


@pytest.fixture(scope="module")
def photo() -> Character:
    person = shipped_character(PERSON)
    return replace(person, references=(replace(person.references[0], kind="photo"),))


@pytest.fixture(scope="module")
def made(photo: Character, renderer: Renderer) -> Character:
    return with_borrowed_parts(photo, renderer)


def of(character: Character, **wanted: float) -> Reference:
    """The reference that shows these weights, from the front."""
    for one in character.references:
        weights, is_level = to_weights(one.params), np.abs(one.params.neck_pose).max() < 0.05
        if is_level and all(abs(weights[arkit.INDEX[name]] - value) < 0.02 for name, value in wanted.items()):
            return one
    raise AssertionError(f"no reference with {wanted}")


def around(character: Character, reference: Reference, landmarks: list[int]) -> NDArray[np.float64]:
    """[h,w,3] the levels around these landmarks, in a picture of 768 x 768."""
    head = open_head()
    shaped, side = head.shaped(character.shape), len(reference.rgba)
    screen = Camera.framing(shaped).project(head.pose(shaped, reference.params), side)[:, :2]
    points = Fitter().anchored(screen)[landmarks]
    (left, top), (right, bottom) = points.min(0).astype(int) - 6, points.max(0).astype(int) + 6
    return reference.rgba[top:bottom, left:right, :3].astype(np.float64)


def error(character: Character, reference: Reference, truth: Reference, landmarks: list[int]) -> float:
    """The root of the mean squared difference in levels."""
    # In the place of the truth's, whose raised brows draw the lids a little.
    pair = [around(character, replace(one, params=truth.params), landmarks) for one in (reference, truth)]
    return float(np.sqrt(np.square(pair[0] - pair[1]).mean()))


def drawn(photo: Character, like: Reference, renderer: Renderer) -> Reference:
    """What the photo alone gives for the same face."""
    rgba = renderer.draw(renderer.prepare(photo), like.params, like.light, len(like.rgba))
    return replace(like, rgba=rgba)


def test_each_front_pose_of_the_donor_becomes_a_reference_in_the_photos_pose(photo: Character, made: Character) -> None:
    donor = shipped_character("kenji")
    level = [one for one in donor.references[1:] if np.abs(one.params.neck_pose).max() < 0.02]
    assert [one.kind for one in made.references] == ["photo", *["painted"] * len(level)]
    assert made.references[0] is photo.references[0]
    for one, given in zip(made.references[1:], level, strict=True):
        assert (one.params.neck_pose == photo.references[0].params.neck_pose).all()
        wanted = to_weights(given.params)
        wanted[[k for k, name in enumerate(arkit.NAMES) if name.startswith("brow")]] = 0.0
        assert to_weights(one.params) == pytest.approx(wanted, abs=1e-3)
        assert len(one.rgba) == SIDE


def test_the_donor_has_the_most_similar_skin_and_is_named(photo: Character, renderer: Renderer) -> None:
    assert "kenji's, who does not exist" in with_borrowed_parts(photo, renderer).made_from
    darker = shipped_character("amara")
    photo = replace(darker, references=(replace(darker.references[0], kind="photo"),))
    assert "marcus's, who does not exist" in with_borrowed_parts(photo, renderer).made_from


def test_closed_lids_are_nearer_to_the_truth_than_a_stretched_photo(
    photo: Character, made: Character, renderer: Renderer
) -> None:
    closed, truth = (of(one, eyeBlinkLeft=1.0, eyeBlinkRight=1.0) for one in (made, shipped_character(PERSON)))
    plain = drawn(photo, closed, renderer)
    assert error(photo, closed, truth, EYE) < 0.6 * error(photo, plain, truth, EYE)


def test_a_gaze_aside_has_its_iris_where_the_truth_has_it(made: Character) -> None:
    aside, truth = (of(one, eyeLookOutLeft=0.8, eyeLookInRight=0.8) for one in (made, shipped_character(PERSON)))

    def iris(reference: Reference) -> float:
        """The column of what is dark in the right eye, as a part of its width."""
        levels = around(made, reference, EYE).min(2)
        dark = levels < np.percentile(levels, 15)
        return float(np.flatnonzero(dark.any(0)).mean() / levels.shape[1])

    assert iris(aside) == pytest.approx(iris(truth), abs=0.12)


def test_an_open_mouth_has_teeth_and_not_stretched_lips(photo: Character, made: Character, renderer: Renderer) -> None:
    opened = of(made, jawOpen=0.85)
    plain = drawn(photo, opened, renderer)
    inside, stretched = (around(made, one, LIPS) for one in (opened, plain))

    # Teeth are brighter than skin and without hue; a copied photo has lips there.
    def is_tooth(levels: NDArray[np.float64]) -> NDArray[np.bool_]:
        return np.asarray((levels.min(2) > 0.7 * levels.max(2)) & (levels.max(2) > 110))

    assert is_tooth(inside).mean() > 0.03
    assert is_tooth(stretched).mean() < 0.01
    assert inside.max(2).min() < 60.0  # the dark of the throat


def test_a_smile_keeps_the_photos_own_teeth(renderer: Renderer) -> None:
    person = shipped_character(PERSON)
    smile = of(person, mouthSmileLeft=0.85, mouthUpperUpLeft=0.5)
    green = smile.rgba.copy()
    levels = green[..., :3].astype(int)
    teeth = (levels.min(2) > 0.75 * levels.max(2)) & (levels.max(2) > 120)
    green[teeth, 0] = green[teeth, 2] = 0
    made = with_borrowed_parts(replace(person, references=(replace(smile, rgba=green, kind="photo"),)), renderer)
    shown = around(made, of(made, mouthSmileLeft=0.85, mouthUpperUpLeft=0.5), LIPS)
    assert ((shown[..., 1] > 100) & (shown[..., 0] < 60)).mean() > 0.1
    opened = around(made, of(made, jawOpen=0.85), LIPS)
    assert ((opened[..., 1] > 100) & (opened[..., 0] < 60)).mean() < 0.02  # the donor's: a smile's would be stretched


def test_a_second_photo_gives_its_teeth_and_lids(photo: Character, renderer: Renderer) -> None:
    person = shipped_character(PERSON)
    wanted = {"mouthSmileLeft": 0.85, "mouthUpperUpLeft": 0.5}, {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
    shown = [of(person, **weights) for weights in wanted]
    others = tuple(replace(one, kind="photo") for one in shown)
    made = with_borrowed_parts(replace(photo, references=(*photo.references, *others)), renderer)
    assert [one.kind for one in made.references].count("photo") == 1  # those of other faces are not copied as a whole
    alone = with_borrowed_parts(photo, renderer)
    for weights, truth, landmarks in zip(wanted, shown, (LIPS, EYE), strict=True):
        near, far = (error(one, of(one, **weights), truth, landmarks) for one in (made, alone))
        assert near < 0.8 * far


def test_a_photo_of_another_side_stays(photo: Character, renderer: Renderer) -> None:
    turned = shipped_character(PERSON).references[1]
    two = replace(photo, references=(*photo.references, replace(turned, kind="photo")))
    assert with_borrowed_parts(two, renderer).references[1].params is turned.params


def test_a_drawing_borrows_nothing(renderer: Renderer) -> None:
    drawing = painted_character(head="anime")
    assert with_borrowed_parts(drawing, renderer) is drawing
