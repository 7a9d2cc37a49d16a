"""The network that reads tongue and cheeks learns from crops as a camera might see them, and is what is exported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from omote.bridge import arkit
from omote.engine.capture.mouth_shapes import NAMES, SIDE, MouthReader
from omote.engine.training.mouth_shapes import (
    KEPT,
    MIRRORED,
    TRAINED,
    MouthNet,
    Mouths,
    auc,
    batch,
    export,
    is_held_out,
    sample_weights,
    scores_of,
)


def mouths() -> Mouths:
    rng = np.random.default_rng(0)
    return Mouths(rng.integers(0, 255, (4, KEPT, KEPT, 4), np.uint8), rng.random((4, len(TRAINED)), np.float32))


def test_mirrored_shapes_change_sides() -> None:
    sides = {"Left": "Right", "Right": "Left"}
    for name, other in zip(TRAINED, (TRAINED[k] for k in MIRRORED), strict=True):
        end = next((side for side in sides if name.endswith(side)), "")
        assert other == name.removesuffix(end) + sides.get(end, "")


def test_a_batch_is_the_same_for_the_same_seed() -> None:
    first, again, other = (batch(mouths(), seed) for seed in (1, 1, 2))
    assert first[0].shape == (48, 3, SIDE, SIDE)
    assert first[0].equal(again[0])
    assert first[1].equal(again[1])
    assert not first[0].equal(other[0])


def test_a_quarter_shows_the_tongue_a_quarter_the_cheeks_and_none_both() -> None:
    rng = np.random.default_rng(0)
    shown = np.array([sample_weights(rng)[[arkit.INDEX[name] for name in NAMES]] > 0.0 for _ in range(400)])
    assert (np.abs(shown.mean(0) - 0.25) < 0.07).all()  # three standard deviations of 400 draws
    assert not shown.all(1).any()


def test_the_exported_network_reads_as_the_trained_one(tmp_path: Path) -> None:
    net = MouthNet().eval()
    export(net, tmp_path / "net.onnx")
    crop = np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3), np.uint8)
    wanted = scores_of(net, crop[None])[0, : len(NAMES)]
    np.testing.assert_allclose(MouthReader(tmp_path / "net.onnx").scores(crop), wanted, atol=1e-5)


def test_the_area_under_the_curve() -> None:
    is_shown = np.array([True, True, False, False])
    for scores, wanted in (((0.9, 0.8, 0.2, 0.1), 1.0), ((0.1, 0.2, 0.8, 0.9), 0.0), ((0.9, 0.1, 0.2, 0.05), 0.75)):
        assert auc(np.array(scores, np.float32), is_shown) == pytest.approx(wanted)
    assert [is_held_out(Path(f"{k:06d}.npz")) for k in (0, 1, 5)] == [True, False, True]
