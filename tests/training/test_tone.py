"""A relit picture is what the renderer draws in that light."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

from omote.engine.face.light import relit_levels
from omote.engine.training.faces import arkit
from omote.engine.training.faces.figure import Figure
from omote.engine.training.faces.kit import load
from omote.engine.training.faces.light import Light, studio
from omote.engine.training.faces.person import sample_person
from omote.engine.training.faces.render import render

KIT = Path(__file__).resolve().parents[3] / "shared" / "kit"
GAIN = np.array([1.3, 0.9, 0.75], np.float32)


@pytest.mark.skipif(not KIT.is_dir(), reason="the face kit is not here")
def test_relighting_agrees_with_rendering_in_that_light() -> None:
    kit = load(KIT)
    figure, light = Figure(kit, sample_person(kit, 7)), studio()
    tinted = Light(light.direction, light.color * GAIN)
    still = arkit.weights({}), np.zeros(3, np.float32)
    white, wanted = (render(figure, *still, one, 128, 1).rgba for one in (light, tinted))
    found = white.copy()
    for channel, shown in enumerate(relit_levels(GAIN)):
        found[..., channel] = shown[white[..., channel]]
    inside = wanted[..., 3] == 255
    error = np.abs(found.astype(int) - wanted)[inside][:, :3]
    before = np.abs(white.astype(int) - wanted)[inside][:, :3]
    assert before.mean() > 8.0
    # levels are rounded before they are relit, and what is over 1 has been cut off
    assert error.mean() < 1.0
    assert np.percentile(error, 99) < 8.0
