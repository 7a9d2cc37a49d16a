"""What may be typed after `omote render`, and what makes no sense together."""

from __future__ import annotations

import argparse
import math
import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from omote.engine.animator import runtimes
from omote.engine.capture import Playback
from omote.engine.offline.asked_face import file_named
from omote.engine.offline.easing import EASES, USUAL, Ease
from omote.engine.offline.script import RenderError
from omote.engine.offline.timeline import files_of
from omote.engine.offline.writing.choice import SUFFIXES
from omote.engine.offline.writing.rate import rate_of

from .config import Config
from .render_outs import Outs, outs_of
from .render_performance import Performed
from .render_source import LIGHTS, Piece, Shown, Timed, Transition

_EXPRESSION = "a name, FILE.csv@SECONDS, FILE.toml, or values as jawOpen=0.6,mouthSmileLeft=0.4"
_TRANSITION = {"seconds_long": "--seconds", "ease": "--ease", "hold_s": "--hold", "there_and_back": "--there-and-back"}
_PERFORMANCE = {"speed": "--speed", "start_s": "--start-s", "end_s": "--end-s", "actor": "--actor"}


@dataclass(frozen=True)
class Order:
    """What to render, how, and where to."""

    config: Config  # of which size, steps, runtime and what is photoreal matter
    piece: Piece
    outs: Outs
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
        "--from", dest="first", metavar="EXPRESSION", help=f"{_EXPRESSION}; neutral where it is left out"
    )
    source.add_argument("--to", dest="last", metavar="EXPRESSION", help="likewise")
    source.add_argument(
        "--seconds", dest="seconds_long", type=float, metavar="SECONDS", help="from one to the other; 1"
    )
    source.add_argument("--ease", choices=EASES, help=f"how it gets there; {USUAL}")
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
    _add_looks(parser.add_argument_group("how it looks"))
    _add_outs(parser.add_argument_group("what is written, and by whom"))


def _add_looks(group: argparse._ArgumentGroup) -> None:
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
    group.add_argument("--runtime", choices=runtimes(), help="what executes the networks")


def _add_outs(group: argparse._ArgumentGroup) -> None:
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


def order(typed: argparse.Namespace, config: Config, words: Sequence[str]) -> Order:
    """What was typed after `omote`, checked; RenderError says what makes no sense."""
    said = vars(typed)
    heads = [head for head in ("transition", "timeline", "take", "source") if _is_said(head, said)]
    if len(heads) != 1:
        raise RenderError(_one_of(heads, said))
    kind = "performance" if heads[0] in ("take", "source") else heads[0]
    _refuse(_TRANSITION, said, kind, "transition", "a transition (--from, --to)")
    _refuse(_PERFORMANCE, said, kind, "performance", "a performance (--take, --source)")
    _refuse({} if kind != "performance" else {"seed": "--seed"}, said, kind, "", "a transition or a timeline")
    audio, seed = said.get("audio"), said.get("seed")
    if seed is not None and seed < 0:
        raise RenderError(f"--seed takes a whole number from 0 on, got {seed}")
    shown = Shown(
        said.get("character"),
        _rate(said.get("rate")),
        said.get("light"),
        seed,
        audio,
        consistency="frame_by_frame" not in said,
    )
    sources = [Path(str(said[name])).expanduser() for name in ("timeline", "take", "source", "audio") if name in said]
    sources += [file for name in ("first", "last") if name in said and (file := file_named(str(said[name])))]
    sources += files_of(sources[0]) if kind == "timeline" else []
    outs = outs_of(typed.out, said.get("background"), [file for file in sources if file.is_file()])
    if audio is not None and not outs.have_sound:
        raise RenderError("--audio is heard in .mp4, .webm and .mov, and no --out is one: leave it out")
    workers, cluster = said.get("workers"), said.get("cluster")
    piece = _piece(kind, said, config, shown, outs)
    is_shared = cluster is not None or (workers or 1) > 1
    threads = said.get("threads", 1 if is_shared else None)
    return Order(
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


def _is_said(head: str, said: dict[str, object]) -> bool:
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


def _refuse(flags: dict[str, str], said: dict[str, object], kind: str, wanted: str, told: str) -> None:
    for name, flag in flags.items():
        if name in said and kind != wanted:
            raise RenderError(f"{flag} is of {told}, and this is a {kind}: leave it out")


def _rate(word: object) -> Fraction | None:
    return None if word is None else rate_of(str(word))


def _piece(kind: str, said: dict[str, object], config: Config, shown: Shown, outs: Outs) -> Piece:
    if kind == "timeline":
        return Timed(Path(str(said["timeline"])).expanduser(), shown)
    if kind == "performance":
        source = str(said.get("take", said.get("source")))
        part = Playback(1.0 if config.speed is None else config.speed, config.start_s or 0.0, config.end_s)
        if shown.audio is not None and part.speed != 1.0:
            raise RenderError(
                f"--audio is heard as it is, the performance is played at {part.speed:g} times its speed: leave out one"
            )
        return Performed(replace(config, source=source), part, shown, outs.have_sound)
    ease: Ease = next((one for one in EASES if one == said.get("ease")), USUAL)
    return Transition(
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
