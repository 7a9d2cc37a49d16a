"""Records takes while the loop runs."""

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
    """The folder of recordings that were started without a path."""
    return data_folder() / "takes"


class Recording:
    """One recording at a time. Methods may be called from any thread but the one that draws."""

    def __init__(self, now: Callable[[], datetime] = datetime.now) -> None:
        self._now = now
        self._live: LiveLoop | None = None
        self._recorder: Recorder | None = None
        self._lock = threading.Lock()

    def bind(self, live: LiveLoop) -> None:
        self._live = live

    def begin(self, path: Path | None = None) -> Path:
        """Starts to record into this file, or into a new one named by the time, and returns its path.

        TakeError if it cannot be written. If a recording is on already, its path is returned.
        """
        with self._lock:
            live = self._live
            if live is None:
                raise TakeError("Omote is still starting: ask again in a moment")
            if self._recorder is not None and self._recorder.has_ended:  # the disk was full
                live.session.remove_listener(self._recorder.see)
                self._recorder = None
            if self._recorder is not None:
                return self._recorder.progress.path
            recorder = Recorder(path or self._new_path(), provenance=f"recorded by Omote from {live.source.name}")
            recorder.__enter__()
            self._recorder = recorder
            live.session.add_listener(recorder.see)
            return recorder.progress.path

    def end(self) -> RecordingProgress | None:
        """Ends the recording and returns how it went; None if there was none."""
        with self._lock:
            recorder, self._recorder = self._recorder, None
            if recorder is None:
                return None
            if self._live is not None:
                self._live.session.remove_listener(recorder.see)
            recorder.__exit__(None, None, None)
            return recorder.progress

    @property
    def progress(self) -> RecordingProgress | None:
        """How far the recording is; None if there is none."""
        recorder = self._recorder
        return recorder.progress if recorder else None

    def _new_path(self) -> Path:
        folder = takes_folder()
        try:
            make_folder(folder)
        except OSError as error:
            raise TakeError(f"cannot make the folder {folder} ({error.strerror}): make room for it") from error
        return folder / f"{self._now():%Y-%m-%d_%H-%M-%S}.csv"
