"""Photos of rendered people, whose head, light and outline are known, become references that are true to them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("numba")

from omote.bridge import arkit
from omote.engine import models
from omote.engine.capture.photo import Photo, face_finder, single_face
from omote.engine.face.head import SKIN, open_head
from omote.engine.face.light import irradiance
from omote.engine.face.rasterizer import Camera
from omote.engine.face.retarget import from_weights
from omote.engine.model.photos import references_of
from omote.engine.training.faces.figure import Figure
from omote.engine.training.faces.head import shape_of
from omote.engine.training.faces.kit import load
from omote.engine.training.faces.light import studio
from omote.engine.training.faces.person import sample_person
from omote.engine.training.faces.render import render

from .kit import KIT, needs_kit

HAS_MODEL = any(m.name == models.FACE_LANDMARKER and models.state(m) == "present" for m in models.MODELS)
SIDE = 512


@needs_kit
@pytest.mark.skipif(not HAS_MODEL, reason="needs the tracker's model, which `omote live --source webcam` fetches")
def test_a_rendered_person_is_found_as_it_is() -> None:
    kit, head = load(KIT), open_head()
    person = sample_person(kit, 9_000_000)
    weights, turn = arkit.weights({"jawOpen": 0.3}), np.array([0.05, 0.2, 0.0], np.float32)
    picture = render(Figure(kit, person), weights, turn, studio(), SIDE, 2, 20.0)
    alpha = picture.rgba[..., 3:] / 255.0
    flat = (picture.rgba[..., :3] * alpha + np.array([60, 90, 130]) * (1.0 - alpha)).astype(np.uint8)
    with face_finder() as finder:
        photo = Photo("rendered", flat, single_face("rendered", flat, finder))
    found = references_of([photo])
    (reference,) = found.references

    def screen(shape: NDArray[np.float32], params: object, side: int) -> NDArray[np.float32]:
        shaped = head.shaped(shape)
        posed = head.pose(shaped, params)  # type: ignore[arg-type]
        return Camera.framing(shaped).project(posed, side)[:, :2]

    # Both are in our framing, of heads that differ by a hundredth: the picture moves by less than that.
    face = np.flatnonzero((head.region == SKIN) & (head.skin_weight[:, 0] > 0.95) & (head.template[:, 2] > 0.3))
    true = screen(shape_of(kit, person), from_weights(weights, None, turn), SIDE)[face]
    ours = screen(found.shape, reference.params, SIDE)[face]
    size = np.ptp(true, 0).max()
    assert np.linalg.norm(ours - true, axis=1).mean() / size < 0.03
    assert np.abs(reference.params.neck_pose - turn).max() < np.radians(4.0)
    normal = np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    normal = normal[normal[:, 2] > 0.2]
    light, true_light = (irradiance(one, normal).mean(1) for one in (reference.light, picture.label.light))
    assert np.corrcoef(light, true_light)[0, 1] > 0.8
    assert reference.rgba[..., 3].mean() / 255.0 == pytest.approx(alpha.mean(), rel=0.1)
    assert not any("hides" in warning or "Glasses" in warning for warning in found.warnings)
