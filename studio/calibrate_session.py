"""`omote calibrate`: the guided session in the terminal, before a camera or from a recorded take."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live as Display
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from omote.calibration.actor_file import ActorError, Kept, Made, actor_path, save_actor
from omote.calibration.report import report_html, to_redo
from omote.calibration.session import CalibrationError, Session
from omote.calibration.view import View
from omote.engine.capture import VIDEO_SUFFIXES, EndOfSource, Source, open_source

from .half_blocks import half_blocks

READ_S = 0.1
PAGE = Path(__file__).parent / "page"
PICTURE = 40  # characters, and half as many lines
ROOM, COLOURFUL = (88, 22), ("truecolor", "256")  # a terminal that has room and colours for a picture
KEYS = "Enter: the last step again · s, Enter: leave this one out · q, Enter: give up"
IN_ORDER = "a take must show the poses in the order of docs/calibration.md"


@dataclass(frozen=True)
class Sitting:
    """Who is to be calibrated, before what, and where that goes."""

    source: str  # as `open_source` takes it
    actor: str
    out: Path | None = None  # else where `live` looks for it
    report: Path | None = None


def run(sitting: Sitting, console: Console | None = None, typed: TextIO | None = None) -> int:
    """Runs the session, writes the actor and says what was found; errors that a person can mend are raised."""
    console, typed = console or Console(), typed or sys.stdin
    source = open_source(sitting.source, is_offline=_is_file(sitting.source))
    try:
        place = sitting.out or actor_path(sitting.actor, source.name)
    except ActorError as error:
        raise CalibrationError(str(error)) from error
    session = Session(sitting.actor, source.name)
    session.begin()
    if console.is_terminal and typed.isatty():
        threading.Thread(target=obey, args=(session, typed), name="keys", daemon=True).start()
    with source, Screen(console) as show:
        play(source, session, show)
        # Before the camera closes, which takes its time: Enter would begin the last step again.
        kept = Kept(session.result(), Made(now(), source.name, session.findings()))
    _keep(kept, place)
    console.print("\n".join(found(kept, place)), highlight=False, markup=False, soft_wrap=True)
    if sitting.report:
        write_report(kept, sitting.report)
        console.print(f"report in {sitting.report}", highlight=False, markup=False, soft_wrap=True)
    return 0


def now() -> str:
    """The date as an actor's file has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_report(kept: Kept, path: Path) -> None:
    """CalibrationError where it cannot be written."""
    try:
        path.write_text(report_html(kept), encoding="utf-8", newline="\n")
    except OSError as error:
        raise CalibrationError(f"cannot write the report {path} ({error.strerror}): choose another path") from error


def found(kept: Kept, place: Path) -> list[str]:
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
        *(f"  {step.title:<11} {step.remark}" for step in to_redo(actor, findings)),
        f"kept in {place}",
    ]


def _is_file(spec: str) -> bool:
    return spec == "demo" or Path(spec).suffix.lower() in (".csv", *VIDEO_SUFFIXES)


def play(source: Source, session: Session, show: Callable[[View], None]) -> None:
    """Shows the session every picture until it is over; CalibrationError where it was given up or the source ended."""
    while True:
        view = session.view
        show(view)
        if view.state == "done":
            return
        if view.state == "cancelled":
            raise CalibrationError("given up: nothing was written")
        try:
            signal = source.read(READ_S)
        except EndOfSource:
            step = view.steps[view.step]
            raise CalibrationError(
                f'{source.name} ended at step {view.step + 1} of {len(view.steps)}, "{step.title}": {IN_ORDER}'
            ) from None
        if signal is not None:
            session.see(signal)


def _keep(kept: Kept, place: Path) -> None:
    try:
        save_actor(kept.actor, place, kept.made)
    except ActorError as error:
        raise CalibrationError(str(error)) from error


def obey(session: Session, typed: Iterable[str]) -> None:
    """Carries out what is typed, line by line, to its end."""
    orders = {"": session.redo, "s": session.skip, "q": session.cancel}
    for line in typed:
        if order := orders.get(line.strip().lower()):
            order()


class Screen:
    """What stands in the terminal while the session goes on; elsewhere one line for each step that is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._display = Display(console=console, refresh_per_second=12, transient=True) if console.is_terminal else None
        self._has_pictures = console.color_system in COLOURFUL and all(map(int.__ge__, console.size, ROOM))
        self._told: set[str] = set()

    def __enter__(self) -> Callable[[View], None]:
        if self._display:
            self._display.__enter__()
        return self._show

    def __exit__(self, *error: object) -> None:
        if self._display:
            self._display.__exit__(None, None, None)

    def _show(self, view: View) -> None:
        if self._display:
            self._display.update(screen(view, self._has_pictures))
            return
        for step in view.steps:
            if step.state in ("done", "skipped") and step.name not in self._told:
                self._told.add(step.name)
                remark = f": {step.remark}" if step.remark else ""
                line = f"{step.state:<8}{step.title}{remark}"
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def screen(view: View, has_picture: bool = False) -> RenderableType:
    """The step, what it looks like, what to do, and how it goes."""
    step = view.steps[view.step]
    head = Text(f"{view.step + 1}/{len(view.steps)}  {step.title}", style="bold")
    if view.state == "counting":
        how: RenderableType = Text(f"in {math.ceil(view.count_s)} ...")
    else:
        how = ProgressBar(total=1.0, completed=view.score, width=40)
    said = Group(head, Text(step.say), how, Text(view.remark, style="yellow"), Text(KEYS, style="dim"))
    if not has_picture:
        return said
    both = Table.grid(padding=(0, 2))
    both.add_row(half_blocks(PAGE / step.picture.removeprefix("/"), PICTURE), said)
    return both
