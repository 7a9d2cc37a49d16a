"""Light of another colour or strength is put on a finished picture by its levels."""

from __future__ import annotations

import numpy as np

from omote.engine.face.light import relit_levels


def test_light_that_stays_leaves_every_level() -> None:
    same = relit_levels(np.ones(3, np.float32)).astype(int)
    assert np.abs(same - np.arange(256)).max() <= 1


def test_stronger_light_makes_no_level_darker_and_no_light_makes_all_black() -> None:
    assert (relit_levels(np.full(3, 1.3, np.float32)).astype(int) >= np.arange(256) - 1).all()
    assert relit_levels(np.zeros(3, np.float32)).max() < 30
