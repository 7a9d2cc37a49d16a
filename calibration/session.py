"""Runs a guided calibration pose by pose, and measures an actor."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass

import numpy as np

from omote.bridge import arkit
from omote.engine.data import Actor, Array, Signal
from omote.engine.face.retarget import seen_weights

from .actor_file import CalibrationFindings, StepResult
from .measurement import CalibrationError, measure_actor, residual_jitter
from .poses import POSES, CalibrationPose, PoseAttempt, RestAttempt, RestMeasurement, is_unseen

__all__ = ["COUNT_S", "FIRST_COUNT_S", "CalibrationError", "CalibrationSession"]

FIRST_COUNT_S = 3.0
COUNT_S = 2.0  # before each pose: to read the instruction and leave the previous pose
GAP_S = 0.5  # the longest time that one picture stands for
NO_FACE = "No face is seen: the session waits until you are back."
NEUTRAL_IS_NEEDED = "The relaxed face cannot be left out: all else is measured from it."


class CalibrationSession:
    """A guided session, which `see` feeds with signals; call every method from any thread.

    Its clock is the time of the signals, so that a take drives it exactly, and it pauses while no face is seen. `view`
    says what to do now, `result` is the actor when all poses are done.
    """

    def __init__(self, name: str, source_name: str) -> None:
        self.name, self.source_name = name, source_name
        self._lock = threading.Lock()
        self._state = "ready"
        self._reset()

    def see(self, signal: Signal) -> None:
        """The next signal of the performer."""
        with self._lock:
            if self._state not in ("counting", "holding"):
                return
            elapsed_s = self._elapsed_s(signal.stamp.captured_ns)
            self._is_seen = signal.is_tracked
            if self._is_seen:
                self._follow(signal, elapsed_s)

    def begin(self) -> None:
        """Starts, or starts again, from the first step."""
        with self._lock:
            self._reset()
            self._count_down(FIRST_COUNT_S)

    def redo(self, name: str = "") -> None:
        """Repeats a finished step: the named one, or the last one; does nothing where it is not finished."""
        with self._lock:
            finished = {pose.name: index for index, pose in enumerate(POSES) if pose.name in self._ends}
            step = finished.get(name) if name else self._last
            if self._state in ("ready", "cancelled") or step is None:
                return
            self._ends.pop(POSES[step].name, None)
            self._step = step
            self._count_down(FIRST_COUNT_S)

    def skip(self) -> None:
        """Leaves out the present step; the relaxed face cannot be left out."""
        with self._lock:
            if self._state not in ("counting", "holding"):
                return
            if self._pose is POSES[0]:
                self._remark = NEUTRAL_IS_NEEDED
            else:
                self._extremes.pop(self._pose.name, None)
                self._end_step("skipped", "Left out.")

    def cancel(self) -> None:
        """Ends the session without a result."""
        with self._lock:
            self._state = "cancelled"

    @property
    def view(self) -> SessionView:
        """What to do now, and the progress."""
        with self._lock:
            is_on = self._state in ("counting", "holding")
            steps = tuple(self._step_view(index, pose, is_on=is_on) for index, pose in enumerate(POSES))
            return SessionView(
                self._state,
                self._step,
                steps,
                count_s=max(self._count_s, 0.0) if self._state == "counting" else 0.0,
                score=self._attempt.score if self._state == "holding" and self._attempt else 0.0,
                remark=NO_FACE if is_on and not self._is_seen else self._remark,
            )

    def result(self) -> Actor:
        """The measured actor; CalibrationError until all steps are done."""
        with self._lock:
            return self._actor()

    def findings(self) -> CalibrationFindings:
        """The numbers of the session, for the report; CalibrationError until all steps are done."""
        with self._lock:
            actor, still = self._actor(), self._still
            assert still is not None
            titles = {pose.name: pose.title for pose in POSES}
            steps = tuple(StepResult(name, titles[name], *self._ends[name]) for name in titles)
            least, most = (np.clip(one, 0.0, 1.0) for one in (self._least, self._most))
        # Outside the lock: the residual jitter takes milliseconds, and the thread that reads the source must not wait.
        return CalibrationFindings(least, most, still.jitter, residual_jitter(still, actor), steps)

    # The methods below are called with the lock held.

    def _reset(self) -> None:
        self._step = 0
        self._last: int | None = None  # the last finished step
        self._count_s = 0.0
        self._before_ns: int | None = None  # when the last picture was captured
        self._is_seen = True
        self._remark = ""
        self._attempt: RestAttempt | PoseAttempt | None = None
        self._still: RestMeasurement | None = None
        self._extremes: dict[str, Array] = {}
        self._ends: dict[str, tuple[str, str]] = {}  # state and remark of the finished steps, by name
        self._least: Array = np.ones(arkit.COUNT, np.float32)
        self._most: Array = np.zeros(arkit.COUNT, np.float32)

    @property
    def _pose(self) -> CalibrationPose:
        return POSES[self._step]

    def _elapsed_s(self, now_ns: int) -> float:
        before_ns, self._before_ns = self._before_ns, now_ns
        elapsed_s = (now_ns - before_ns) / 1e9 if before_ns is not None and self._is_seen else 0.0
        return min(max(elapsed_s, 0.0), GAP_S)

    def _follow(self, signal: Signal, elapsed_s: float) -> None:
        row = seen_weights(signal)
        self._least, self._most = np.minimum(self._least, row), np.maximum(self._most, row)
        if self._state == "counting":
            self._count_s -= elapsed_s
            if self._count_s <= 0.0:
                self._start_attempt()
            return
        attempt = self._attempt
        assert attempt is not None
        attempt.see(signal, elapsed_s)
        self._remark = attempt.remark
        self._finish(attempt)

    def _start_attempt(self) -> None:
        """The countdown is over: the pose is measured from now on."""
        self._state, self._remark = "holding", ""
        if self._pose is POSES[0]:
            self._attempt = RestAttempt()
            return
        assert self._still is not None, "the relaxed face is the first step, and cannot be left out"
        self._attempt = PoseAttempt(self._pose, self._still)

    def _finish(self, attempt: RestAttempt | PoseAttempt) -> None:
        """Ends the step where the attempt is over."""
        if isinstance(attempt, RestAttempt):
            if attempt.found:
                self._still = attempt.found
                self._end_step("done", "")
        elif attempt.extreme is not None:
            self._extremes[self._pose.name] = attempt.extreme
            self._end_step("done", attempt.caveat)
        elif attempt.missed:
            self._extremes.pop(self._pose.name, None)
            self._end_step("skipped", attempt.missed)

    def _end_step(self, state: str, remark: str) -> None:
        self._ends[self._pose.name] = state, remark
        self._last = self._step
        left = [index for index, pose in enumerate(POSES) if pose.name not in self._ends]
        if left:
            self._step = left[0]
            self._count_down(COUNT_S)
            if self._still and is_unseen(self._pose, self._still):
                self._end_step("unseen", f"The tracker of {self.source_name} does not see this, so nothing is lost.")
        else:
            self._state, self._remark, self._attempt = "done", "", None

    def _count_down(self, seconds: float) -> None:
        self._state, self._count_s, self._remark, self._attempt = "counting", seconds, "", None

    def _step_view(self, index: int, pose: CalibrationPose, *, is_on: bool) -> StepView:
        state, remark = self._ends.get(pose.name, ("todo", ""))
        if is_on and index == self._step:
            state = "now"
        if state == "unseen":  # the remark says so
            state = "skipped"
        return StepView(pose.name, pose.title, pose.say, pose.picture, state, remark)

    def _actor(self) -> Actor:
        if self._state != "done" or self._still is None:
            raise CalibrationError(f"the session is {self._state}; there is an actor when it is done")
        return measure_actor(self.name, self._still, self._extremes)


@dataclass(frozen=True)
class StepView:
    """One step, as the user sees it."""

    name: str
    title: str
    say: str
    picture: str  # the path on the page's server
    state: str  # todo, now, done or skipped
    remark: str = ""


@dataclass(frozen=True)
class SessionView:
    """The state of a session at one moment."""

    state: str  # ready, counting, holding, done or cancelled
    step: int  # the index of the present or last step
    steps: tuple[StepView, ...]
    count_s: float = 0.0  # of the countdown that is left
    score: float = 0.0  # of the present pose, to 1; at rest, the share of the needed time
    remark: str = ""  # one sentence of advice

    def as_json(self) -> dict[str, object]:
        """The view in JSON's types."""
        return {**asdict(self), "steps": [asdict(step) for step in self.steps]}
