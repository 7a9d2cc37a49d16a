"""A rendering's faces as a take: ARKit weights, as the Live Link Face app writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omote.bridge import livelink
from omote.engine.capture.take import Take, write_take
from omote.engine.capture.take_csv import TakeError
from omote.engine.capture.take_sidecar import read_sidecar
from omote.engine.face.retarget import to_weights
from omote.engine.nouns import OPEN_BASIS
from omote.engine.offline.picture_file import Pictures
from omote.engine.offline.script import RenderError, Script

from .unfinished import unfinished
from .writer import Tell

_ROW_BYTES = 9 * livelink.COUNT + 120  # with its row of the JSON
_MOST_FPS = 1000  # of a take


@dataclass(frozen=True)
class TakeFile:
    """A CSV and the JSON beside it; `omote render --take` plays it again.

    Weights, turn, gaze and place come back to a millionth; what ARKit has no weight for (a jaw that rolls, expressions
    beyond 0 to 1) is left out. A picture's presence is its confidence: an idle face, of presence 0, is written as one
    that nobody saw, which idles again when it is played.
    """

    path: Path

    def check(self, script: Script, size: int) -> None:
        if script.basis != OPEN_BASIS:
            raise RenderError(
                f'{self.path.name}: a take holds ARKit weights, and these faces are in the basis "{script.basis}", '
                f'which has none: wanted "{OPEN_BASIS}"; write .params.csv instead'
            )
        if script.fps > _MOST_FPS:
            raise RenderError(f"{self.path.name}: a take has up to {_MOST_FPS} pictures a second, got {script.fps}")
        beside = self.path.with_suffix(".json")
        if beside.exists() and not (self.path.exists() and _is_of_a_take(beside)):
            raise RenderError(
                f"{self.path.name} is a take, which has a file of its own beside it, and {beside.name} is there "
                "already and is another's: choose another name, or remove it"
            )

    def bytes_of(self, script: Script, size: int) -> int:
        return _ROW_BYTES * (len(script) + 2)

    def write(self, script: Script, pictures: Pictures, tell: Tell) -> None:
        # `write_take` puts a file of its own beside the take.
        with unfinished(self.path, self.path.with_suffix(".json")) as path:
            try:
                write_take(path, take_of(script))
            except TakeError as error:
                raise error.__cause__ if isinstance(error.__cause__, OSError) else RenderError(str(error)) from error
        tell(len(script))


def _is_of_a_take(path: Path) -> bool:
    try:
        return read_sidecar(path).rows is not None
    except TakeError:
        return False


def take_of(script: Script) -> Take:
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
