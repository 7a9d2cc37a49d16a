"""The voice that moves the mouth: which microphone is open, how it is mixed, and what it does now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from omote.bridge.control import ControlError
from omote.engine.capture.microphone import (
    DEFAULT_MICROPHONE,
    SOUND_SUFFIX,
    VoiceInput,
    microphones,
    open_sound,
)
from omote.engine.capture.voice import DELAY_S
from omote.engine.face.lipsync import VISEMES, Voice, VoiceError, VoiceTuning
from omote.engine.live.loop import LiveLoop


class VoiceController:
    """The voice of a running loop. Its methods may be called from any thread; `open` takes a while.

    A microphone is open from `open` to `close`, and never without one of these calls.
    """

    def __init__(self, tuning: VoiceTuning, changed: Callable[[], None]) -> None:
        """`changed` is called when the sound has ended or failed."""
        self.tuning = tuning
        self._changed = changed
        self._live: LiveLoop | None = None
        self._input: VoiceInput | None = None
        self._spec = ""  # of the open sound
        self._first = ""  # what the run began with, which the page may choose again
        self._lock = threading.Lock()

    def bind(self, live: LiveLoop) -> None:
        """Lets the voice move the mouth of this loop."""
        self._live = live
        live.session.performance.tune_voice(self.tuning)
        live.session.performance.listen(self.at)

    def begin(self, spec: str) -> None:
        """Opens the sound that the run begins with: a microphone or a WAV file; VoiceError if it cannot be opened."""
        self._first = spec
        self._open(spec)

    def open(self, spec: str) -> None:
        """Opens a microphone, by "default" or its name, in place of the open one; VoiceError if it cannot be opened.

        A file is refused unless the run began with it, because a page must not name paths.
        """
        if spec != self._first and spec.lower().endswith(SOUND_SUFFIX):
            raise VoiceError(f"{spec[:80]} is a file: choose a microphone, or name the file when Omote starts")
        self._open(spec)

    def close(self) -> None:
        """Closes the microphone."""
        with self._lock:
            self._close()

    def tune(self, tuning: VoiceTuning) -> None:
        """Mixes the voice in this way from now on."""
        self.tuning = tuning
        if self._live:
            self._live.session.performance.tune_voice(tuning)

    def at(self, now_ns: int) -> Voice | None:
        """The newest moment of the voice; None if no microphone is open or nothing comes."""
        voice = self._input
        return voice.at(now_ns) if voice else None

    def choices(self) -> list[dict[str, str]]:
        """What can be opened, as JSON values; opens nothing. VoiceError if microphones cannot be listed."""
        known = microphones()
        has_first = self._first not in ("", DEFAULT_MICROPHONE)
        first = [{"device": self._first, "label": Path(self._first).name}] if has_first else []
        usual = [{"device": DEFAULT_MICROPHONE, "label": "The system's microphone"}] if known else []
        return [*first, *usual, *({"device": one.name, "label": one.name} for one in known)]

    def as_json(self) -> dict[str, object]:
        """The choice and the tuning, as JSON values."""
        voice = self._input
        is_open = voice is not None and not voice.is_over
        return {
            "device": self._spec if is_open else None,
            "name": voice.name if voice and is_open else "",
            "error": voice.error if voice else "",
            **self.tuning.as_json(),
        }

    def now(self) -> dict[str, object] | None:
        """What the voice does now, as JSON values; None if no microphone is open."""
        live, voice = self._live, self._input
        if live is None or voice is None or voice.is_over:
            return None
        newest, took = voice.at(0), live.session.voice_delays.percentiles()
        return {
            "level_db": None if newest is None else round(newest.level_db, 1),
            "viseme": None if newest is None else VISEMES[int(newest.visemes.argmax())],
            "is_mouth_hidden": live.session.performance.is_mouth_hidden,
            "delay_ms": None if took is None else round(took.p50, 1),
            "heard_ms": DELAY_S * 1000.0,
        }

    def _open(self, spec: str) -> None:
        opened = VoiceInput(open_sound(spec), on_end=lambda voice: self._changed())
        with self._lock:
            self._close()
            opened.__enter__()
            self._input, self._spec = opened, spec

    def _close(self) -> None:
        opened, self._input = self._input, None
        if opened is not None:
            opened.__exit__(None, None, None)


def read_device(arguments: Mapping[str, object]) -> str | None:
    """The microphone in a request; None to close it. ControlError unless it is a name or null."""
    device = arguments["device"]
    if device is None or (isinstance(device, str) and 0 < len(device) <= 200):
        return device
    raise ControlError("invalid", "device must be the name of a microphone, or null to close it")
