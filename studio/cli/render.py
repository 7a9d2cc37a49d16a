"""`omote render`: draws a transition, a timeline or a performance into files."""

from __future__ import annotations

import argparse
import logging
import math
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from omote.engine.capture.source import Playback
from omote.engine.model.animator import runtime_options
from omote.engine.model.character_file import load_any_character
from omote.engine.offline.animation import Animation, RenderError, parse_fps
from omote.engine.offline.face_parser import face_file_path
from omote.engine.offline.job import Job
from omote.engine.offline.keyframes import DEFAULT_EASE, EASES, Ease
from omote.engine.offline.output import require_disk_space
from omote.engine.offline.pictures import PictureFolder
from omote.engine.offline.render import RenderSettings, open_renderer, render_animation
from omote.engine.offline.render_options import PhotorealPaths, resolve_settings
from omote.engine.offline.timeline import face_files_of
from omote.engine.offline.writers.suffixes import SUFFIXES
from omote.engine.worker_pool import WorkerPool, pool_for

from ..app.config import DEFAULTS, Config
from .interrupts import exit_code
from .parser import config_of
from .render_inputs import LIGHTS, NO_ACTOR, Appearance, PerformancePiece, Piece, TimelinePiece, TransitionPiece
from .render_outputs import RenderOutputs, parse_outputs

log = logging.getLogger(__name__)


def main(typed: argparse.Namespace) -> int:
    """Runs `omote render` as it was typed; the exit code."""
    return run(request_of(typed, render_config(typed), typed.words))


def run(order: RenderRequest, clock_s: Callable[[], float] = time.monotonic) -> int:
    """Renders everything and returns the exit code; errors that a person can mend are raised, most before the work.

    Ctrl-C, and SIGTERM where there is one, keep what is done and say how to go on.
    """
    outs = order.outs
    draft = order.piece.draft()
    with Job(outs.paths, outs.folder) as job:
        job.admit(_resume_command(order), resume=order.resume, overwrite=order.overwrite)
        outs.require_writable()
        easel = _open_renderer(order, draft)
        _check(order, draft, easel)
        crew = pool_for(order.cluster, order.workers, order.threads)
        began_s = clock_s()
        try:
            with ProgressPhases(Console(stderr=True), clock_s) as phases:
                count, drawn = _Rendering(order, easel, crew, job, phases).carried_out(draft)
        except KeyboardInterrupt as interrupt:
            print(_stopped(order, job), file=sys.stderr)
            return exit_code(interrupt)
        job.finish()
    print(_result(order, easel, count, drawn, clock_s() - began_s))
    return 0


@dataclass(frozen=True)
class _Rendering:
    """One that was admitted."""

    order: RenderRequest
    easel: RenderSettings | None  # None where nothing is drawn
    crew: WorkerPool
    job: Job
    phases: ProgressPhases

    def carried_out(self, draft: Animation) -> tuple[int, int]:
        """Finds out what is shown, draws and writes it; how many pictures it has, and how many are new."""
        self._require_room(draft)
        script, pictures, kept = self._drawn(draft, self.easel) if self.easel else self._undrawn(draft)
        for writer in self.order.outs.writers:
            tell = self.phases.phase(f"writing {writer.path.name}", len(script))
            tell(0)
            writer.write(script, pictures, tell)
        return len(script), len(script) - kept

    def _drawn(self, draft: Animation, easel: RenderSettings) -> tuple[Animation, PictureFolder, int]:
        """Who draws is there, and all is loaded, before a performance is tracked or anything earlier is removed."""
        with self.crew as crew:
            if self.order.is_alone:
                open_renderer(easel)
            script = self._script(draft)
            self.job.begin(easel.facts(), script)
            kept, tell = self.job.kept, self.phases.phase("drawing", len(script))
            return script, render_animation(script, easel, crew, self.job.pictures, tell), kept

    def _undrawn(self, draft: Animation) -> tuple[Animation, PictureFolder, int]:
        script = self._script(draft)
        self.job.begin({}, script)
        return script, PictureFolder(self.job.pictures, 0), 0

    def _script(self, draft: Animation) -> Animation:
        if not self.order.piece.is_costly:
            return draft
        script = self.job.script(lambda: self.order.piece.script(self.phases.phase))
        _check(self.order, script, self.easel)
        self._require_room(script)
        return script

    def _require_room(self, script: Animation) -> None:
        job, kept = self.job, len(script)
        if self.easel:
            kept = job.kept if job.is_gone_on_with else 0
        require_disk_space(self.order.outs.writers, script, _size(self.easel), job.pictures, kept, job.replaced)


def _open_renderer(order: RenderRequest, draft: Animation) -> RenderSettings | None:
    """What draws it, not opened yet; None where nothing is drawn. ValueErrors where that cannot be."""
    config = order.config
    if not order.outs.are_drawn:
        for name in draft.cast:
            load_any_character(name)
        return None
    files = PhotorealPaths(config.photoreal, config.flame_map, config.allow_noncommercial)
    return resolve_settings(
        draft.cast,
        config.size,
        config.steps,
        config.runtime,
        order.threads,
        files,
        consistency=order.piece.shown.consistency,
    )


def _check(order: RenderRequest, script: Animation, easel: RenderSettings | None) -> None:
    if easel:
        easel.check(script)
    for writer in order.outs.writers:
        writer.check(script, _size(easel))


def _size(easel: RenderSettings | None) -> int:
    return easel.size if easel else 0


def _resume_command(order: RenderRequest) -> dict[str, str]:
    """What has to be typed again for the same to come out; who draws may change."""
    background = {} if order.background is None else {"background": order.background}
    return {**order.piece.facts(), **background, "out": order.outs.words}


def _stopped(order: RenderRequest, job: Job) -> str:
    if not job.has_script:
        return "omote render: stopped before there was anything to keep"
    return f"omote render: stopped; {_pictures(job.kept)} kept in {job.pictures}. Go on with: {order.again}"


def _result(order: RenderRequest, easel: RenderSettings | None, count: int, drawn: int, seconds: float) -> str:
    """For people, in lines."""
    pace = progress_text(count, count, drawn, seconds) if easel else _pictures(count)
    remark = [f"  {easel.remark}"] if easel and easel.remark else []
    return "\n".join([f"{pace}, {seconds:.1f} s", *(f"  {path}" for path in order.outs.places), *remark])


def _pictures(count: int) -> str:
    return f"{count} picture{'' if count == 1 else 's'}"


_EXPRESSION_HELP = "a name, FILE.csv@SECONDS, FILE.toml, or values as jawOpen=0.6,mouthSmileLeft=0.4"
_TRANSITION = {"seconds_long": "--seconds", "ease": "--ease", "hold_s": "--hold", "there_and_back": "--there-and-back"}
_PERFORMANCE = {"speed": "--speed", "start_s": "--start-s", "end_s": "--end-s", "actor": "--actor"}


@dataclass(frozen=True)
class RenderRequest:
    """What to render, how, and where to."""

    config: Config  # of which size, steps, runtime and what is photoreal matter
    piece: Piece
    outs: RenderOutputs
    threads: int | None
    workers: int | None
    cluster: str | None
    background: str | None
    resume: bool
    overwrite: bool
    words: tuple[str, ...]  # as they were typed, after `omote`

    @property
    def is_alone(self) -> bool:
        """Whether this process draws by itself."""
        return self.cluster is None and (self.workers or 1) == 1

    @property
    def again(self) -> str:
        """The command that goes on with this, as a person types it."""
        words = ["omote", *(word for word in self.words if word not in ("--overwrite", "--resume")), "--resume"]
        return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Of which those that were not typed are not stored."""
    source = parser.add_argument_group("what is shown: a transition, a timeline or a performance")
    source.add_argument(
        "--from", dest="first", metavar="EXPRESSION", help=f"{_EXPRESSION_HELP}; neutral where it is left out"
    )
    source.add_argument("--to", dest="last", metavar="EXPRESSION", help="likewise")
    source.add_argument(
        "--seconds", dest="seconds_long", type=float, metavar="SECONDS", help="from one to the other; 1"
    )
    source.add_argument("--ease", choices=EASES, help=f"how it gets there; {DEFAULT_EASE}")
    source.add_argument("--hold", dest="hold_s", type=float, metavar="SECONDS", help="stay there so long")
    source.add_argument("--there-and-back", action="store_true", help="and go back, so that it can be shown in a loop")
    source.add_argument("--timeline", type=Path, metavar="FILE", help="TOML or JSON; see docs/timelines.md")
    source.add_argument("--take", metavar="TAKE.csv", help="a recorded performance")
    source.add_argument("--source", metavar="FILE", help="a video, a take or demo")
    source.add_argument("--speed", type=float, metavar="TIMES", help="play a performance so many times as fast")
    source.add_argument("--start-s", type=float, metavar="SECONDS", help="where it begins, in its own seconds")
    source.add_argument("--end-s", type=float, metavar="SECONDS", help="and where it ends")
    source.add_argument("--actor", metavar="NAME", help="who performs, as calibrated with this source; else nobody")
    source.add_argument("--audio", type=Path, metavar="FILE", help="what is heard, instead of a video's own sound")
    _add_appearance_options(parser.add_argument_group("how it looks"))
    _add_output_options(parser.add_argument_group("what is written, and by whom"))


def _add_appearance_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--config", type=Path, default=None, metavar="FILE.toml", help="settings, of which its fps is none of these"
    )
    group.add_argument("--character", metavar="NAME", help="who is shown; see `omote characters`")
    group.add_argument("--light", choices=LIGHTS, help="instead of the studio's, or of the timeline's")
    group.add_argument("--seed", type=int, metavar="N", help="of what moves by chance, in a transition or a timeline")
    group.add_argument("--fps", dest="rate", metavar="N", help="pictures a second, as 30, 29.97 or 30000/1001")
    group.add_argument("--size", type=int, metavar="PIXELS", help="on a side, any; else 512")
    group.add_argument("--background", metavar="'#rrggbb'", help="behind the portrait in .mp4 and .gif; black")
    group.add_argument("--frame-by-frame", action="store_true", help="steady nothing by what is before and after it")
    group.add_argument("--steps", type=int, help="of the sampler")
    group.add_argument("--runtime", choices=runtime_options(), help="what executes the networks")


def _add_output_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--out",
        action="append",
        required=True,
        metavar="PATH",
        help=f"may be said again: a folder for PNGs and params.csv, or a file: {', '.join(SUFFIXES)}",
    )
    earlier = group.add_mutually_exclusive_group()
    earlier.add_argument("--overwrite", action="store_true", default=False, help="replace what is there")
    earlier.add_argument("--resume", action="store_true", default=False, help="go on with what is unfinished there")
    group.add_argument("--workers", type=int, metavar="N", help="draw in so many processes")
    group.add_argument("--cluster", metavar="ADDRESS", help="draw on a Ray cluster; `local` is one of this machine")
    group.add_argument("--threads", type=int, metavar="N", help="of each that draws; part of what a picture is")


def request_of(typed: argparse.Namespace, config: Config, words: Sequence[str]) -> RenderRequest:
    """What was typed after `omote`, checked; RenderError says what makes no sense."""
    said = vars(typed)
    heads = [head for head in ("transition", "timeline", "take", "source") if _is_given(head, said)]
    if len(heads) != 1:
        raise RenderError(_one_of(heads, said))
    kind = "performance" if heads[0] in ("take", "source") else heads[0]
    _reject_options(_TRANSITION, said, kind, "transition", "a transition (--from, --to)")
    _reject_options(_PERFORMANCE, said, kind, "performance", "a performance (--take, --source)")
    _reject_options({} if kind != "performance" else {"seed": "--seed"}, said, kind, "", "a transition or a timeline")
    audio, seed = said.get("audio"), said.get("seed")
    if seed is not None and seed < 0:
        raise RenderError(f"--seed takes a whole number from 0 on, got {seed}")
    shown = Appearance(
        said.get("character"),
        _rate(said.get("rate")),
        said.get("light"),
        seed,
        audio,
        consistency="frame_by_frame" not in said,
    )
    sources = [Path(str(said[name])).expanduser() for name in ("timeline", "take", "source", "audio") if name in said]
    sources += [file for name in ("first", "last") if name in said and (file := face_file_path(str(said[name])))]
    sources += face_files_of(sources[0]) if kind == "timeline" else []
    outs = parse_outputs(typed.out, said.get("background"), [file for file in sources if file.is_file()])
    if audio is not None and not outs.have_sound:
        raise RenderError("--audio is heard in .mp4, .webm and .mov, and no --out is one: leave it out")
    workers, cluster = said.get("workers"), said.get("cluster")
    piece = _requested_piece(kind, said, config, shown, outs)
    is_shared = cluster is not None or (workers or 1) > 1
    threads = said.get("threads", 1 if is_shared else None)
    return RenderRequest(
        config,
        piece,
        outs,
        threads,
        workers,
        cluster,
        said.get("background"),
        typed.resume,
        typed.overwrite,
        tuple(words),
    )


def _is_given(head: str, said: dict[str, object]) -> bool:
    return "first" in said or "last" in said if head == "transition" else head in said


def _one_of(heads: list[str], said: dict[str, object]) -> str:
    if not heads:
        return "what is shown? wanted --from and --to EXPRESSION, --timeline FILE, --take TAKE.csv or --source FILE"
    if heads[0] == "transition" and _seconds(said.get("first")) and _seconds(said.get("last")):
        return "--from and --to take expressions; a part of a take or a video is said by --start-s and --end-s"
    flags = ["--from and --to" if head == "transition" else f"--{head}" for head in heads]
    return f"one thing is rendered at a time, and {' and '.join(flags)} are several: leave all out but one"


def _seconds(value: object) -> bool:
    """Whether it is none, or a number."""
    try:
        return value is None or math.isfinite(float(str(value)))
    except ValueError:
        return False


def _reject_options(flags: dict[str, str], said: dict[str, object], kind: str, wanted: str, told: str) -> None:
    for name, flag in flags.items():
        if name in said and kind != wanted:
            raise RenderError(f"{flag} is of {told}, and this is a {kind}: leave it out")


def _rate(word: object) -> Fraction | None:
    return None if word is None else parse_fps(str(word))


def _requested_piece(
    kind: str, said: dict[str, object], config: Config, shown: Appearance, outs: RenderOutputs
) -> Piece:
    if kind == "timeline":
        return TimelinePiece(Path(str(said["timeline"])).expanduser(), shown)
    if kind == "performance":
        source = str(said.get("take", said.get("source")))
        part = Playback(1.0 if config.speed is None else config.speed, config.start_s or 0.0, config.end_s)
        if shown.audio is not None and part.speed != 1.0:
            raise RenderError(
                f"--audio is heard as it is, the performance is played at {part.speed:g} times its speed: leave out one"
            )
        return PerformancePiece(replace(config, source=source), part, shown, outs.have_sound)
    ease: Ease = next((one for one in EASES if one == said.get("ease")), DEFAULT_EASE)
    return TransitionPiece(
        str(said.get("first", "neutral")),
        str(said.get("last", "neutral")),
        _number(said, "seconds_long", 1.0),
        ease,
        _number(said, "hold_s", 0.0),
        bool(said.get("there_and_back")),
        config.character,
        shown,
    )


def _number(said: dict[str, object], name: str, usual: float) -> float:
    value = said.get(name, usual)
    number = float(value) if isinstance(value, int | float) else math.nan
    if not math.isfinite(number):
        raise RenderError(f"{_TRANSITION[name]} takes seconds, got {value}")
    return number


_LINE_S = 10.0  # between two lines where there is no terminal


class ProgressPhases:
    """Opened by `with`; one phase follows the other, and each is told how far it is."""

    def __init__(self, console: Console, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock_s = console, clock_s
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[told]}", markup=False),
        )
        self._bars = Progress(*columns, console=console, disable=not console.is_terminal)
        self._bar: TaskID | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self._bars)
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def phase(self, name: str, total: int | None = None) -> Callable[[int], None]:
        """What is to be told how many pictures of it are done, the first time with those that were done before."""
        if self._bar is not None:
            self._bars.remove_task(self._bar)
        bar = self._bar = self._bars.add_task(name, total=total, told="")
        began_s = line_s = self._clock_s()
        before: int | None = None
        is_over = False

        def tell(done: int) -> None:
            nonlocal before, line_s, is_over
            now_s = self._clock_s()
            before = done if before is None else before
            words = progress_text(done, total, done - before, now_s - began_s)
            self._bars.update(bar, completed=done, told=words)
            if not self._console.is_terminal and not is_over and (now_s - line_s >= _LINE_S or done == total):
                line_s, is_over = now_s, done == total
                self._console.print(f"{name}: {words}", highlight=False, markup=False, soft_wrap=True)

        return tell


def progress_text(done: int, total: int | None, drawn: int, seconds: float) -> str:
    """How far it is, how fast, and how long the rest will take; `drawn` are those that took these seconds."""
    words = f"{done} of {total} pictures" if total is not None else f"{done} pictures"
    if drawn <= 0 or seconds <= 0.0:
        return words
    words += f", {drawn / seconds:.{1 if drawn < 100.0 * seconds else 0}f} pictures/s"
    if total is None or done >= total:
        return words
    return f"{words}, {duration_text((total - done) * seconds / drawn)} left"


def duration_text(seconds: float) -> str:
    """So long, for people: 0:42, 12:07, 3:05:40."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def render_config(typed: argparse.Namespace) -> Config:
    """Nobody performs but who is named; a rate in the settings is that of what is read live, and is not used."""
    config = config_of(typed, kept=replace(DEFAULTS, actor=NO_ACTOR), out=())  # --out is something else
    if config.fps is not None:
        log.warning("the settings' fps is of what omote live reads, and is not used: --fps is of what is written")
    return config
