"""Measures the priors of the fits on rendered people: landmark noise and light."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from omote.bridge import arkit

from ..capture.photo import face_finder, single_face
from ..face import refinement
from ..face.fitting import ANCHORED, FaceLandmarks, Fitter, stood_upright, tracker_row
from ..face.light import LIGHT_PRIOR_FILE
from ..face.refinement import EYES, FILE, LIPS, POINTS, HeadPoints, LandmarkNoise, anchored_face, landmarks_of
from ..images import PhotoError
from ..rotation import rotation, turn_vector
from .faces import render
from .faces.expression import sample_expression, sample_head_rotation
from .faces.figure import Figure
from .faces.head import shape_of
from .faces.kit import Kit, load
from .faces.light import sample_light
from .faces.person import sample_person

Array = NDArray[np.float32]
Wide = NDArray[np.float64]

_SEED = 5_000_000  # no person of a training set has a seed near this
_SIDE = 400
_OURS = 0.4  # of the pictures are taken by our renderer's own camera, the others from nearer
_FARTHEST_FOV_DEG, _NEAREST_FOV_DEG = 20.0, 40.0  # of cameras that frame the head alike
_COMMON = 60  # directions in which landmarks miss together
# MediaPipe was trained on photos, so that it misses less on them than on what is rendered, least on lips and eyes,
# which it looks at a second time.
_FINE, _REST, _IRIS = 0.2, 0.3, 0.3
_FLOOR_DM = 0.004
_WEIGHT_FLOOR, _TURN_FLOOR_RAD = 0.02, 0.01


@dataclass(frozen=True)
class Samples:
    """One row a picture."""

    shape: Array  # [N,100]
    weights: Array  # [N,52]
    turn: Array  # [N,3]
    fov_deg: Array  # [N]
    points: Array  # [N,478,2] from here on what the tracker read
    scores: Array  # [N,52]
    seen_turn: Array  # [N,3]


def samples(kit: Kit, people: int) -> Samples:
    """Two pictures of each person, but where no face was found."""
    rows = list(_rows(kit, people))
    return Samples(*(np.stack([row[k] for row in rows]).astype(np.float32) for k in range(len(fields(Samples)))))


def _rows(kit: Kit, people: int) -> Iterator[tuple[Array, ...]]:
    with face_finder() as finder:
        for number in range(people):
            person = sample_person(kit, _SEED + number)
            figure, shape = Figure(kit, person), shape_of(kit, person)
            for k in range(2):
                rng = np.random.default_rng([_SEED, number, k])
                is_ours = rng.random() < _OURS
                fov_deg = _FARTHEST_FOV_DEG if is_ours else rng.uniform(_FARTHEST_FOV_DEG, _NEAREST_FOV_DEG)
                weights = sample_expression(rng) if rng.random() < 0.85 else arkit.weights({})
                turn = sample_head_rotation(rng) if rng.random() < 0.8 else np.zeros(3, np.float32)
                picture = render.render(figure, weights, turn, sample_light(rng), _SIDE, 1, float(fov_deg))
                alpha = picture.rgba[..., 3:] / 255.0
                flat = picture.rgba[..., :3] * alpha + rng.uniform(0.0, 255.0, 3) * (1.0 - alpha)
                try:
                    reading = single_face(f"person {number}", flat.astype(np.uint8), finder)
                except PhotoError:
                    continue
                yield shape, weights, turn, np.array(fov_deg), reading.points, reading.weights, reading.rotation


def noise_statistics(told: Samples, fitter: Fitter) -> LandmarkNoise:
    """By how much the readings miss the truth, and how that goes together."""
    face = anchored_face(fitter)
    missed, started = zip(*(_missed(told, row, face, fitter) for row in range(len(told.shape))), strict=True)
    trust = np.full(POINTS, _REST)
    trust[[*LIPS, *EYES]], trust[ANCHORED:] = _FINE, _IRIS
    flat = np.stack(missed).reshape(len(missed), -1)
    mean = flat.mean(0)
    around = flat - mean
    value, vector = np.linalg.eigh(around.T @ around / len(around))
    value, vector = value[::-1][:_COMMON], vector[:, ::-1][:, :_COMMON]
    rest = np.square(around - (around @ vector) @ vector.T).mean(0).reshape(-1, 2).mean(1)
    apart = np.stack(started)
    floor = np.concatenate([np.full(arkit.COUNT, _WEIGHT_FLOOR), np.full(3, _TURN_FLOOR_RAD)])
    return LandmarkNoise(
        mean=mean.reshape(-1, 2),
        spread=np.sqrt(rest * trust**2 + _FLOOR_DM**2),
        common=(vector * np.sqrt(value)).T * np.repeat(trust, 2),
        start=apart.T @ apart / len(apart) + np.diag(floor**2),
    )


def _missed(told: Samples, row: int, face: HeadPoints, fitter: Fitter) -> tuple[Wide, Wide]:
    """[470,2] dm by which the landmarks lie beside the head, and [55] by which the tracker's numbers miss."""
    reading = FaceLandmarks(told.points[row], told.scores[row], told.seen_turn[row])
    upright = stood_upright(reading)
    turn = turn_vector(rotation(np.array([0.0, 0.0, -upright.roll])) @ rotation(told.turn[row]))
    nearness = np.tan(np.radians(told.fov_deg[row]) / 2.0) / np.tan(np.radians(render.FOV_DEG) / 2.0)
    view = refinement.state_of(told.weights[row], turn, float(np.log(nearness)))
    seen, _ = face.seen(told.shape[row].astype(np.float64), view)
    ours = seen[:, 0] + 1j * seen[:, 1]
    theirs, _ = landmarks_of(reading, upright.roll)
    ours, theirs = ours - ours[:ANCHORED].mean(), theirs - theirs[:ANCHORED].mean()
    scale = (np.conj(ours) * theirs).real.sum() / (np.abs(ours) ** 2).sum()
    beside = theirs / scale - ours
    start = tracker_row(reading.weights, upright.rotation) @ fitter.numbers.start
    weights = np.clip(start[: arkit.COUNT], 0.0, 1.0) - told.weights[row]
    return np.stack([beside.real, beside.imag], 1), np.concatenate([weights, start[arkit.COUNT :] - turn])


def measure_landmark_noise() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kit", type=Path, required=True, help="the face kit's folder")
    parser.add_argument("--people", type=int, default=600)
    parser.add_argument("--out", type=Path, default=FILE)
    args = parser.parse_args()
    noise = noise_statistics(samples(load(args.kit), args.people), Fitter())
    arrays = {name: np.ascontiguousarray(value, np.float16) for name, value in vars(noise).items()}
    save_file(arrays, args.out)
    print(f"{args.out}: {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    measure_landmark_noise()


_COUNT = 4000
_WIDER = 1.5  # photos are taken in more kinds of light
_FLOOR = 0.02


def measure_light() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=LIGHT_PRIOR_FILE)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    lights = np.stack([sample_light(rng).harmonics() for _ in range(_COUNT)]).astype(np.float64)
    covariance = np.cov(lights.T) * _WIDER**2 + _FLOOR**2 * np.eye(lights.shape[1])
    save_file({"mean": lights.mean(0).astype(np.float32), "covariance": covariance.astype(np.float32)}, args.out)
    print(f"{args.out}: {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    measure_light()
