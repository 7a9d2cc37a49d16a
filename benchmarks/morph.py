"""What a change of character does to the stream, by a cut and by a crossfade, and what making one meanwhile does."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from record import keep, origin, percentiles, result_parser

from omote.engine import Animator, load_character
from omote.engine.capture.sources import open_source
from omote.engine.data import AnyCharacter, Array, Portrait
from omote.engine.live.loop import LiveLoop
from omote.engine.live.session import CROSSFADE_S, LiveSession
from omote.engine.model.animator import Face
from omote.engine.model.character_file import CHARACTERS_VARIABLE
from omote.engine.model.portrait_renderer import FACE_ALONE, DrawOptions
from omote.engine.model.renderer import DEFAULT_SIZE
from omote.studio.app.character_making import own_character_path
from omote.studio.app.jobs import CharacterTask, make_and_save, make_in_subprocess
from omote.studio.cli.interrupts import exit_now

PLACES = ("thread", "process")
BEFORE_S = 10.0  # the stream alone
WAYS = ("none", "cut", "morph")
EVERY_S = 1.5  # between changes
AFTER_S = 1.2  # pictures that a change affects: the crossfade, and a slow machine's delay
PAIR = ("hana", "noah")


class PictureLog:
    """An output that records when each picture arrives, and its distance from the previous one."""

    name = "log"

    def __init__(self) -> None:
        self.came_ns: list[int] = []
        self.steps: list[float] = []  # mean difference, 0 to 255, on grey; 0 for the first
        self._previous: np.ndarray | None = None

    def offer(self, portrait: Portrait) -> None:
        alpha = portrait.rgba[..., 3:].astype(np.float32) / 255
        picture = portrait.rgba[..., :3] * alpha + 128 * (1 - alpha)
        self.steps.append(0.0 if self._previous is None else float(np.abs(picture - self._previous).mean()))
        self._previous = picture
        self.came_ns.append(time.perf_counter_ns())

    def around(self, at_ns: int) -> tuple[float, float]:
        """The longest gap in milliseconds and the greatest step of the pictures just after this time."""
        gap_ms = np.diff(self.came_ns) / 1e6
        near = [k for k, came in enumerate(self.came_ns) if k and -0.05e9 < came - at_ns < AFTER_S * 1e9]
        return max(float(gap_ms[k - 1]) for k in near), max(self.steps[k] for k in near)


class CutOrFade(Animator):
    """An animator that crossfades only while `fades` is set; otherwise a change is a cut."""

    fades = True

    def draw(
        self,
        params: Face,
        character: AnyCharacter | str | Path,
        light: Array | None = None,
        options: DrawOptions = FACE_ALONE,
    ) -> Portrait:
        return super().draw(params, character, light, options if self.fades else replace(options, fading=()))


def changing(runtime: str, size: int, changes: int) -> dict[str, Any]:
    """The stream around so many changes of each kind, which alternate so that other load affects all alike."""
    log, animator = PictureLog(), CutOrFade(size, 1, runtime)
    pair = [load_character(name) for name in reversed(PAIR)]
    for one in pair:
        animator.check(one)  # prepared now, or it would slow down the first changes
    characters = itertools.cycle(pair)
    live = LiveLoop(open_source("demo", loop=True), LiveSession(animator, pair[-1], [log]))
    runner = threading.Thread(target=live.run, kwargs={"seconds": EVERY_S * (3 * changes + 1)}, daemon=True)
    runner.start()
    while not log.came_ns:
        time.sleep(0.05)
    changed: list[tuple[str, int, float]] = []
    for way in WAYS * changes:
        time.sleep(EVERY_S)
        changed_ns, animator.fades = time.perf_counter_ns(), way == "morph"
        if way != "none":
            live.session.change(next(characters))
        changed.append((way, changed_ns, (time.perf_counter_ns() - changed_ns) / 1e6))
    runner.join()
    result: dict[str, Any] = {"runtime": animator.runtime, "size": animator.size, "changes": changes}
    result["fps"] = round(len(log.came_ns) * 1e9 / (log.came_ns[-1] - log.came_ns[0]), 1)
    for way in WAYS:
        rows = [(*log.around(at_ns), took_ms) for one, at_ns, took_ms in changed if one == way]
        names = ("longest_gap_ms", "greatest_step", "call_ms")
        result[way] = {
            name: percentiles(values, 1) for name, values in zip(names, zip(*rows, strict=True), strict=True)
        }
    return result


def making(where: str, runtime: str, size: int, photo: Path) -> dict[str, Any]:
    """The stream before and while a character is made from a photo, in a thread or in a process of its own."""
    log, animator = PictureLog(), Animator(size, 1, runtime)
    live = LiveLoop(open_source("demo", loop=True), LiveSession(animator, load_character(PAIR[0]), [log]))
    threading.Thread(target=live.run, kwargs={"seconds": 600.0}, daemon=True).start()
    while not log.came_ns:
        time.sleep(0.05)
    time.sleep(BEFORE_S)
    task = CharacterTask(f"benchmark-{where}", photo.read_bytes(), "for a benchmark")
    begun_ns = time.perf_counter_ns()
    (make_in_subprocess if where == "process" else make_and_save)(task)
    done_ns = time.perf_counter_ns()
    own_character_path(f"benchmark-{where}").unlink()
    came = np.array(log.came_ns)
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
    parser = result_parser(__doc__, "morph")
    parser.add_argument("--runtime", nargs="+", default=["openvino"], help="as `omote live` takes it")
    parser.add_argument("--size", type=int, default=DEFAULT_SIZE)
    parser.add_argument("--changes", type=int, default=16, help="of each kind")
    parser.add_argument("--photo", type=Path, help="make a character from it beside the stream")
    parser.add_argument("--where", choices=PLACES, help="only make one there; each place needs a process of its own")
    chosen = parser.parse_args()
    if chosen.where:
        print(json.dumps(making(chosen.where, chosen.runtime[0], chosen.size, chosen.photo)))
        exit_now(0)  # the stream goes on drawing
    made, rows = origin(), {}
    for runtime in chosen.runtime:
        row = rows[runtime] = changing(runtime, chosen.size, chosen.changes)
        print(*(f"{name} {value}" for name, value in row.items()), sep="\n  ", flush=True)
    characters = {where: _alone(where, chosen.runtime[0], chosen.photo) for where in PLACES if chosen.photo}
    keep({**made, "morph_s": CROSSFADE_S, "changing": rows, "making": characters}, chosen.save)


def _alone(where: str, runtime: str, photo: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--where", where, "--runtime", runtime, "--photo", str(photo)]
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, CHARACTERS_VARIABLE: folder}
        out = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, text=True).stdout
    row = dict(json.loads(out.splitlines()[-1]))
    print(f"making, {where}", *(f"{name} {value}" for name, value in row.items()), sep="\n  ", flush=True)
    return row


if __name__ == "__main__":
    main()
