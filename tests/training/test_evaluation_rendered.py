"""People who are rendered for the evaluation become characters whose first reference is the truth itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("numba")

from omote.engine.training.evaluation.truth import REST, UNSEEN_SEED, RenderedPerson
from omote.engine.training.faces.kit import load
from omote.engine.training.faces.light import studio

KIT = Path(__file__).resolve().parents[3] / "shared" / "kit"
SIDE = 256


@pytest.mark.skipif(not KIT.is_dir(), reason="needs the face kit in ../shared/kit")
def test_a_rendered_person_is_made_into_a_character_by_its_anchors() -> None:
    person, light = RenderedPerson.of(load(KIT), UNSEEN_SEED, SIDE), studio()
    character = person.character(light)
    np.testing.assert_array_equal(character.references[0].rgba, person.truth(light)(REST))
    assert len(character.references) == 5  # at rest, teeth, closed lids, both sides
    yaw = [float(np.degrees(one.params.neck_pose[1])) for one in character.references]
    assert yaw == pytest.approx([0.0, 0.0, 0.0, -30.0, 30.0], abs=1e-3)
    assert character.references[2].params.eyelids.min() == 1.0
