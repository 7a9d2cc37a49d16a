"""Stream batch: each call of the UNet works on as many faces as there are steps, each of them a step further."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from ..data import Array, FlameParams, Signal, Stamp
from .painter import Study

PAUSE_S = 0.25  # without a picture: what is still on its way then is no news any more


@dataclass(frozen=True, eq=False)
class Asked:
    """A face that was asked for, with all that its portrait will say."""

    study: Study
    params: FlameParams
    light: Array  # [27]
    stamp: Stamp
    signal: Signal | None
    presence: float
    key: Hashable  # the same for faces with the same study


class Stream:
    """Hands out faces in the order in which they were asked for, each `steps` - 1 calls late.

    The idea is StreamDiffusion's (arXiv 2312.12491); here each slot of the batch holds the expression of its own
    face, and what comes out keeps its own stamp, so that the latency that is measured is that of what is seen.
    A call is left out where nothing that is on its way has a step to take.
    """

    def __init__(
        self,
        steps: int,
        further: Callable[[Sequence[Study]], None],
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._steps, self._further, self._clock_ns = steps, further, clock_ns
        self._under_way: deque[Asked] = deque()
        self._ended_ns = 0  # the call before

    def forget(self) -> None:
        """Nothing that was asked for before comes out any more."""
        self._under_way.clear()

    def same(self, key: Hashable) -> Study | None:
        """The study of a face like this that is under way."""
        return next((asked.study for asked in self._under_way if asked.key == key), None)

    def passed(self, asked: Asked) -> Asked:
        """The face whose turn it is, painted; at first, and after a pause, this one, and the same one held."""
        if self._clock_ns() - self._ended_ns > PAUSE_S * 1e9:
            self.forget()
        done = self._next(asked) if self._under_way else self._filled(asked)
        self._ended_ns = self._clock_ns()
        return done

    def _next(self, asked: Asked) -> Asked:
        self._under_way.append(asked)
        studies = dict.fromkeys(one.study for one in self._under_way if one.study.rgb is None)
        if studies:
            self._further(tuple(studies))
        return self._under_way.popleft()

    def _filled(self, asked: Asked) -> Asked:
        while asked.study.rgb is None:
            self._further((asked.study,))
        self._under_way.extend([asked] * (self._steps - 1))
        return asked
