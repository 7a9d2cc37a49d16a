"""What is lifted off a picture is what the maps laid there."""

from __future__ import annotations

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.face import atlas
from omote.engine.face.head import open_head
from omote.engine.face.lift import Lift, Lifter, gathered
from omote.engine.face.retarget import from_weights
from omote.engine.nouns import FlameParams

HEAD = open_head()
LIFTER = Lifter(HEAD.shaped(np.zeros(HEAD.shape_size, np.float32)))
TURNED = from_weights(arkit.weights({"jawOpen": 0.5}), None, np.array([0.1, 0.4, 0.0], np.float32))


@pytest.mark.parametrize("params", [FlameParams.neutral(), TURNED], ids=["neutral", "turned"])
def test_a_texel_lies_where_the_maps_draw_it(params: FlameParams) -> None:
    uv = LIFTER.maker.draw(params).uv  # [G,G,2] the atlas coordinates that each pixel shows
    picture = np.concatenate([uv * 127.5 + 127.5, np.zeros_like(uv[..., :1])], 2)
    lift = LIFTER.lift(params)
    found = gathered(picture, lift)
    rows, columns = np.nonzero(lift.weight > 0.9)
    assert len(rows) > 3000
    at = (found[:2] / np.maximum(found[3], 1e-6))[:, rows, columns]
    own = np.stack([(columns + 0.5) / atlas.WIDTH, (rows + 0.5) / atlas.HEIGHT]) * 2.0 - 1.0
    off_texels = np.abs(at - own) / 2.0 * np.array([[atlas.WIDTH], [atlas.HEIGHT]])
    # a map's pixel is about a texel wide; where a seam runs through it, its neighbours lie elsewhere in the atlas
    assert np.median(off_texels) < 0.1
    assert (off_texels.max(0) < 1.5).mean() > 0.93


def test_what_looks_away_or_lies_behind_is_not_seen() -> None:
    ahead, aside = LIFTER.lift(FlameParams.neutral()).weight, LIFTER.lift(TURNED).weight
    assert ((ahead > 0.5) & (aside < 0.05)).sum() > 200  # the cheek that turned away
    assert ((ahead < 0.05) & (aside > 0.5)).sum() > 200  # the one that came round


def test_colours_come_with_the_weight_with_which_they_are_seen() -> None:
    picture = np.full((64, 64, 3), 255, np.uint8)
    weight = np.zeros((atlas.HEIGHT, atlas.WIDTH), np.float32)
    weight[10, 20] = 0.25
    found = gathered(picture, Lift(np.zeros((atlas.HEIGHT, atlas.WIDTH, 2), np.float32), weight))
    assert found[:, 10, 20].tolist() == [0.25, 0.25, 0.25, 0.25]
    assert not found[:, 11, 20].any()
