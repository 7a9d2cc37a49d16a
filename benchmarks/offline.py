"""What a rendering takes: pictures a second by crew, start-up, PNGs, films, and memory over 2,000 pictures."""

from __future__ import annotations

import os

# As `omote render` does, before NumPy is loaded: its threads would take the cores from the network that is measured.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import child
import numpy as np
from record import ROOT, keep, origin, percentiles, timed

from omote.engine.face.expressions import expression_weights
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.model.character_file import DEFAULT_CHARACTER, load_character
from omote.engine.model.renderer import DEFAULT_SIZE, SIZES
from omote.engine.offline.animation import CHUNK, Animation, RenderError, single_character_animation, split_chunks
from omote.engine.offline.pictures import PictureFolder, encode_png, render_size_for
from omote.engine.offline.render import RenderSettings, open_renderer, render_animation
from omote.engine.offline.writers.suffixes import writer_for
from omote.engine.runtime.session import Build
from omote.engine.worker_pool import LOCAL, SerialPool, WorkerError, WorkerPool, pool_for

FPS = Fraction(30)
MEASURED = (256, DEFAULT_SIZE)  # pixels on a side
CHUNKS = 4  # of each way: its workers' first ones are start-up, the others what is steady
FILMS = ("mp4", "webm", "mov", "gif", "apng")
MEMORY_PICTURES, MEMORY_SIZE = 2000, 256
MEMORY_LIMIT_S = 600.0
_GREY = (128, 128, 128)

Row = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """Who draws, each with so many threads; the first is what a person gets who says nothing."""

    name: str
    crew: Callable[[], WorkerPool]
    threads: int | None
    is_long: bool = True  # also at the larger sizes, where every picture costs the run's time


WAYS = (
    Way("alone, all cores", lambda: pool_for(None, None, None), None),
    Way("alone, 1 thread", lambda: pool_for(None, None, 1), 1, is_long=False),
    Way("2 processes, 1 thread each", lambda: pool_for(None, 2, 1), 1),
    Way("Ray, 1 worker, 1 thread", lambda: pool_for(LOCAL, 1, 1), 1, is_long=False),
    Way("Ray, 2 workers, 1 thread each", lambda: pool_for(LOCAL, 2, 1), 1),
)


def performed(count: int) -> Animation:
    """A face that always moves, no two pictures alike: between three expressions, the head turning slowly."""
    words = [from_weights(expression_weights(word)).vector() for word in ("smile", "surprise", "sad")]
    time_s = np.arange(count, dtype=np.float32) / float(FPS)
    shares = np.stack([0.5 + 0.5 * np.sin(pace * time_s + k) for k, pace in enumerate((2.1, 1.3, 0.7))], 1) / 3.0
    faces = (shares @ np.stack(words)).astype(np.float32)
    faces[:, 54] = 0.25 * np.sin(0.9 * time_s)  # the head's turn to the side
    return single_character_animation(FPS, faces, studio_light(), DEFAULT_CHARACTER)


def easel(size: int, runtime: str, threads: int | None) -> RenderSettings:
    """As `omote render` sets it up: each picture reads those beside it."""
    build = Build.named(runtime, threads)
    return RenderSettings((load_character(DEFAULT_CHARACTER),), size, 1, build, render_size_for(size, SIZES))


def drawn(way: Way, size: int, runtime: str, count: int, clock_s: Callable[[], float] = time.monotonic) -> Row:
    """How fast this way is once each worker has done its first chunk, and how long until then; or why it is not."""
    at: Row = {"way": way.name, "size": size, "pictures": count}
    script, told = performed(count), list[tuple[float, int]]()
    began_s = clock_s()
    try:
        with tempfile.TemporaryDirectory() as folder, way.crew() as crew:
            work = easel(size, runtime, way.threads)
            pictures = render_animation(
                script, work, crew, Path(folder), lambda done: told.append((clock_s() - began_s, done))
            )
            return {**at, **steady(told, crew.size), "sha256": digest(pictures)}
    except (RenderError, WorkerError) as error:
        return {**at, "refused": str(error)}


def steady(told: Sequence[tuple[float, int]], workers: int) -> Row:
    """Of (seconds, pictures done) at each chunk's end or oftener: pictures a second after every worker's first chunk.

    Start-up is what the first chunks took above what they would have taken later.
    """
    first_s, first = next((row for row in told if row[1] >= workers * CHUNK), told[-1])
    last_s, last = told[-1]
    if last <= first or last_s <= first_s:
        raise ValueError(f"{workers} workers want more than {workers} chunks, got {last // CHUNK}")
    fps = (last - first) / (last_s - first_s)
    return {"fps": round(fps, 2), "startup_s": round(max(0.0, first_s - first / fps), 2), "all_s": round(last_s, 2)}


def digest(pictures: PictureFolder) -> str:
    """The sha256 of all PNGs, one after the other."""
    found = hashlib.sha256()
    for index in range(len(pictures)):
        found.update(pictures.path(index).read_bytes())
    return found.hexdigest()


def is_identical(rows: Sequence[Row]) -> bool | None:
    """Whether all ways of one thread a worker drew the same bytes at each size; None where only one did."""
    found: dict[int, list[str]] = {}
    for row in rows:
        if "sha256" in row and "1 thread" in row["way"]:
            found.setdefault(row["size"], []).append(row["sha256"])
    several = [digests for digests in found.values() if len(digests) > 1]
    return all(len(set(digests)) == 1 for digests in several) if several else None


def each_picture(size: int, runtime: str, count: int) -> Row:
    """What drawing a picture takes and what its PNG, with all cores."""
    hand = open_renderer(easel(size, runtime, None))
    parts = list(split_chunks(performed(count)))
    for _ in hand.pictures(parts[0]):
        pass
    took_ms, pictures = [], []
    for part in parts:
        began_ns = time.perf_counter_ns()
        for picture in hand.pictures(part):
            took_ms.append((time.perf_counter_ns() - began_ns) / 1e6)
            pictures.append(picture)
            began_ns = time.perf_counter_ns()
    after_each = iter(pictures * 2)
    encode = timed(lambda: encode_png(next(after_each)), len(pictures))
    share = encode["p50"] / (encode["p50"] + float(np.median(took_ms)))
    drawing = {**percentiles(took_ms), "times": len(took_ms)}
    return {"size": size, "draw_ms": drawing, "png_ms": encode, "png_share": round(share, 3)}


def films(size: int, runtime: str, count: int) -> Iterator[Row]:
    """What each kind of file takes a picture once all are drawn."""
    script = performed(count)
    with tempfile.TemporaryDirectory() as folder:
        pictures = render_animation(script, easel(size, runtime, None), SerialPool(), Path(folder), lambda done: None)
        for kind in FILMS:
            at: Row = {"kind": kind, "size": size, "pictures": count}
            try:
                writer = writer_for(Path(folder) / f"film.{kind}", _GREY)
                writer.check(script, size)
                began_s = time.monotonic()
                writer.write(script, pictures, lambda done: None)
                took_s = time.monotonic() - began_s
                kb_each = writer.path.stat().st_size / 1000.0 / count
                yield {**at, "ms_each": round(took_s * 1000.0 / count, 2), "kb_each": round(kb_each, 2)}
            except RenderError as error:
                yield {**at, "refused": str(error)}


def memory(workers: int, runtime: str, count: int) -> Row:
    """What a process of its own holds while it draws so many, its workers beside it."""
    told = ["--pictures", str(count), "--size", str(MEMORY_SIZE), "--workers", str(workers), "--runtime", runtime]
    command = [sys.executable, str(Path(__file__).with_name("offline_memory.py")), *told]
    done = child.run(command, MEMORY_LIMIT_S, cwd=ROOT, is_heard=False)
    if done.returncode:
        return {"workers": workers, "refused": done.stderr.strip().splitlines()[-1]}
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few pictures: tries the plan, its figures are no result")
    parser.add_argument("--runtime", default="openvino", help="as `omote render` takes it (default: %(default)s)")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/offline.json")
    chosen = parser.parse_args()
    if chosen.quick and chosen.save:
        parser.error("--quick measures nothing worth keeping: leave --save away")
    told, sizes = origin(), MEASURED[:1] if chosen.quick else MEASURED
    plan = [(way, size) for size in sizes for way in WAYS if way.is_long or size == sizes[0]]
    rows = list(_printed(drawn(way, size, chosen.runtime, CHUNKS * CHUNK) for way, size in plan))
    each = list(_printed(each_picture(size, chosen.runtime, CHUNK // 2) for size in sizes))
    written = list(_printed(films(sizes[0], chosen.runtime, CHUNK if chosen.quick else 2 * CHUNK)))
    count = 5 * CHUNK if chosen.quick else MEMORY_PICTURES
    held = list(_printed(memory(workers, chosen.runtime, count) for workers in (1, 2)))
    same = is_identical(rows)
    print(f"identical: {same}")
    found = {"ways": rows, "each": each, "films": written, "memory": held, "identical": same}
    keep({**told, "chunk": CHUNK, **found}, chosen.save)


def _printed(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        print("  " + json.dumps(row), flush=True)
        yield row


if __name__ == "__main__":
    main()
