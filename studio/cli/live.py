"""`omote live`: opens the source, the renderer and the outputs, and runs the loop."""

from __future__ import annotations

import argparse
import json
import webbrowser
from collections.abc import Collection
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live as Display
from rich.text import Text

from omote.bridge import frame
from omote.bridge.outputs import DESTINATION_FORMATS
from omote.engine.capture.recorder import RecordError, RecordingProgress
from omote.engine.capture.source import Playback, Source
from omote.engine.capture.sources import NETWORK_SPECS as WANTED_PHONES
from omote.engine.capture.sources import open_source
from omote.engine.capture.take import check_is_new
from omote.engine.data import Actor, AnyCharacter, Character
from omote.engine.face.light import studio_light
from omote.engine.face.presence import Phase
from omote.engine.live.adaptive_quality import AdaptiveQuality, BudgetStatus, adaptive_quality_for
from omote.engine.live.latency import LatencyMeter, Percentiles
from omote.engine.live.loop import LiveLoop
from omote.engine.live.metrics import LiveStatus, RunReport
from omote.engine.model.animator import Animator
from omote.engine.model.character_file import load_any_character
from omote.engine.model.portrait_renderer import DrawCounts, PortraitRenderer
from omote.engine.model.renderer import references_at_once
from omote.engine.version import version

from ..app.config import DEFAULTS, Config, ConfigError, without_trials
from ..app.session import StudioSession
from ..app.settings import SettingsStore, config_from_settings, load_settings, settings_folder
from ..app.sources import check_no_feedback
from ..app.state import Stage, Status, presence_of
from .interrupts import exit_within, run_interruptibly
from .live_outputs import Outputs
from .parser import add_drawing_options, add_range_options, config_of

SHUTDOWN_S = 0.4  # for the report and closing the outputs after Ctrl-C; the loop itself took half a second at most


@dataclass(frozen=True)
class LoadedRun:
    """What takes time to load, loaded."""

    source: Source
    character: AnyCharacter
    artist: PortraitRenderer
    refusals: tuple[str, ...] = ()  # why other runtimes were not taken, in lines
    gearbox: AdaptiveQuality | None = None  # where there is a latency budget


def main(typed: argparse.Namespace) -> int:
    """Runs `omote live` as it was typed; the exit code."""
    if typed.new_tokens:
        from ..page.access import renew_tokens

        renew_tokens(settings_folder())
    return run(config_of(typed, kept=page_choices(typed)))


def run(config: Config) -> int:
    """Runs the loop to its end, or to Ctrl-C, and returns the exit code; errors that a person can mend are raised."""
    _check_report(config.report)
    _check_budget(config)
    if config.record:  # before what takes its time to load; it is begun when all is ready
        check_is_new(config.record)
    try:
        recorded = _run_live(config, run_interruptibly(lambda: load(config)))
    except KeyboardInterrupt:
        exit_within(SHUTDOWN_S, 0)
        return 0
    if config.record and recorded and recorded.error:
        raise RecordError(recorded.error)
    return 0


def load(config: Config) -> LoadedRun:
    """The source, the character and the compiled networks that these settings name."""
    source = _open_source(config)
    character = load_any_character(config.character)
    if not isinstance(character, Character):
        from .photoreal import open_photoreal

        drawing = open_photoreal(config, character)
        return LoadedRun(source, character, drawing.animator, drawing.refusals)
    runtime = without_trials(config).runtime if config.offline else config.runtime
    animator = Animator(config.size, config.steps, runtime, references=references_at_once(character))
    return LoadedRun(source, character, animator, animator.refusals, _quality_controller(config, character, animator))


def _open_source(config: Config) -> Source:
    loop = config.loop or (config.source == "demo" and not config.offline)
    part = Playback(1.0 if config.speed is None else config.speed, config.start_s or 0.0, config.end_s)
    source = open_source(config.source, fps=config.fps, loop=loop, is_offline=config.offline, playback=part)
    return check_no_feedback(source, config.out)


def _quality_controller(config: Config, character: Character, animator: Animator) -> AdaptiveQuality | None:
    if config.budget_ms is None:
        return None
    return adaptive_quality_for(animator, config.budget_ms, character, studio_light())


def _run_live(config: Config, cast: LoadedRun) -> RecordingProgress | None:
    """How the recording went that was still on at the end."""
    gearbox = cast.gearbox
    meter = LatencyMeter(on_sent=gearbox.tell if gearbox else None)
    with ExitStack() as stack:
        if gearbox:
            stack.enter_context(gearbox)
        desk = stack.enter_context(_open_session(config))
        outlets = Outputs.opened(config, cast.artist, meter, desk, stack)
        live = LiveLoop(
            cast.source,
            cast.artist,
            cast.character,
            Actor(),
            studio_light(),
            outlets.outputs,
            meter=meter,
            is_offline=config.offline,
            gearbox=gearbox,
        )
        desk.bind(live)
        if config.record:
            desk.recording.begin(config.record)
        try:
            report = _run_loop(live, config, cast, outlets)
        finally:  # before what may take its time to close: after Ctrl-C there is little
            recorded = desk.settle()
        if config.report:
            config.report.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")
        Console().print(run_summary(report), highlight=False, markup=False, soft_wrap=True)
    return recorded


def _open_session(config: Config) -> StudioSession:
    """With what was kept; a file that is drawn picture by picture comes out the same whatever was set before."""
    folder = None if config.offline else settings_folder()
    desk = StudioSession(config.source, SettingsStore(load_settings(folder) if folder else None, folder), config.actor)
    desk.switch.reopen, desk.switch.outs = lambda: _open_source(config), config.out
    return desk


def _run_loop(live: LiveLoop, config: Config, cast: LoadedRun, outlets: Outputs) -> RunReport:
    line = StatusLine(Console(stderr=True))

    def on_second(moment: LiveStatus) -> None:
        line.show(moment, cast.artist.runtime, outlets.wire.publisher.listening, outlets.control.rejected_handshakes)
        if outlets.page:
            outlets.page.show(_status(moment, cast.artist, outlets))

    try:
        _print_summary(config, cast, outlets)
        with line.shown():
            return live.run(config.seconds, on_second)
    except KeyboardInterrupt:
        exit_within(SHUTDOWN_S, 0)
        return live.report()


def _status(moment: LiveStatus, artist: PortraitRenderer, outlets: Outputs) -> Status:
    return Status(
        source=moment.source,
        character=moment.character,
        runtime=artist.runtime,
        size=artist.size,
        steps=artist.steps,
        fps=moment.fps,
        pictures=moment.pictures,
        dropped=moment.dropped,
        tracked_fraction=moment.tracked_fraction,
        presence=presence_of(moment.phase),
        latency=moment.latency.total,
        stages=tuple(Stage(name, took) for name, took in moment.latency.stages),
        cached_share=moment.counts.cached_share,
        still_share=moment.counts.still_share,
        budget=moment.budget,
        endpoints=outlets.endpoints,
        receivers=outlets.receivers,
        confidence=outlets.desk.confidence,
        notice="; ".join(filter(None, (outlets.desk.switch.hint, outlets.notice))),
    )


def _print_summary(config: Config, cast: LoadedRun, outlets: Outputs) -> None:
    artist, page = cast.artist, outlets.page
    rows = [
        f"Omote {version()} draws {cast.character.name} from {cast.source.name}: "
        f"{artist.size}x{artist.size}, steps {artist.steps}, {artist.runtime}",
        *(f"  not chosen  {refusal}" for refusal in cast.refusals),
        f"  performer   {outlets.desk.performer.told}",
        *outlets.rows(),
    ]
    if config.budget_ms is not None:
        rows.append(f"  budget      {config.budget_ms:g} ms, capture to sent: quality is given up to hold its p95")
    if config.source == "demo":
        click = ", or a click on the page" if page else ""
        rows.append(f"  your face   omote live --source webcam{click}")
    Console().print("\n".join([*rows, "  Ctrl-C ends"]), highlight=False, markup=False, soft_wrap=True)
    if page and config.open:
        webbrowser.open(page.url_for_once())


def _check_budget(config: Config) -> None:
    if config.budget_ms is not None and config.offline:
        raise ConfigError("a file that is drawn picture by picture has no latency: leave out --budget-ms or --offline")


def _check_report(path: Path | None) -> None:
    """Before anything runs: a report that cannot be written is worth nothing afterwards."""
    if path is None:
        return
    try:
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        raise ConfigError(f"cannot write the report {path} ({error.strerror}): choose another path") from error


class StatusLine:
    """Shows moments where there is a terminal, and nothing elsewhere."""

    def __init__(self, console: Console) -> None:
        self._display = Display(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def shown(self) -> AbstractContextManager[object]:
        """While this is entered, the line stands at the bottom."""
        return self._display or nullcontext()

    def show(self, moment: LiveStatus, runtime: str, topics: Collection[str], refused: int) -> None:
        if self._display:
            text = "\n".join(status_lines(moment, runtime, topics, refused))
            self._display.update(Text(text, overflow="ellipsis", no_wrap=True), refresh=True)


def status_lines(moment: LiveStatus, runtime: str, topics: Collection[str], refused: int = 0) -> tuple[str, ...]:
    """How it goes, how old pictures are, where the time goes, what was spared, and how a budget is held.

    Each fits into 80 columns; the last two are there where there is something to say.

    `topics` are those that somebody subscribes to, `refused` is how often somebody was not let in.
    """
    face = "face seen" if moment.phase in (Phase.FOLLOWING, Phase.RETURNING) else f"no face, {moment.phase.value}"
    listening = ", ".join(sorted({_topic_label(topic) for topic in topics} - {""})) or "nobody"
    failed = f" · failed {moment.failed}" if moment.failed else ""
    knocked = f" · not let in {refused}" if refused else ""
    stages = ", ".join(f"{name} {took.p50:.0f}" for name, took in moment.latency.stages)
    return (
        f"{moment.source}: {face} · {moment.fps:.1f} pictures/s · tracked {moment.tracked_fraction:.0%} · "
        f"dropped {moment.dropped}{failed}{knocked}",
        f"capture to sent {_latency_text(moment.latency.total)} (p50/p95/p99) · {runtime} · to {listening}",
        f"p50 of {stages} ms" if stages else "no stage has run yet",
        *([_skipped_text(moment.counts)] if moment.counts.spared else []),
        *([_budget_text(moment.budget)] if moment.budget else []),
    )


def _skipped_text(counts: DrawCounts) -> str:
    return f"not drawn anew: {counts.cached_share:.0%} drawn before, {counts.still_share:.0%} held still"


def _budget_text(budget: BudgetStatus) -> str:
    how = "held" if budget.is_held else "not held"
    changes = f"{budget.changes} change{'' if budget.changes == 1 else 's'}"
    return f"budget {budget.ms:g} ms {how} by {budget.gear} · {changes}"


def _topic_label(topic: str) -> str:
    """What a topic brings, as a person calls it; nothing for schema and hello, which come along with the params."""
    kind, _, format = topic.partition("/")[0].partition(".")
    return {frame.PARAMS: "params", frame.VIDEO: format or "video"}.get(kind, "")


def run_summary(report: RunReport) -> str:
    """A run in one line."""
    budget = f"; {_budget_text(report.budget)}" if report.budget else ""
    failed = f"failed {report.failed}, " if report.failed else ""
    return (
        f"{report.pictures} pictures in {report.seconds:.1f} s ({report.fps:.1f} a second), capture to sent "
        f"{_latency_text(report.latency.total)} (p50/p95/p99), dropped {report.dropped}, {failed}"
        f"tracked {report.tracked_fraction:.1%}; warmed up in {report.warm_up_s:.1f} s{budget}"
    )


def _latency_text(took: Percentiles | None) -> str:
    return f"{took.p50:.0f}/{took.p95:.0f}/{took.p99:.0f} ms" if took else "not yet known"


def page_choices(typed: argparse.Namespace) -> Config:
    """Who was chosen on the page; a file that is drawn picture by picture comes out the same whoever that was."""
    return DEFAULTS if getattr(typed, "offline", False) else config_from_settings(load_settings(settings_folder()))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    sources = f"webcam[:N], FILE.mp4, TAKE.csv, demo, {WANTED_PHONES}; see docs/sources.md"
    parser.add_argument("--source", help=f"who performs: {sources}")
    add_drawing_options(parser)
    add_playback_options(parser)
    parser.add_argument("--actor", metavar="NAME", help="who performs, as calibrated; see `omote calibrate`")
    parser.add_argument("--record", metavar="TAKE.csv", help="keep what is performed, raw, as a new take")
    parser.add_argument("--loop", action="store_true", help="begin a file again at its end")
    parser.add_argument("--offline", action="store_true", help="draw a file picture by picture, as fast as that goes")
    parser.add_argument("--seconds", type=float, help="end after so long")
    parser.add_argument("--budget-ms", type=float, metavar="MS", help="give up quality where pictures get older")
    parser.add_argument("--report", metavar="OUT.json", help="write what was measured")
    parser.add_argument("--no-page", dest="page", action="store_false", help="serve no control page")
    parser.add_argument("--page-port", type=int, metavar="PORT", help="of the control page")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")
    parser.add_argument("--new-tokens", action="store_true", default=False, help="give the page new addresses for good")
    parser.add_argument("--params-endpoint", metavar="ADDRESS", help="ZeroMQ, as tcp://127.0.0.1:5556")
    parser.add_argument("--video-endpoint", metavar="ADDRESS", help="ZeroMQ, as tcp://127.0.0.1:5557")
    parser.add_argument("--control-endpoint", metavar="ADDRESS", help="ZeroMQ, as tcp://127.0.0.1:5558")
    parser.add_argument("--curve", action="store_true", help="encrypt, and let in only who has a key; see `omote keys`")
    parser.add_argument("--open-local", action="store_true", help="let every user of this machine listen and control")
    destination = f"send the face or the picture there: {DESTINATION_FORMATS}"
    parser.add_argument("--out", action="append", metavar="DESTINATION", help=destination)


def add_playback_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--speed", type=float, help="play a take or a video so many times as fast")
    add_range_options(parser)
