"""How cost grows with size, steps and characters, latency with subscribers, and memory with time."""

from __future__ import annotations

import os

# As `omote live` does, before NumPy is loaded: its threads would take the cores from the network that is measured.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from typing import Any

from live import LiveRun, LiveRunError, run_live
from network import faces
from record import FLAT_MIB, QUANTILES, keep_rows, origin, result_parser, timed
from soak import SAMPLE_S, Memory

from omote.engine.errors import AnimatorError
from omote.engine.face.light import studio_light
from omote.engine.model.animator import Ensemble, EnsembleMember
from omote.engine.model.character_file import DEFAULT_CHARACTER, load_character
from omote.engine.model.renderer import DEFAULT_SIZE, SIZES, STEPS

CHARACTERS = (1, 2, 4, 8)
SUBSCRIBERS = (1, 2, 4, 8, 16)
LISTENING_S = 8.0
TIMES = 60
MOST_S = 6.0  # for each figure
MINUTES = 10.0

Row = dict[str, Any]


def measure_drawing(count: int, size: int, steps: int, runtime: str) -> Row:
    """The time that so many portraits take, drawn one after another; or {"refused": why}."""
    at = {"characters": count, "size": size, "steps": steps}
    try:
        ensemble = Ensemble(count, size, steps, runtime)
    except AnimatorError as error:
        return {**at, "refused": str(error)}
    character, light, moving_faces = load_character(DEFAULT_CHARACTER), studio_light(), cycle(faces())

    def draw() -> object:
        return ensemble.draw([EnsembleMember(character, next(moving_faces), light) for _ in range(count)])

    took = timed(draw, TIMES, most_s=MOST_S)
    each = {key: round(took[key] / count, 3) for key in QUANTILES}
    return {**at, "runtime": ensemble.runtime, "ms": took, "ms_each": each}


def by_size(runtime: str) -> list[Row]:
    return [measure_drawing(1, size, 1, runtime) for size in SIZES]


def by_steps(runtime: str) -> list[Row]:
    return [measure_drawing(1, DEFAULT_SIZE, steps, runtime) for steps in STEPS]


def by_characters(runtime: str) -> list[Row]:
    return [measure_drawing(count, DEFAULT_SIZE, 1, runtime) for count in CHARACTERS]


def by_subscribers(runtime: str) -> list[Row]:
    """Latency with so many receivers; the worst of them counts in each figure."""
    rows = []
    for count in SUBSCRIBERS:
        try:
            run = run_live(LiveRun(seconds=LISTENING_S, runtime=runtime), count)
        except LiveRunError as error:
            rows.append({"subscribers": count, "refused": str(error)})
            continue
        ages = [one["total_ms"] for one in run.receivers if one["total_ms"]]
        rows.append(
            {
                "subscribers": count,
                "served": len(ages),
                "fps": round(run.report["fps"], 2),
                "received_fps": min(one["fps"] for one in run.receivers),
                "missed": max(one["missed"] for one in run.receivers),
                "total_ms": {key: max(age[key] for age in ages) for key in QUANTILES} if ages else None,
            }
        )
    return rows


def by_length(runtime: str, minutes: float) -> list[Row]:
    """The memory of the process that draws, over a long run of the demo."""
    memories: list[Memory] = []
    with _sampling(memories) as watch:
        run = run_live(LiveRun(seconds=60.0 * minutes, runtime=runtime), has_warm_up=False, on_pid=watch)
    memory = memories[0].summary()
    is_flat = memory["grown_mib"] <= FLAT_MIB if memory else None  # None: the run was too short to sample
    return [{"minutes": minutes, "pictures": run.report["pictures"], "memory": memory, "is_flat": is_flat}]


@contextmanager
def _sampling(memories: list[Memory]) -> Iterator[Callable[[int], None]]:
    """Yields a function that takes the id of a process and samples its memory until the end."""
    is_over = threading.Event()

    def sample() -> None:
        while not is_over.wait(SAMPLE_S):
            for memory in memories:
                memory.sample()

    thread = threading.Thread(target=sample, name="memory", daemon=True)
    thread.start()
    try:
        yield lambda pid: memories.append(Memory(pid))
    finally:
        is_over.set()
        thread.join()


def line(row: Row) -> str:
    """A row for the terminal."""
    cells = (f"{key} {_figures(value) if isinstance(value, dict) else value}" for key, value in row.items())
    return "  " + ", ".join(cells)


def _figures(values: dict[str, float]) -> str:
    return "(" + ", ".join(f"{key} {value:g}" for key, value in values.items()) + ")"


def main() -> None:
    parser = result_parser(__doc__, "growth")
    ways: dict[str, Callable[[], list[Row]]] = {
        "size": lambda: by_size(chosen.runtime),
        "steps": lambda: by_steps(chosen.runtime),
        "characters": lambda: by_characters(chosen.runtime),
        "subscribers": lambda: by_subscribers(chosen.runtime),
        "length": lambda: by_length(chosen.runtime, chosen.minutes),
    }
    parser.add_argument("--only", help=f"some of {','.join(ways)}, with commas (default: all but length)")
    parser.add_argument("--minutes", type=float, help=f"also watch the memory for so long; the goal is for {MINUTES:g}")
    parser.add_argument("--runtime", default="openvino", help="as `omote live` takes it (default: %(default)s)")
    chosen = parser.parse_args()
    names = chosen.only.split(",") if chosen.only else [name for name in ways if name != "length" or chosen.minutes]
    if unknown := [name for name in names if name not in ways]:
        parser.error(f"--only takes {', '.join(ways)}, not {', '.join(unknown)}")
    chosen.minutes = chosen.minutes or MINUTES
    made, found = origin(), {}
    for name in names:
        print(f"\nby {name}", flush=True)
        rows = ways[name]()
        print("\n".join(line(row) for row in rows), flush=True)
        found[name] = {**made, "rows": rows}
    keep_rows(made, "by", found, chosen.save, is_whole=not chosen.only)


if __name__ == "__main__":
    main()
