"""What grows with what: cost with size, steps and the number of characters, age with who listens, memory with time."""

from __future__ import annotations

import os

# As `omote live` does, before NumPy is loaded: its threads would take the cores from the network that is measured.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from network import faces
from performance import Performance, PerformanceError, play
from record import keep_rows, origin, timed
from soak import FLAT_MIB, SAMPLE_S, Memory

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


def drawn(count: int, size: int, steps: int, runtime: str) -> Row:
    """How long so many portraits take, one after another, all parts included; or why they cannot be drawn."""
    at = {"characters": count, "size": size, "steps": steps}
    try:
        ensemble = Ensemble(count, size, steps, runtime)
    except AnimatorError as error:
        return {**at, "refused": str(error)}
    character, light, performed = load_character(DEFAULT_CHARACTER), studio_light(), cycle(faces())

    def draw() -> object:
        return ensemble.draw([EnsembleMember(character, next(performed), light) for _ in range(count)])

    took = timed(draw, TIMES, most_s=MOST_S)
    each = {key: round(took[key] / count, 3) for key in ("p50", "p95", "p99")}
    return {**at, "runtime": ensemble.runtime, "ms": took, "ms_each": each}


def by_size(runtime: str) -> list[Row]:
    return [drawn(1, size, 1, runtime) for size in SIZES]


def by_steps(runtime: str) -> list[Row]:
    return [drawn(1, DEFAULT_SIZE, steps, runtime) for steps in STEPS]


def by_characters(runtime: str) -> list[Row]:
    return [drawn(count, DEFAULT_SIZE, 1, runtime) for count in CHARACTERS]


def by_subscribers(runtime: str) -> list[Row]:
    """The worst of all receivers counts, whatever the figure."""
    rows = []
    for count in SUBSCRIBERS:
        try:
            seen = play(Performance(seconds=LISTENING_S, runtime=runtime), count)
        except PerformanceError as error:
            rows.append({"subscribers": count, "refused": str(error)})
            continue
        ages = [one["total_ms"] for one in seen.receivers if one["total_ms"]]
        rows.append(
            {
                "subscribers": count,
                "served": len(ages),
                "fps": round(seen.report["fps"], 2),
                "received_fps": min(one["fps"] for one in seen.receivers),
                "missed": max(one["missed"] for one in seen.receivers),
                "total_ms": {key: max(age[key] for age in ages) for key in ("p50", "p95", "p99")} if ages else None,
            }
        )
    return rows


def by_length(runtime: str, minutes: float) -> list[Row]:
    """The memory of the process that draws, over a long performance of the demo."""
    memories: list[Memory] = []
    with _sampling(memories) as watch:
        seen = play(Performance(seconds=60.0 * minutes, runtime=runtime), has_warm_up=False, on_pid=watch)
    memory = memories[0].summary()
    is_flat = memory["grown_mib"] <= FLAT_MIB if memory else None  # None: it was over before memory was sampled
    return [{"minutes": minutes, "pictures": seen.report["pictures"], "memory": memory, "is_flat": is_flat}]


@contextmanager
def _sampling(memories: list[Memory]) -> Iterator[Callable[[int], None]]:
    """Gives what is to be told of a process; its memory is then sampled until the end."""
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
    """A row for the terminal; figures that belong together stand together."""
    told = (f"{key} {_figures(value) if isinstance(value, dict) else value}" for key, value in row.items())
    return "  " + ", ".join(told)


def _figures(values: dict[str, float]) -> str:
    return "(" + ", ".join(f"{key} {value:g}" for key, value in values.items()) + ")"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    ways: dict[str, Callable[[], list[Row]]] = {
        "size": lambda: by_size(chosen.runtime),
        "steps": lambda: by_steps(chosen.runtime),
        "characters": lambda: by_characters(chosen.runtime),
        "subscribers": lambda: by_subscribers(chosen.runtime),
        "length": lambda: by_length(chosen.runtime, chosen.minutes),
    }
    parser.add_argument("--only", help=f"some of {','.join(ways)}, with commas (default: all but length)")
    parser.add_argument("--minutes", type=float, help=f"also play for so long and watch the memory; {MINUTES:g} is due")
    parser.add_argument("--runtime", default="openvino", help="as `omote live` takes it (default: %(default)s)")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/growth.json")
    chosen = parser.parse_args()
    asked = chosen.only.split(",") if chosen.only else [name for name in ways if name != "length" or chosen.minutes]
    if unknown := [name for name in asked if name not in ways]:
        parser.error(f"--only takes {', '.join(ways)}, not {', '.join(unknown)}")
    chosen.minutes = chosen.minutes or MINUTES
    told, found = origin(), {}
    for name in asked:
        print(f"\nby {name}", flush=True)
        rows = ways[name]()
        print("\n".join(line(row) for row in rows), flush=True)
        found[name] = {**told, "rows": rows}
    keep_rows(told, "by", found, chosen.save, is_whole=not chosen.only)


if __name__ == "__main__":
    main()
