"""Adaptive quality: a gear is a size, a number of steps and a rate, and a latency budget chooses among gears."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from .animator import Animator
from .governor import Governor
from .latency import Sent
from .model.renderer import DEFAULT_SIZE, SIZES, STEPS
from .nouns import Array, Character, FlameParams

SMOOTH = 30.0  # pictures a second: what most webcams give anyway
FILM = 24.0
LOW_RATES = (20.0, 15.0)
WORTH = 0.9  # of what a better way to draw costs: one that costs more than that is not worth its picture
TRIALS = 5  # pictures by which a way to draw is measured, after one that warms it up


@dataclass(frozen=True)
class Gear:
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
    def way(self) -> Gear:
        """How it draws, however often: gears of one way cost the same."""
        return replace(self, fps=None)


@dataclass(frozen=True)
class Budget:
    """A latency budget, and how it is held."""

    ms: float
    gear: str  # what it chose, for people
    is_held: bool  # lately no more pictures were older than the budget than a p95 allows
    changes: int  # of the gear, so far


def ladder(best: Gear, sizes: Sequence[int] = SIZES, steps: Sequence[int] = STEPS) -> tuple[Gear, ...]:
    """The gears from `best` down, each of which costs less, or asks for less, than the one before.

    What hurts least goes first. 30 pictures a second are as many as most webcams give. Fewer steps cost a little
    texture, the next smaller size some sharpness, and the rate of film some smoothness. The smallest sizes are soft,
    and below 24 a second lips come apart from their sound.
    """
    rungs = [best]

    def down(gear: Gear) -> None:
        if gear not in rungs:
            rungs.append(gear)

    def down_in_rate(fps: float) -> None:
        down(replace(rungs[-1], fps=min(fps, rungs[-1].fps or fps)))

    down_in_rate(SMOOTH)
    for fewer in sorted((one for one in steps if one < best.steps), reverse=True):
        down(replace(rungs[-1], steps=fewer))
    for at, size in enumerate(sorted((one for one in sizes if one < best.size), reverse=True)):
        down(replace(rungs[-1], size=size))
        if at == 0:
            down_in_rate(FILM)
    for fps in (FILM, *LOW_RATES):
        down_in_rate(fps)
    return tuple(rungs)


def usable(gears: Sequence[Gear], costs_ms: Mapping[Gear, float]) -> tuple[Gear | None, ...]:
    """What each gear of a ladder comes to, by what ways to draw cost.

    A way that is not worth its picture is replaced by the better one before it, at the same rate. None stands for a
    gear that then brings nothing new.
    """
    way, found, last = gears[0].way, list[Gear | None](), None
    for gear in gears:
        if costs_ms[gear.way] <= WORTH * costs_ms[way]:
            way = gear.way
        now = replace(way, fps=gear.fps)
        found.append(None if now == last else now)
        last = now
    return tuple(found)


class Gearbox:
    """Holds a latency budget. `with` measures what each way to draw costs; `tell` is called for each picture sent."""

    def __init__(
        self,
        animator: Animator,
        budget_ms: float,
        gears: Sequence[Gear],
        measure_ms: Callable[[Gear], float],
    ) -> None:
        """`gears` begin with the one that the animator draws in; `measure_ms` says what drawing in one takes."""
        self.on_rate: Callable[[float | None], None] = lambda fps: None  # told how many pictures a second there may be
        self._animator, self._ladder, self._measure_ms = animator, tuple(gears), measure_ms
        self._budget_ms = budget_ms
        self._governor = Governor(budget_ms, [None] * len(gears))
        self._gears: tuple[Gear | None, ...] = (gears[0],)
        self._gear = gears[0]  # the present one
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        costs_ms = {way: self._measure_ms(way) for way in dict.fromkeys(gear.way for gear in self._ladder)}
        self._gears = usable(self._ladder, costs_ms)
        self._governor = Governor(self._budget_ms, [costs_ms[gear.way] if gear else None for gear in self._gears])
        return self

    def __exit__(self, *error: object) -> None:
        pass

    @property
    def budget(self) -> Budget:
        """How it goes."""
        with self._lock:
            governor, gear = self._governor, self._gear.text(self._animator.runtime)
            return Budget(governor.budget_ms, gear, governor.is_held, governor.changes)

    @property
    def drawn_by(self) -> str:
        """What drew the animator's last picture, for people."""
        animator = self._animator
        return Gear(animator.size, animator.steps, self._gear.fps).text(animator.runtime)

    def tell(self, sent: Sent) -> None:
        """Counts a picture, and shifts where that is called for; from any thread."""
        with self._lock:
            gear = self._gears[self._governor.tell(sent)]
            if gear is not None and gear != self._gear:
                self._gear = gear
                self._animator.use(gear.size, gear.steps)
                self.on_rate(gear.fps)


def gearbox_of(animator: Animator, budget_ms: float, character: Character, light: Array) -> Gearbox:
    """From what this animator draws in now down to the least that there is, measured by this character at rest."""
    look = animator.renderer.look(character)

    def trial_ms(gear: Gear) -> float:
        took_ns = []
        for _ in range(1 + TRIALS):
            began_ns = time.perf_counter_ns()
            animator.renderer.draw(look, FlameParams.neutral(), light, gear.size, gear.steps)
            took_ns.append(time.perf_counter_ns() - began_ns)
        return sorted(took_ns[1:])[TRIALS // 2] / 1e6

    return Gearbox(animator, budget_ms, ladder(Gear(animator.size, animator.steps)), trial_ms)
