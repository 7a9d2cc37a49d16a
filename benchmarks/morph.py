"""What changing the character does to the stream, by a cut and by a morph; and what making one beside it does."""

from __future__ import annotations

import argparse
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
from omote.engine.capture import open_source
from omote.engine.character import FOLDER_VARIABLE
from omote.engine.live import Live
from omote.engine.morph import MORPH_S
from omote.engine.nouns import Actor, AnyCharacter, Portrait
from omote.studio.character import Order, own_path
from omote.studio.workshop import Task, in_own_process, work

PLACES = ("thread", "process")
BEFORE_S = 10.0  # of the stream alone
WAYS = ("none", "cut", "morph")
EVERY_S = 1.5  # from change to change
AFTER_S = 0.6  # a change is felt in the pictures of so long
PAIR = ("hana", "noah")


class Gaps:
    """An output that notes when each picture came."""

    name = "gaps"

    def __init__(self) -> None:
        self.came_ns: list[int] = []
        self.jump = 0.0  # the greatest mean difference of a picture from the one before it, 0 to 255
        self._before: np.ndarray | None = None  # on grey

    def offer(self, portrait: Portrait) -> None:
        self.came_ns.append(time.perf_counter_ns())
        alpha = portrait.rgba[..., 3:].astype(np.float32) / 255
        picture = portrait.rgba[..., :3] * alpha + 128 * (1 - alpha)
        if self._before is not None:
            self.jump = max(self.jump, float(np.abs(picture - self._before).mean()))
        self._before = picture


class Cutter(Animator):
    """Shows another character at once."""

    def way(self, first: AnyCharacter, last: AnyCharacter) -> tuple[AnyCharacter, ...]:
        self.check(last)
        return (last,)


def measured(way: str, runtime: str, size: int, changes: int) -> dict[str, Any]:
    """What the stream was like with so many changes."""
    gaps = Gaps()
    animator = (Animator if way == "morph" else Cutter)(size, 1, runtime)
    live = Live(open_source("demo", loop=True), animator, load_character(PAIR[0]), Actor(), studio_light(), [gaps])
    runner = threading.Thread(target=live.run, kwargs={"seconds": EVERY_S * (changes + 1)}, daemon=True)
    runner.start()
    while not gaps.came_ns:
        time.sleep(0.05)
    changed_ns, took_ms = [], []
    for k in range(changes):
        time.sleep(EVERY_S)
        asked_ns = time.perf_counter_ns()
        if way != "none":
            live.scene.change(load_character(PAIR[(k + 1) % 2]))
        changed_ns.append(time.perf_counter_ns())
        took_ms.append((changed_ns[-1] - asked_ns) / 1e6)
    runner.join()
    came = gaps.came_ns
    gap_ms = np.diff(came) / 1e6
    around = [
        max(float(gap) for gap, at_ns in zip(gap_ms, came[1:], strict=True) if -0.1e9 < at_ns - at < AFTER_S * 1e9)
        for at in changed_ns
    ]
    return {
        "runtime": animator.runtime,
        "size": animator.size,
        "fps": round(len(came) * 1e9 / (came[-1] - came[0]), 2),
        "gap_ms": percentiles(list(gap_ms), 1),
        "longest_gap_around_a_change_ms": percentiles(around, 1),
        "greatest_step_of_a_picture": round(gaps.jump, 2),
        "call_ms": percentiles(took_ms, 1),
        "changes": changes,
    }


def making(where: str, runtime: str, size: int, photo: Path) -> dict[str, Any]:
    """The stream before and while a character is made from a photo, in a thread beside it or in its own process."""
    gaps, animator = Gaps(), Animator(size, 1, runtime)
    live = Live(open_source("demo", loop=True), animator, load_character(PAIR[0]), Actor(), studio_light(), [gaps])
    threading.Thread(target=live.run, kwargs={"seconds": 600.0}, daemon=True).start()
    while not gaps.came_ns:
        time.sleep(0.05)
    time.sleep(BEFORE_S)
    task = Task(Order(name=f"benchmark-{where}", upload=photo.read_bytes()), "for a benchmark")
    begun_ns = time.perf_counter_ns()
    (in_own_process if where == "process" else work)(task)
    done_ns = time.perf_counter_ns()
    own_path(f"benchmark-{where}").unlink()
    came = np.array(gaps.came_ns)
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
    parser.add_argument("--runtime", nargs="+", default=["openvino", "openvino-int8"], help="as `omote live` takes it")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--changes", type=int, default=16)
    parser.add_argument("--save", type=Path, nargs="?", const=RESULTS / "morph.json", help="where to keep the result")
    parser.add_argument("--photo", type=Path, help="of whom a character is made beside the stream")
    parser.add_argument("--where", choices=PLACES, help="only make one there, for each wants a process of its own")
    chosen = parser.parse_args()
    if chosen.where:
        print(json.dumps(making(chosen.where, chosen.runtime[0], chosen.size, chosen.photo)))
        return
    told, rows = origin(), {}
    for runtime in chosen.runtime:
        for way in WAYS:
            row = rows[f"{runtime} {way}"] = measured(way, runtime, chosen.size, chosen.changes)
            print(f"{runtime:14} {way:6}", *(f"{name} {value}" for name, value in row.items()), sep="  ", flush=True)
    made = {where: _alone(where, chosen.runtime[0], chosen.photo) for where in PLACES if chosen.photo}
    keep({**told, "morph_s": MORPH_S, "ways": rows, "making": made}, chosen.save)


def _alone(where: str, runtime: str, photo: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--where", where, "--runtime", runtime, "--photo", str(photo)]
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, FOLDER_VARIABLE: folder}
        said = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, text=True).stdout
    row = dict(json.loads(said.splitlines()[-1]))
    print(f"{'made in its':14} {where:8}", *(f"{name} {value}" for name, value in row.items()), sep="  ", flush=True)
    return row


if __name__ == "__main__":
    main()
