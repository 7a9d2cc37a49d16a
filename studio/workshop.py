"""Makes characters in a process of its own, at a low priority: the stream keeps its rate.

stdin is a line of JSON, then the bytes of a picture. The last line of stdout that is not empty is the answer, in JSON.
Empty lines are written until then, so that the process notices when its reader is gone, and ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from omote.engine.capture.source import SourceError
from omote.engine.character import CharacterError
from omote.engine.errors import AnimatorError
from omote.engine.models import ModelError
from omote.engine.runtime.session import RuntimeUnavailable
from omote.engine.weights import WeightsError

from .character import Kind, Order, keep, make, make_folder, own_path

PATIENCE_S = 600.0  # on the slowest machine it is a minute
_MISTAKES = (CharacterError, AnimatorError, SourceError, ModelError, WeightsError, RuntimeUnavailable)
_KINDNESS = 5  # of `nice`: a third of the share that the stream has, where both want all
_BEAT_S = 0.5


class WorkshopError(ValueError):
    """A character could not be made; the message says why."""


@dataclass(frozen=True)
class Task:
    """A character to make from a photo, a drawing or a model, and to keep under its name."""

    name: str
    picture: bytes  # of a PNG, JPEG or WebP file, or of a VRM model
    consent: str  # what the character's file says of what was declared about the picture
    of: Kind = "person"
    points: Mapping[str, tuple[float, float]] | None = (
        None  # of the face in a drawing, placed by hand; None: to be found
    )

    def told(self) -> bytes:
        """All of it, for stdin."""
        said = {"name": self.name, "consent": self.consent, "of": self.of, "points": self.points}
        return json.dumps(said).encode() + b"\n" + self.picture

    @classmethod
    def heard(cls, header: bytes, picture: bytes) -> Task:
        """The inverse of `told`, from its first line and the rest."""
        said = json.loads(header)
        return cls(said["name"], picture, said["consent"], said["of"], said["points"])


def in_own_process(task: Task) -> tuple[str, ...]:
    """Makes the character and returns warnings about the picture; WorkshopError if that failed."""
    flags = getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0) | getattr(subprocess, "CREATE_NO_WINDOW", 0)
    # -P: without it a file beside which the user happens to be, such as json.py, would be run.
    command, pipe = [sys.executable, "-P", "-m", __name__], subprocess.PIPE
    env = {"OPENBLAS_NUM_THREADS": "1", **os.environ}  # as of the command `omote`
    try:
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=env, creationflags=flags) as process:
            try:
                said, complained = process.communicate(task.told(), timeout=PATIENCE_S)
            except BaseException:
                process.kill()
                raise
    except subprocess.TimeoutExpired as error:
        raise WorkshopError(f"it was not done within {PATIENCE_S / 60:.0f} minutes: is the machine busy?") from error
    except OSError as error:
        raise WorkshopError(f"no process could be started for it ({error.strerror or error})") from error
    return _hear(said, complained, process.returncode)


def _hear(said: bytes, complained: bytes, code: int) -> tuple[str, ...]:
    try:
        answer = json.loads(said.strip().splitlines()[-1])
        error, warnings = answer["error"], tuple(map(str, answer["warnings"]))
    except (ValueError, IndexError, KeyError, TypeError):
        lines = complained.decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
        raise WorkshopError(f"its process ended before it was done: {lines[-1][:200]}") from None
    if error:
        raise WorkshopError(str(error))
    return warnings


def work(task: Task) -> tuple[str, ...]:
    """As `in_own_process`, in this one; no file is left behind when it fails."""
    try:
        path = own_path(task.name)
        make_folder(path.parent)
        made = make(Order(name=task.name, upload=task.picture, of=task.of, placed=task.points), task.consent)
        if path.exists():
            raise CharacterError(f'"{task.name}" was made by another process meanwhile: choose another name')
        keep(made.character, path)
    except _MISTAKES as error:
        raise WorkshopError(" ".join(str(error).split())) from error
    return made.warnings


def _end_with_listener() -> None:
    """Ends this process once its reader is gone, so that no character is made after Omote has ended."""
    while True:
        time.sleep(_BEAT_S)
        try:
            os.write(sys.stdout.fileno(), b"\n")
        except OSError:
            os._exit(1)


def main() -> int:
    """The exit code: 0 if an answer was given."""
    if hasattr(os, "nice"):
        os.nice(_KINDNESS)
    threading.Thread(target=_end_with_listener, name="beat", daemon=True).start()
    told, error = sys.stdin.buffer, ""
    warnings: tuple[str, ...] = ()
    try:
        warnings = work(Task.heard(told.readline(), told.read()))
    except WorkshopError as failed:
        error = str(failed)
    print("\n" + json.dumps({"error": error, "warnings": warnings}), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
