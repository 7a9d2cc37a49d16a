"""Writes FLAME parameters as CSV, and ARKit weights as a take."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omote.bridge import livelink

from ...capture.take import Take, write_take
from ...capture.take_files import TakeError, read_sidecar
from ...data import OPEN_BASIS
from ...face.retarget import to_weights
from ..animation import Animation, RenderError
from ..output import OnProgress, atomic_output
from ..pictures import PictureFolder

_AXES = ("x", "y", "z")
COLUMNS: tuple[str, ...] = (
    *("index", "time_s"),
    *(f"expression_{number}" for number in range(50)),
    *(f"{part}_{axis}" for part in ("jaw_pose", "neck_pose", "eye_pose_left", "eye_pose_right") for axis in _AXES),
    *("eyelid_left", "eyelid_right"),
    *(f"translation_{axis}" for axis in _AXES),
    "presence",
)

_PARAMS_ROW_BYTES = 12 * len(COLUMNS)
_TAKE_ROW_BYTES = 9 * livelink.COUNT + 120  # with its row of the JSON
_MAX_TAKE_FPS = 1000


@dataclass(frozen=True)
class ParamsWriter:
    """A CSV of `COLUMNS`, with enough digits to read the same float32 back."""

    path: Path

    def check(self, animation: Animation, size: int) -> None:
        pass  # any animation can be written

    def max_bytes(self, animation: Animation, size: int) -> int:
        return _PARAMS_ROW_BYTES * (len(animation) + 1)

    def write(self, animation: Animation, pictures: PictureFolder, on_progress: OnProgress) -> None:
        with atomic_output(self.path) as path, path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            for index in range(len(animation)):
                numbers = np.append(animation.faces[index], animation.presence[index]).astype(np.float32)
                table.writerow([index, f"{animation.time_s(index):.6f}", *(str(number) for number in numbers)])
        on_progress(len(animation))


@dataclass(frozen=True)
class TakeWriter:
    """A CSV and the JSON beside it, which `omote render --take` plays.

    Weights, turn, gaze and place come back to a millionth. What ARKit has no weight for (a jaw that rolls, expressions
    beyond 0 to 1) is left out. Presence is written as confidence: an idle face, of presence 0, counts as not tracked,
    so it is idle again when the take is played.
    """

    path: Path

    def check(self, animation: Animation, size: int) -> None:
        if animation.basis != OPEN_BASIS:
            raise RenderError(
                f'{self.path.name}: a take holds ARKit weights, and these faces are in the basis "{animation.basis}", '
                f'which has none: wanted "{OPEN_BASIS}"; write .params.csv instead'
            )
        if animation.fps > _MAX_TAKE_FPS:
            raise RenderError(
                f"{self.path.name}: a take has up to {_MAX_TAKE_FPS} pictures a second, got {animation.fps}"
            )
        beside = self.path.with_suffix(".json")
        if beside.exists() and not (self.path.exists() and _is_sidecar(beside)):
            raise RenderError(
                f"{self.path.name} is a take and comes with a JSON file, and {beside.name} is there already and "
                "belongs to something else: choose another name, or remove it"
            )

    def max_bytes(self, animation: Animation, size: int) -> int:
        return _TAKE_ROW_BYTES * (len(animation) + 2)

    def write(self, animation: Animation, pictures: PictureFolder, on_progress: OnProgress) -> None:
        with atomic_output(self.path, self.path.with_suffix(".json")) as path:
            try:
                write_take(path, _to_take(animation))
            except TakeError as error:
                raise error.__cause__ if isinstance(error.__cause__, OSError) else RenderError(str(error)) from error
        on_progress(len(animation))


def _is_sidecar(path: Path) -> bool:
    try:
        return read_sidecar(path).rows is not None
    except TakeError:
        return False


def _to_take(animation: Animation) -> Take:
    faces = [animation.params(index) for index in range(len(animation))]
    return Take(
        fps=float(animation.fps),
        time_s=np.array([animation.time_s(index) for index in range(len(animation))]),
        weights=np.clip([to_weights(face) for face in faces], 0.0, 1.0).astype(np.float32),
        head_rotation=np.stack([face.neck_pose for face in faces]),
        head_translation=np.stack([face.translation for face in faces]),
        gaze=np.stack([face.eye_pose[:, :2] for face in faces]),
        confidence=np.clip(animation.presence, 0.0, 1.0),
        provenance="a rendering of Omote's: synthetic, nobody was recorded",
    )
