"""`omote take`: shows what is in a recorded performance, and cuts a part out of it."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

from omote.engine.capture import take_files
from omote.engine.capture.source import Playback
from omote.engine.capture.take import Take, check_is_new, read_take, trimmed_take, write_take
from omote.engine.capture.take_files import TakeError, read_sidecar

from .parser import add_command, add_range_options
from .terminal import say

_GAP = 1.5  # pictures; a longer step between two rows is a gap


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="info or trim")
    info = add_command(commands, "info", "Show length, share with a face, timecode and origin of a take.")
    info.add_argument("take", type=Path, metavar="FILE.csv")
    trim = add_command(commands, "trim", "Write a part of a take as a new take, with the same timecodes.")
    trim.add_argument("take", type=Path, metavar="IN.csv")
    trim.add_argument("out", type=Path, metavar="OUT.csv", help="a new file")
    add_range_options(trim)


def main(typed: argparse.Namespace) -> int:
    """Runs `omote take`; returns the exit code."""
    if typed.subcommand == "info":
        say(*describe_take(typed.take))
        return 0
    if not hasattr(typed, "start_s") and not hasattr(typed, "end_s"):
        raise TakeError("give the part to keep: --start SECONDS, --end SECONDS, or both")
    return _trim(typed.take, typed.out, Playback(1.0, getattr(typed, "start_s", 0.0), getattr(typed, "end_s", None)))


def _trim(source: Path, out: Path, part: Playback) -> int:
    check_is_new(out)
    take = trimmed_take(read_take(source), part)
    try:
        write_take(out, take)
    except TakeError:  # a partial file would look like a shorter take
        for partial in (out, out.with_suffix(".json")):
            partial.unlink(missing_ok=True)
        raise
    say(f"{_pictures(take)}, {take.seconds:.2f} s: {out}")
    return 0


def describe_take(path: Path) -> list[str]:
    """The properties of a take, in lines."""
    take, beside = read_take(path), read_sidecar(path.with_suffix(".json"))
    return [
        path.name,
        f"  length    {take.seconds:.2f} s, {_pictures(take)} at {take.fps:g} a second{_gaps(take)}",
        f"  face      seen in {_tracked_share(take)}",
        f"  timecode  {_timecodes(take)}",
        f"  from      {take.provenance or 'unknown'}",
        *([f"  state     cut off: {_remaining(path, len(take))}"] if beside.is_unfinished else []),
    ]


def _pictures(take: Take) -> str:
    return f"{len(take)} picture{'' if len(take) == 1 else 's'}"


def _remaining(path: Path, count: int) -> str:
    rows = path.read_text("utf-8-sig").count("\n") - 1  # without the header; an incomplete last row does not count
    left = "all whole rows are here" if count >= rows else f"{count} of {rows} rows are whole in both its files"
    return f"its recording was not ended; {left}"


def _gaps(take: Take) -> str:
    steps = np.diff(take.time_s) * take.fps
    missing, gaps = int(np.sum(np.rint(steps[steps > _GAP]) - 1)), int(np.sum(steps > _GAP))
    return f"; {missing} missing, in {gaps} gap{'' if gaps == 1 else 's'}" if missing else ""


def _tracked_share(take: Take) -> str:
    is_seen = take.confidence > 0.0
    if is_seen.all():
        return "all of them"
    lost = np.flatnonzero(
        np.diff(np.concatenate(([True], is_seen, [True])).astype(np.int8))
    )  # the rows where it changes
    times = np.append(take.time_s, take.seconds)
    longest_s = float(np.max(times[lost[1::2]] - times[lost[::2]]))
    share = math.floor(1000.0 * float(is_seen.mean())) / 10.0
    return f"{share:.1f} % of them; lost for {longest_s:.2f} s at most"


def _timecodes(take: Take) -> str:
    first_ns, last_ns = take.timecode_of(0), take.timecode_of(len(take) - 1)
    if first_ns is None or last_ns is None:
        return "none"
    rate = take.timecode_rate or math.ceil(take.fps)
    first, last = take_files.timecode(first_ns, rate), take_files.timecode(last_ns, rate)
    return f"{first} to {last}, at {rate} frames a second"
