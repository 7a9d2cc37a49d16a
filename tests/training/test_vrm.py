"""A VRM model becomes a character whose references show its head where ours is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from omote.bridge import arkit
from omote.engine.data import Character
from omote.engine.face.anime_head import anime_head
from omote.engine.face.rasterizer import Camera
from omote.engine.face.retarget import to_weights
from omote.engine.model.character_file import read_character, save_character
from omote.engine.model.vrm import SIDE, made_from_vrm
from omote.engine.model.vrm_file import VrmError, opened_vrm
from omote.engine.training.anime.character import sample_character
from omote.engine.training.anime.figure import Figure
from omote.engine.training.anime.kit import load as load_kit

from .kit import ANIME_KIT, needs_kit
from .vrm_models import drawn_model, squares

pytestmark = needs_kit
BLINK = {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}
SMILE = {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}
PERFECT_SYNC = {name: {name: 1.0} for name in arkit.NAMES}
# By VRoid's names of morph targets, some with the mesh before it.
VROID = {
    "Face.Fcl_EYE_Close": BLINK,
    "Fcl_MTH_A": {"jawOpen": 0.7},
    "Fcl_MTH_E": {"jawOpen": 0.25, "mouthStretchLeft": 0.6, "mouthStretchRight": 0.6},
    "Fcl_MTH_I": {"jawOpen": 0.1, "mouthStretchLeft": 0.9, "mouthStretchRight": 0.9},
    "Fcl_MTH_O": {"jawOpen": 0.5, "mouthFunnel": 0.8},
    "Fcl_MTH_U": {"jawOpen": 0.2, "mouthPucker": 0.9},
    "Fcl_HA_Fung1": {},
}
SHAPES = {
    "blink": BLINK,
    "aa": {"jawOpen": 0.7},
    "ou": {"mouthPucker": 0.8},
}


@pytest.fixture(scope="module")
def figure() -> Figure:
    kit = load_kit(ANIME_KIT)
    return Figure(kit, sample_character(kit, 5))


@pytest.fixture(scope="module")
def made(figure: Figure) -> Character:
    found = made_from_vrm("me", opened_vrm(drawn_model(figure, 1, SHAPES), "a.vrm"), "agreed")
    assert found.warnings == ()
    return found.character


def marks(character: Character, k: int) -> np.ndarray:
    """[70,2] where our head's landmarks lie in the k-th reference, in pixels."""
    head = anime_head()
    shaped = head.shaped(character.shape)
    vertex = head.landmarks(head.pose(shaped, character.references[k].params))
    return Camera.framing(shaped).project(vertex, SIDE)[:, :2]


@pytest.mark.slow
def test_each_reference_shows_what_it_says(made: Character) -> None:
    rest, closed, left, right, open_mouth, pucker = made.references
    assert {one.kind for one in made.references} == {"rendered"}
    assert closed.params.eyelids == pytest.approx(1.0)
    assert [round(np.degrees(one.params.neck_pose[1])) for one in (rest, left, right)] == [0, 30, -30]
    weights = dict(zip(arkit.NAMES, to_weights(open_mouth.params), strict=True))
    assert 0.4 < weights["jawOpen"] < 1.0
    assert dict(zip(arkit.NAMES, to_weights(pucker.params), strict=True))["mouthPucker"] > 0.4
    # The irises lie where our head has them, and are gone where the lids are closed.
    for x, y in marks(made, 0)[68:]:
        eye = (slice(int(y) - 6, int(y) + 7), slice(int(x) - 6, int(x) + 7))
        skin = rest.rgba[int(marks(made, 0)[30, 1]), int(marks(made, 0)[2:15, 0].mean()), :3].astype(int)
        assert np.abs(rest.rgba[eye][..., :3].astype(int) - skin).mean() > 60.0
        assert np.abs(closed.rgba[eye][..., :3].astype(int) - skin).mean() < 25.0


def test_our_head_lies_where_the_model_s_does(made: Character, figure: Figure) -> None:
    true = figure.pose(arkit.weights({}), np.zeros(3, np.float32)).landmark
    ours = marks(made, 0)
    # Both are brought to one size and place by the eyes' outer corners; the model's own camera is another.
    a, b = ours[:, 0] + 1j * ours[:, 1], true[:, 0] - 1j * true[:, 1]
    turn = (a[45] - a[36]) / (b[45] - b[36])
    apart = np.abs(turn * (b - b[[36, 45]].mean()) + a[[36, 45]].mean() - a) / np.ptp(ours[:17, 0])
    assert apart[[36, 39, 42, 45, 48, 54, 8]].max() < 0.06


def test_the_mouth_opens_in_the_picture(made: Character) -> None:
    top, bottom = marks(made, 4)[[51, 57]]
    middle = ((top + bottom) / 2.0).astype(int)
    at_rest, opened = (made.references[k].rgba[middle[1], middle[0], :3].astype(int) for k in (0, 4))
    assert opened[0] - opened[1] > 60  # of a tongue
    assert np.abs(at_rest - opened).max() > 40


def test_both_versions_give_the_same_model(figure: Figure) -> None:
    new, old = (opened_vrm(drawn_model(figure, version, SHAPES), "a.vrm") for version in (1, 0))
    assert new.head == pytest.approx(old.head)
    for ours, theirs in zip(new.parts, old.parts, strict=True):
        np.testing.assert_allclose(ours.position, theirs.position, atol=1e-4)
        np.testing.assert_allclose(ours.follows, theirs.follows, atol=1e-6)
        for name in ("blink", "aa", "ou"):
            np.testing.assert_allclose(new.moved(ours, name), old.moved(theirs, name), atol=1e-4)


def shown(character: Character) -> list[dict[str, float]]:
    """The weights above a quarter of each reference but the first, in front."""
    found = [one.params for one in character.references[1:] if abs(one.params.neck_pose[1]) < 0.1]
    weights = [dict(zip(arkit.NAMES, to_weights(params), strict=True)) for params in found]
    return [{name: value for name, value in one.items() if value > 0.25} for one in weights]


@pytest.mark.slow
def test_a_model_with_perfect_sync_shows_arkit_s_shapes(figure: Figure) -> None:
    data = drawn_model(figure, 1, PERFECT_SYNC)
    found = made_from_vrm("me", opened_vrm(data, "a.vrm"), "agreed")
    assert found.warnings == ()
    closed, opened, funnel, pucker, smile = shown(found.character)
    assert set(closed) == set(BLINK)
    assert opened["jawOpen"] > 0.7 and set(opened) == {"jawOpen"}
    assert funnel["mouthFunnel"] > 0.6
    assert pucker["mouthPucker"] > 0.6
    assert set(smile) == set(SMILE) and min(smile.values()) > 0.7


@pytest.mark.slow
def test_morph_targets_with_vroid_s_names_are_read(figure: Figure) -> None:
    data = drawn_model(figure, 0, VROID, are_only_targets=True)
    found = made_from_vrm("me", opened_vrm(data, "a.vrm"), "agreed")
    assert found.warnings == ()
    closed, a, o, i, u, e = shown(found.character)
    assert set(closed) == set(BLINK)
    assert a["jawOpen"] > 0.4
    assert o["mouthFunnel"] > 0.5
    assert min(i["mouthStretchLeft"], i["mouthStretchRight"]) > 0.6
    assert u["mouthPucker"] > 0.5
    assert min(e["mouthStretchLeft"], e["mouthStretchRight"]) > 0.3


def test_its_terms_are_kept(made: Character, tmp_path: Path) -> None:
    path = tmp_path / "me.omote"
    save_character(made, path)
    kept = read_character(path)
    assert "by Nobody. licence:" in kept.made_from and "commercial use: corporation" in kept.made_from
    assert "Seed-san" in kept.licence and kept.consent == "agreed"


def test_a_model_without_a_face_is_refused() -> None:
    with pytest.raises(VrmError, match="no drawn face"):
        made_from_vrm("me", opened_vrm(squares().written(), "a.vrm"), "agreed")
