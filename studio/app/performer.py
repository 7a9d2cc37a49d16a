"""The performer: loads the calibration for each camera, and runs calibration sessions."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from omote.bridge.control import ControlError
from omote.calibration.actor_file import (
    ActorError,
    ActorRecord,
    Provenance,
    actor_names,
    actor_path,
    find_actor,
    forget_neutral,
    person_slug,
    save_actor,
    save_neutral,
)
from omote.calibration.measurement import CalibrationError
from omote.calibration.report import report_html
from omote.calibration.session import CalibrationSession
from omote.engine.data import Actor
from omote.engine.live.loop import LiveLoop
from omote.engine.storage import write_text

log = logging.getLogger(__name__)

DEFAULT_ACTOR = "default"


class PerformerController:
    """The actor of a running loop. Methods may be called from any thread but the one that draws."""

    def __init__(self, name: str = DEFAULT_ACTOR, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """ActorError if the name is invalid."""
        person_slug(name)
        self.name = name
        self.notice = ""  # what is wrong with the saved calibration
        self._now = now
        self._live: LiveLoop | None = None
        self._actor, self._calibrated_on = Actor(name), ""
        self._has_own_rest = False
        self._before_rest: tuple[Path, str | None] | None = None  # the actor's file before the last new rest
        self._session: CalibrationSession | None = None
        self._lock = threading.RLock()

    def bind(self, live: LiveLoop) -> None:
        """Loads the calibration for the source of this loop, which is controlled from now on."""
        self._live = live
        self.reload()

    def reload(self) -> None:
        """Loads the calibration of this performer for the current source; without one the actor is neutral."""
        with self._lock:
            live = self._running()
            self.notice, kept = "", None
            try:
                kept = find_actor(self.name, live.source.name)
            except ActorError as error:  # the stream goes on uncalibrated
                self.notice = f"{error}"
                log.warning("%s", error)
            self._before_rest = None
            self._has_own_rest = kept is not None and kept.has_own_rest
            self._actor = kept.actor if kept else Actor(self.name)
            self._calibrated_on = kept.made.date if kept else ""
            live.session.performance.use_actor(self._actor)

    def use(self, name: str) -> None:
        """Selects the performer; ActorError if the name is invalid."""
        with self._lock:
            actor_path(name, self._running().source.name)  # ActorError before anything changes
            self.end_session()
            self.name = name
            self.reload()

    def recalibrate(self) -> Actor:
        """Makes the face of the last half second the resting one and saves it; NoFaceError if there was none.

        `undo_rest` restores what was there before, `forget_rest` what the last session measured.
        """
        with self._lock:
            live, date = self._running(), self._now().isoformat(timespec="seconds")
            self._actor = live.session.performance.recalibrate()
            self._calibrated_on = self._calibrated_on or date
            self._has_own_rest = True
            path = actor_path(self.name, live.source.name)
            self._before_rest = path, _text_of(path)
            try:
                save_neutral(self._actor, live.source.name, date)
                self.notice = ""
            except ActorError as error:  # it still holds for this run
                self.notice = f"{error}"
            return self._actor

    def undo_rest(self) -> None:
        """Restores the rest from before the last `recalibrate`; ControlError if there is nothing to undo."""
        with self._lock:
            if self._before_rest is None:
                raise ControlError("failed", "no resting face was set since this performer and this camera were chosen")
            path, text = self._before_rest
            try:
                if text is None:
                    path.unlink(missing_ok=True)
                else:
                    write_text(path, text)
            except OSError as error:
                raise ActorError(f"cannot restore {path} ({error.strerror}): make room, and undo again") from error
            self.reload()

    def forget_rest(self) -> None:
        """Goes back to the rest of the last session, or to none; ActorError if no other one was set."""
        with self._lock:
            forget_neutral(self.name, self._running().source.name)
            self.reload()

    def calibrate(self, action: str, step: str = "") -> None:
        """Starts or controls a calibration session; ControlError if the action is not possible now.

        `action` is "start", "begin", "redo" (with the name of a `step`), "skip", "save" or "cancel".
        """
        with self._lock:
            live = self._running()
            if action == "start":
                self.end_session()
                self._session = CalibrationSession(self.name, live.source.name)
                live.session.add_listener(self._session.see)
                return
            session = self._session
            if session is None:
                raise ControlError("failed", 'no calibration is under way: ask for {"do": "start"} first')
            match action:
                case "begin":
                    session.begin()
                case "redo":
                    session.redo(step)
                case "skip":
                    session.skip()
                case "save":
                    self._save(session)
                case _:
                    session.cancel()
                    self.end_session()

    def end_session(self) -> None:
        """Ends the calibration session, if there is one."""
        with self._lock:
            if self._session is not None and self._live is not None:
                self._live.session.remove_listener(self._session.see)
            self._session = None

    def _save(self, session: CalibrationSession) -> None:
        live = self._running()
        try:
            actor, findings = session.result(), session.findings()
        except CalibrationError as error:
            raise ControlError("failed", str(error)) from error
        made = Provenance(self._now().isoformat(timespec="seconds"), session.source_name, findings)
        save_actor(actor, actor_path(session.name, session.source_name), made)
        if session.source_name == live.source.name:
            self._actor, self._calibrated_on, self.notice = actor, made.date, ""
            self._has_own_rest, self._before_rest = False, None
            live.session.performance.use_actor(actor)
        self.end_session()

    def report(self) -> str | None:
        """HTML about the finished session, else about the saved calibration; None if there is neither.

        ActorError if the saved calibration is damaged.
        """
        live, session = self._running(), self._session
        if session is not None and session.view.state == "done":
            made = Provenance(self._now().isoformat(timespec="seconds"), session.source_name, session.findings())
            return report_html(ActorRecord(session.result(), made))
        kept = find_actor(self.name, live.source.name)
        return report_html(kept) if kept else None

    @property
    def view(self) -> dict[str, object] | None:
        """The calibration session as JSON values; None if there is none."""
        session = self._session
        return session.view.as_json() if session else None

    def as_json(self) -> dict[str, object]:
        """The performer and their calibration as JSON values."""
        pitch, yaw = np.rad2deg(self._actor.camera_angle)
        return {
            "name": self.name,
            "is_calibrated": bool(self._calibrated_on),
            "has_own_rest": self._has_own_rest,
            "made": self._calibrated_on or None,
            "camera_deg": [round(float(pitch), 1), round(float(yaw), 1)],
        }

    @property
    def summary(self) -> str:
        """The performer and the state of their calibration, in one line."""
        if self.notice:
            return f"{self.name}, as the tracker says: what was kept of them cannot be used"
        if not self._calibrated_on:
            return f"{self.name}, as the tracker says: omote calibrate finds rest, range and noise"
        return f"{self.name}, calibrated on {self._calibrated_on[:10]}"

    def names(self) -> list[str]:
        """The performers that can be selected: the current one and all that have a calibration."""
        return list(dict.fromkeys((self.name, *actor_names())))

    def _running(self) -> LiveLoop:
        if self._live is None:
            raise ControlError("failed", "Omote is still starting: ask again in a moment")
        return self._live


def _text_of(path: Path) -> str | None:
    """The content of this file; None if it cannot be read."""
    try:
        return path.read_text("utf-8")
    except (OSError, ValueError):
        return None
