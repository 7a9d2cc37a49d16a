"""Makes characters and draws thumbnails in a process of its own, at a low priority: the stream keeps its rate.

Told on stdin: a line of JSON, then the bytes of a photo, if there is one. Answered on stdout: in the last line that is
not empty, JSON. Empty ones come before it: where nobody takes them any more, the process ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from omote.engine.capture.source import SourceError
from omote.engine.character import CharacterError, load_any
from omote.engine.look import AnimatorError
from omote.engine.models import ModelError
from omote.engine.roles import Artist
from omote.engine.runtime.network import RuntimeUnavailable
from omote.engine.weights import WeightsError

from . import thumbnails
from .character import Order, keep, make, make_folder, own_path

PATIENCE_S = 600.0  # on the slowest machine it is a minute
_MISTAKES = (CharacterError, AnimatorError, SourceError, ModelError, WeightsError, RuntimeUnavailable)
_WORDS = ("name", "seed", "blend", "source", "wishes")  # of an order
_KINDNESS = 5  # of `nice`: a third of the share that the stream has, where both want all
_BEAT_S = 0.5


class WorkshopError(ValueError):
    """What was asked for could not be made; the message says why."""


@dataclass(frozen=True)
class Task:
    """What is to be done."""

    order: Order | None = None  # a character to be made and kept under its name; the words of the page alone
    consent: str = ""  # what the file says of the consent of a photo's subject
    drawn: Mapping[str, str] = field(default_factory=dict)  # thumbnails to be drawn: a character's file to its own

    def told(self) -> bytes:
        """All of it, for stdin."""
        order = self.order
        words = {name: getattr(order, name) for name in _WORDS} if order else None
        header = {"order": words, "consent": self.consent, "drawn": dict(self.drawn)}
        return json.dumps(header).encode() + b"\n" + (order.upload if order else b"")

    @classmethod
    def heard(cls, header: bytes, photo: bytes) -> Task:
        """What `told` wrote: its first line and the rest."""
        said = json.loads(header)
        words = said["order"]
        order = (
            Order(
                name=words["name"],
                seed=words["seed"],
                blend=tuple(words["blend"]) if words["blend"] else None,
                source=words["source"],
                wishes=tuple(words["wishes"]),
                upload=photo,
            )
            if words
            else None
        )
        return cls(order, said["consent"], said["drawn"])


def in_own_process(task: Task) -> None:
    """Does it, and returns when it is done; WorkshopError where that failed."""
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
    _hear(said, complained, process.returncode)


def _hear(said: bytes, complained: bytes, code: int) -> None:
    try:
        error = json.loads(said.strip().splitlines()[-1])["error"]
    except (ValueError, IndexError, KeyError, TypeError):
        lines = complained.decode(errors="replace").strip().splitlines() or [f"exit code {code}"]
        raise WorkshopError(f"its process ended before it was done: {lines[-1][:200]}") from None
    if error:
        raise WorkshopError(str(error))


def work(task: Task) -> None:
    """Does it here; WorkshopError where the character could not be made, and then there is no file of it."""
    from omote.engine.animator import Animator

    try:
        made = _made(task.order, task.consent) if task.order else {}
    except _MISTAKES as error:
        raise WorkshopError(" ".join(str(error).split())) from error
    _draw({**task.drawn, **made}, cache(Animator))


def _made(order: Order, consent: str) -> Mapping[str, str]:
    """Makes and keeps the character, and returns where its thumbnail is to be."""
    path = own_path(order.name or "")
    make_folder(path.parent)
    character = make(order, consent)
    if path.exists():
        raise CharacterError(f'"{order.name}" has come there meanwhile: choose another name')
    keep(character, path)
    return {str(path): str(thumbnails.kept(thumbnails.digest_of(path)))}


def _draw(wanted: Mapping[str, str], artist: Callable[[], Artist]) -> None:
    """Draws each; where one cannot be drawn, the others are."""
    for file, thumbnail in wanted.items():
        try:
            thumbnails.keep(thumbnails.drawn(load_any(file), artist), Path(thumbnail))
            if not Path(file).exists():  # removed meanwhile, and with it all that shows the face
                Path(thumbnail).unlink(missing_ok=True)
        except (CharacterError, AnimatorError, OSError) as error:
            print(f"{file}: {error}", file=sys.stderr)


def _end_with_listener() -> None:
    """Ends this process where nobody listens any more: without Omote no character is to be made to its end."""
    while True:
        time.sleep(_BEAT_S)
        try:
            os.write(sys.stdout.fileno(), b"\n")
        except OSError:
            os._exit(1)


def main() -> int:
    """The exit code: 0 where an answer was given."""
    if hasattr(os, "nice"):
        os.nice(_KINDNESS)
    threading.Thread(target=_end_with_listener, name="beat", daemon=True).start()
    told = sys.stdin.buffer
    try:
        work(Task.heard(told.readline(), told.read()))
        error = ""
    except WorkshopError as failed:
        error = str(failed)
    print("\n" + json.dumps({"error": error}), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
