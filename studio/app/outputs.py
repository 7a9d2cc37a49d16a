"""The outputs to other programs, each switched on and off while the loop runs."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

from omote.bridge.outputs import SenderError, face_sender, picture_sender, takes_pictures
from omote.engine.data import Portrait
from omote.engine.live.outputs import FaceOutput, PictureOutput

MOST_OUTPUTS = 16
MOST_SPEC = 256  # letters


class OutputSwitch:
    """Offers portraits to the outputs that are on; itself an output of the loop. `with` closes them all."""

    name = "programs"

    def __init__(self, settings: Path | None = None) -> None:
        """`settings` is the folder where VTube Studio's permission is kept."""
        self._settings = settings
        self._outputs: dict[str, FaceOutput | PictureOutput] = {}  # by destination; replaced as a whole
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for destination in self.destinations:
            with suppress(SenderError):
                self.close(destination)

    @property
    def destinations(self) -> tuple[str, ...]:
        """The destinations that are on, as `--out` takes them."""
        return tuple(self._outputs)

    @property
    def programs(self) -> tuple[FaceOutput | PictureOutput, ...]:
        """The outputs that are on."""
        return tuple(self._outputs.values())

    def open(self, destination: str) -> None:
        """Switches an output on; SenderError if it cannot be opened. One that is on stays as it is."""
        with self._lock:
            if destination in self._outputs:
                return
            if len(self._outputs) >= MOST_OUTPUTS:
                raise SenderError(f"there are {MOST_OUTPUTS} outputs already: switch one off first")
            output = (
                PictureOutput(picture_sender(destination))
                if takes_pictures(destination)
                else FaceOutput(face_sender(destination, self._settings))
            )
            output.__enter__()
            self._outputs = {**self._outputs, destination: output}

    def close(self, destination: str) -> None:
        """Switches an output off; SenderError if it is not on."""
        with self._lock:
            output = self._outputs.get(destination)
            if output is None:
                on = ", ".join(self._outputs) or "none"
                raise SenderError(f"no output to {destination[:60]!r} is on; on are: {on}")
            self._outputs = {name: one for name, one in self._outputs.items() if name != destination}
            output.__exit__(None, None, None)  # a picture that comes meanwhile is dropped

    def offer(self, portrait: Portrait) -> None:
        """Offers this portrait to all that are on. Never blocks."""
        for output in self._outputs.values():
            output.offer(portrait)

    def as_json(self) -> list[dict[str, object]]:
        """Destination, name and trouble of each that is on, as JSON values."""
        outputs = self._outputs.items()
        return [{"destination": name, "name": one.name, "trouble": one.trouble} for name, one in outputs]
