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

TABLE = "params.csv"  # in a folder of pictures
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


@dataclass(frozen=True)
class ParamsWriter:
    """`COLUMNS` and their numbers, with as many digits as give the same float32 back."""

    path: Path

    def check(self, script: Animation, size: int) -> None:
        pass  # any script can be written

    def bytes_of(self, script: Animation, size: int) -> int:
        return _PARAMS_ROW_BYTES * (len(script) + 1)

    def write(self, script: Animation, pictures: PictureFolder, tell: OnProgress) -> None:
        with atomic_output(self.path) as path, path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            for index in range(len(script)):
                numbers = np.append(script.faces[index], script.presence[index]).astype(np.float32)
                table.writerow([index, f"{script.time_s(index):.6f}", *(str(number) for number in numbers)])
        tell(len(script))


_TAKE_ROW_BYTES = 9 * livelink.COUNT + 120  # with its row of the JSON
_MAX_TAKE_FPS = 1000  # of a take


@dataclass(frozen=True)
class TakeWriter:
    """A CSV and the JSON beside it; `omote render --take` plays it again.

    Weights, turn, gaze and place come back to a millionth; what ARKit has no weight for (a jaw that rolls, expressions
    beyond 0 to 1) is left out. A picture's presence is its confidence: an idle face, of presence 0, is written as one
    that nobody saw, which idles again when it is played.
    """

    path: Path

    def check(self, script: Animation, size: int) -> None:
        if script.basis != OPEN_BASIS:
            raise RenderError(
                f'{self.path.name}: a take holds ARKit weights, and these faces are in the basis "{script.basis}", '
                f'which has none: wanted "{OPEN_BASIS}"; write .params.csv instead'
            )
        if script.fps > _MAX_TAKE_FPS:
            raise RenderError(f"{self.path.name}: a take has up to {_MAX_TAKE_FPS} pictures a second, got {script.fps}")
        beside = self.path.with_suffix(".json")
        if beside.exists() and not (self.path.exists() and _is_of_a_take(beside)):
            raise RenderError(
                f"{self.path.name} is a take, which has a file of its own beside it, and {beside.name} is there "
                "already and is another's: choose another name, or remove it"
            )

    def bytes_of(self, script: Animation, size: int) -> int:
        return _TAKE_ROW_BYTES * (len(script) + 2)

    def write(self, script: Animation, pictures: PictureFolder, tell: OnProgress) -> None:
        # `write_take` puts a file of its own beside the take.
        with atomic_output(self.path, self.path.with_suffix(".json")) as path:
            try:
                write_take(path, take_of_animation(script))
            except TakeError as error:
                raise error.__cause__ if isinstance(error.__cause__, OSError) else RenderError(str(error)) from error
        tell(len(script))


def _is_of_a_take(path: Path) -> bool:
    try:
        return read_sidecar(path).rows is not None
    except TakeError:
        return False


def take_of_animation(script: Animation) -> Take:
    """The performance that a script shows."""
    faces = [script.params(index) for index in range(len(script))]
    return Take(
        fps=float(script.fps),
        time_s=np.array([script.time_s(index) for index in range(len(script))]),
        weights=np.clip([to_weights(face) for face in faces], 0.0, 1.0).astype(np.float32),
        head_rotation=np.stack([face.neck_pose for face in faces]),
        head_translation=np.stack([face.translation for face in faces]),
        gaze=np.stack([face.eye_pose[:, :2] for face in faces]),
        confidence=np.clip(script.presence, 0.0, 1.0),
        provenance="a rendering of Omote's: synthetic, nobody was recorded",
    )
