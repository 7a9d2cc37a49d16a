"""The network that finds drawn faces learns from pictures whose points stay where they were, however they are bent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import cv2

from omote.engine.face.drawing_fit import NAMES
from omote.engine.model.drawings import CELL, SEEN
from omote.engine.models import sha256_of
from omote.engine.runtime.dispatch import open_session
from omote.engine.runtime.session import Build, ExportedGraph, OutputSpec
from omote.engine.training import drawing_points
from omote.engine.training.drawing_points import Faces, PointNet, example, export, peaks

SIDE = drawing_points._KEPT


def dotted() -> Faces:
    """A grey sheet with a white dot at each point."""
    rng = np.random.default_rng(0)
    points = (rng.uniform(0.35, 0.65, (1, len(NAMES), 2)) * SIDE).astype(np.float32)
    picture = np.full((SIDE, SIDE, 4), 90, np.uint8)
    picture[..., 3] = 255
    for x, y in points[0]:
        cv2.circle(picture, (round(x * 16 - 8), round(y * 16 - 8)), 56, (255, 255, 255, 255), -1, cv2.LINE_AA, 4)
    return Faces([picture], points)


def test_points_lie_on_what_they_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing_points, "_styled", lambda picture, _: picture.clip(0.0, 255.0).astype(np.uint8))
    monkeypatch.setattr(drawing_points, "_FACELESS", 0.0)
    faces, seen = dotted(), []
    for seed in range(8):
        picture, points, alpha = example(faces, 0, np.random.default_rng(seed))
        assert picture.shape == (SEEN, SEEN, 3)
        assert alpha.shape == (SEEN, SEEN)
        inside = ((points > 2.0) & (points < SEEN - 2.0)).all(1)
        at = (points[inside] - 0.5).round().astype(int)
        seen += picture[at[:, 1], at[:, 0]].min(1).tolist()
    assert len(seen) > 50
    assert np.mean(np.array(seen) > 150) > 0.95


def test_pictures_without_a_face_have_no_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing_points, "_FACELESS", 1.0)
    _, points, _ = example(dotted(), 0, np.random.default_rng(0))
    assert np.isnan(points).all()
    assert (peaks(points) == 0.0).all()


def test_a_peak_is_highest_at_its_point() -> None:
    points = np.full((len(NAMES), 2), (50.0, 90.0), np.float32)
    row, column = np.unravel_index(peaks(points)[0].argmax(), (SEEN // CELL,) * 2)
    assert (column, row) == (50 // CELL, 90 // CELL)


def test_the_network_is_exported_as_it_is(tmp_path: Path) -> None:
    net, path = PointNet(), tmp_path / "points.onnx"
    export(net, path)
    cells = SEEN // CELL
    outputs = {"points": OutputSpec((1, len(NAMES), cells, cells)), "figure": OutputSpec((1, 1, 2 * cells, 2 * cells))}
    graph = ExportedGraph(path, sha256_of(path), {"picture": (1, 3, SEEN, SEEN)}, outputs)
    picture = np.random.default_rng(0).random((1, 3, SEEN, SEEN), np.float32)
    found = open_session(graph, Build("onnxruntime", "f32")).run({"picture": picture})
    import torch

    with torch.no_grad():
        expected = net(torch.from_numpy(picture))
    for name, values in zip(("points", "figure"), expected, strict=True):
        np.testing.assert_allclose(found[name], values.numpy(), atol=0.01)
