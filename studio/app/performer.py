"""Who performs: the person whose calibration is used, found anew for each of their cameras, and made in a session."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from omote.bridge.control import ControlError
from omote.calibration.actor_file import (
    ActorError,
    ActorRecord,
    Provenance,
    actor_names,
    actor_path,
    find_actor,
    save_actor,
    save_neutral,
)
from omote.calibration.measurement import CalibrationError
from omote.calibration.report import report_html
from omote.calibration.session import CalibrationSession
from omote.engine.data import Actor
from omote.engine.live.loop import LiveLoop

log = logging.getLogger(__name__)

DEFAULT_ACTOR = "default"


class PerformerController:
    """The actor of a running loop; from any thread but the one that draws. Errors that a person can mend are raised."""

    def __init__(self, name: str = DEFAULT_ACTOR, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.name = name
        self.notice = ""  # what is wrong with who is remembered, for a person
        self._now = now
        self._live: LiveLoop | None = None
        self._actor, self._made = Actor(name), ""
        self._session: CalibrationSession | None = None
        self._lock = threading.RLock()

    def bind(self, live: LiveLoop) -> None:
        """This loop runs: who performs before its source is who is remembered there."""
        self._live = live
        self.remember()

    def remember(self) -> None:
        """Goes over to who is remembered of this name before this source, or to somebody nobody knows yet."""
        with self._lock:
            live = self._running()
            self.notice, kept = "", None
            try:
                kept = find_actor(self.name, live.source.name)
            except ActorError as error:  # the stream goes on without it
                self.notice = f"{error}"
                log.warning("%s", error)
            self._actor = kept.actor if kept else Actor(self.name)
            self._made = kept.made.date if kept else ""
            live.scene.use_actor(self._actor)

    def use(self, name: str) -> None:
        """It is this person who performs; ActorError where the name can be nobody's."""
        with self._lock:
            actor_path(name, self._running().source.name)  # refuses what can be no file's name
            self.leave()  # who calibrated was somebody else
            self.name = name
            self.remember()

    def recalibrate(self) -> Actor:
        """Makes the face of the last half second the one at rest, and remembers it; NoFaceError where none was seen."""
        with self._lock:
            live, date = self._running(), self._now().isoformat(timespec="seconds")
            self._actor, self._made = live.scene.recalibrate(), date
            try:
                save_neutral(self._actor, live.source.name, date)
                self.notice = ""  # what was damaged is whole again
            except ActorError as error:  # it holds for this run
                self.notice = f"{error}"
            return self._actor

    def calibrate(self, do: str, step: str = "") -> None:
        """Starts a session, or does with it what a person wants; ControlError where that cannot be now."""
        with self._lock:
            live = self._running()
            if do == "start":
                self.leave()
                self._session = CalibrationSession(self.name, live.source.name)
                live.scene.admit(self._session)
                return
            session = self._session
            if session is None:
                raise ControlError("failed", 'no calibration is under way: ask for {"do": "start"} first')
            match do:
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
                    self.leave()

    def leave(self) -> None:
        """Ends a session that is under way."""
        with self._lock:
            if self._session is not None and self._live is not None:
                self._live.scene.dismiss(self._session)
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
            self._actor, self._made, self.notice = actor, made.date, ""
            live.scene.use_actor(actor)
        self.leave()

    def report(self) -> str | None:
        """A page about the session that is done, else about who is remembered here; None where nobody is.

        ActorError where what is remembered is damaged.
        """
        live, session = self._running(), self._session
        if session is not None and session.view.state == "done":
            made = Provenance(self._now().isoformat(timespec="seconds"), session.source_name, session.findings())
            return report_html(ActorRecord(session.result(), made))
        kept = find_actor(self.name, live.source.name)
        return report_html(kept) if kept else None

    @property
    def view(self) -> dict[str, object] | None:
        """The session as the page shows it; None where there is none."""
        session = self._session
        return session.view.as_json() if session else None

    def as_json(self) -> dict[str, object]:
        """For the page."""
        pitch, yaw = np.rad2deg(self._actor.camera_angle)
        return {
            "name": self.name,
            "is_calibrated": bool(self._made),
            "made": self._made or None,
            "camera_deg": [round(float(pitch), 1), round(float(yaw), 1)],
        }

    @property
    def told(self) -> str:
        """Who performs, and whether anybody knows their face, in a line."""
        if self.notice:
            return f"{self.name}, as the tracker says: what was kept of them cannot be used"
        if not self._made:
            return f"{self.name}, as the tracker says: omote calibrate finds rest, range and noise"
        return f"{self.name}, calibrated on {self._made[:10]}"

    def names(self) -> list[str]:
        """Who can be chosen: everybody that is remembered, and who performs now."""
        return list(dict.fromkeys((self.name, *actor_names())))

    def _running(self) -> LiveLoop:
        if self._live is None:
            raise ControlError("failed", "Omote is still starting: ask again in a moment")
        return self._live
