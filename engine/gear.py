"""A gear: how a picture is drawn and how often; and the ladder of gears, from the best picture down to the cheapest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .runtime.build import Build

SMOOTH = 30.0  # pictures a second: what most webcams give anyway
FILM = 24.0
LOW_RATES = (20.0, 15.0)
WORTH = 0.9  # of what a better way to draw costs: one that costs more than that is not worth its picture


@dataclass(frozen=True)
class Gear:
    """What a latency budget may choose."""

    build: Build
    steps: int = 1
    fps: float | None = None  # at most so many pictures a second; None: as many as the source gives

    def text(self, runtime: str = "") -> str:
        """As "openvino int8 192x192 1 step 30/s", beginning with what the runtime calls itself, if that is said."""
        side, plural = self.build.size, "" if self.steps == 1 else "s"
        rate = "" if self.fps is None else f" {self.fps:g}/s"
        return f"{runtime or self.build.name} {side}x{side} {self.steps} step{plural}{rate}"

    @property
    def way(self) -> Gear:
        """How it draws, however often: gears of one way cost the same and share a painter."""
        return replace(self, fps=None)


@dataclass(frozen=True)
class Budget:
    """A latency budget, and how it is held."""

    ms: float
    gear: str  # what it chose, for people
    is_held: bool  # lately no more pictures were older than the budget than a p95 allows
    changes: int  # of the gear, so far


def ladder(best: Gear, sizes: Sequence[int], steps: Sequence[int], cheaper: Sequence[Build] = ()) -> tuple[Gear, ...]:
    """The gears from `best` down, each of which costs less, or asks for less, than the one before.

    `sizes` and `steps` are those there are, and `cheaper` the runtimes and precisions that may stand in for the best
    one's. What hurts least goes first. A cheaper precision was accepted by its figures. 30 pictures a second
    are as many as most webcams give. Fewer steps cost a little texture, the next smaller size some sharpness, and the
    rate of film some smoothness. The smallest sizes are soft, and below 24 a second lips come apart from their sound.
    """
    rungs = [best]

    def down(gear: Gear) -> None:
        if gear not in rungs:
            rungs.append(gear)

    def down_in_precision() -> None:
        for build in cheaper:
            down(replace(rungs[-1], build=replace(build, size=rungs[-1].build.size)))

    def down_in_rate(fps: float) -> None:
        down(replace(rungs[-1], fps=min(fps, rungs[-1].fps or fps)))

    down_in_precision()
    down_in_rate(SMOOTH)
    for fewer in sorted((one for one in steps if one < best.steps), reverse=True):
        down(replace(rungs[-1], steps=fewer))
    for at, size in enumerate(sorted((one for one in sizes if one < best.build.size), reverse=True)):
        down(replace(rungs[-1], build=replace(best.build, size=size)))
        down_in_precision()
        if at == 0:
            down_in_rate(FILM)
    for fps in (FILM, *LOW_RATES):
        down_in_rate(fps)
    return tuple(rungs)


def usable(gears: Sequence[Gear], costs_ms: Mapping[Gear, float]) -> tuple[Gear | None, ...]:
    """What each gear of a ladder comes to, by what ways to draw cost; the first one's is known.

    A way that is not known, or not worth its picture, is replaced by the better one before it, at the same rate. None
    stands for a gear that then brings nothing new.
    """
    way, found, last = gears[0].way, list[Gear | None](), None
    for gear in gears:
        if costs_ms.get(gear.way, math.inf) <= WORTH * costs_ms[way]:
            way = gear.way
        now = replace(way, fps=gear.fps)
        found.append(None if now == last else now)
        last = now
    return tuple(found)
