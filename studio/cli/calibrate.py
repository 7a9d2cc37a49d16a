"""`omote calibrate`: the guided session in the terminal, the audio delay, and the FLAME map."""

from __future__ import annotations

import argparse
import math
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
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
from omote.calibration.delay import Delay, DelayError, TimeSeries, delay
from omote.calibration.flame_file import read_flame
from omote.calibration.flame_map import WEAK, FittedMap, fit, is_weak
from omote.calibration.flame_pickle import FlameFileError
from omote.calibration.measurement import CalibrationError
from omote.calibration.registration import RegistrationError
from omote.calibration.report import report_html, steps_to_redo
from omote.calibration.session import CalibrationSession, SessionView
from omote.calibration.sound import loudness
from omote.engine.capture.source import EndOfSource, Source
from omote.engine.capture.sources import VIDEO_SUFFIXES, open_source
from omote.engine.photoreal.flame_map import FlameMapError, own_map_path

from ..app.config import DEFAULTS, load_config
from ..app.settings import load_settings, settings_folder

__all__ = ["CalibrationError", "add_arguments", "flame_map_report", "main"]

FLAME_MAP_HELP = (
    "Find how FLAME makes each ARKit shape, from the FLAME file that you have; photoreal characters want it."
)
REPORT_HELP = "Write the page about somebody's last calibration."
DELAY_HELP = "Find how much later the sound must come to fit the lips: the Sync Offset in OBS."
DEFAULT_SOURCE = "webcam"
UNSET = argparse.SUPPRESS  # what was typed before WHAT holds behind it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """With no WHAT, a guided session finds who performs."""
    parser.epilog = "Without WHAT: a guided session, which finds a person's rest, gains, noise and camera angle."
    _add_actor_options(parser)
    parser.add_argument(
        "--out", type=Path, default=None, metavar="FILE.json", help="else where omote live looks for it"
    )
    parser.add_argument("--report", type=Path, default=None, metavar="FILE.html", help="write a page about it too")
    measures = parser.add_subparsers(dest="measure", required=False, metavar="[WHAT]")
    flame_map = measures.add_parser("flame-map", help=FLAME_MAP_HELP, description=FLAME_MAP_HELP, allow_abbrev=False)
    flame_map.set_defaults(parser=flame_map)
    flame_map.add_argument(
        "--flame",
        type=Path,
        required=True,
        metavar="FILE",
        help="generic_model.pkl of FLAME 2020; no code in it is run",
    )
    flame_map.add_argument("--out", type=Path, default=UNSET, metavar="FILE", help=f"else {own_map_path()}")
    report = measures.add_parser("report", help=REPORT_HELP, description=REPORT_HELP, allow_abbrev=False)
    report.set_defaults(parser=report)
    _add_actor_options(report, source=UNSET, actor=UNSET)
    report.add_argument("--file", type=Path, default=None, metavar="FILE.json", help="of this actor file instead")
    report.add_argument("--out", type=Path, required=True, metavar="FILE.html")
    delay = measures.add_parser("delay", help=DELAY_HELP, description=DELAY_HELP, allow_abbrev=False)
    delay.set_defaults(parser=delay)
    delay.add_argument(
        "--recording",
        type=Path,
        default=None,
        metavar="FILE.mkv",
        help='made by OBS while you say "pa" ten times; else the running Omote is asked',
    )
    delay.add_argument("--sound", type=Path, default=None, metavar="FILE.wav", help="of the recording, else its own")
    delay.add_argument("--control-endpoint", default=endpoint.CONTROL_ENDPOINT, metavar="ADDRESS", help="of omote live")


def _add_actor_options(parser: argparse.ArgumentParser, source: str = DEFAULT_SOURCE, actor: str | None = None) -> None:
    parser.add_argument("--source", default=source, help="webcam[:N], TAKE.csv, FILE.mp4 or any other of omote live")
    parser.add_argument("--actor", default=actor, metavar="NAME", help="who it is; else as in the settings")


def main(typed: argparse.Namespace) -> int:
    """Measures, prints what was found and where it is kept; CalibrationError where that cannot be."""
    match typed.measure:
        case "flame-map":
            return _run_flame_map(typed)
        case "report":
            return _run_report(typed)
        case "delay":
            asked = DelayRequest(typed.recording, typed.sound, typed.control_endpoint)
            return run_delay(asked)
        case _:
            sitting = SessionOptions(typed.source, _actor_name(typed), typed.out, typed.report)
            return run_session(sitting)


def _actor_name(typed: argparse.Namespace) -> str:
    """Who was named, else who would perform in `omote live`."""
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
    print(f"report in {typed.out}")
    return 0


def _run_flame_map(typed: argparse.Namespace) -> int:
    place = typed.out or own_map_path()
    try:
        fitted = fit(read_flame(typed.flame))
        fitted.map.save(place)
    except (FlameFileError, RegistrationError, FlameMapError) as error:
        raise CalibrationError(str(error)) from error
    print(flame_map_report(fitted))
    print(f"\nkept in {place}")
    print("It is derived from your FLAME file, whose licence it is under: keep it to yourself.")
    return 0


def flame_map_report(fitted: FittedMap) -> str:
    """How near the heads came, what FLAME makes of each ARKit shape, and which shapes it hardly makes."""
    found = fitted.map
    near, far = found.apart_mm
    opened, left, right = np.rad2deg(found.jaw_rad)
    lines = [
        f"the open head lies on FLAME's to {near:.2f} mm in the middle, {far:.2f} mm for 95 of 100 points",
        f"the jaw opens by {opened:.1f} degrees, and goes aside by {left:.1f} and {right:.1f}",
        "",
        f"{'shape':<21}made of it",
        *(f"{name:<21}{_rows(share, name)}" for name, share in zip(arkit.NAMES, found.explained, strict=True)),
        f"{'all that are solved':<21}{_rows(fitted.total)}",
        "",
        _weakness(fitted),
    ]
    return "\n".join(lines)


def _rows(share: float, name: str = "") -> str:
    if np.isnan(share):
        return "by nothing: FLAME has no tongue" if name == "tongueOut" else "by eye or lid"
    return f"{100.0 * share:6.1f} %" + ("  weak" if is_weak(share) else "")


def _weakness(fitted: FittedMap) -> str:
    if not fitted.weak:
        return f"no shape is weak: FLAME makes {100.0 * WEAK:.0f} % or more of each"
    return f"weak, so hardly seen in photoreal characters: {', '.join(fitted.weak)}"


READ_TIMEOUT_S = 0.1
POSES_FOLDER = Path(__file__).parents[1] / "page"
PICTURE_WIDTH = 40  # characters, and half as many lines
MIN_TERMINAL_SIZE, COLOR_SYSTEMS = (88, 22), ("truecolor", "256")  # a terminal that has room and colours for a picture
KEYS_HINT = "Enter: the last step again · s, Enter: leave this one out · q, Enter: give up"
TAKE_ORDER_HINT = "a take must show the poses in the order of docs/calibration.md"


@dataclass(frozen=True)
class SessionOptions:
    """Who is to be calibrated, before what, and where that goes."""

    source: str  # as `open_source` takes it
    actor: str
    out: Path | None = None  # else where `live` looks for it
    report: Path | None = None


def run_session(sitting: SessionOptions, console: Console | None = None, typed: TextIO | None = None) -> int:
    """Runs the session, writes the actor and says what was found; errors that a person can mend are raised."""
    console, typed = console or Console(), typed or sys.stdin
    source = open_source(sitting.source, is_offline=_is_file(sitting.source))
    try:
        place = sitting.out or actor_path(sitting.actor, source.name)
    except ActorError as error:
        raise CalibrationError(str(error)) from error
    session = CalibrationSession(sitting.actor, source.name)
    session.begin()
    if console.is_terminal and typed.isatty():
        threading.Thread(target=read_commands, args=(session, typed), name="keys", daemon=True).start()
    with source, TerminalView(console) as show:
        feed_session(source, session, show)
        # Before the camera closes, which takes its time: Enter would begin the last step again.
        kept = ActorRecord(session.result(), Provenance(iso_now(), source.name, session.findings()))
    _save(kept, place)
    console.print("\n".join(describe_findings(kept, place)), highlight=False, markup=False, soft_wrap=True)
    if sitting.report:
        write_report(kept, sitting.report)
        console.print(f"report in {sitting.report}", highlight=False, markup=False, soft_wrap=True)
    return 0


def iso_now() -> str:
    """The date as an actor's file has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_report(kept: ActorRecord, path: Path) -> None:
    """CalibrationError where it cannot be written."""
    try:
        path.write_text(report_html(kept), encoding="utf-8", newline="\n")
    except OSError as error:
        raise CalibrationError(f"cannot write the report {path} ({error.strerror}): choose another path") from error


def describe_findings(kept: ActorRecord, place: Path) -> list[str]:
    """What was found, in lines."""
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
        f"kept in {place}",
    ]


def _is_file(spec: str) -> bool:
    return spec == "demo" or Path(spec).suffix.lower() in (".csv", *VIDEO_SUFFIXES)


def feed_session(source: Source, session: CalibrationSession, show: Callable[[SessionView], None]) -> None:
    """Shows the session every picture until it is over; CalibrationError where it was given up or the source ended."""
    while True:
        view = session.view
        show(view)
        if view.state == "done":
            return
        if view.state == "cancelled":
            raise CalibrationError("given up: nothing was written")
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
    """Carries out what is typed, line by line, to its end."""
    orders = {"": session.redo, "s": session.skip, "q": session.cancel}
    for line in typed:
        if order := orders.get(line.strip().lower()):
            order()


class TerminalView:
    """What stands in the terminal while the session goes on; elsewhere one line for each step that is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._display = Display(console=console, refresh_per_second=12, transient=True) if console.is_terminal else None
        self._has_pictures = console.color_system in COLOR_SYSTEMS and all(
            map(int.__ge__, console.size, MIN_TERMINAL_SIZE)
        )
        self._told: set[str] = set()

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
            if step.state in ("done", "skipped") and step.name not in self._told:
                self._told.add(step.name)
                remark = f": {step.remark}" if step.remark else ""
                line = f"{step.state:<8}{step.title}{remark}"
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def draw_screen(view: SessionView, has_picture: bool = False) -> RenderableType:
    """The step, what it looks like, what to do, and how it goes."""
    step = view.steps[view.step]
    head = Text(f"{view.step + 1}/{len(view.steps)}  {step.title}", style="bold")
    if view.state == "counting":
        how: RenderableType = Text(f"in {math.ceil(view.count_s)} ...")
    else:
        how = ProgressBar(total=1.0, completed=view.score, width=40)
    said = Group(head, Text(step.say), how, Text(view.remark, style="yellow"), Text(KEYS_HINT, style="dim"))
    if not has_picture:
        return said
    both = Table.grid(padding=(0, 2))
    both.add_row(terminal_picture(POSES_FOLDER / step.picture.removeprefix("/"), PICTURE_WIDTH), said)
    return both


BACKGROUND = (24, 24, 27, 255)  # behind what is transparent


@cache
def terminal_picture(path: Path, columns: int) -> Text:
    """The square picture in this file, so many characters wide and half as many lines high."""
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


OBS_SETTING = "OBS: Advanced Audio Properties, Sync Offset of your microphone"
MIN_TRACKED = 0.5  # of the pictures must show a face


@dataclass(frozen=True)
class DelayRequest:
    """What to measure: a recording, or the Omote that runs."""

    recording: Path | None = None
    sound: Path | None = None  # else the recording's own
    control_endpoint: str = endpoint.CONTROL_ENDPOINT


def run_delay(listening: DelayRequest) -> int:
    """Prints the number and how sure it is; errors that a person can mend are raised."""
    try:
        if listening.recording is None:
            if listening.sound is not None:
                raise DelayError("--sound is of a recording: name that by --recording too")
            lines = delay_of_running(_request_stats(listening.control_endpoint))
        else:
            sound = loudness(listening.sound or listening.recording)
            lines = delay_of_recording(delay(sound, mouth_openness(listening.recording)))
    except (DelayError, ControlError, BindError) as error:
        raise CalibrationError(str(error)) from error
    print("\n".join(lines))
    return 0


def delay_of_recording(found: Delay) -> list[str]:
    """What was measured, in lines. An offset that is already set is in the recording, so this comes on top of it."""
    lag = round(found.lag_ms)
    lines = [
        f"the picture is {abs(lag)} ms {'later' if lag >= 0 else 'earlier'} than the sound "
        f"(half of {found.syllables} syllables within {found.spread_ms:.0f} ms; agreement {found.agreement:.2f} of 1)"
    ]
    if lag < 0:
        return [*lines, f"the sound is late already: lower the Sync Offset by {-lag} ms ({OBS_SETTING})"]
    return [*lines, f"add {lag} ms to the Sync Offset that was set while you recorded ({OBS_SETTING})"]


def delay_of_running(stats: Mapping[str, object]) -> list[str]:
    """What the running Omote knows of it, in lines; DelayError where it has drawn nothing yet."""
    p50, p99, source = (stats.get(name) for name in ("latency_p50_ms", "latency_p99_ms", "source"))
    if not isinstance(p50, int | float) or not isinstance(p99, int | float) or not p50 > 0.0:
        raise DelayError("Omote runs, and has sent no picture of a performer yet: try again in a few seconds")
    return [
        f"capture to sent takes {p50:.0f} ms in the middle, {p99:.0f} ms at the 99th percentile, with {source}",
        f"start with a Sync Offset of {round(p50)} ms ({OBS_SETTING})",
        "The camera's own delay and the browser source's, some 30 to 100 ms together, cannot be measured from inside:",
        'record yourself in OBS saying "pa" ten times, then: omote calibrate delay --recording FILE.mkv',
    ]


def mouth_openness(recording: Path) -> TimeSeries:
    """How far the mouth is open, in each picture of a video; DelayError where hardly a face is seen."""
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
