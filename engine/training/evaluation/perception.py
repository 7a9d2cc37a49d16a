"""Measures drawn pictures by a face tracker and a face recognizer, and their stability over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.bridge.errors import OmoteError

from ...capture.photo import LandmarkFinder, Photo
from ...face.fitting import FaceLandmarks
from ...face.retarget import gaze_from_weights, weights_from_gaze
from ...model.drawings import Points, find_face
from . import truth
from .truth import Draw, Pose, Rgb, least_squares_slope, over_grey, pearson

Array = NDArray[np.float32]
_LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
_GAZE_RAD = (-0.3, -0.15, 0.0, 0.15, 0.3)
_PITCH, _YAW = range(2)
_LEAST_RESPONSE = 0.1  # slope on the truth below which the tracker does not measure a control
WINKS = (0.5, 1.0)
_DISTANCE_GAIN = 8.0  # scales small distances of a drawn face to about the range of a weight

# MediaPipe's points for the five of dlib: corners of the subject's left eye, outer first, of the right eye, and the
# base of the nose.
FIVE = (263, 362, 33, 133, 2)
RECOGNIZER_CURE = "pip install 'omote[evaluate]'"
_FILE = Path("models") / "dlib_face_recognition_resnet_model_v1.dat"
WEIGHT_NOISE, TURN_NOISE_RAD = 0.012, 0.004  # one standard deviation of a tracker on a webcam
_NOISE_SEED = 0x0E7A_1000
_OPAQUE = 250


@dataclass(frozen=True)
class Control:
    """One control that moves alone over its range."""

    name: str
    levels: Array  # [n] of the control
    poses: tuple[Pose, ...]
    read: Callable[[Array], float]  # the level in the weights [52] of a tracker


def _weight(name: str) -> Control:
    columns = [arkit.INDEX[one] for one in ([name] if name in arkit.INDEX else [f"{name}Left", f"{name}Right"])]
    poses = tuple(Pose.of({name: level}) for level in _LEVELS)
    return Control(name, np.array(_LEVELS, np.float32), poses, lambda row: float(row[columns].mean()))


def _gaze(name: str, axis: int) -> Control:
    still, poses = np.zeros(3, np.float32), []
    for angle in _GAZE_RAD:
        gaze = np.zeros((2, 2), np.float32)
        gaze[:, axis] = angle
        poses.append(Pose(weights_from_gaze(gaze), still))
    levels = np.array(_GAZE_RAD, np.float32)
    return Control(name, levels, tuple(poses), lambda row: float(gaze_from_weights(row)[:, axis].mean()))


CONTROLS: tuple[Control, ...] = (
    *(_weight(name) for name in ("jawOpen", "mouthSmile", "eyeBlink", "browInnerUp", "mouthPucker")),
    _gaze("gaze yaw", _YAW),
    _gaze("gaze pitch", _PITCH),
)


class DrawnFaceTracker:
    """Tracks drawn faces, which trackers of people do not find, by distances between detected points."""

    def __enter__(self) -> DrawnFaceTracker:
        return self

    def __exit__(self, *error: object) -> None: ...

    def faces(self, picture: NDArray[np.uint8]) -> tuple[FaceLandmarks, ...]:
        """At most one face; its weights are lengths, which follow the controls but are not 0 to 1."""
        found = find_face(np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]))
        if found is None:
            return ()
        return (FaceLandmarks(np.zeros((478, 3), np.float32), _weights_of(found.points), np.zeros(3, np.float32)),)


def _weights_of(points: Points) -> Array:
    """[52] distances between points of a drawn face, as weights of the controls."""
    at = {name: np.array(point) for name, point in points.items()}
    span = float(np.linalg.norm(at["left_eye_outer"] - at["right_eye_outer"]))
    lips = (at["mouth_top"] + at["mouth_bottom"]) / 2.0
    corners = (at["mouth_left"] + at["mouth_right"]) / 2.0
    gaze, named = np.zeros((2, 2), np.float32), {}
    for eye, side in enumerate(("left", "right")):
        ends = at[f"{side}_eye_inner"], at[f"{side}_eye_outer"]
        wide = float(np.linalg.norm(ends[1] - ends[0]))
        away = (at[f"{side}_iris"] - (ends[0] + ends[1]) / 2.0) / wide
        gaze[eye] = _DISTANCE_GAIN * away[::-1]
        named[f"eyeBlink{side.title()}"] = 1.0 - (at[f"{side}_eye_bottom"] - at[f"{side}_eye_top"])[1] / wide
        named[f"mouthSmile{side.title()}"] = _DISTANCE_GAIN * (lips - corners)[1] / span
    weights = weights_from_gaze(gaze)
    named["jawOpen"] = _DISTANCE_GAIN * (at["chin"] - at["nose"])[1] / span  # lips of an open mouth are detected badly
    named["mouthPucker"] = 1.0 - np.linalg.norm(at["mouth_left"] - at["mouth_right"]) / span
    inner = [at[f"{side}_eye_inner"] - at[f"{side}_brow_inner"] for side in ("left", "right")]
    named["browInnerUp"] = _DISTANCE_GAIN * np.mean(inner, 0)[1] / span
    for name, value in named.items():
        weights[arkit.INDEX[name]] = value
    return weights


@dataclass(frozen=True)
class Response:
    """The response of one face to one control."""

    control: str
    correlation: float  # of the level and the reading
    slope: float  # of the reading over the level


@dataclass(frozen=True)
class Winks:
    """Readings of an eye that closes by half and fully, and of the other eye, relative to rest."""

    half: float
    full: float
    other: float  # of the eye that stays open, at the full wink


@dataclass(frozen=True)
class FaceReadings:
    """All readings of one face."""

    name: str
    responses: tuple[Response, ...]
    winks: Winks
    unread: int  # pictures in which no face was found


def read_controls(name: str, draw: Draw, finder: LandmarkFinder) -> FaceReadings:
    """The readings of a tracker on a face that goes through all controls and winks."""
    responses, unread = [], 0
    for control in CONTROLS:
        rows = [_read_weights(draw, pose, finder) for pose in control.poses]
        known = np.array([row is not None for row in rows])
        unread += int((~known).sum())
        read = np.array([control.read(row) for row in rows if row is not None])
        levels = control.levels[known]
        responses.append(Response(control.name, pearson(levels, read), least_squares_slope(levels, read)))
    left, right = (arkit.INDEX[f"eyeBlink{side}"] for side in ("Left", "Right"))
    rows = [_read_weights(draw, Pose.of({"eyeBlinkLeft": level}), finder) for level in (0.0, *WINKS)]
    unread += sum(row is None for row in rows)
    rest, half, full = (np.full(arkit.COUNT, np.nan, np.float32) if row is None else row for row in rows)
    winks = Winks(
        half=float(half[left] - rest[left]),
        full=float(full[left] - rest[left]),
        other=float(full[right] - rest[right]),
    )
    return FaceReadings(name, tuple(responses), winks, unread)


def _read_weights(draw: Draw, pose: Pose, finder: LandmarkFinder) -> Array | None:
    """[52] weights of the largest face; None without a face."""
    faces = finder.faces(over_grey(draw(pose)))
    return max(faces, key=lambda face: face.size_px).weights if faces else None


@dataclass(frozen=True)
class ReadBack:
    """One control over several faces, ours beside the truth; NaN without truth."""

    control: str
    correlation: float
    truth_correlation: float
    ratio: float  # of our mean slope to that of the truth; also NaN if the tracker hardly reads the truth


def read_back(ours: Sequence[FaceReadings], truth: Sequence[FaceReadings]) -> tuple[ReadBack, ...]:
    """The means of each control. The truth may be of other faces, as for photos."""
    found = []
    for k, control in enumerate(CONTROLS):
        mine, true = ([one.responses[k] for one in part] for part in (ours, truth))
        expected = float(np.mean([r.slope for r in true])) if true else float("nan")
        found.append(
            ReadBack(
                control.name,
                float(np.mean([r.correlation for r in mine])),
                float(np.mean([r.correlation for r in true])) if true else float("nan"),
                float(np.mean([r.slope for r in mine])) / expected if abs(expected) > _LEAST_RESPONSE else float("nan"),
            )
        )
    return tuple(found)


def mean_winks(readings: Sequence[FaceReadings]) -> Winks:
    """The mean over faces with readings of all three pictures."""
    rows = np.array([(one.winks.half, one.winks.full, one.winks.other) for one in readings]).reshape(-1, 3)
    known = rows[np.isfinite(rows).all(1)]
    return Winks(*(float(v) for v in known.mean(0))) if len(known) else Winks(*[float("nan")] * 3)


IDENTITY_POSES: dict[str, Pose] = {
    "rest": Pose.of({}),
    "smile": Pose.of({"mouthSmile": 0.9, "cheekSquint": 0.5}),
    "brows up": Pose.of({"browInnerUp": 0.9, "browOuterUp": 0.9, "eyeWide": 0.5}),
    "jaw open": Pose.of({"jawOpen": 0.7}),
    "20 degrees": Pose.of({}, yaw_deg=20.0),
}


class RecognizerError(OmoteError):
    """The recognizer is missing; the message says what to install."""


class Recognizer(Protocol):
    """Embeds faces, so that the distance of two embeddings tells whether they are of one person."""

    def embed(self, rgb: Rgb, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """[D] the embedding of the face with these MediaPipe points [478,2] in pixels."""
        ...


class DlibRecognizer:
    """dlib's network (CC0). Raises RecognizerError if it or dlib is not installed.

    Pictures of one person are mostly nearer than 0.6.
    """

    def __init__(self) -> None:
        if find_spec("dlib") is None:
            raise RecognizerError(f"dlib is not installed: {RECOGNIZER_CURE}")
        import dlib

        self._dlib: Any = dlib
        self._network = dlib.face_recognition_model_v1(str(_network_file()))

    def embed(self, rgb: Rgb, points: NDArray[np.floating]) -> NDArray[np.float64]:
        dlib = self._dlib
        five = [dlib.point(round(float(x)), round(float(y))) for x, y in points[list(FIVE), :2]]
        height, width = rgb.shape[:2]
        shape = dlib.full_object_detection(dlib.rectangle(0, 0, width, height), five)
        return np.array(self._network.compute_face_descriptor(np.ascontiguousarray(rgb), shape))


def _network_file() -> Path:
    """Finds the file without importing its package, whose code needs a removed part of setuptools."""
    spec = find_spec("face_recognition_models")
    path = Path(spec.origin).parent / _FILE if spec and spec.origin else None
    if path is None or not path.is_file():
        raise RecognizerError(f"{_FILE.name} is not installed: {RECOGNIZER_CURE}")
    return path


@dataclass(frozen=True)
class IdentityDistances:
    """Distances from one photo to its character's pictures in the order of `IDENTITY_POSES`; NaN without a face."""

    photo: str
    drawn: tuple[float, ...]
    copied: tuple[float, ...]  # of the photo moved by the head, without a network

    @property
    def drawn_mean(self) -> float:
        """The mean over pictures with a face."""
        return _mean_distance(self.drawn)


def _mean_distance(distances: Sequence[float]) -> float:
    known = [distance for distance in distances if np.isfinite(distance)]
    return float(np.mean(known)) if known else float("nan")


def identity_distances(
    photo: Photo, draw: Draw, copy: Draw | None, finder: LandmarkFinder, recognizer: Recognizer
) -> IdentityDistances:
    """The distances of all poses from the photo; `copy` is None if nothing is copied."""
    photo_embedding = recognizer.embed(photo.picture, photo.reading.points)
    rows = []
    for render in (draw, copy):
        if render is None:
            rows.append((float("nan"),) * len(IDENTITY_POSES))
            continue
        pictures = [over_grey(render(pose)) for pose in IDENTITY_POSES.values()]
        rows.append(tuple(_identity_distance(photo_embedding, picture, finder, recognizer) for picture in pictures))
    return IdentityDistances(photo.name, *rows)


def _identity_distance(
    photo_embedding: NDArray[np.float64], picture: Rgb, finder: LandmarkFinder, recognizer: Recognizer
) -> float:
    faces = finder.faces(picture)
    if not faces:
        return float("nan")
    largest = max(faces, key=lambda face: face.size_px)
    return float(np.linalg.norm(recognizer.embed(picture, largest.points) - photo_embedding))


def still_poses(count: int = 4) -> list[Pose]:
    """A half smile, repeated."""
    return [Pose.of({"mouthSmile": 0.4, "cheekSquint": 0.2})] * count


def noisy_poses(count: int = 12) -> list[Pose]:
    """The half smile with the noise of a tracker on each weight and on the rotation of the head."""
    rng, held = np.random.default_rng(_NOISE_SEED), still_poses(1)[0]
    poses = []
    for _ in range(count):
        weights = np.clip(held.weights + rng.normal(0.0, WEIGHT_NOISE, arkit.COUNT), 0.0, 1.0)
        poses.append(Pose(weights.astype(np.float32), rng.normal(0.0, TURN_NOISE_RAD, 3).astype(np.float32)))
    return poses


def sequence_poses(count: int = 20) -> list[Pose]:
    """A person who talks, looks around and blinks, at 30 pictures a second."""
    from ..faces.expression import sample_take

    weights, turns = sample_take(np.random.default_rng(_NOISE_SEED + 1), count)
    return [Pose(row, turn) for row, turn in zip(weights, turns, strict=True)]


@dataclass(frozen=True)
class Stability:
    """The stability of one character, in levels of 255; `expected` is of the truth, or of the bare copy."""

    name: str
    is_still: bool  # a still control gives the same bytes
    noise: float  # on the head, of a noisy control
    expected_noise: float
    sharpness: float  # of these pictures, as a share of the expected one
    flicker: float  # change in a sequence that the truth does not have; NaN without truth
    truth_motion: float  # all change in the truth

    @property
    def noise_ratio(self) -> float:
        """Noise as a share of the expected, at equal sharpness: blur does not count as stability."""
        return self.noise / self.expected_noise / self.sharpness


def measure_stability(name: str, draw: Draw, expected: Draw | None, *, is_truth: bool) -> Stability:
    """Compares with `expected`, which draws the truth or copies the reference. A sequence needs the truth."""
    still = [draw(pose) for pose in still_poses()]
    is_still = all(np.array_equal(one, still[0]) for one in still)
    if expected is None:
        pictures = truth.over_grey(_draw_all(draw, noisy_poses()))
        return Stability(name, is_still, truth.temporal_noise(pictures), *[float("nan")] * 4)
    ours, other = (_draw_all(by, noisy_poses()) for by in (draw, expected))
    head = np.asarray((np.minimum(ours, other)[..., 3] >= _OPAQUE).all(0))
    mine, theirs = truth.over_grey(ours), truth.over_grey(other)
    sharp = [float(np.mean([truth.sharpness(one, head) for one in part])) for part in (mine, theirs)]
    flicker = moved = float("nan")
    if is_truth:
        poses = sequence_poses()
        played, true = (truth.over_grey(_draw_all(by, poses)) for by in (draw, expected))
        flicker, moved = truth.added_flicker(played, true), truth.temporal_change(true)
    return Stability(
        name=name,
        is_still=is_still,
        noise=truth.temporal_noise(mine, head),
        expected_noise=truth.temporal_noise(theirs, head),
        sharpness=sharp[0] / sharp[1],
        flicker=flicker,
        truth_motion=moved,
    )


def _draw_all(draw: Draw, poses: Sequence[Pose]) -> NDArray[np.uint8]:
    """[n,S,S,4]"""
    return np.stack([draw(pose) for pose in poses])
