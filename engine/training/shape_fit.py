"""Trains what fits the open head to a tracker's landmarks: `python -m omote.engine.training.shape_fit --help`.

Rendered people have true shapes, poses and weights, and MediaPipe reads their pictures; linear least squares then
tells what a reading says of the truth. Other cameras than the renderer's are made up by moving the landmarks as such
a camera would have.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from omote.engine.face.fitting import ANCHORED, FILE, Fitter, Numbers, stood_upright, tracker_row, turn_vector
from omote.engine.face.head import SKIN, Shaped, open_head, rotation
from omote.engine.face.maps import Camera
from omote.engine.face.reading import Reading
from omote.engine.face.retarget import from_weights

from .faces.dataset import seed_of
from .faces.kit import load
from .faces.person import sample_person
from .head import shape_of
from .provenance import provenance
from .readings import Readings, read_all

Wide = NDArray[np.float64]
Rows = NDArray[np.intp]

HELD_OUT = 64  # the first so many people are never trained on
SIDE = 256
_NEIGHBOURS = 10  # vertices on which a landmark hangs
_ANCHOR_PENALTY = 2.0  # square pixels a picture
_COMPONENTS = 60
_PENALTY = 30.0
# Real faces differ from rendered ones most in what is fine: the k-th component is trusted as if the variance of its
# noise were (k / 40)^2 of its own.
_TRUSTED = 40.0
_NEARNESS_SPREAD = 0.5  # of the logarithm of a made-up camera's distance


class Truth:
    """The heads that the pictures really show."""

    def __init__(self, readings: Readings, shape: Wide) -> None:
        self.readings, self.shape = readings, shape  # [P,100] of each person
        self.head = open_head()

    def shaped(self, row: int) -> Shaped:
        return self.head.shaped(self.shape[self.readings.person[row]].astype(np.float32))

    def screen(self, row: int) -> Wide:
        """[N,3] where the vertices are in the picture, and how far."""
        shaped, it = self.shaped(row), self.readings
        vertex = self.head.pose(shaped, from_weights(it.weights[row], None, it.head_rotation[row]))
        return Camera.framing(shaped).project(vertex, SIDE).astype(np.float64)


def anchors(truth: Truth, rows: Rows) -> tuple[NDArray[np.int64], Wide]:
    """[468,K] the vertices nearest to each landmark in these pictures, and weights that sum to 1, by least squares."""
    head, count = truth.head, len(rows)
    near = np.flatnonzero((head.region == SKIN) & (head.skin_weight[:, 0] > 0.9) & (head.template[:, 2] > -0.3))
    screen = np.stack([truth.screen(row)[near, :2] for row in rows]).astype(np.float32)  # [n,M,2]
    points = truth.readings.points[rows, :ANCHORED]
    distance = np.zeros((ANCHORED, len(near)))
    for axis in (0, 1):
        p, v = points[..., axis], screen[..., axis]
        distance += (p**2).mean(0)[:, None] - 2.0 * (p.T @ v) / count + (v**2).mean(0)
    order = np.argsort(distance, axis=1)[:, :_NEIGHBOURS]
    weight = np.empty((ANCHORED, _NEIGHBOURS))
    for k, nearest in enumerate(order):
        corner = screen[:, nearest].transpose(0, 2, 1).reshape(-1, _NEIGHBOURS).astype(np.float64)
        middle = corner.mean(1)
        away = corner - middle[:, None]
        normal = away.T @ away + _ANCHOR_PENALTY * count * np.eye(_NEIGHBOURS)
        free = np.linalg.solve(normal, away.T @ (points[:, k].reshape(-1) - middle))
        weight[k] = free - free.mean() + 1.0 / _NEIGHBOURS
    return near[order].astype(np.int64), weight


def with_another_camera(truth: Truth, fitter: Fitter, row: int, rng: np.random.Generator) -> Reading:
    """The landmarks as a camera nearer or farther would have shown them, as far as perspective moves them."""
    reading, screen = truth.readings.reading(row), fitter.anchored(truth.screen(row))
    distance = screen[:, 2]
    middle, ratio = distance.mean(), float(np.exp(rng.normal(0.0, _NEARNESS_SPREAD)))
    # Around the face's middle a thing at distance d shows as large as middle / d there, and otherwise here.
    other = distance / middle * (middle * ratio) / (distance - middle + middle * ratio)
    centre = screen[:, :2].mean(0)
    moved = (screen[:, :2] - centre) * (other[:, None] - 1.0)
    points = reading.points.copy()
    points[:ANCHORED] += moved
    return Reading(points, reading.weights, reading.rotation)


def _ridge(told: Wide, truth: Wide, penalty: Wide) -> Wide:
    return np.asarray(np.linalg.solve(told.T @ told + np.diag(penalty), told.T @ truth))


def train(readings: Readings, shape: Wide, seed: int = 0) -> Numbers:
    """From all people that are not held out."""
    truth, rng = Truth(readings, shape), np.random.default_rng(seed)
    rows = np.flatnonzero(readings.person >= HELD_OUT)
    anchor, weight = anchors(truth, rng.permutation(rows)[:2000])
    nothing = np.zeros((0, 0))
    fitter = Fitter(Numbers(anchor, weight, nothing, nothing, nothing, nothing))
    samples = [readings.reading(row) for row in rows.tolist()]
    samples += [with_another_camera(truth, fitter, row, rng) for row in rows.tolist()]
    upright = [stood_upright(sample) for sample in samples]
    told = np.stack([tracker_row(a.weights, b.rotation) for a, b in zip(samples, upright, strict=True)])
    twice = np.concatenate([rows, rows])
    level = [
        rotation(np.array([0.0, 0.0, -u.roll])) @ rotation(readings.head_rotation[r])
        for u, r in zip(upright, twice, strict=True)
    ]
    turn = np.stack([turn_vector(one) for one in level])
    wanted = np.concatenate([readings.weights[twice], turn], 1).astype(np.float64)
    start = _ridge(told, wanted, np.ones(told.shape[1]))
    missed = np.stack([fitter.missed(u, t @ start) for u, t in zip(upright, told, strict=True)])
    mean, direction, noise = _components(missed)
    features = np.concatenate([(missed.reshape(len(missed), -1) - mean) @ direction.T, told], 1)
    penalty = _PENALTY + len(features) * np.concatenate([noise, np.zeros(told.shape[1])])
    everything = np.concatenate([shape[readings.person[twice]], wanted], 1)
    return Numbers(anchor, weight, start, mean, direction, _ridge(features, everything, penalty))


def _components(missed: Wide) -> tuple[Wide, Wide, Wide]:
    """Mean [936], directions [D,936] that give numbers of spread 1, and how noisy [D] each is taken to be."""
    flat = missed.reshape(len(missed), -1)
    mean = flat.mean(0)
    value, vector = np.linalg.eigh((flat - mean).T @ (flat - mean) / len(flat))
    value, vector = value[::-1][:_COMPONENTS], vector[:, ::-1][:, :_COMPONENTS]
    return mean, (vector / np.sqrt(value)).T, (np.arange(_COMPONENTS) / _TRUSTED) ** 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="the face kit's folder")
    parser.add_argument("--shards", type=Path, required=True, help="a folder that `faces dataset` wrote")
    parser.add_argument("--cache", type=Path, required=True, help="where readings are kept: reading takes 4 s a shard")
    parser.add_argument("--out", type=Path, default=FILE)
    parser.add_argument("--errors", type=Path, help="where to keep the errors on held-out people as JSON")
    args = parser.parse_args()
    from .shape_error import measure

    readings = read_all(args.shards, args.cache)
    kit, seed = load(args.kit), seed_of(args.shards)
    people = range(int(readings.person.max()) + 1)
    shape = np.stack([shape_of(kit, sample_person(kit, seed * 1_000_003 + person)) for person in people])
    numbers = train(readings, shape.astype(np.float64))
    save(numbers, args.out)
    errors = measure(Fitter(numbers), readings, shape.astype(np.float64))
    record = {**provenance(), "people": len(people), "pictures": len(readings), **asdict(errors)}
    print(json.dumps(record, indent=1))
    if args.errors:
        args.errors.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def save(numbers: Numbers, path: Path) -> None:
    """Half precision but for where the landmarks hang."""
    arrays: dict[str, NDArray[np.generic]] = {
        field.name: np.ascontiguousarray(getattr(numbers, field.name), np.float16) for field in fields(Numbers)
    }
    save_file(arrays | {"anchor": numbers.anchor.astype(np.int16)}, path)


if __name__ == "__main__":
    main()
