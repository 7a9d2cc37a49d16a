"""Control: what a face tracker reads off drawn pictures, against what was asked and what it reads off the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.capture.photo import Finder
from omote.engine.face.gaze import gaze_from_weights, weights_from_gaze
from omote.engine.face.reading import Reading
from omote.engine.model.drawings import Points, find_face

from .drawing import Draw, Pose
from .metrics import correlation, over_grey, slope

Array = NDArray[np.float32]

_LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
_GAZE_RAD = (-0.3, -0.15, 0.0, 0.15, 0.3)
_PITCH, _YAW = range(2)
_LEAST_RESPONSE = 0.1  # slope on the truth below which the tracker does not measure a control
WINKS = (0.5, 1.0)
_OFTEN = 8.0  # by which small distances are multiplied, so that they answer about as much as is asked


@dataclass(frozen=True)
class Control:
    """One thing that moves alone, from one end to the other."""

    name: str
    asked: Array  # [n]
    poses: tuple[Pose, ...]
    read: Callable[[Array], float]  # of the weights [52] that a tracker reads


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
    asked = np.array(_GAZE_RAD, np.float32)
    return Control(name, asked, tuple(poses), lambda row: float(gaze_from_weights(row)[:, axis].mean()))


CONTROLS: tuple[Control, ...] = (
    *(_weight(name) for name in ("jawOpen", "mouthSmile", "eyeBlink", "browInnerUp", "mouthPucker")),
    _gaze("gaze yaw", _YAW),
    _gaze("gaze pitch", _PITCH),
)


class DrawnFinder:
    """Reads drawn faces by distances between the points that the detector finds, which trackers of people do not."""

    def __enter__(self) -> DrawnFinder:
        return self

    def __exit__(self, *error: object) -> None: ...

    def faces(self, picture: NDArray[np.uint8]) -> tuple[Reading, ...]:
        """One face at most; its weights are lengths, which answer the controls but are not 0 to 1."""
        found = find_face(np.dstack([picture, np.full(picture.shape[:2], 255, np.uint8)]))
        if found is None:
            return ()
        return (Reading(np.zeros((478, 3), np.float32), _weights_of(found.points), np.zeros(3, np.float32)),)


def _weights_of(points: Points) -> Array:
    """[52] what distances between points of a drawn face say of the controls."""
    at = {name: np.array(point) for name, point in points.items()}
    span = float(np.linalg.norm(at["left_eye_outer"] - at["right_eye_outer"]))
    lips = (at["mouth_top"] + at["mouth_bottom"]) / 2.0
    corners = (at["mouth_left"] + at["mouth_right"]) / 2.0
    gaze, named = np.zeros((2, 2), np.float32), {}
    for eye, side in enumerate(("left", "right")):
        ends = at[f"{side}_eye_inner"], at[f"{side}_eye_outer"]
        wide = float(np.linalg.norm(ends[1] - ends[0]))
        away = (at[f"{side}_iris"] - (ends[0] + ends[1]) / 2.0) / wide
        gaze[eye] = _OFTEN * away[::-1]
        named[f"eyeBlink{side.title()}"] = 1.0 - (at[f"{side}_eye_bottom"] - at[f"{side}_eye_top"])[1] / wide
        named[f"mouthSmile{side.title()}"] = _OFTEN * (lips - corners)[1] / span
    weights = weights_from_gaze(gaze)
    named["jawOpen"] = _OFTEN * (at["chin"] - at["nose"])[1] / span  # the detector finds an open mouth's lips badly
    named["mouthPucker"] = 1.0 - np.linalg.norm(at["mouth_left"] - at["mouth_right"]) / span
    inner = [at[f"{side}_eye_inner"] - at[f"{side}_brow_inner"] for side in ("left", "right")]
    named["browInnerUp"] = _OFTEN * np.mean(inner, 0)[1] / span
    for name, value in named.items():
        weights[arkit.INDEX[name]] = value
    return weights


@dataclass(frozen=True)
class Response:
    """How one face answers one control."""

    control: str
    correlation: float  # of asked and read
    slope: float  # read for each unit asked


@dataclass(frozen=True)
class Winks:
    """What is read of one eye that closes by half and fully, less what is read at rest; and of the other eye."""

    half: float
    full: float
    other: float  # of the eye that stays open, at the full wink

    @property
    def half_share(self) -> float:
        """The half wink as a part of the full one."""
        return self.half / self.full if abs(self.full) > 1e-6 else float("nan")


@dataclass(frozen=True)
class Answers:
    """All that was read of one face."""

    name: str
    responses: tuple[Response, ...]
    winks: Winks
    unread: int  # pictures in which no face was found


def answers(name: str, draw: Draw, finder: Finder) -> Answers:
    """What a tracker reads of a face that goes through all controls and winks."""
    responses, unread = [], 0
    for control in CONTROLS:
        rows = [_read(draw, pose, finder) for pose in control.poses]
        known = np.array([row is not None for row in rows])
        unread += int((~known).sum())
        read = np.array([control.read(row) for row in rows if row is not None])
        asked = control.asked[known]
        responses.append(Response(control.name, correlation(asked, read), slope(asked, read)))
    left, right = (arkit.INDEX[f"eyeBlink{side}"] for side in ("Left", "Right"))
    seen = [_read(draw, Pose.of({"eyeBlinkLeft": level}), finder) for level in (0.0, *WINKS)]
    unread += sum(row is None for row in seen)
    rest, half, full = (np.full(arkit.COUNT, np.nan, np.float32) if row is None else row for row in seen)
    winks = Winks(
        half=float(half[left] - rest[left]),
        full=float(full[left] - rest[left]),
        other=float(full[right] - rest[right]),
    )
    return Answers(name, tuple(responses), winks, unread)


def _read(draw: Draw, pose: Pose, finder: Finder) -> Array | None:
    """[52] weights of the largest face; None where none is found."""
    faces = finder.faces(over_grey(draw(pose)))
    return max(faces, key=lambda face: face.size_px).weights if faces else None


@dataclass(frozen=True)
class ReadBack:
    """One control over several faces, ours beside the truth's; NaN where no truth is known."""

    control: str
    correlation: float
    truth_correlation: float
    ratio: float  # of our mean slope to the truth's; NaN too where the truth's is hardly read


def read_back(ours: Sequence[Answers], truth: Sequence[Answers]) -> tuple[ReadBack, ...]:
    """Each control's means; the truth may be of other faces, as where photos are drawn."""
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


def mean_winks(some: Sequence[Answers]) -> Winks:
    """The mean over faces in which all three pictures were read."""
    rows = np.array([(one.winks.half, one.winks.full, one.winks.other) for one in some]).reshape(-1, 3)
    known = rows[np.isfinite(rows).all(1)]
    return Winks(*(float(v) for v in known.mean(0))) if len(known) else Winks(*[float("nan")] * 3)
