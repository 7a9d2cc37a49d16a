"""What changing the character does to the stream, by a cut and by a cross-fade; and what making one beside it does."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from record import RESULTS, keep, origin, percentiles

from omote.engine import Animator, load_character, studio_light
from omote.engine.capture.sources import open_source
from omote.engine.data import Actor, AnyCharacter, Array, FlameParams, Portrait, Signal, Stamp
from omote.engine.live.loop import LiveLoop
from omote.engine.live.session import CROSSFADE_S
from omote.engine.model.character_file import CHARACTERS_VARIABLE
from omote.engine.model.portrait_renderer import Fading
from omote.engine.model.renderer import DEFAULT_SIZE
from omote.studio.app.character_making import own_character_path
from omote.studio.app.jobs import CharacterTask, make_and_save, make_in_subprocess
from omote.studio.cli.interrupts import exit_now

PLACES = ("thread", "process")
BEFORE_S = 10.0  # of the stream alone
WAYS = ("none", "cut", "morph")
EVERY_S = 1.5  # from change to change
AFTER_S = 1.2  # a change is felt in the pictures of so long: its own time, and those that a slow machine is late by
PAIR = ("hana", "noah")


class Watch:
    """An output that notes when each picture came, and how far it is from the one before it."""

    name = "watch"

    def __init__(self) -> None:
        self.came_ns: list[int] = []
        self.steps: list[float] = []  # mean difference, 0 to 255, on grey; of the first one 0
        self._before: np.ndarray | None = None

    def offer(self, portrait: Portrait) -> None:
        alpha = portrait.rgba[..., 3:].astype(np.float32) / 255
        picture = portrait.rgba[..., :3] * alpha + 128 * (1 - alpha)
        self.steps.append(0.0 if self._before is None else float(np.abs(picture - self._before).mean()))
        self._before = picture
        self.came_ns.append(time.perf_counter_ns())

    def around(self, at_ns: int) -> tuple[float, float]:
        """The longest gap in milliseconds and the greatest step of the pictures just after this."""
        gap_ms = np.diff(self.came_ns) / 1e6
        near = [k for k, came in enumerate(self.came_ns) if k and -0.05e9 < came - at_ns < AFTER_S * 1e9]
        return max(float(gap_ms[k - 1]) for k in near), max(self.steps[k] for k in near)


class Changer(Animator):
    """Shows who fades only as long as it is told to: without, a change is a cut."""

    fades = True

    def draw(
        self,
        params: FlameParams,
        character: AnyCharacter,
        light: Array,
        *,
        stamp: Stamp | None = None,
        signal: Signal | None = None,
        presence: float = 1.0,
        fading: Fading = (),
        marks: Array | None = None,
        hair: float = 0.0,
    ) -> Portrait:
        fading = fading if self.fades else ()
        return super().draw(
            params,
            character,
            light,
            stamp=stamp,
            signal=signal,
            presence=presence,
            fading=fading,
            marks=marks,
            hair=hair,
        )


def changing(runtime: str, size: int, changes: int) -> dict[str, Any]:
    """What the stream is like around so many changes of each way, which take turns: other work is felt by all alike."""
    watch, animator = Watch(), Changer(size, 1, runtime)
    pair = [load_character(name) for name in reversed(PAIR)]
    for one in pair:
        animator.check(one)  # making ready is apart: it would be felt by the first change of each only
    characters = itertools.cycle(pair)
    live = LiveLoop(open_source("demo", loop=True), animator, pair[-1], Actor(), studio_light(), [watch])
    runner = threading.Thread(target=live.run, kwargs={"seconds": EVERY_S * (3 * changes + 1)}, daemon=True)
    runner.start()
    while not watch.came_ns:
        time.sleep(0.05)
    changed: list[tuple[str, int, float]] = []
    for way in WAYS * changes:
        time.sleep(EVERY_S)
        asked_ns, animator.fades = time.perf_counter_ns(), way == "morph"
        if way != "none":
            live.scene.change(next(characters))
        changed.append((way, asked_ns, (time.perf_counter_ns() - asked_ns) / 1e6))
    runner.join()
    told: dict[str, Any] = {"runtime": animator.runtime, "size": animator.size, "changes": changes}
    told["fps"] = round(len(watch.came_ns) * 1e9 / (watch.came_ns[-1] - watch.came_ns[0]), 1)
    for way in WAYS:
        seen = [(*watch.around(at_ns), took_ms) for one, at_ns, took_ms in changed if one == way]
        names = ("longest_gap_ms", "greatest_step", "call_ms")
        told[way] = {name: percentiles(values, 1) for name, values in zip(names, zip(*seen, strict=True), strict=True)}
    return told


def making(where: str, runtime: str, size: int, photo: Path) -> dict[str, Any]:
    """The stream before and while a character is made from a photo, in a thread beside it or in its own process."""
    watch, animator = Watch(), Animator(size, 1, runtime)
    live = LiveLoop(open_source("demo", loop=True), animator, load_character(PAIR[0]), Actor(), studio_light(), [watch])
    threading.Thread(target=live.run, kwargs={"seconds": 600.0}, daemon=True).start()
    while not watch.came_ns:
        time.sleep(0.05)
    time.sleep(BEFORE_S)
    task = CharacterTask(f"benchmark-{where}", photo.read_bytes(), "for a benchmark")
    begun_ns = time.perf_counter_ns()
    (make_in_subprocess if where == "process" else make_and_save)(task)
    done_ns = time.perf_counter_ns()
    own_character_path(f"benchmark-{where}").unlink()
    came = np.array(watch.came_ns)
    before, during = came[came < begun_ns][1:], came[(came > begun_ns) & (came < done_ns)]
    return {
        "runtime": animator.runtime,
        "took_s": round((done_ns - begun_ns) / 1e9, 1),
        "fps_before": round(len(before) * 1e9 / (before[-1] - before[0]), 1),
        "fps_during": round(len(during) * 1e9 / (done_ns - begun_ns), 1),
        "gap_before_ms": percentiles(list(np.diff(before) / 1e6), 1),
        "gap_during_ms": percentiles(list(np.diff(during) / 1e6), 1),
        "longest_gap_during_ms": round(float(np.diff(during).max()) / 1e6, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", nargs="+", default=["openvino"], help="as `omote live` takes it")
    parser.add_argument("--size", type=int, default=DEFAULT_SIZE)
    parser.add_argument("--changes", type=int, default=16, help="of each way")
    parser.add_argument("--save", type=Path, nargs="?", const=RESULTS / "morph.json", help="where to keep the result")
    parser.add_argument("--photo", type=Path, help="of whom a character is made beside the stream")
    parser.add_argument("--where", choices=PLACES, help="only make one there, for each wants a process of its own")
    chosen = parser.parse_args()
    if chosen.where:
        print(json.dumps(making(chosen.where, chosen.runtime[0], chosen.size, chosen.photo)))
        exit_now(0)  # the stream goes on drawing
    told, rows = origin(), {}
    for runtime in chosen.runtime:
        row = rows[runtime] = changing(runtime, chosen.size, chosen.changes)
        print(*(f"{name} {value}" for name, value in row.items()), sep="\n  ", flush=True)
    made = {where: _alone(where, chosen.runtime[0], chosen.photo) for where in PLACES if chosen.photo}
    keep({**told, "morph_s": CROSSFADE_S, "changing": rows, "making": made}, chosen.save)


def _alone(where: str, runtime: str, photo: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--where", where, "--runtime", runtime, "--photo", str(photo)]
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, CHARACTERS_VARIABLE: folder}
        said = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, text=True).stdout
    row = dict(json.loads(said.splitlines()[-1]))
    print(f"making, {where}", *(f"{name} {value}" for name, value in row.items()), sep="\n  ", flush=True)
    return row


if __name__ == "__main__":
    main()
