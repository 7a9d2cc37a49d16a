"""What a rendering costs: pictures a second by worker pool, files, and memory over 2,000 pictures.

The first word selects the part: `offline` (the default) or `memory`, which the other runs in a process of its own.
"""

from __future__ import annotations

import os

# As in `omote render`, before NumPy is loaded: its threads would take the cores from the network that is measured.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from record import FLAT_MIB, ROOT, halves, keep, origin, percentiles, result_parser, run_part, run_with_limit, timed

from omote.engine.face.expressions import expression_weights
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.model.character_file import DEFAULT_CHARACTER, load_character
from omote.engine.model.renderer import DEFAULT_SIZE, SIZES
from omote.engine.offline.animation import CHUNK, Animation, RenderError, single_character_animation, split_chunks
from omote.engine.offline.pictures import PictureFolder, encode_png, render_size_for
from omote.engine.offline.render import RenderSettings, open_renderer, render_animation
from omote.engine.offline.writers.suffixes import writer_for
from omote.engine.ray_pool import LOCAL, pool_for
from omote.engine.runtime.session import Build
from omote.engine.worker_pool import SerialPool, WorkerError, WorkerPool

FPS = Fraction(30)
MEASURED = (256, DEFAULT_SIZE)  # pixels on a side
CHUNKS = 4  # of each case: the first one of each worker is start-up, the others are steady
FILMS = ("mp4", "webm", "mov", "gif", "apng")
MEMORY_PICTURES, MEMORY_SIZE = 2000, 256
MEMORY_LIMIT_S = 600.0
MIB = 1 << 20
_GREY = (128, 128, 128)
Row = dict[str, Any]


@dataclass(frozen=True)
class PoolCase:
    """A worker pool, and the threads of each worker."""

    name: str
    pool: Callable[[], WorkerPool]
    threads: int | None
    is_long: bool = True  # also measured at the larger size, which takes long


# The first is the default of `omote render`.
WAYS = (
    PoolCase("alone, all cores", lambda: pool_for(None, None, None), None),
    PoolCase("alone, 1 thread", lambda: pool_for(None, None, 1), 1, is_long=False),
    PoolCase("2 processes, 1 thread each", lambda: pool_for(None, 2, 1), 1),
    PoolCase("Ray, 1 worker, 1 thread", lambda: pool_for(LOCAL, 1, 1), 1, is_long=False),
    PoolCase("Ray, 2 workers, 1 thread each", lambda: pool_for(LOCAL, 2, 1), 1),
)


def moving_faces(count: int) -> Animation:
    """A face that always moves between three expressions while the head turns slowly; all pictures differ."""
    expressions = [from_weights(expression_weights(name)).vector() for name in ("smile", "surprise", "sad")]
    time_s = np.arange(count, dtype=np.float32) / float(FPS)
    shares = np.stack([0.5 + 0.5 * np.sin(pace * time_s + k) for k, pace in enumerate((2.1, 1.3, 0.7))], 1) / 3.0
    faces = (shares @ np.stack(expressions)).astype(np.float32)
    faces[:, 54] = 0.25 * np.sin(0.9 * time_s)  # the head's turn to the side
    return single_character_animation(FPS, faces, studio_light(), DEFAULT_CHARACTER)


def render_settings(size: int, runtime: str, threads: int | None) -> RenderSettings:
    """As in `omote render`: each picture depends on its neighbours."""
    build = Build.named(runtime, threads)
    return RenderSettings((load_character(DEFAULT_CHARACTER),), size, 1, build, render_size_for(size, SIZES))


def measure_pool(
    case: PoolCase, size: int, runtime: str, count: int, clock_s: Callable[[], float] = time.monotonic
) -> Row:
    """Start-up, and pictures a second after the first chunk of each worker; or {"refused": why}."""
    at: Row = {"way": case.name, "size": size, "pictures": count}
    animation, progress = moving_faces(count), list[tuple[float, int]]()
    began_s = clock_s()
    try:
        with tempfile.TemporaryDirectory() as folder, case.pool() as pool:
            settings = render_settings(size, runtime, case.threads)
            pictures = render_animation(
                animation,
                settings,
                pool,
                Path(folder),
                lambda done: progress.append((clock_s() - began_s, done)),
            )
            return {**at, **steady_fps(progress, pool.size), "sha256": pictures_digest(pictures)}
    except (RenderError, WorkerError) as error:
        return {**at, "refused": str(error)}


def steady_fps(progress: Sequence[tuple[float, int]], workers: int) -> Row:
    """Pictures a second after the first chunk of each worker, from (seconds, pictures done) at least once a chunk.

    Start-up is the time that the first chunks took above what they would have taken later.
    """
    first_s, first = next((row for row in progress if row[1] >= workers * CHUNK), progress[-1])
    last_s, last = progress[-1]
    if last <= first or last_s <= first_s:
        raise ValueError(f"{workers} workers need more than {workers} chunks, got {last // CHUNK}")
    fps = (last - first) / (last_s - first_s)
    return {"fps": round(fps, 2), "startup_s": round(max(0.0, first_s - first / fps), 2), "all_s": round(last_s, 2)}


def pictures_digest(pictures: PictureFolder) -> str:
    """The sha256 of all PNGs, in order."""
    found = hashlib.sha256()
    for index in range(len(pictures)):
        found.update(pictures.path(index).read_bytes())
    return found.hexdigest()


def is_identical(rows: Sequence[Row]) -> bool | None:
    """Whether all cases with one thread a worker drew the same bytes at each size; None if only one case ran."""
    found: dict[int, list[str]] = {}
    for row in rows:
        if "sha256" in row and "1 thread" in row["way"]:
            found.setdefault(row["size"], []).append(row["sha256"])
    several = [digests for digests in found.values() if len(digests) > 1]
    return all(len(set(digests)) == 1 for digests in several) if several else None


def each_picture(size: int, runtime: str, count: int) -> Row:
    """Milliseconds to draw a picture with all cores, and to encode its PNG."""
    renderer = open_renderer(render_settings(size, runtime, None))
    chunks = list(split_chunks(moving_faces(count)))
    for _ in renderer.pictures(chunks[0]):
        pass
    took_ms, pictures = [], []
    for chunk in chunks:
        began_ns = time.perf_counter_ns()
        for picture in renderer.pictures(chunk):
            took_ms.append((time.perf_counter_ns() - began_ns) / 1e6)
            pictures.append(picture)
            began_ns = time.perf_counter_ns()
    again = iter(pictures * 2)
    encode = timed(lambda: encode_png(next(again)), len(pictures))
    share = encode["p50"] / (encode["p50"] + float(np.median(took_ms)))
    drawing = {**percentiles(took_ms), "times": len(took_ms)}
    return {"size": size, "draw_ms": drawing, "png_ms": encode, "png_share": round(share, 3)}


def films(size: int, runtime: str, count: int) -> Iterator[Row]:
    """Milliseconds and kilobytes a picture of each kind of file, once all pictures are drawn."""
    animation = moving_faces(count)
    with tempfile.TemporaryDirectory() as folder:
        pictures = render_animation(
            animation, render_settings(size, runtime, None), SerialPool(), Path(folder), lambda done: None
        )
        for kind in FILMS:
            at: Row = {"kind": kind, "size": size, "pictures": count}
            try:
                writer = writer_for(Path(folder) / f"film.{kind}", _GREY)
                writer.check(animation, size)
                began_s = time.monotonic()
                writer.write(animation, pictures, lambda done: None)
                took_s = time.monotonic() - began_s
                kb_each = writer.path.stat().st_size / 1000.0 / count
                yield {**at, "ms_each": round(took_s * 1000.0 / count, 2), "kb_each": round(kb_each, 2)}
            except RenderError as error:
                yield {**at, "refused": str(error)}


def measure_memory(workers: int, runtime: str, count: int) -> Row:
    """The memory of a rendering in a process of its own and in its workers."""
    options = ["--pictures", str(count), "--size", str(MEMORY_SIZE), "--workers", str(workers), "--runtime", runtime]
    command = [sys.executable, str(Path(__file__)), "memory", *options]
    done = run_with_limit(command, MEMORY_LIMIT_S, cwd=ROOT, is_captured=True)
    if done.returncode:
        return {"workers": workers, "refused": done.stderr.strip().splitlines()[-1]}
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


@dataclass
class MemoryLog:
    """Resident memory in MiB of this process and of its workers, sampled as the rendering goes on."""

    process: psutil.Process = field(default_factory=psutil.Process)
    here: list[float] = field(default_factory=list)
    workers: list[list[float]] = field(default_factory=list)  # one list a sample

    def sample(self) -> None:
        self.here.append(self.process.memory_info().rss / MIB)
        family = []
        for one in self.process.children(recursive=True):
            try:
                family.append(one.memory_info().rss / MIB)
            except psutil.NoSuchProcess:
                continue
        self.workers.append(family)

    def summary(self, settled: int) -> Row:
        """Growth from this sample on, when everything is open; the workers count together."""
        # A worker that has ended would hide the growth of the others, so only samples of all of them count.
        most = max(len(family) for family in self.workers)
        whole = [sum(family) for family in self.workers[settled:] if len(family) == most]
        here, workers = halves(self.here[settled:]), halves(whole)
        is_flat = max(here.get("grown_mib", 0.0), workers.get("grown_mib", 0.0)) <= FLAT_MIB if here else None
        return {"here": here, "workers_held": workers, "is_flat": is_flat}


def _printed(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        print("  " + json.dumps(row), flush=True)
        yield row


def main_offline(words: Sequence[str]) -> None:
    """What renderings cost: pictures a second by worker pool, PNGs and films, and memory."""
    parser = result_parser(main_offline.__doc__, "offline")
    parser.add_argument("--quick", action="store_true", help="few pictures, to try the plan; its figures are no result")
    parser.add_argument("--runtime", default="openvino", help="as `omote render` takes it (default: %(default)s)")
    chosen = parser.parse_args(words)
    if chosen.quick and chosen.save:
        parser.error("--quick measures nothing worth keeping: leave --save away")
    made, sizes = origin(), MEASURED[:1] if chosen.quick else MEASURED
    plan = [(case, size) for size in sizes for case in WAYS if case.is_long or size == sizes[0]]
    rows = list(_printed(measure_pool(case, size, chosen.runtime, CHUNKS * CHUNK) for case, size in plan))
    each = list(_printed(each_picture(size, chosen.runtime, CHUNK // 2) for size in sizes))
    written = list(_printed(films(sizes[0], chosen.runtime, CHUNK if chosen.quick else 2 * CHUNK)))
    count = 5 * CHUNK if chosen.quick else MEMORY_PICTURES
    memory = list(_printed(measure_memory(workers, chosen.runtime, count) for workers in (1, 2)))
    identical = is_identical(rows)
    print(f"identical: {identical}")
    result = {"ways": rows, "each": each, "films": written, "memory": memory, "identical": identical}
    keep({**made, "chunk": CHUNK, **result}, chosen.save)


def main_memory(words: Sequence[str]) -> None:
    """Memory over a rendering in this process and its workers, and what `--resume` costs; prints a line of JSON."""
    parser = argparse.ArgumentParser(prog="offline.py memory", description=main_memory.__doc__)
    parser.add_argument("--pictures", type=int, default=MEMORY_PICTURES)
    parser.add_argument("--size", type=int, default=MEMORY_SIZE)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--runtime", default="openvino")
    chosen = parser.parse_args(words)
    threads = 1 if chosen.workers > 1 else None
    animation, settings = moving_faces(chosen.pictures), render_settings(chosen.size, chosen.runtime, threads)
    log = MemoryLog()
    with tempfile.TemporaryDirectory() as folder:
        with pool_for(None, chosen.workers, threads) as pool:
            render_animation(animation, settings, pool, Path(folder), lambda done: log.sample())

        # Everything is drawn; a resumed rendering only looks through it.
        def resume() -> object:
            return render_animation(animation, settings, SerialPool(), Path(folder), lambda done: None)

        resumed = timed(resume, 5, warm_up=1)
    at = {"pictures": chosen.pictures, "size": chosen.size, "workers": chosen.workers}
    # The first sample is taken before anything is opened, the next ones after each worker's first chunk.
    print(json.dumps({**at, **log.summary(2 * chosen.workers + 1), "resume_ms": resumed}))


if __name__ == "__main__":
    raise SystemExit(run_part({"offline": main_offline, "memory": main_memory}))
