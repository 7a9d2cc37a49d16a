"""`omote calibrate`: the guided session in the terminal, the audio delay, and the FLAME map."""

from __future__ import annotations

import argparse
import math
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TextIO

import numpy as np
from PIL import Image
from rich.color import Color
from rich.console import Console, Group, RenderableType
from rich.live import Live as Display
from rich.progress_bar import ProgressBar
from rich.style import Style
from rich.table import Table
from rich.text import Text

from omote.bridge import arkit, endpoint
from omote.bridge.control import ControlClient, ControlError
from omote.bridge.endpoint import BindError
from omote.calibration.actor_file import ActorError, ActorRecord, Provenance, actor_path, load_actor, save_actor
from omote.calibration.delay import Delay, DelayError, TimeSeries, delay, loudness
from omote.calibration.flame_file import read_flame
from omote.calibration.flame_map import WEAK, FittedMap, fit, is_weak
from omote.calibration.flame_pickle import FlameFileError
from omote.calibration.measurement import CalibrationError
from omote.calibration.registration import RegistrationError
from omote.calibration.report import report_html, steps_to_redo
from omote.calibration.session import CalibrationSession, SessionView
from omote.engine.capture.source import EndOfSource, Source
from omote.engine.capture.sources import VIDEO_SUFFIXES, open_source
from omote.engine.face.flame_map import FlameMapError, own_map_path

from ..app.config import DEFAULTS, load_config
from ..app.settings import load_settings, settings_folder
from .parser import add_command
from .terminal import say

FLAME_MAP_HELP = "Find how FLAME makes each ARKit shape, from your FLAME file; photoreal characters need it."
REPORT_HELP = "Write a page about the last calibration of a performer."
DELAY_HELP = "Measure how much to delay the sound to match the lips: the Sync Offset in OBS."
DEFAULT_SOURCE = "webcam"
UNSET = argparse.SUPPRESS  # so that an option typed before WHAT is not overwritten

READ_TIMEOUT_S = 0.1
POSES_FOLDER = Path(__file__).parents[1] / "page"
PICTURE_WIDTH = 40  # characters, and half as many lines
# Of a terminal that can show a picture.
MIN_TERMINAL_SIZE, COLOR_SYSTEMS = (88, 22), ("truecolor", "256")
KEYS_HINT = "Enter: repeat the last step · s, Enter: skip this step · q, Enter: cancel"
TAKE_ORDER_HINT = "a take must show the poses in the order of docs/calibration.md"
BACKGROUND = (24, 24, 27, 255)  # behind transparent pixels
OBS_SETTING = "OBS: Advanced Audio Properties, Sync Offset of your microphone"
MIN_TRACKED = 0.5  # the share of pictures that must show a face


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; without WHAT, a guided session calibrates a performer."""
    parser.description = (
        "Without WHAT: a guided session that measures rest, gains, noise and camera angle of a performer."
    )
    _add_actor_options(parser)
    parser.add_argument(
        "--out", type=Path, default=None, metavar="FILE.json", help="default: where omote live finds it"
    )
    parser.add_argument("--report", type=Path, default=None, metavar="FILE.html", help="also write a page about it")
    measures = parser.add_subparsers(dest="measure", required=False, metavar="[WHAT]")
    flame_map = add_command(measures, "flame-map", FLAME_MAP_HELP)
    flame_map.add_argument(
        "--flame",
        type=Path,
        required=True,
        metavar="FILE",
        help="generic_model.pkl of FLAME 2020; no code in it is run",
    )
    flame_map.add_argument("--out", type=Path, default=UNSET, metavar="FILE", help=f"else {own_map_path()}")
    report = add_command(measures, "report", REPORT_HELP)
    _add_actor_options(report, source=UNSET, actor=UNSET)
    report.add_argument("--file", type=Path, default=None, metavar="FILE.json", help="use this actor file instead")
    report.add_argument("--out", type=Path, required=True, metavar="FILE.html")
    delay = add_command(measures, "delay", DELAY_HELP)
    delay.add_argument(
        "--recording",
        type=Path,
        default=None,
        metavar="FILE.mkv",
        help='recorded by OBS while you say "pa" ten times; default: ask the running Omote',
    )
    delay.add_argument("--sound", type=Path, default=None, metavar="FILE.wav", help="default: its own sound")
    delay.add_argument("--control-endpoint", default=endpoint.CONTROL_ENDPOINT, metavar="ADDRESS", help="of omote live")


def _add_actor_options(parser: argparse.ArgumentParser, source: str = DEFAULT_SOURCE, actor: str | None = None) -> None:
    parser.add_argument("--source", default=source, help="webcam[:N], TAKE.csv, FILE.mp4 or any of omote live")
    parser.add_argument("--actor", default=actor, metavar="NAME", help="the performer; else as in the settings")


def main(typed: argparse.Namespace) -> int:
    """Runs `omote calibrate`; returns the exit code."""
    match typed.measure:
        case "flame-map":
            return _run_flame_map(typed)
        case "report":
            return _run_report(typed)
        case "delay":
            return _run_delay(typed.recording, typed.sound, typed.control_endpoint)
        case _:
            return run_session(typed.source, _actor_name(typed), typed.out, typed.report)


def _actor_name(typed: argparse.Namespace) -> str:
    """The performer that was typed, else the one that `omote live` would use."""
    if typed.actor:
        return str(typed.actor)
    kept = load_settings(settings_folder()).actor
    return load_config(None, replace(DEFAULTS, actor=kept or DEFAULTS.actor)).actor


def _run_report(typed: argparse.Namespace) -> int:
    try:
        kept = load_actor(typed.file or actor_path(_actor_name(typed), open_source(typed.source).name))
    except ActorError as error:
        raise CalibrationError(str(error)) from error
    write_report(kept, typed.out)
    say(f"report in {typed.out}")
    return 0


def _run_flame_map(typed: argparse.Namespace) -> int:
    place = typed.out or own_map_path()
    try:
        fitted = fit(read_flame(typed.flame))
        fitted.map.save(place)
    except (FlameFileError, RegistrationError, FlameMapError) as error:
        raise CalibrationError(str(error)) from error
    say(*flame_map_report(fitted).splitlines(), "", f"saved in {place}")
    say("It is derived from your FLAME file and under its licence: do not share it.")
    return 0


def flame_map_report(fitted: FittedMap) -> str:
    """The fit of the heads, how much of each ARKit shape FLAME can make, and which shapes are weak."""
    found = fitted.map
    near, far = found.apart_mm
    opened, left, right = np.rad2deg(found.jaw_rad)
    lines = [
        f"the open head fits FLAME's to {near:.2f} mm (median) and {far:.2f} mm (95 % of the points)",
        f"the jaw opens by {opened:.1f} degrees, and moves sideways by {left:.1f} and {right:.1f}",
        "",
        f"{'shape':<21}explained",
        *(f"{name:<21}{_rows(share, name)}" for name, share in zip(arkit.NAMES, found.explained, strict=True)),
        f"{'all solved shapes':<21}{_rows(fitted.total)}",
        "",
        _weakness(fitted),
    ]
    return "\n".join(lines)


def _rows(share: float, name: str = "") -> str:
    if np.isnan(share):
        return "FLAME has no tongue" if name == "tongueOut" else "by eye or lid"
    return f"{100.0 * share:6.1f} %" + ("  weak" if is_weak(share) else "")


def _weakness(fitted: FittedMap) -> str:
    if not fitted.weak:
        return f"no shape is weak: FLAME makes at least {100.0 * WEAK:.0f} % of each"
    return f"weak, so hardly visible in photoreal characters: {', '.join(fitted.weak)}"


def run_session(
    spec: str,
    actor: str,
    out: Path | None = None,
    report: Path | None = None,
    console: Console | None = None,
    keys: TextIO | None = None,
) -> int:
    """Runs a guided session before this source, writes the actor and prints the findings.

    Without `out` the actor is saved where `omote live` finds it. `keys` is what the user types.
    """
    console, keys = console or Console(), keys or sys.stdin
    source = open_source(spec, is_offline=_is_file(spec))
    try:
        path = out or actor_path(actor, source.name)
    except ActorError as error:
        raise CalibrationError(str(error)) from error
    session = CalibrationSession(actor, source.name)
    session.begin()
    if console.is_terminal and keys.isatty():
        threading.Thread(target=read_commands, args=(session, keys), name="keys", daemon=True).start()
    with source, TerminalView(console) as show:
        feed_session(source, session, show)
        # Before the camera closes, because Enter would start the last step again meanwhile.
        record = ActorRecord(session.result(), Provenance(iso_now(), source.name, session.findings()))
    _save(record, path)
    say(*describe_findings(record, path))
    if report:
        write_report(record, report)
        say(f"report in {report}")
    return 0


def iso_now() -> str:
    """The time now, in the format of an actor file."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_report(kept: ActorRecord, path: Path) -> None:
    """Writes the report as HTML; CalibrationError if that fails."""
    try:
        path.write_text(report_html(kept), encoding="utf-8", newline="\n")
    except OSError as error:
        raise CalibrationError(f"cannot write the report {path} ({error.strerror}): choose another path") from error


def describe_findings(kept: ActorRecord, place: Path) -> list[str]:
    """The findings of a session, in lines."""
    actor, findings = kept.actor, kept.made.findings
    assert findings is not None, "a session has findings"
    pitch, yaw = (57.29578 * angle for angle in actor.camera_angle)
    gains = actor.gain[actor.gain != 1.0]
    done = sum(step.state == "done" for step in findings.steps)
    return [
        f"{actor.name} with {kept.made.source}: {done} of {len(findings.steps)} poses measured",
        f"  gains       {gains.min():.2f} to {gains.max():.2f}, of {len(gains)} weights"
        if len(gains)
        else "  gains       1 everywhere: no pose was measured",
        f"  noise       {100 * findings.jitter.mean():.2f} % on a still face, "
        f"{100 * findings.calm.mean():.2f} % once calibrated",
        f"  camera      sees you look {abs(pitch):.0f} degrees {'down' if pitch >= 0 else 'up'}"
        f" and {abs(yaw):.0f} to your {'left' if yaw >= 0 else 'right'}",
        *(f"  {step.title:<11} {step.remark}" for step in steps_to_redo(actor, findings)),
        f"saved in {place}",
    ]


def _is_file(spec: str) -> bool:
    return spec == "demo" or Path(spec).suffix.lower() in (".csv", *VIDEO_SUFFIXES)


def feed_session(source: Source, session: CalibrationSession, show: Callable[[SessionView], None]) -> None:
    """Feeds the session from the source until it is done; CalibrationError if it is cancelled or the source ends."""
    while True:
        view = session.view
        show(view)
        if view.state == "done":
            return
        if view.state == "cancelled":
            raise CalibrationError("cancelled: nothing was written")
        try:
            signal = source.read(READ_TIMEOUT_S)
        except EndOfSource:
            step = view.steps[view.step]
            raise CalibrationError(
                f'{source.name} ended at step {view.step + 1} of {len(view.steps)}, "{step.title}": {TAKE_ORDER_HINT}'
            ) from None
        if signal is not None:
            session.see(signal)


def _save(kept: ActorRecord, place: Path) -> None:
    try:
        save_actor(kept.actor, place, kept.made)
    except ActorError as error:
        raise CalibrationError(str(error)) from error


def read_commands(session: CalibrationSession, typed: Iterable[str]) -> None:
    """Carries out the commands that are typed, one in a line."""
    commands = {"": session.redo, "s": session.skip, "q": session.cancel}
    for line in typed:
        if command := commands.get(line.strip().lower()):
            command()


class TerminalView:
    """Shows the session in a terminal; elsewhere prints a line for each finished step."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._display = Display(console=console, refresh_per_second=12, transient=True) if console.is_terminal else None
        self._has_pictures = console.color_system in COLOR_SYSTEMS and all(
            map(int.__ge__, console.size, MIN_TERMINAL_SIZE)
        )
        self._printed: set[str] = set()

    def __enter__(self) -> Callable[[SessionView], None]:
        if self._display:
            self._display.__enter__()
        return self._show

    def __exit__(self, *error: object) -> None:
        if self._display:
            self._display.__exit__(None, None, None)

    def _show(self, view: SessionView) -> None:
        if self._display:
            self._display.update(draw_screen(view, self._has_pictures))
            return
        for step in view.steps:
            if step.state in ("done", "skipped") and step.name not in self._printed:
                self._printed.add(step.name)
                remark = f": {step.remark}" if step.remark else ""
                line = f"{step.state:<8}{step.title}{remark}"
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def draw_screen(view: SessionView, has_picture: bool = False) -> RenderableType:
    """The current step: its picture, its instruction and its progress."""
    step = view.steps[view.step]
    head = Text(f"{view.step + 1}/{len(view.steps)}  {step.title}", style="bold")
    if view.state == "counting":
        how: RenderableType = Text(f"in {math.ceil(view.count_s)} ...")
    else:
        how = ProgressBar(total=1.0, completed=view.score, width=40)
    text = Group(head, Text(step.say), how, Text(view.remark, style="yellow"), Text(KEYS_HINT, style="dim"))
    if not has_picture:
        return text
    both = Table.grid(padding=(0, 2))
    both.add_row(terminal_picture(POSES_FOLDER / step.picture.removeprefix("/"), PICTURE_WIDTH), text)
    return both


@cache
def terminal_picture(path: Path, columns: int) -> Text:
    """A square picture in half blocks, `columns` characters wide and half as many lines high."""
    with Image.open(path) as opened:
        picture = opened.convert("RGBA")
    small = Image.alpha_composite(Image.new("RGBA", picture.size, BACKGROUND), picture).resize(
        (columns, columns // 2 * 2)
    )
    pixels = np.asarray(small)[..., :3].tolist()
    lines = [zip(above, below, strict=True) for above, below in zip(pixels[::2], pixels[1::2], strict=True)]
    return Text("\n").join(Text.assemble(*(("▀", _cell_style(*pair)) for pair in line)) for line in lines)


def _cell_style(above: list[int], below: list[int]) -> Style:
    return Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))


def _run_delay(recording: Path | None, sound: Path | None, control_endpoint: str) -> int:
    """Prints the audio delay of a recording, or of the running Omote."""
    try:
        if recording is None:
            if sound is not None:
                raise DelayError("--sound needs --recording")
            lines = delay_of_running(_request_stats(control_endpoint))
        else:
            lines = delay_of_recording(delay(loudness(sound or recording), mouth_openness(recording)))
    except (DelayError, ControlError, BindError) as error:
        raise CalibrationError(str(error)) from error
    say(*lines)
    return 0


def delay_of_recording(found: Delay) -> list[str]:
    """The measured delay, in lines. It adds to an offset that was set during the recording."""
    lag = round(found.lag_ms)
    lines = [
        f"the picture is {abs(lag)} ms {'later' if lag >= 0 else 'earlier'} than the sound "
        f"(half of {found.syllables} syllables within {found.spread_ms:.0f} ms; agreement {found.agreement:.2f} of 1)"
    ]
    if lag < 0:
        return [*lines, f"the sound is too late: lower the Sync Offset by {-lag} ms ({OBS_SETTING})"]
    return [*lines, f"add {lag} ms to the Sync Offset of the recording ({OBS_SETTING})"]


def delay_of_running(stats: Mapping[str, object]) -> list[str]:
    """The delay inside the running Omote, in lines; DelayError if it has sent no picture yet."""
    p50, p99, source = (stats.get(name) for name in ("latency_p50_ms", "latency_p99_ms", "source"))
    if not isinstance(p50, int | float) or not isinstance(p99, int | float) or not p50 > 0.0:
        raise DelayError("the running Omote has sent no picture yet: try again in a few seconds")
    return [
        f"capture to sent takes {p50:.0f} ms (median), {p99:.0f} ms (99th percentile), with {source}",
        f"start with a Sync Offset of {round(p50)} ms ({OBS_SETTING})",
        "The camera and the browser source add 30 to 100 ms, which Omote cannot measure:",
        'record yourself in OBS saying "pa" ten times, then: omote calibrate delay --recording FILE.mkv',
    ]


def mouth_openness(recording: Path) -> TimeSeries:
    """How far the mouth is open over time in a video; DelayError if too few pictures show a face."""
    times_s, opened, count = [], [], 0
    first_ns: int | None = None
    with open_source(str(recording), is_offline=True) as source:
        while True:
            try:
                signal = source.read(1.0)
            except EndOfSource:
                break
            if signal is None:
                continue
            count += 1
            first_ns = signal.stamp.captured_ns if first_ns is None else first_ns
            if signal.is_tracked:
                jaw, closed = (float(signal.weights[arkit.INDEX[name]]) for name in ("jawOpen", "mouthClose"))
                times_s.append((signal.stamp.captured_ns - first_ns) / 1e9)
                opened.append(max(jaw - closed, 0.0))
    if len(times_s) < MIN_TRACKED * count or not times_s:
        raise DelayError(
            f"a face is seen in {len(times_s)} of {count} pictures of {recording.name}: record the portrait "
            "large, from the front"
        )
    return TimeSeries(np.array(times_s), np.array(opened))


def _request_stats(control_endpoint: str) -> Mapping[str, object]:
    with ControlClient(control_endpoint) as client:
        return client.call("stats")
