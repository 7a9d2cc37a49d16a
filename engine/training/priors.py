"""Measures the priors of fitting on rendered people: `python -m omote.engine.training.priors landmarks` or `light`."""

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
from ..face.refinement import EYES, LIPS, POINTS, HeadPoints, LandmarkNoise, anchored_face, landmarks_of
from ..face.refinement import FILE as REFINEMENT_FILE
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

_SEED = 5_000_000  # far from the seeds of training sets
_SIDE = 400
_USUAL_CAMERA = 0.4  # share of pictures by the renderer's usual camera; the others are taken from nearer
_FARTHEST_FOV_DEG, _NEAREST_FOV_DEG = 20.0, 40.0  # of cameras with the same framing
_COMMON = 60  # directions of common errors of landmarks
# MediaPipe was trained on photos and errs less on them than on renderings, least at lips and eyes, which it refines.
_FINE, _REST, _IRIS = 0.2, 0.3, 0.3
_FLOOR_DM = 0.004
_LIGHTS = 4000
_WIDER = 1.5  # photos have more kinds of light
_LIGHT_FLOOR = 0.02
_WEIGHT_FLOOR, _TURN_FLOOR_RAD = 0.02, 0.01


@dataclass(frozen=True)
class Samples:
    """True poses and readings of a tracker, a row for each picture."""

    shape: Array  # [N,100]
    weights: Array  # [N,52]
    turn: Array  # [N,3]
    fov_deg: Array  # [N]
    points: Array  # [N,478,2] from here on, readings of the tracker
    scores: Array  # [N,52]
    seen_turn: Array  # [N,3]


def sample_readings(kit: Kit, people: int) -> Samples:
    """Two pictures of each person, except those without a detected face."""
    rows = list(_rows(kit, people))
    return Samples(*(np.stack([row[k] for row in rows]).astype(np.float32) for k in range(len(fields(Samples)))))


def _rows(kit: Kit, people: int) -> Iterator[tuple[Array, ...]]:
    with face_finder() as finder:
        for number in range(people):
            person = sample_person(kit, _SEED + number)
            figure, shape = Figure(kit, person), shape_of(kit, person)
            for k in range(2):
                rng = np.random.default_rng([_SEED, number, k])
                is_usual = rng.random() < _USUAL_CAMERA
                fov_deg = _FARTHEST_FOV_DEG if is_usual else rng.uniform(_FARTHEST_FOV_DEG, _NEAREST_FOV_DEG)
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


def noise_statistics(samples: Samples, fitter: Fitter) -> LandmarkNoise:
    """The errors of the readings, and their correlation."""
    face = anchored_face(fitter)
    errors, start_errors = zip(*(_errors(samples, row, face, fitter) for row in range(len(samples.shape))), strict=True)
    trust = np.full(POINTS, _REST)
    trust[[*LIPS, *EYES]], trust[ANCHORED:] = _FINE, _IRIS
    flat = np.stack(errors).reshape(len(errors), -1)
    mean = flat.mean(0)
    around = flat - mean
    value, vector = np.linalg.eigh(around.T @ around / len(around))
    value, vector = value[::-1][:_COMMON], vector[:, ::-1][:, :_COMMON]
    rest = np.square(around - (around @ vector) @ vector.T).mean(0).reshape(-1, 2).mean(1)
    start_error = np.stack(start_errors)
    floor = np.concatenate([np.full(arkit.COUNT, _WEIGHT_FLOOR), np.full(3, _TURN_FLOOR_RAD)])
    return LandmarkNoise(
        mean=mean.reshape(-1, 2),
        spread=np.sqrt(rest * trust**2 + _FLOOR_DM**2),
        common=(vector * np.sqrt(value)).T * np.repeat(trust, 2),
        start=start_error.T @ start_error / len(start_error) + np.diag(floor**2),
    )


def _errors(samples: Samples, row: int, face: HeadPoints, fitter: Fitter) -> tuple[Wide, Wide]:
    """[470,2] dm: the errors of the landmarks, and [55] those of the tracker's weights and rotation."""
    reading = FaceLandmarks(samples.points[row], samples.scores[row], samples.seen_turn[row])
    upright = stood_upright(reading)
    turn = turn_vector(rotation(np.array([0.0, 0.0, -upright.roll])) @ rotation(samples.turn[row]))
    nearness = np.tan(np.radians(samples.fov_deg[row]) / 2.0) / np.tan(np.radians(render.FOV_DEG) / 2.0)
    view = refinement.state_of(samples.weights[row], turn, float(np.log(nearness)))
    seen, _ = face.seen(samples.shape[row].astype(np.float64), view)
    ours = seen[:, 0] + 1j * seen[:, 1]
    theirs, _ = landmarks_of(reading, upright.roll)
    ours, theirs = ours - ours[:ANCHORED].mean(), theirs - theirs[:ANCHORED].mean()
    scale = (np.conj(ours) * theirs).real.sum() / (np.abs(ours) ** 2).sum()
    error = theirs / scale - ours
    start = tracker_row(reading.weights, upright.rotation) @ fitter.numbers.start
    weights = np.clip(start[: arkit.COUNT], 0.0, 1.0) - samples.weights[row]
    return np.stack([error.real, error.imag], 1), np.concatenate([weights, start[arkit.COUNT :] - turn])


def measure_landmark_noise(kit: Kit, people: int, out: Path) -> None:
    """Writes the statistics of landmark noise on rendered people."""
    noise = noise_statistics(sample_readings(kit, people), Fitter())
    save_file({name: np.ascontiguousarray(value, np.float16) for name, value in vars(noise).items()}, out)


def measure_light(out: Path) -> None:
    """Writes mean and covariance of the light of training pictures."""
    rng = np.random.default_rng(0)
    lights = np.stack([sample_light(rng).harmonics() for _ in range(_LIGHTS)]).astype(np.float64)
    covariance = np.cov(lights.T) * _WIDER**2 + _LIGHT_FLOOR**2 * np.eye(lights.shape[1])
    save_file({"mean": lights.mean(0).astype(np.float32), "covariance": covariance.astype(np.float32)}, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="prior", required=True)
    landmarks = commands.add_parser("landmarks", help="the noise of landmarks on rendered people")
    landmarks.add_argument("--kit", type=Path, required=True, help="folder of the face kit")
    landmarks.add_argument("--people", type=int, default=600)
    landmarks.add_argument("--out", type=Path, default=REFINEMENT_FILE)
    light = commands.add_parser("light", help="the light of training pictures")
    light.add_argument("--out", type=Path, default=LIGHT_PRIOR_FILE)
    args = parser.parse_args()
    if args.prior == "landmarks":
        measure_landmark_noise(load(args.kit), args.people, args.out)
    else:
        measure_light(args.out)
    print(f"{args.out}: {args.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
