"""Trains and tests the fit of the open head to landmarks: `python -m omote.engine.training.shape_fit --help`."""

from __future__ import annotations

import argparse
import io
import json
import tarfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save_file

from omote.bridge import arkit

from ..capture.photo import LandmarkFinder, face_finder
from ..face.fitting import ANCHORED, FIT_FILE, FaceLandmarks, Fit, FitPrior, Fitter, stood_upright, tracker_row
from ..face.head import SKIN, Shaped, open_head
from ..face.rasterizer import Camera
from ..face.retarget import from_weights, to_weights
from ..rotation import rotation, turn_vector
from ..storage import atomic_write, write_text
from .faces.dataset import CLIP, picture_names, seed_of
from .faces.head import shape_of
from .faces.kit import load
from .faces.person import sample_person
from .provenance import provenance

Wide = NDArray[np.float64]
Array = NDArray[np.float32]
Rows = NDArray[np.intp]
HELD_OUT = 64  # the first people, who are never trained on
SIDE = 256
_NEIGHBOURS = 10  # vertices that a landmark is bound to
_ANCHOR_PENALTY = 2.0  # square pixels a picture
_COMPONENTS = 60
_PENALTY = 30.0

# Real faces differ from rendered ones most in fine detail: the k-th component is trusted as if its noise had (k / 40)^2
# times its own variance.
_TRUSTED = 40.0
_NEARNESS_SPREAD = 0.5  # of the logarithm of an invented camera's distance
_REPORTED = ("jawOpen", "mouthSmileLeft", "eyeBlinkLeft", "browInnerUp", "mouthPucker")
_MM_PER_DM = 100.0


@dataclass(frozen=True)
class TrackerReadings:
    """Readings of the tracker beside the truth, a row for each picture."""

    points: NDArray[np.float32]  # [N,478,2]
    scores: NDArray[np.float32]  # [N,52] the tracker's weights
    turn: NDArray[np.float32]  # [N,3] the tracker's rotation
    person: NDArray[np.int32]  # [N]
    weights: NDArray[np.float32]  # [N,52] true
    head_rotation: NDArray[np.float32]  # [N,3] true

    def reading(self, row: int) -> FaceLandmarks:
        return FaceLandmarks(self.points[row], self.scores[row], self.turn[row])

    def __len__(self) -> int:
        return len(self.person)


def read_shard(tar_path: Path, finder: LandmarkFinder) -> TrackerReadings:
    """Reads a shard's pictures except clips, each on a plain background; pictures without a face are left out."""
    labels = np.load(tar_path.with_suffix(".npz"), allow_pickle=False)
    rng = np.random.default_rng(int(tar_path.stem))
    rows, faces = [], []
    with tarfile.open(tar_path) as tar:
        for row, name in enumerate(picture_names(tar)):
            ground = rng.uniform(0.0, 255.0, 3)
            if labels["kind"][row] == CLIP:
                continue
            member = tar.extractfile(name)
            assert member is not None
            with Image.open(io.BytesIO(member.read())) as image:
                rgba = np.asarray(image.convert("RGBA"), np.float64)
            alpha = rgba[..., 3:] / 255.0
            found = finder.faces(np.round(rgba[..., :3] * alpha + ground * (1.0 - alpha)).astype(np.uint8))
            if found:
                rows.append(row)
                faces.append(max(found, key=lambda face: face.size_px))
    return TrackerReadings(
        points=np.stack([face.points for face in faces]),
        scores=np.stack([face.weights for face in faces]),
        turn=np.stack([face.rotation for face in faces]),
        **{name: labels[name][rows] for name in ("person", "weights", "head_rotation")},
    )


def read_all_shards(shards: Path, cache: Path) -> TrackerReadings:
    """Reads all shards; the readings of each are cached."""
    cache.mkdir(parents=True, exist_ok=True)
    with face_finder() as finder:
        for path in sorted(shards.glob("*.tar")):
            kept = cache / f"{path.stem}.npz"
            if not kept.exists():
                with atomic_write(kept) as partial:
                    np.savez(partial, allow_pickle=False, **vars(read_shard(path, finder)))
                print(f"{path.name} read", flush=True)
    parts = [np.load(path, allow_pickle=False) for path in sorted(cache.glob("*.npz"))]
    return TrackerReadings(
        **{f.name: np.concatenate([part[f.name] for part in parts]) for f in fields(TrackerReadings)}
    )


class Truth:
    """The true heads of the pictures."""

    def __init__(self, readings: TrackerReadings, shape: Wide) -> None:
        self.readings, self.shape = readings, shape  # [P,100] of each person
        self.head = open_head()

    def shaped(self, row: int) -> Shaped:
        return self.head.shaped(self.shape[self.readings.person[row]].astype(np.float32))

    def screen(self, row: int) -> Wide:
        """[N,3] the vertices in the picture, and their distance."""
        shaped, it = self.shaped(row), self.readings
        vertex = self.head.pose(shaped, from_weights(it.weights[row], None, it.head_rotation[row]))
        return Camera.framing(shaped).project(vertex, SIDE).astype(np.float64)


def anchors(truth: Truth, rows: Rows) -> tuple[NDArray[np.int64], Wide]:
    """[468,K] the vertices nearest to each landmark in these pictures, and least-squares weights that sum to 1."""
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


def with_another_camera(truth: Truth, fitter: Fitter, row: int, rng: np.random.Generator) -> FaceLandmarks:
    """The landmarks as perspective would move them for a nearer or farther camera."""
    reading, screen = truth.readings.reading(row), fitter.anchored(truth.screen(row))
    distance = screen[:, 2]
    middle, ratio = distance.mean(), float(np.exp(rng.normal(0.0, _NEARNESS_SPREAD)))
    # A point at distance d is scaled by middle / d around the middle of the face; here for another middle.
    other = distance / middle * (middle * ratio) / (distance - middle + middle * ratio)
    centre = screen[:, :2].mean(0)
    moved = (screen[:, :2] - centre) * (other[:, None] - 1.0)
    points = reading.points.copy()
    points[:ANCHORED] += moved
    return FaceLandmarks(points, reading.weights, reading.rotation)


def train(readings: TrackerReadings, shape: Wide, seed: int = 0) -> FitPrior:
    """Trains on all people that are not held out."""
    truth, rng = Truth(readings, shape), np.random.default_rng(seed)
    rows = np.flatnonzero(readings.person >= HELD_OUT)
    anchor, weight = anchors(truth, rng.permutation(rows)[:2000])
    nothing = np.zeros((0, 0))
    fitter = Fitter(FitPrior(anchor, weight, nothing, nothing, nothing, nothing))
    samples = [readings.reading(row) for row in rows.tolist()]
    samples += [with_another_camera(truth, fitter, row, rng) for row in rows.tolist()]
    upright = [stood_upright(sample) for sample in samples]
    tracked = np.stack([tracker_row(a.weights, b.rotation) for a, b in zip(samples, upright, strict=True)])
    twice = np.concatenate([rows, rows])
    level = [
        rotation(np.array([0.0, 0.0, -u.roll])) @ rotation(readings.head_rotation[r])
        for u, r in zip(upright, twice, strict=True)
    ]
    turn = np.stack([turn_vector(one) for one in level])
    wanted = np.concatenate([readings.weights[twice], turn], 1).astype(np.float64)
    start = _ridge(tracked, wanted, np.ones(tracked.shape[1]))
    missed = np.stack([fitter.missed(u, t @ start) for u, t in zip(upright, tracked, strict=True)])
    mean, direction, noise = _components(missed)
    features = np.concatenate([(missed.reshape(len(missed), -1) - mean) @ direction.T, tracked], 1)
    penalty = _PENALTY + len(features) * np.concatenate([noise, np.zeros(tracked.shape[1])])
    everything = np.concatenate([shape[readings.person[twice]], wanted], 1)
    return FitPrior(anchor, weight, start, mean, direction, _ridge(features, everything, penalty))


def _ridge(features: Wide, truth: Wide, penalty: Wide) -> Wide:
    return np.asarray(np.linalg.solve(features.T @ features + np.diag(penalty), features.T @ truth))


def _components(missed: Wide) -> tuple[Wide, Wide, Wide]:
    """Mean [936], directions [D,936] to numbers of unit variance, and the assumed noise [D] of each."""
    flat = missed.reshape(len(missed), -1)
    mean = flat.mean(0)
    value, vector = np.linalg.eigh((flat - mean).T @ (flat - mean) / len(flat))
    value, vector = value[::-1][:_COMPONENTS], vector[:, ::-1][:, :_COMPONENTS]
    return mean, (vector / np.sqrt(value)).T, (np.arange(_COMPONENTS) / _TRUSTED) ** 2


def save(numbers: FitPrior, path: Path) -> None:
    """Writes the numbers in half precision, and the vertices of landmarks as integers."""
    arrays: dict[str, NDArray[np.generic]] = {
        field.name: np.ascontiguousarray(getattr(numbers, field.name), np.float16) for field in fields(FitPrior)
    }
    save_file(arrays | {"anchor": numbers.anchor.astype(np.int16)}, path)


@dataclass(frozen=True)
class FitErrors:
    """Errors over the pictures of held-out people."""

    held_out_pictures: int
    shape_mm: float  # mean distance of the vertices of the face, both heads aligned in size and place
    shape_mm_of_the_average: float  # the same for the average head
    shape_mm_at_rest: float  # only of pictures at rest from the front
    turn_deg: tuple[float, float, float]  # root mean square of pitch, yaw and roll
    turn_deg_of_the_tracker: tuple[float, float, float]
    weights: dict[str, float]  # root mean square of some
    weights_of_the_tracker: dict[str, float]
    framing_px: float  # mean distance of the photo's face from the fitted head, in a picture of 256 pixels
    framing_px_of_the_average: float  # the same, the average head in the tracker's pose


class _Comparison:
    """Measures a fit against the truth."""

    def __init__(self, truth: Truth, fitter: Fitter) -> None:
        self.truth, self.fitter = truth, fitter
        head = truth.head
        front = (head.region == SKIN) & (head.skin_weight[:, 0] > 0.95) & (head.template[:, 2] > 0.3)
        self._face = np.flatnonzero(front)
        self._template = head.template[self._face].astype(np.float64)
        self._dirs = head.shapedirs.reshape(len(head.shapedirs), -1, 3)[:, self._face].astype(np.float64)

    def shape_mm(self, shape: Array, true: Wide) -> float:
        ours, theirs = (self._template + np.tensordot(s, self._dirs, 1) for s in (shape, true))
        ours, theirs = ours - ours.mean(0), theirs - theirs.mean(0)
        size = (ours * theirs).sum() / (ours * ours).sum()
        return float(np.linalg.norm(size * ours - theirs, axis=1).mean() * _MM_PER_DM)

    def framing_px(self, row: int, fit: Fit) -> float:
        head = self.truth.head
        shaped = head.shaped(fit.shape)
        ours = Camera.framing(shaped).project(head.pose(shaped, fit.params)[self._face], SIDE)[:, :2]
        reading = self.truth.readings.reading(row)
        bring = self.fitter.bring(reading, fit, SIDE)
        theirs = bring.apply(self.truth.screen(row)[self._face, :2])
        return float(np.linalg.norm(ours - theirs, axis=1).mean())


def measure_fit(fitter: Fitter, readings: TrackerReadings, shape: Wide) -> FitErrors:
    """Measures a fitter on the held-out people."""
    truth = Truth(readings, shape)
    comparison = _Comparison(truth, fitter)
    rows = np.flatnonzero(readings.person < HELD_OUT)
    is_at_rest = ~readings.weights[rows].any(1) & ~readings.head_rotation[rows].any(1)
    found = []
    for row in rows.tolist():
        reading, own = readings.reading(row), shape[readings.person[row]]
        fit, upright = fitter.fit(reading), stood_upright(reading)
        tracked = from_weights(reading.weights, None, upright.rotation.astype(np.float32))
        average = Fit(np.zeros_like(fit.shape), tracked, upright.roll)
        level = turn_vector(rotation(np.array([0.0, 0.0, -fit.roll])) @ rotation(readings.head_rotation[row]))
        numbers = [comparison.shape_mm(fit.shape, own), comparison.shape_mm(average.shape, own)]
        numbers += [comparison.framing_px(row, fit), comparison.framing_px(row, average)]
        turns = np.degrees([fit.params.neck_pose - level, upright.rotation - level]).ravel()
        weights = np.stack([to_weights(fit.params), reading.weights]) - readings.weights[row]
        found.append(np.concatenate([numbers, turns, weights[:, [arkit.INDEX[name] for name in _REPORTED]].ravel()]))
    table = np.stack(found)
    mean, spread = table.mean(0), np.sqrt(np.square(table).mean(0))
    weights = spread[10:].reshape(2, -1)
    return FitErrors(
        held_out_pictures=len(rows),
        shape_mm=float(mean[0]),
        shape_mm_of_the_average=float(mean[1]),
        shape_mm_at_rest=float(table[is_at_rest, 0].mean()),
        turn_deg=_three(spread[4:7]),
        turn_deg_of_the_tracker=_three(spread[7:10]),
        weights=dict(zip(_REPORTED, map(float, weights[0]), strict=True)),
        weights_of_the_tracker=dict(zip(_REPORTED, map(float, weights[1]), strict=True)),
        framing_px=float(mean[2]),
        framing_px_of_the_average=float(mean[3]),
    )


def _three(values: Wide) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="folder of the face kit")
    parser.add_argument("--shards", type=Path, required=True, help="a folder that `faces dataset` wrote")
    parser.add_argument("--cache", type=Path, required=True, help="folder for readings, which take 4 s a shard")
    parser.add_argument("--out", type=Path, default=FIT_FILE)
    parser.add_argument("--errors", type=Path, help="file for the errors on held-out people, as JSON")
    args = parser.parse_args()
    readings = read_all_shards(args.shards, args.cache)
    kit, seed = load(args.kit), seed_of(args.shards)
    people = range(int(readings.person.max()) + 1)
    shape = np.stack([shape_of(kit, sample_person(kit, seed * 1_000_003 + person)) for person in people])
    numbers = train(readings, shape.astype(np.float64))
    save(numbers, args.out)
    errors = measure_fit(Fitter(numbers), readings, shape.astype(np.float64))
    record = {**provenance(), "people": len(people), "pictures": len(readings), **asdict(errors)}
    print(json.dumps(record, indent=1))
    if args.errors:
        write_text(args.errors, json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
