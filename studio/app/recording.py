"""Records what is performed while the loop runs: a take that begins and ends with a click."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from omote.engine.capture.recorder import Recorder, RecordingProgress
from omote.engine.capture.take_files import TakeError
from omote.engine.live.loop import LiveLoop
from omote.engine.storage import data_folder, make_folder


def takes_folder() -> Path:
    """Where takes go that are begun by a click."""
    return data_folder() / "takes"


class Recording:
    """One recording at most; from any thread but the one that draws."""

    def __init__(self, now: Callable[[], datetime] = datetime.now) -> None:
        self._now = now
        self._live: LiveLoop | None = None
        self._recorder: Recorder | None = None
        self._lock = threading.Lock()

    def bind(self, live: LiveLoop) -> None:
        self._live = live

    @property
    def is_on(self) -> bool:
        return self._recorder is not None

    def begin(self, path: Path | None = None) -> Path:
        """Records into this file, or into a new one of this moment; where to. TakeError where that cannot be."""
        with self._lock:
            live = self._live
            if live is None:
                raise TakeError("Omote is still starting: ask again in a moment")
            if self._recorder is not None and self._recorder.has_ended:  # a full disk; there may be room by now
                live.scene.dismiss(self._recorder)
                self._recorder = None
            if self._recorder is not None:
                return self._recorder.progress.path
            recorder = Recorder(path or self._new_path(), provenance=f"recorded by Omote from {live.source.name}")
            recorder.__enter__()
            self._recorder = recorder
            live.scene.admit(recorder)
            return recorder.progress.path

    def end(self) -> RecordingProgress | None:
        """Ends the recording and says how it went; None where there was none."""
        with self._lock:
            recorder, self._recorder = self._recorder, None
            if recorder is None:
                return None
            if self._live is not None:
                self._live.scene.dismiss(recorder)
            recorder.__exit__(None, None, None)
            return recorder.progress

    @property
    def progress(self) -> RecordingProgress | None:
        """How far it is; None while nothing is recorded."""
        recorder = self._recorder
        return recorder.progress if recorder else None

    def _new_path(self) -> Path:
        folder = takes_folder()
        try:
            make_folder(folder)
        except OSError as error:
            raise TakeError(f"cannot make the folder {folder} ({error.strerror}): see that there is room") from error
        return folder / f"{self._now():%Y-%m-%d_%H-%M-%S}.csv"
