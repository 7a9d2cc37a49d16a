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

SMOOTH_FPS = 30.0  # pictures a second: what most webcams give
FILM_FPS = 24.0
LOW_FPS = (20.0, 15.0)
WORTHWHILE_COST = 0.9  # a worse level is used only if it costs at most this share of the better one
TRIALS = 5  # pictures that measure a level, after one that warms it up

SETTLE_S = 0.5  # after a change, pictures that are sent were still captured before it
DECIDE_S = 0.2  # between two decisions
SHORT_S, SHORT_PICTURES = 1.0, 3  # if more than half of these are late: down, as far as it takes
LONG_S, LONG_PICTURES = 10.0, 60  # if more than one in twenty of these is late: down by one level
RECENT_S = 3.0  # that predictions use
MARGIN = 0.85  # of the budget: a level must be predicted to stay within it
SIMILAR_SLOWNESS = 1.1  # times the slowness at which a level has held the budget: it will hold it again
QUIET_S = 5.0  # for so long a better level must be predicted to fit before it is tried
MOST_QUIET_S = 320.0  # however often it has failed
RELIEVED_QUIET_S = 20.0  # ... if the machine has become much faster since it failed
RELIEF = 0.8  # of the slowness at which it failed: much faster
TRIAL_S = 60.0  # a level that is left so soon after it was tried has failed
ASLEEP_MS = 10_000.0  # an older picture was captured before the machine slept: no level would have made it younger
_LATE_SHARE = 0.05  # of pictures, that a p95 allows
_REMEMBERED = 1024  # pictures


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
    def unlimited(self) -> QualityLevel:
        """The same without a limit on its rate; what one picture costs does not depend on the rate."""
        return replace(self, fps=None)


@dataclass(frozen=True)
class BudgetStatus:
    """A latency budget, and how it is held."""

    ms: float
    gear: str  # the chosen quality level, as text
    is_held: bool  # lately no more pictures were older than the budget than a p95 allows
    changes: int  # of the quality level, so far


def quality_levels(
    best: QualityLevel, sizes: Sequence[int] = SIZES, steps: Sequence[int] = STEPS
) -> tuple[QualityLevel, ...]:
    """The levels from `best` down, each of which costs less, or draws less often, than the one before.

    What hurts least goes first. Most webcams give no more than 30 pictures a second. Fewer steps cost a little
    texture, the next smaller size some sharpness, and the rate of film some smoothness. The smallest sizes are soft,
    and below 24 a second lips come apart from their sound.
    """
    levels = [best]

    def add(level: QualityLevel) -> None:
        if level not in levels:
            levels.append(level)

    def limit(fps: float) -> None:
        add(replace(levels[-1], fps=min(fps, levels[-1].fps or fps)))

    limit(SMOOTH_FPS)
    for fewer in sorted((one for one in steps if one < best.steps), reverse=True):
        add(replace(levels[-1], steps=fewer))
    for at, size in enumerate(sorted((one for one in sizes if one < best.size), reverse=True)):
        add(replace(levels[-1], size=size))
        if at == 0:
            limit(FILM_FPS)
    for fps in (FILM_FPS, *LOW_FPS):
        limit(fps)
    return tuple(levels)


def usable_levels(
    levels: Sequence[QualityLevel], costs_ms: Mapping[QualityLevel, float]
) -> tuple[QualityLevel | None, ...]:
    """Replaces levels that save too little by the better one before them, at the same rate.

    `costs_ms` are of the unlimited levels. None stands for a level that is then the same as the one before.
    """
    used, found, last = levels[0].unlimited, list[QualityLevel | None](), None
    for level in levels:
        if costs_ms[level.unlimited] <= WORTHWHILE_COST * costs_ms[used]:
            used = level.unlimited
        limited = replace(used, fps=level.fps)
        found.append(None if limited == last else limited)
        last = limited
    return tuple(found)


class AdaptiveQuality:
    """Holds a latency budget. `with` measures what each level costs; `observe` is called for each sent picture."""

    def __init__(
        self,
        animator: Animator,
        budget_ms: float,
        levels: Sequence[QualityLevel],
        measure_ms: Callable[[QualityLevel], float],
    ) -> None:
        """`levels` start with the one that is drawn first; `measure_ms` measures what a picture of a level costs."""
        self.on_rate: Callable[[float | None], None] = lambda fps: None  # called with each new limit of the rate
        self._animator, self._all_levels, self._measure_ms = animator, tuple(levels), measure_ms
        self._controller = QualityController(budget_ms, [None] * len(levels))
        self._levels: tuple[QualityLevel | None, ...] = (levels[0],)
        self._level = levels[0]  # the present one
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        costs_ms = {one: self._measure_ms(one) for one in dict.fromkeys(level.unlimited for level in self._all_levels)}
        self._levels = usable_levels(self._all_levels, costs_ms)
        self._controller = QualityController(
            self._controller.budget_ms, [costs_ms[level.unlimited] if level else None for level in self._levels]
        )
        return self

    def __exit__(self, *error: object) -> None:
        pass

    @property
    def budget(self) -> BudgetStatus:
        """How the budget is held now."""
        with self._lock:
            controller, chosen = self._controller, self._level.text(self._animator.runtime)
            return BudgetStatus(controller.budget_ms, chosen, controller.is_held, controller.changes)

    @property
    def drawn_by(self) -> str:
        """How the animator draws, as text."""
        animator = self._animator
        return QualityLevel(animator.size, animator.steps, self._level.fps).text(animator.runtime)

    def observe(self, sent: SentPicture) -> None:
        """Counts a picture, and changes the level if necessary; from any thread."""
        with self._lock:
            level = self._levels[self._controller.observe(sent)]
            if level is not None and level != self._level:
                self._level = level
                self._animator.use(level.size, level.steps)
                self.on_rate(level.fps)


def adaptive_quality_for(
    animator: Animator, budget_ms: float, character: Character, light: Array, best: QualityLevel | None = None
) -> AdaptiveQuality:
    """From `best`, or the animator's own quality, down to the lowest, measured with this character at rest."""
    best = best or QualityLevel(animator.size, animator.steps)
    prepared = animator.renderer.prepare(character)

    def measure_ms(level: QualityLevel) -> float:
        took_ns = []
        for _ in range(1 + TRIALS):
            began_ns = time.perf_counter_ns()
            animator.renderer.draw(prepared, FlameParams.neutral(), light, level.size, level.steps)
            took_ns.append(time.perf_counter_ns() - began_ns)
        return sorted(took_ns[1:])[TRIALS // 2] / 1e6

    return AdaptiveQuality(animator, budget_ms, quality_levels(best), measure_ms)


class QualityController:
    """Chooses a level, 0 being the best, so that the p95 of the age stays within the budget, and changes seldom.

    Deterministic: its clock is the time at which pictures were sent. It goes down within about a second. It goes up
    only to a level that has been expected to fit for a long time without a break: either it has held the budget while
    the machine was as slow as now, or it is predicted to, with a margin. A level's cost now is its measured cost times
    the machine's slowness, which is how much longer than its measured cost the present level draws. Each time that a
    level fails its trial the wait doubles, so a load at the border is answered ever more rarely.
    """

    def __init__(self, budget_ms: float, costs_ms: Sequence[float | None]) -> None:
        """`costs_ms` were all measured on the same, quiet machine; a level with None is never chosen."""
        if not budget_ms > 0.0:
            raise ValueError(f"a latency budget must be above 0 ms, got {budget_ms:g}")
        self.budget_ms = budget_ms
        self.level = 0
        self.changes = 0
        count = len(costs_ms)
        self._costs_ms = tuple(costs_ms)
        self._fits_since_ns: list[int | None] = [None] * count
        self._failures = [0] * count
        self._slowness_at_trial = [math.inf] * count
        self._held_at = [0.0] * count  # the greatest slowness at which the budget was held
        self._trial_ns: int | None = None  # when the trial of the present level began; None if it is not on trial
        self._recent: deque[SentPicture] = deque(maxlen=_REMEMBERED)
        self._ignored_until_ns = 0
        self._decided_ns = 0

    @property
    def is_held(self) -> bool:
        """Whether no more of the last pictures were late than a p95 allows."""
        newest_ns = self._recent[-1].sent_ns if self._recent else 0
        return _late_share(self._last(newest_ns, LONG_S, LONG_PICTURES), self.budget_ms) <= _LATE_SHARE

    def observe(self, sent: SentPicture) -> int:
        """Counts this picture; returns the level of the next."""
        now_ns = sent.sent_ns
        if now_ns < self._ignored_until_ns or sent.age_ms > ASLEEP_MS:
            return self.level
        self._recent.append(sent)
        if now_ns - self._decided_ns >= DECIDE_S * 1e9:
            self._decided_ns = now_ns
            self._decide(now_ns)
        return self.level

    def _decide(self, now_ns: int) -> None:
        # Pass a trial that has lasted long enough.
        if self._trial_ns is not None and now_ns - self._trial_ns > TRIAL_S * 1e9:
            self._failures[self.level] = max(self._failures[self.level] - 1, 0)
            self._trial_ns = None

        short = self._last(now_ns, SHORT_S, SHORT_PICTURES)
        long = self._last(now_ns, LONG_S, LONG_PICTURES)
        if len(short) >= SHORT_PICTURES and _late_share(short, self.budget_ms) > 0.5:
            self._go_down(now_ns, self._far_enough(short))
        elif len(long) >= LONG_PICTURES and _late_share(long, self.budget_ms) > _LATE_SHARE:
            self._go_down(now_ns, self._below()[:1])
        else:
            draw_ms = self._draw_ms(long) if len(long) >= LONG_PICTURES else None
            if draw_ms is not None:
                self._held_at[self.level] = max(self._held_at[self.level], self._slowness(draw_ms))
            self._go_up_if_fitting(now_ns)

    def _go_down(self, now_ns: int, levels: Sequence[int]) -> None:
        """To the first of these, if there is one."""
        if not levels:
            return
        if self._trial_ns is not None:
            self._failures[self.level] += 1
            self._held_at[self.level] = 0.0
        self._change(now_ns, levels[0])
        self._trial_ns = None

    def _far_enough(self, short: Sequence[SentPicture]) -> list[int]:
        """The best lower level that is predicted to fit, else the last; only the drawing gets shorter."""
        below = self._below()
        age_ms, draw_ms = _median([one.age_ms for one in short]), self._draw_ms(short)
        if draw_ms is None:
            return below[:1]
        fitting = [one for one in below if age_ms + self._longer_ms(one, draw_ms) <= MARGIN * self.budget_ms]
        return fitting[:1] or below[-1:]

    def _go_up_if_fitting(self, now_ns: int) -> None:
        """Tries the best level that has been predicted to fit for long enough."""
        recent = self._last(now_ns, RECENT_S, SHORT_PICTURES)
        draw_ms = self._draw_ms(recent)
        if draw_ms is None:
            return  # while nothing is drawn, the machine's speed is unknown
        age_ms = _p95([one.age_ms for one in recent])
        for level in range(self.level):
            if not self._fits(level, age_ms, draw_ms):
                self._fits_since_ns[level] = None
            elif self._fits_since_ns[level] is None:
                self._fits_since_ns[level] = now_ns
        for level in range(self.level):
            since_ns = self._fits_since_ns[level]
            if since_ns is not None and now_ns - since_ns >= self._quiet_s(level, draw_ms) * 1e9:
                self._slowness_at_trial[level] = self._slowness(draw_ms)
                self._change(now_ns, level)
                self._trial_ns = now_ns
                return

    def _fits(self, level: int, age_ms: float, draw_ms: float) -> bool:
        if self._costs_ms[level] is None:
            return False
        if self._slowness(draw_ms) <= SIMILAR_SLOWNESS * self._held_at[level]:
            return True
        # Twice, because a picture first waits until the one before it is drawn.
        return age_ms + 2.0 * self._longer_ms(level, draw_ms) <= MARGIN * self.budget_ms

    def _quiet_s(self, level: int, draw_ms: float) -> float:
        quiet_s = min(QUIET_S * 2.0 ** self._failures[level], MOST_QUIET_S)
        is_relieved = self._slowness(draw_ms) < RELIEF * self._slowness_at_trial[level]
        return min(quiet_s, RELIEVED_QUIET_S) if is_relieved else quiet_s

    def _change(self, now_ns: int, level: int) -> None:
        self.level = level
        self.changes += 1
        self._recent.clear()
        self._fits_since_ns = [None] * len(self._costs_ms)
        self._ignored_until_ns = max(self._ignored_until_ns, now_ns + int(SETTLE_S * 1e9))

    def _below(self) -> list[int]:
        return [one for one in range(self.level + 1, len(self._costs_ms)) if self._costs_ms[one] is not None]

    def _last(self, now_ns: int, seconds: float, pictures: int) -> list[SentPicture]:
        """The pictures of the last seconds, and older ones up to this number."""
        since_ns, last = now_ns - int(seconds * 1e9), list[SentPicture]()
        for one in reversed(self._recent):
            if one.sent_ns < since_ns and len(last) >= pictures:
                break
            last.append(one)
        return last

    def _draw_ms(self, pictures: Sequence[SentPicture]) -> float | None:
        """How long drawing takes now; None if too few of these were drawn."""
        drawn = [one.draw_ms for one in pictures if one.draw_ms is not None]
        return _median(drawn) if len(drawn) >= SHORT_PICTURES else None

    def _slowness(self, draw_ms: float) -> float:
        """How many times longer than on the quiet machine drawing takes now."""
        return draw_ms / (self._costs_ms[self.level] or draw_ms)

    def _longer_ms(self, level: int, draw_ms: float) -> float:
        """How much longer than the present level this one would draw now; negative if it is faster."""
        cost_ms = self._costs_ms[level]
        return math.inf if cost_ms is None else cost_ms * self._slowness(draw_ms) - draw_ms


def _late_share(pictures: Sequence[SentPicture], budget_ms: float) -> float:
    return sum(one.age_ms > budget_ms for one in pictures) / max(len(pictures), 1)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]
