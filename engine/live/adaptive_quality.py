"""Adaptive quality: chooses size, steps and rate so that a latency budget is kept."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from ..data import Array, Character, FlameParams
from ..model.animator import Animator
from ..model.renderer import DEFAULT_SIZE, SIZES, STEPS
from .latency import SentPicture

SMOOTH_FPS = 30.0  # pictures a second: what most webcams give anyway
FILM_FPS = 24.0
LOW_FPS = (20.0, 15.0)
WORTHWHILE_COST = 0.9  # of what a better way to draw costs: one that costs more than that is not worth its picture
TRIALS = 5  # pictures by which a way to draw is measured, after one that warms it up


@dataclass(frozen=True)
class QualityLevel:
    """What a latency budget may choose."""

    size: int = DEFAULT_SIZE
    steps: int = 1
    fps: float | None = None  # at most so many pictures a second; None: as many as the source gives

    def text(self, runtime: str) -> str:
        """As "openvino cpu bf16 512x512 1 step 30/s"."""
        plural = "" if self.steps == 1 else "s"
        rate = "" if self.fps is None else f" {self.fps:g}/s"
        return f"{runtime} {self.size}x{self.size} {self.steps} step{plural}{rate}"

    @property
    def way(self) -> QualityLevel:
        """How it draws, however often: gears of one way cost the same."""
        return replace(self, fps=None)


@dataclass(frozen=True)
class BudgetStatus:
    """A latency budget, and how it is held."""

    ms: float
    gear: str  # what it chose, for people
    is_held: bool  # lately no more pictures were older than the budget than a p95 allows
    changes: int  # of the gear, so far


def quality_levels(
    best: QualityLevel, sizes: Sequence[int] = SIZES, steps: Sequence[int] = STEPS
) -> tuple[QualityLevel, ...]:
    """The gears from `best` down, each of which costs less, or asks for less, than the one before.

    What hurts least goes first. 30 pictures a second are as many as most webcams give. Fewer steps cost a little
    texture, the next smaller size some sharpness, and the rate of film some smoothness. The smallest sizes are soft,
    and below 24 a second lips come apart from their sound.
    """
    rungs = [best]

    def down(gear: QualityLevel) -> None:
        if gear not in rungs:
            rungs.append(gear)

    def down_in_rate(fps: float) -> None:
        down(replace(rungs[-1], fps=min(fps, rungs[-1].fps or fps)))

    down_in_rate(SMOOTH_FPS)
    for fewer in sorted((one for one in steps if one < best.steps), reverse=True):
        down(replace(rungs[-1], steps=fewer))
    for at, size in enumerate(sorted((one for one in sizes if one < best.size), reverse=True)):
        down(replace(rungs[-1], size=size))
        if at == 0:
            down_in_rate(FILM_FPS)
    for fps in (FILM_FPS, *LOW_FPS):
        down_in_rate(fps)
    return tuple(rungs)


def usable_levels(
    gears: Sequence[QualityLevel], costs_ms: Mapping[QualityLevel, float]
) -> tuple[QualityLevel | None, ...]:
    """What each gear of a ladder comes to, by what ways to draw cost.

    A way that is not worth its picture is replaced by the better one before it, at the same rate. None stands for a
    gear that then brings nothing new.
    """
    way, found, last = gears[0].way, list[QualityLevel | None](), None
    for gear in gears:
        if costs_ms[gear.way] <= WORTHWHILE_COST * costs_ms[way]:
            way = gear.way
        now = replace(way, fps=gear.fps)
        found.append(None if now == last else now)
        last = now
    return tuple(found)


class AdaptiveQuality:
    """Holds a latency budget. `with` measures what each way to draw costs; `tell` is called for each picture sent."""

    def __init__(
        self,
        animator: Animator,
        budget_ms: float,
        gears: Sequence[QualityLevel],
        measure_ms: Callable[[QualityLevel], float],
    ) -> None:
        """`gears` begin with the one that the animator draws in; `measure_ms` says what drawing in one takes."""
        self.on_rate: Callable[[float | None], None] = lambda fps: None  # told how many pictures a second there may be
        self._animator, self._ladder, self._measure_ms = animator, tuple(gears), measure_ms
        self._budget_ms = budget_ms
        self._governor = QualityController(budget_ms, [None] * len(gears))
        self._gears: tuple[QualityLevel | None, ...] = (gears[0],)
        self._gear = gears[0]  # the present one
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        costs_ms = {way: self._measure_ms(way) for way in dict.fromkeys(gear.way for gear in self._ladder)}
        self._gears = usable_levels(self._ladder, costs_ms)
        self._governor = QualityController(
            self._budget_ms, [costs_ms[gear.way] if gear else None for gear in self._gears]
        )
        return self

    def __exit__(self, *error: object) -> None:
        pass

    @property
    def budget(self) -> BudgetStatus:
        """How it goes."""
        with self._lock:
            governor, gear = self._governor, self._gear.text(self._animator.runtime)
            return BudgetStatus(governor.budget_ms, gear, governor.is_held, governor.changes)

    @property
    def drawn_by(self) -> str:
        """What drew the animator's last picture, for people."""
        animator = self._animator
        return QualityLevel(animator.size, animator.steps, self._gear.fps).text(animator.runtime)

    def tell(self, sent: SentPicture) -> None:
        """Counts a picture, and shifts where that is called for; from any thread."""
        with self._lock:
            gear = self._gears[self._governor.tell(sent)]
            if gear is not None and gear != self._gear:
                self._gear = gear
                self._animator.use(gear.size, gear.steps)
                self.on_rate(gear.fps)


def adaptive_quality_for(animator: Animator, budget_ms: float, character: Character, light: Array) -> AdaptiveQuality:
    """From what this animator draws in now down to the least that there is, measured by this character at rest."""
    look = animator.renderer.look(character)

    def trial_ms(gear: QualityLevel) -> float:
        took_ns = []
        for _ in range(1 + TRIALS):
            began_ns = time.perf_counter_ns()
            animator.renderer.draw(look, FlameParams.neutral(), light, gear.size, gear.steps)
            took_ns.append(time.perf_counter_ns() - began_ns)
        return sorted(took_ns[1:])[TRIALS // 2] / 1e6

    return AdaptiveQuality(animator, budget_ms, quality_levels(QualityLevel(animator.size, animator.steps)), trial_ms)


SETTLE_S = 0.5  # after a change: what is sent now was captured before it
DECIDE_S = 0.2  # between two decisions
SHORT_S, SHORT_PICTURES = 1.0, 3  # more than half beyond the budget: down, as far as it takes
LONG_S, LONG_PICTURES = 10.0, 60  # more than one in twenty beyond it: down by one
RECENT_S = 3.0  # of which predictions speak
MARGIN = 0.85  # of the budget, within which a gear must be predicted to stay
AS_SLOW = 1.1  # of the slowness at which a gear has held the budget: it will hold it again
QUIET_S = 5.0  # a better gear must be predicted to fit for so long before it is tried
MOST_QUIET_S = 320.0  # however often it has failed
RELIEVED_QUIET_S = 20.0  # ... but where the machine has become much faster since it failed
RELIEF = 0.8  # of the slowness at which it failed: much faster
TRIAL_S = 60.0  # a gear that is left within so long of its trial has failed
_BEYOND = 0.05  # the share of pictures that a p95 allows
ASLEEP_MS = 10_000.0  # an older picture was captured before the machine slept: no gear would have made it younger
_KEPT = 1024  # pictures


class QualityController:
    """Chooses among gears, the best first, so that the p95 of the age stays within the budget, and changes seldom.

    Deterministic: the clock is what it is told. It goes down within about a second. It goes up only to a gear that has
    been expected to fit for a long time without a break: either it has held the budget while the machine was as slow
    as now, or it is predicted to, with a margin. A gear's cost now is its own cost times the machine's slowness, which
    is how much longer than its own cost the present gear draws. Each time that a gear fails its trial the wait
    doubles, so a load at the border is answered ever more rarely.
    """

    def __init__(self, budget_ms: float, costs_ms: Sequence[float | None]) -> None:
        """`costs_ms` are of the same, quiet machine; None is of a gear that cannot be chosen."""
        if not budget_ms > 0.0:
            raise ValueError(f"a latency budget must be above 0 ms, got {budget_ms:g}")
        self.budget_ms = budget_ms
        self.gear = 0  # the present one's place: 0 is the best
        self.changes = 0
        gears = len(costs_ms)
        self._costs_ms = tuple(costs_ms)
        self._fits_since_ns: list[int | None] = [None] * gears
        self._failures = [0] * gears
        self._slowness_at_trial = [math.inf] * gears
        self._has_held_at = [0.0] * gears  # the greatest slowness at which the budget was held
        self._risen_ns: int | None = None  # when the present gear was tried, while it is on trial
        self._recent: deque[SentPicture] = deque(maxlen=_KEPT)
        self._listens_from_ns = 0
        self._looked_ns = 0

    @property
    def is_held(self) -> bool:
        """Whether no more of the last pictures were beyond the budget than a p95 allows."""
        newest_ns = self._recent[-1].sent_ns if self._recent else 0
        return _share_beyond(self._last(newest_ns, LONG_S, LONG_PICTURES), self.budget_ms) <= _BEYOND

    def tell(self, sent: SentPicture) -> int:
        """Counts this picture; the gear for the next."""
        now_ns = sent.sent_ns
        if now_ns < self._listens_from_ns or sent.age_ms > ASLEEP_MS:
            return self.gear
        self._recent.append(sent)
        if now_ns - self._looked_ns >= DECIDE_S * 1e9:
            self._looked_ns = now_ns
            self._look(now_ns)
        return self.gear

    def _look(self, now_ns: int) -> None:
        self._pass_trial(now_ns)
        short = self._last(now_ns, SHORT_S, SHORT_PICTURES)
        long = self._last(now_ns, LONG_S, LONG_PICTURES)
        if len(short) >= SHORT_PICTURES and _share_beyond(short, self.budget_ms) > 0.5:
            self._fall(now_ns, self._far_enough(short))
        elif len(long) < LONG_PICTURES or _share_beyond(long, self.budget_ms) <= _BEYOND:
            self._note_held(long)
            self._consider(now_ns)
        else:
            self._fall(now_ns, self._below()[:1])

    def _note_held(self, long: Sequence[SentPicture]) -> None:
        draw_ms = self._draw_ms(long) if len(long) >= LONG_PICTURES else None
        if draw_ms is not None:
            self._has_held_at[self.gear] = max(self._has_held_at[self.gear], self._slowness(draw_ms))

    def _pass_trial(self, now_ns: int) -> None:
        if self._risen_ns is not None and now_ns - self._risen_ns > TRIAL_S * 1e9:
            self._failures[self.gear] = max(self._failures[self.gear] - 1, 0)
            self._risen_ns = None

    def _fall(self, now_ns: int, chosen: Sequence[int]) -> None:
        """Takes the first of these, if there is one."""
        if not chosen:
            return
        if self._risen_ns is not None:
            self._failures[self.gear] += 1
            self._has_held_at[self.gear] = 0.0
        self._change(now_ns, chosen[0])
        self._risen_ns = None

    def _far_enough(self, short: Sequence[SentPicture]) -> list[int]:
        """The best gear below that is predicted to fit, else the last; a picture saves its own drawing and no more."""
        below = self._below()
        age_ms, draw_ms = _median([one.age_ms for one in short]), self._draw_ms(short)
        if draw_ms is None:
            return below[:1]
        fitting = [one for one in below if age_ms + self._longer_ms(one, draw_ms) <= MARGIN * self.budget_ms]
        return fitting[:1] or below[-1:]

    def _consider(self, now_ns: int) -> None:
        """Goes up where a better gear has been predicted to fit for long enough."""
        recent = self._last(now_ns, RECENT_S, SHORT_PICTURES)
        draw_ms = self._draw_ms(recent)
        if draw_ms is None:
            return  # while nothing is drawn, nobody knows how fast the machine is
        age_ms = _p95([one.age_ms for one in recent])
        for gear in range(self.gear):
            if not self._fits(gear, age_ms, draw_ms):
                self._fits_since_ns[gear] = None
            elif self._fits_since_ns[gear] is None:
                self._fits_since_ns[gear] = now_ns
        for gear in range(self.gear):
            since_ns = self._fits_since_ns[gear]
            if since_ns is not None and now_ns - since_ns >= self._quiet_s(gear, draw_ms) * 1e9:
                self._slowness_at_trial[gear] = self._slowness(draw_ms)
                self._change(now_ns, gear)
                self._risen_ns = now_ns
                return

    def _fits(self, gear: int, age_ms: float, draw_ms: float) -> bool:
        if self._costs_ms[gear] is None:
            return False
        if self._slowness(draw_ms) <= AS_SLOW * self._has_held_at[gear]:
            return True
        # Twice, for a picture first waits until the one before it is drawn.
        return age_ms + 2.0 * self._longer_ms(gear, draw_ms) <= MARGIN * self.budget_ms

    def _quiet_s(self, gear: int, draw_ms: float) -> float:
        quiet_s = min(QUIET_S * 2.0 ** self._failures[gear], MOST_QUIET_S)
        is_relieved = self._slowness(draw_ms) < RELIEF * self._slowness_at_trial[gear]
        return min(quiet_s, RELIEVED_QUIET_S) if is_relieved else quiet_s

    def _change(self, now_ns: int, gear: int) -> None:
        self.gear = gear
        self.changes += 1
        self._recent.clear()
        self._fits_since_ns = [None] * len(self._costs_ms)
        self._listens_from_ns = max(self._listens_from_ns, now_ns + int(SETTLE_S * 1e9))

    def _below(self) -> list[int]:
        return [at for at in range(self.gear + 1, len(self._costs_ms)) if self._costs_ms[at] is not None]

    def _last(self, now_ns: int, seconds: float, pictures: int) -> list[SentPicture]:
        """The pictures of the last seconds, and no fewer than so many where there are as many."""
        since_ns, last = now_ns - int(seconds * 1e9), list[SentPicture]()
        for one in reversed(self._recent):
            if one.sent_ns < since_ns and len(last) >= pictures:
                break
            last.append(one)
        return last

    def _draw_ms(self, pictures: Sequence[SentPicture]) -> float | None:
        """What drawing now takes; None where too little was drawn to say so."""
        drawn = [one.draw_ms for one in pictures if one.draw_ms is not None]
        return _median(drawn) if len(drawn) >= SHORT_PICTURES else None

    def _slowness(self, draw_ms: float) -> float:
        """How much longer than on the quiet machine drawing takes now."""
        return draw_ms / (self._costs_ms[self.gear] or draw_ms)

    def _longer_ms(self, gear: int, draw_ms: float) -> float:
        """How much longer than the present gear this one would draw now; below 0 where it is faster."""
        cost_ms = self._costs_ms[gear]
        return math.inf if cost_ms is None else cost_ms * self._slowness(draw_ms) - draw_ms


def _share_beyond(pictures: Sequence[SentPicture], budget_ms: float) -> float:
    return sum(one.age_ms > budget_ms for one in pictures) / max(len(pictures), 1)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]
