"""The head and its motion for other programs are those of the open head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.arc2face.character import save as save_photoreal
from omote.engine.data import Character, FlameParams
from omote.engine.face.head import EYE, MOUTH, SKULL, open_head
from omote.engine.face.retarget import from_weights
from omote.engine.model.character_file import load_any_character
from omote.engine.offline.writers.blendshapes import HeadMesh, head_mesh, head_motion
from tests.arc2face.flat import flat_character

Made = Callable[..., Any]


@pytest.fixture(scope="module")
def mesh() -> HeadMesh:
    return head_mesh("hana")


def posed(params: FlameParams) -> Any:
    """[N,3] metres from the skull's joint: the open head itself."""
    hana = load_any_character("hana")
    assert isinstance(hana, Character)
    shaped = open_head().shaped(hana.shape)
    return (open_head().pose(shaped, params) - shaped.anchor[SKULL]) * 0.1


def test_the_weighted_sum_of_the_shapes_is_the_open_head(mesh: HeadMesh, small_rendering: Made) -> None:
    animation = small_rendering(30).animation
    random, eye = np.random.default_rng(0), open_head().region == EYE
    on_eyes = []
    faces = [from_weights(random.uniform(0.0, 1.0, 52).astype(np.float32)) for _ in range(30)]
    motion = head_motion(replace(animation, faces=np.stack([face.vector() for face in faces]), cast=("hana",)))
    for params, weights in zip(faces, motion.weights, strict=True):
        summed = mesh.vertex.copy()
        for weight, shape in zip(weights, mesh.shapes, strict=True):
            summed[shape.vertex] += weight * shape.offset
        apart_mm = 1000 * np.linalg.norm(summed - posed(params), axis=1)
        # Each of 52 shapes leaves out what it motion by less than a micrometre.
        assert apart_mm[~eye].max() < 0.01
        on_eyes.append(apart_mm[eye].max())
    # An eyeball of 12 mm that turns by 0.5 rad both ways, where a shape motion it along the chord.
    assert max(on_eyes) < 2.5 and np.mean(on_eyes) < 1.0


def test_shapes_bear_arkits_names_in_its_order_and_all_move_something(mesh: HeadMesh) -> None:
    assert tuple(shape.name for shape in mesh.shapes) == arkit.NAMES
    assert all(len(shape.vertex) and np.abs(shape.offset).max() > 1e-3 for shape in mesh.shapes)


def test_the_left_eye_and_the_open_jaw_are_where_they_should_be(mesh: HeadMesh) -> None:
    blink = mesh.shapes[arkit.INDEX["eyeBlinkLeft"]]
    jaw = mesh.shapes[arkit.INDEX["jawOpen"]]
    assert mesh.vertex[blink.vertex[np.abs(blink.offset).max(1).argmax()], 0] > 0.0  # x to the subject's left
    assert jaw.offset[np.linalg.norm(jaw.offset, axis=1).argmax(), 1] < -0.01  # y up
    assert mesh.vertex[:, 2].argmax() in np.flatnonzero(np.abs(mesh.vertex[:, 0]) < 0.02)  # the nose is in front


def test_triangles_and_normals_look_outward(mesh: HeadMesh) -> None:
    a, b, c = (mesh.vertex[mesh.triangle[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    assert (a * np.cross(b, c)).sum() > 0.0  # six times the volume
    assert np.linalg.norm(mesh.normal, axis=1) == pytest.approx(1.0, abs=1e-5)
    agrees = (across * mesh.normal[mesh.triangle].mean(1)).sum(1) > 0.0
    is_tooth = open_head().region[mesh.triangle[:, 0]] == MOUTH  # with edges so sharp that a smooth normal leans over
    assert agrees[~is_tooth].all()
    assert agrees[is_tooth].mean() > 0.9


def test_the_seams_of_the_texture_do_not_show(mesh: HeadMesh) -> None:
    _, same, counts = np.unique(mesh.vertex.round(5), axis=0, return_inverse=True, return_counts=True)
    doubled = np.flatnonzero(counts[same.reshape(-1)] > 1)
    assert len(doubled) > 100
    for one in doubled[:50]:
        others = np.flatnonzero(same.reshape(-1) == same.reshape(-1)[one])
        assert np.allclose(mesh.normal[others], mesh.normal[one], atol=1e-6)


def test_the_joint_weights_of_a_vertex_sum_to_1(mesh: HeadMesh) -> None:
    assert mesh.joint_weight.min() >= 0.0
    assert mesh.joint_weight.sum(1) == pytest.approx(1.0, abs=1e-6)


def test_turns_go_the_short_way_round(small_rendering: Made) -> None:
    animation = small_rendering(3).animation
    faces = animation.faces.copy()
    faces[:, 53:56] = [[0.0, 3.0, 0.0], [0.0, 3.3, 0.0], [0.0, -3.0, 0.0]]
    motion = head_motion(replace(animation, faces=faces))
    for turns in (motion.neck, motion.head):
        assert np.linalg.norm(turns, axis=1) == pytest.approx(1.0, abs=1e-6)
        assert ((turns[1:] * turns[:-1]).sum(1) >= 0.0).all()


def test_a_photoreal_character_has_the_mean_shape(tmp_path: Path) -> None:
    save_photoreal(flat_character("them", 64), tmp_path / "them.omote")
    found = head_mesh(str(tmp_path / "them.omote"))
    template = (open_head().template - open_head().anchor[SKULL]) * 0.1
    assert found.name == "them"
    assert np.abs(found.vertex - template).max() < 1e-6
