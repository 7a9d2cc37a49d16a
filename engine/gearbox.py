"""Changes gears while the loop runs: compiles them beside it, listens to the age of what is sent, and shifts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Self

from .animator import Animator
from .diffusion import sampler
from .gear import Budget, Gear, ladder, usable
from .governor import Governor
from .latency import Sent
from .look import AnimatorError, Look
from .nouns import Array, Character, FlameParams
from .painter import Painter, Sitting
from .runtime.build import Build
from .runtime.int8 import accepted
from .runtime.network import RuntimeUnavailable

TRIALS = 5  # pictures by which a gear is measured, after one that warms it up
REST_S = 2.0  # between two gears that are compiled: time to hear how the stream goes
_STOP_S = 0.1

log = logging.getLogger(__name__)


def trial_ms(painter: Painter, sitting: Sitting) -> float:
    """How long this painter now takes for a picture."""
    took_ns = []
    for _ in range(1 + TRIALS):
        began_ns = time.perf_counter_ns()
        painter.paint([sitting])
        took_ns.append(time.perf_counter_ns() - began_ns)
    return sorted(took_ns[1:])[TRIALS // 2] / 1e6


class Gearbox:
    """Holds a latency budget. `with` measures the gear that the animator is in, and begins to compile the others.

    They are compiled one at a time, the cheapest first, so that a way out is there soon. A gear that cannot be
    compiled, or costs nearly what a better one does, is left out. `tell` is called for each picture that was sent.
    """

    def __init__(
        self,
        animator: Animator,
        budget_ms: float,
        gears: Sequence[Gear],
        sitting: Sitting,
        measure_ms: Callable[[Painter, Sitting], float] = trial_ms,
        rest_s: float = REST_S,
    ) -> None:
        """`gears` begin with the one that the animator is in; `sitting` is what they are measured by."""
        self.on_rate: Callable[[float | None], None] = lambda fps: None  # told how many pictures a second there may be
        self._animator, self._ladder = animator, tuple(gears)
        self._sitting, self._measure_ms, self._rest_s = sitting, measure_ms, rest_s
        self._governor = Governor(budget_ms, len(gears))
        self._painters: dict[Gear, Painter] = {}  # by their way to draw
        self._costs_ms: dict[Gear, float] = {}  # the same
        self._gears: tuple[Gear | None, ...] = ()  # what the ladder comes to, by these costs
        self._gear = gears[0]  # the present one
        self._lock = threading.Lock()
        self._is_busy = False  # compiling or measuring: what is sent now says little
        self._drawn_ms: list[float] = []  # by the present gear, while another one is measured
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._compile_all, name="gearbox", daemon=True)

    def __enter__(self) -> Self:
        painter = self._animator.painter
        self._offer(self._ladder[0].way, painter, self._measure_ms(painter, self._sitting))
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Does not wait for a gear that is being compiled."""
        self._has_ended.set()
        self._thread.join(_STOP_S)

    @property
    def budget(self) -> Budget:
        """How it goes."""
        with self._lock:
            governor = self._governor
            text = self._gear.text(self._painters[self._gear.way].name)
            return Budget(governor.budget_ms, text, governor.is_held, governor.changes)

    @property
    def drawn_by(self) -> str:
        """What drew the animator's last picture, for people."""
        painter = self._animator.painter
        return Gear(painter.build, painter.steps, self._gear.fps).text(painter.name)

    def tell(self, sent: Sent) -> None:
        """Counts a picture, and shifts where that is called for."""
        with self._lock:
            if self._is_busy:
                if sent.draw_ms is not None:
                    self._drawn_ms.append(sent.draw_ms)
                return
            self._governor.tell(sent)
            self._shift()

    def _shift(self) -> None:
        """To the gear that the governor has chosen, or to what that has come to."""
        gear = self._gears[self._governor.gear]
        if gear is not None and gear != self._gear:
            self._gear = gear
            self._animator.shift(self._painters[gear.way])
            self.on_rate(gear.fps)

    # What follows runs in the gearbox's own thread.

    def _compile_all(self) -> None:
        for way in self._ways():
            if self._has_ended.wait(self._rest_s):
                return
            with self._lock:
                self._is_busy = True
            try:
                self._compile(way)
            except AnimatorError as error:
                log.info("no gear %s: %s", way.text(), error)
            except Exception as error:  # a runtime's own, as where memory is short: the other gears still come
                log.warning("no gear %s: %s: %s", way.text(), type(error).__name__, error)
            finally:
                with self._lock:
                    self._is_busy = False
                    self._governor.forget()
        self._let_go()

    def _ways(self) -> list[Gear]:
        """Each way to draw but the one that is there: the cheapest first, then from the best down."""
        ways = list(dict.fromkeys(gear.way for gear in self._ladder))[1:]
        return ways[-1:] + ways[:-1]

    def _compile(self, way: Gear) -> None:
        painter = Painter(self._animator.file, way.build, way.steps)
        with self._lock:
            self._drawn_ms.clear()  # what was drawn while it was compiled
        took_ms = self._measure_ms(painter, self._sitting)
        with self._lock:
            cost_ms = took_ms / self._governor.slowness(self._drawn_ms)
        self._offer(way, painter, cost_ms)

    def _offer(self, way: Gear, painter: Painter, cost_ms: float) -> None:
        with self._lock:
            self._painters[way], self._costs_ms[way] = painter, cost_ms
            self._gears = usable(self._ladder, self._costs_ms)
            for place, gear in enumerate(self._gears):
                if gear is not None:
                    self._governor.offer(place, self._costs_ms[gear.way])
                elif place != self._governor.gear:
                    self._governor.withdraw(place)
            self._shift()

    def _let_go(self) -> None:
        """Of the painters that no gear needs, now that all costs are known: each holds a whole network."""
        with self._lock:
            needed = {self._gear.way, *(gear.way for gear in self._gears if gear)}
            self._painters = {way: painter for way, painter in self._painters.items() if way in needed}


def gears_of(animator: Animator) -> tuple[Gear, ...]:
    """The ladder from what this animator draws with now down to the least that its network can do."""
    best = Gear(animator.painter.build, animator.steps)
    return ladder(best, animator.file.sizes, sampler.STEPS, _int8_beside(best.build, animator))


def sitting_of(animator: Animator, character: Character, light: Array) -> Sitting:
    """What gears are measured by: this character at rest."""
    return Sitting(Look.of(character, animator.file), FlameParams.neutral(), light)


def _int8_beside(best: Build, animator: Animator) -> tuple[Build, ...]:
    """OpenVINO's int8, where the best is a processor's and another, and int8 was accepted for this network."""
    if best.runtime not in ("openvino", "onnxruntime") or best.precision == "int8":
        return ()
    try:
        accepted(animator.file)
    except RuntimeUnavailable:
        return ()
    return (replace(best, runtime="openvino", precision="int8"),)
