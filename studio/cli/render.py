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

from omote.bridge.errors import printable
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
from omote.engine.offline.render_options import resolve_settings
from omote.engine.offline.timeline import face_files_of
from omote.engine.offline.writers.suffixes import SUFFIXES
from omote.engine.ray_pool import pool_for
from omote.engine.storage import user_path
from omote.engine.worker_pool import WorkerPool

from ..app.config import DEFAULTS, Config
from .interrupts import exit_code
from .parser import CREDENTIALS, CREDENTIALS_HELP, POSE_HELP, config_of
from .render_inputs import LIGHTS, NO_ACTOR, NO_SOURCE, Appearance, Clip, PerformanceClip, TimelineClip, TransitionClip
from .render_outputs import RenderOutputs, parse_outputs
from .terminal import say

log = logging.getLogger(__name__)

_EXPRESSION_HELP = "a name, FILE.csv@SECONDS, FILE.toml, or values as jawOpen=0.6,mouthSmileLeft=0.4"
_TRANSITION = {"seconds_long": "--seconds", "ease": "--ease", "hold_s": "--hold", "there_and_back": "--there-and-back"}
_PERFORMANCE = {"speed": "--speed", "start_s": "--start", "end_s": "--end", "actor": "--actor", "voice": "--voice"}
_LINE_S = 10.0  # between two lines without a terminal


def main(typed: argparse.Namespace) -> int:
    """Runs `omote render`; returns the exit code."""
    return run(request_of(typed, render_config(typed), typed.words))


def run(request: RenderRequest, clock_s: Callable[[], float] = time.monotonic) -> int:
    """Renders everything and returns the exit code; most errors are raised before the work starts.

    Ctrl-C and SIGTERM keep the finished pictures and print how to resume.
    """
    outputs = request.outputs
    draft = request.clip.draft()
    with Job(outputs.paths, outputs.folder) as job:
        job.admit(_job_facts(request), resume=request.resume, overwrite=request.overwrite)
        outputs.require_writable()
        settings = _open_renderer(request, draft)
        _check(request, draft, settings)
        pool = pool_for(request.cluster, request.workers, request.threads)
        began_s = clock_s()
        try:
            with ProgressPhases(Console(stderr=True), clock_s) as phases:
                count, drawn = _Rendering(request, settings, pool, job, phases).run(draft)
        except KeyboardInterrupt as interrupt:
            say(_stopped_text(request, job), to=sys.stderr)
            return exit_code(interrupt)
        job.finish()
    say(*_result_lines(request, settings, count, drawn, clock_s() - began_s))
    return 0


@dataclass(frozen=True)
class _Rendering:
    """A rendering whose request has passed all checks."""

    request: RenderRequest
    settings: RenderSettings | None  # None if no picture is needed
    pool: WorkerPool
    job: Job
    phases: ProgressPhases

    def run(self, draft: Animation) -> tuple[int, int]:
        """Draws and writes everything; returns the number of pictures, and how many of them are new."""
        self._require_disk_space(draft)
        animation, pictures, kept = self._draw(draft, self.settings) if self.settings else self._without_pictures(draft)
        for writer in self.request.outputs.writers:
            update = self.phases.phase(f"writing {printable(writer.path.name, 255)}", len(animation))
            update(0)
            writer.write(animation, pictures, update)
        return len(animation), len(animation) - kept

    def _draw(self, draft: Animation, settings: RenderSettings) -> tuple[Animation, PictureFolder, int]:
        """Draws the pictures. The renderer is loaded before a video is tracked or an earlier result removed."""
        with self.pool as pool:
            if self.request.is_single_process:
                open_renderer(settings)
            animation = self._animation(draft)
            self.job.begin(settings.facts(), animation)
            kept, update = self.job.kept, self.phases.phase("drawing", len(animation))
            return animation, render_animation(animation, settings, pool, self.job.pictures, update), kept

    def _without_pictures(self, draft: Animation) -> tuple[Animation, PictureFolder, int]:
        animation = self._animation(draft)
        self.job.begin({}, animation)
        return animation, PictureFolder(self.job.pictures, 0), 0

    def _animation(self, draft: Animation) -> Animation:
        if not self.request.clip.is_costly:
            return draft
        animation = self.job.animation(lambda: self.request.clip.animation(self.phases.phase))
        _check(self.request, animation, self.settings)
        self._require_disk_space(animation)
        return animation

    def _require_disk_space(self, animation: Animation) -> None:
        job, kept = self.job, len(animation)
        if self.settings:
            kept = job.kept if job.is_resumed else 0
        require_disk_space(
            self.request.outputs.writers, animation, _size(self.settings), job.pictures, kept, job.replaced
        )


def _open_renderer(request: RenderRequest, draft: Animation) -> RenderSettings | None:
    """The settings of the renderer, which is not opened yet; None if no picture is needed."""
    config = request.config
    if not request.outputs.are_drawn:
        for name in draft.cast:
            load_any_character(name)
        return None
    consistency = request.clip.appearance.consistency
    return resolve_settings(draft.cast, config.for_kinds(), request.threads, consistency=consistency)


def _check(request: RenderRequest, animation: Animation, settings: RenderSettings | None) -> None:
    if settings:
        settings.check(animation)
    for writer in request.outputs.writers:
        writer.check(animation, _size(settings))


def _size(settings: RenderSettings | None) -> int:
    return settings.size if settings else 0


def _job_facts(request: RenderRequest) -> dict[str, str]:
    """The options that decide the result, to compare with those of a rendering that is resumed."""
    background = {} if request.background is None else {"background": request.background}
    return {**request.clip.facts(), **background, "out": request.outputs.words}


def _stopped_text(request: RenderRequest, job: Job) -> str:
    if not job.has_animation:
        return "omote render: stopped before the first picture"
    return f"omote render: stopped; {_pictures(job.kept)} kept in {job.pictures}. Resume with: {request.resume_command}"


def _result_lines(
    request: RenderRequest, settings: RenderSettings | None, count: int, drawn: int, seconds: float
) -> list[str]:
    pace = progress_text(count, count, drawn, seconds) if settings else _pictures(count)
    remark = [f"  {settings.remark}"] if settings and settings.remark else []
    return [f"{pace}, {seconds:.1f} s", *(f"  {path}" for path in request.outputs.places), *remark]


def _pictures(count: int) -> str:
    return f"{count} picture{'' if count == 1 else 's'}"


@dataclass(frozen=True)
class RenderRequest:
    """What to render, how, and into which files."""

    config: Config  # of which size, steps, runtime and the photoreal settings count
    clip: Clip
    outputs: RenderOutputs
    threads: int | None
    workers: int | None
    cluster: str | None
    background: str | None
    resume: bool
    overwrite: bool
    words: tuple[str, ...]  # as typed after `omote`

    @property
    def is_single_process(self) -> bool:
        """Whether this process draws all pictures."""
        return self.cluster is None and (self.workers or 1) == 1

    @property
    def resume_command(self) -> str:
        """The command line that resumes this rendering."""
        words = ["omote", *(word for word in self.words if word not in ("--overwrite", "--resume")), "--resume"]
        return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; only those that are typed are stored."""
    source = parser.add_argument_group("content: a transition, a timeline or a performance")
    source.add_argument(
        "--from", dest="first", metavar="EXPRESSION", help=f"start of a transition: {_EXPRESSION_HELP}; default neutral"
    )
    source.add_argument("--to", dest="last", metavar="EXPRESSION", help="its end, in the same forms")
    source.add_argument(
        "--seconds", dest="seconds_long", type=float, metavar="SECONDS", help="duration of the transition, default 1"
    )
    source.add_argument("--ease", choices=EASES, help=f"easing curve, default {DEFAULT_EASE}")
    source.add_argument("--hold", dest="hold_s", type=float, metavar="SECONDS", help="hold the end this long")
    source.add_argument("--there-and-back", action="store_true", help="return to the start, for a loop")
    source.add_argument("--timeline", type=Path, metavar="FILE", help="TOML or JSON; see docs/timelines.md")
    source.add_argument("--take", metavar="TAKE.csv", help="a recorded performance")
    source.add_argument("--source", metavar="FILE", help="a video, a take or demo")
    source.add_argument("--speed", type=float, metavar="TIMES", help="speed of a performance; 2 is twice as fast")
    source.add_argument(
        "--start", dest="start_s", type=float, metavar="SECONDS", help="start of a performance, in its own seconds"
    )
    source.add_argument("--end", dest="end_s", type=float, metavar="SECONDS", help="its end")
    source.add_argument("--actor", metavar="NAME", help="the performer, as calibrated with this source")
    source.add_argument(
        "--voice", metavar="FILE.wav", help="a voice that moves the mouth; alone, or with a take or a video"
    )
    source.add_argument("--audio", type=Path, metavar="FILE", help="the sound, instead of a video's own")
    _add_appearance_options(parser.add_argument_group("appearance"))
    _add_output_options(parser.add_argument_group("output and workers"))


def _add_appearance_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--config", type=Path, default=None, metavar="FILE.toml", help="settings; their fps is not used")
    group.add_argument("--character", metavar="NAME", help="the character; see `omote characters`")
    group.add_argument("--light", choices=LIGHTS, help="the light, instead of the studio's or the timeline's")
    group.add_argument("--seed", type=int, metavar="N", help="seed of random motion in a transition or a timeline")
    group.add_argument("--fps", dest="rate", metavar="N", help="pictures a second, such as 30, 29.97 or 30000/1001")
    group.add_argument("--size", type=int, metavar="PIXELS", help="size of the picture, default 512")
    group.add_argument("--background", metavar="'#rrggbb'", help="background in .mp4 and .gif, default black")
    group.add_argument("--credentials", metavar=CREDENTIALS, help=CREDENTIALS_HELP)
    group.add_argument("--frame-by-frame", action="store_true", help="do not stabilize over time")
    group.add_argument("--steps", type=int, help="steps of the sampler")
    group.add_argument("--guidance", type=float, help="of a photoreal character in up to 8 steps; with more it is 3")
    group.add_argument("--expression-scale", type=float, metavar="0..1.5", help="of a photoreal character")
    group.add_argument("--pose", choices=("warp", "controlnet"), help=POSE_HELP)
    group.add_argument("--runtime", choices=runtime_options(), metavar="NAME", help="see `omote compile`")


def _add_output_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--out",
        action="append",
        required=True,
        metavar="PATH",
        help=f"a folder for PNGs and params.csv, or a file: {', '.join(SUFFIXES)}; may be repeated",
    )
    earlier = group.add_mutually_exclusive_group()
    earlier.add_argument("--overwrite", action="store_true", default=False, help="replace existing files")
    earlier.add_argument("--resume", action="store_true", default=False, help="continue an unfinished rendering")
    group.add_argument("--workers", type=int, metavar="N", help="number of processes")
    group.add_argument("--cluster", metavar="ADDRESS", help="draw on a Ray cluster; `local` starts one on this machine")
    group.add_argument("--threads", type=int, metavar="N", help="threads of each process; part of what a picture is")


def request_of(typed: argparse.Namespace, config: Config, words: Sequence[str]) -> RenderRequest:
    """Checks the options; RenderError says which of them cannot be combined."""
    options = vars(typed)
    heads = [head for head in ("transition", "timeline", "take", "source") if _is_given(head, options)]
    heads = heads or ["voice"] * ("voice" in options)
    if len(heads) != 1:
        raise RenderError(_one_of(heads, options))
    kind = "performance" if heads[0] in ("take", "source", "voice") else heads[0]
    _reject_options(_TRANSITION, options, kind, "transition", "a transition (--from, --to)")
    _reject_options(_PERFORMANCE, options, kind, "performance", "a performance (--take, --source, --voice)")
    _reject_options(
        {} if kind != "performance" else {"seed": "--seed"}, options, kind, "", "a transition or a timeline"
    )
    audio, seed = options.get("audio"), options.get("seed")
    if seed is not None and seed < 0:
        raise RenderError(f"--seed takes a whole number from 0 on, got {seed}")
    appearance = Appearance(
        options.get("character"),
        _rate(options.get("rate")),
        options.get("light"),
        seed,
        audio,
        consistency="frame_by_frame" not in options,
    )
    given = [name for name in ("timeline", "take", "source", "voice", "audio") if name in options]
    sources = [user_path(str(options[name])) for name in given]
    sources += [file for name in ("first", "last") if name in options and (file := face_file_path(str(options[name])))]
    sources += face_files_of(sources[0]) if kind == "timeline" else []
    outputs = parse_outputs(
        typed.out,
        options.get("background"),
        [file for file in sources if file.is_file()],
        options.get("credentials"),
    )
    if audio is not None and not outputs.have_sound:
        raise RenderError("--audio needs an --out with sound: .mp4, .webm or .mov")
    workers, cluster = options.get("workers"), options.get("cluster")
    clip = _requested_clip(kind, options, config, appearance, outputs)
    is_shared = cluster is not None or (workers or 1) > 1
    threads = options.get("threads", 1 if is_shared else None)
    return RenderRequest(
        config,
        clip,
        outputs,
        threads,
        workers,
        cluster,
        options.get("background"),
        typed.resume,
        typed.overwrite,
        tuple(words),
    )


def _is_given(head: str, options: dict[str, object]) -> bool:
    return "first" in options or "last" in options if head == "transition" else head in options


def _one_of(heads: list[str], options: dict[str, object]) -> str:
    if not heads:
        return (
            "nothing to render: give --from and --to EXPRESSION, --timeline FILE, --take TAKE.csv, --source FILE or "
            "--voice FILE.wav"
        )
    if heads[0] == "transition" and _seconds(options.get("first")) and _seconds(options.get("last")):
        return "--from and --to take expressions; for a part of a take or a video use --start and --end"
    flags = ["--from and --to" if head == "transition" else f"--{head}" for head in heads]
    return f"{' and '.join(flags)} cannot be combined: leave out all but one"


def _seconds(value: object) -> bool:
    """Whether the value is missing or a number."""
    try:
        return value is None or math.isfinite(float(str(value)))
    except ValueError:
        return False


def _reject_options(flags: dict[str, str], options: dict[str, object], kind: str, owner_kind: str, owner: str) -> None:
    for name, flag in flags.items():
        if name in options and kind != owner_kind:
            raise RenderError(f"{flag} is for {owner}, and this is a {kind}: leave it out")


def _rate(word: object) -> Fraction | None:
    return None if word is None else parse_fps(str(word))


def _requested_clip(
    kind: str, options: dict[str, object], config: Config, appearance: Appearance, outputs: RenderOutputs
) -> Clip:
    if kind == "timeline":
        return TimelineClip(user_path(str(options["timeline"])), appearance)
    if kind == "performance":
        source, voice = str(options.get("take", options.get("source", NO_SOURCE))), options.get("voice")
        part = Playback(1.0 if config.speed is None else config.speed, config.start_s or 0.0, config.end_s)
        for flag, sound in (("--audio", appearance.audio), ("--voice", voice)):
            if sound is not None and part.speed != 1.0:
                raise RenderError(
                    f"{flag} cannot be played at another speed, and --speed is {part.speed:g}: leave out one"
                )
        path = None if voice is None else user_path(str(voice))
        return PerformanceClip(replace(config, source=source), part, appearance, outputs.have_sound, path)
    ease: Ease = next((one for one in EASES if one == options.get("ease")), DEFAULT_EASE)
    return TransitionClip(
        str(options.get("first", "neutral")),
        str(options.get("last", "neutral")),
        _number(options, "seconds_long", 1.0),
        ease,
        _number(options, "hold_s", 0.0),
        bool(options.get("there_and_back")),
        config.character,
        appearance,
    )


def _number(options: dict[str, object], name: str, usual: float) -> float:
    value = options.get(name, usual)
    number = float(value) if isinstance(value, int | float) else math.nan
    if not math.isfinite(number):
        raise RenderError(f"{_TRANSITION[name]} takes seconds, got {value}")
    return number


class ProgressPhases:
    """Shows the progress of one phase after the other: a bar in a terminal, else lines."""

    def __init__(self, console: Console, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock_s = console, clock_s
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[state]}", markup=False),
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
        """Starts a phase; call the result with the number of finished pictures, first with those from before."""
        if self._bar is not None:
            self._bars.remove_task(self._bar)
        bar = self._bar = self._bars.add_task(name, total=total, state="")
        began_s = line_s = self._clock_s()
        before: int | None = None
        is_over = False

        def update(done: int) -> None:
            nonlocal before, line_s, is_over
            now_s = self._clock_s()
            before = done if before is None else before
            words = progress_text(done, total, done - before, now_s - began_s)
            self._bars.update(bar, completed=done, state=words)
            if not self._console.is_terminal and not is_over and (now_s - line_s >= _LINE_S or done == total):
                line_s, is_over = now_s, done == total
                self._console.print(f"{name}: {words}", highlight=False, markup=False, soft_wrap=True)

        return update


def progress_text(done: int, total: int | None, drawn: int, seconds: float) -> str:
    """Progress, pace and time left; `drawn` pictures took these `seconds`."""
    words = f"{done} of {total} pictures" if total is not None else f"{done} pictures"
    if drawn <= 0 or seconds <= 0.0:
        return words
    words += f", {drawn / seconds:.{1 if drawn < 100.0 * seconds else 0}f} pictures/s"
    if total is None or done >= total:
        return words
    return f"{words}, {duration_text((total - done) * seconds / drawn)} left"


def duration_text(seconds: float) -> str:
    """A duration as 0:42, 12:07 or 3:05:40."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def render_config(typed: argparse.Namespace) -> Config:
    """The settings without the performer that was chosen on the page, and without a rate for live sources."""
    config = config_of(typed, base=replace(DEFAULTS, actor=NO_ACTOR), out=())  # the settings' `out` is for live
    if config.fps is not None:
        log.warning("fps in the settings is for omote live and is not used here: use --fps")
    return config
