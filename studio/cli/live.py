"""`omote live`: opens the source, the renderer and the outputs, and runs the loop."""

from __future__ import annotations

import argparse
import json
import webbrowser
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.live import Live as Display
from rich.text import Text

from omote.bridge import frame
from omote.bridge.outputs import DESTINATION_FORMATS
from omote.engine.capture.cameras import list_cameras
from omote.engine.capture.microphone import DEFAULT_MICROPHONE
from omote.engine.capture.recorder import RecordError, RecordingProgress
from omote.engine.capture.source import Playback, Source
from omote.engine.capture.sources import NETWORK_SPECS as WANTED_PHONES
from omote.engine.capture.sources import open_source
from omote.engine.capture.take import check_is_new
from omote.engine.data import AnyCharacter, Character
from omote.engine.face.light import studio_light
from omote.engine.face.presence import Phase
from omote.engine.live.adaptive_quality import AdaptiveQuality, BudgetStatus, adaptive_quality_for
from omote.engine.live.latency import LatencyMeter, Percentiles
from omote.engine.live.loop import LiveLoop
from omote.engine.live.metrics import LiveStatus, RunReport
from omote.engine.live.session import LiveSession
from omote.engine.model.animator import Animator
from omote.engine.model.character_file import load_any_character
from omote.engine.model.kinds import kind
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
from .terminal import say

SHUTDOWN_S = 0.4  # after Ctrl-C, to write the report and close the outputs


@dataclass(frozen=True)
class LoadedRun:
    """What takes time to load."""

    source: Source
    character: AnyCharacter
    renderer: PortraitRenderer
    refusals: tuple[str, ...] = ()  # why other runtimes were not chosen, in lines
    quality: AdaptiveQuality | None = None  # with a latency budget


def main(typed: argparse.Namespace) -> int:
    """Runs `omote live`; returns the exit code."""
    if typed.new_tokens:
        from ..page.access import renew_tokens

        renew_tokens(settings_folder())
    return run(config_of(typed, base=page_choices(typed)))


def run(config: Config, load: Callable[[Config], LoadedRun] | None = None) -> int:
    """Runs the loop until its end or Ctrl-C, and returns the exit code. A benchmark `load`s a renderer of its own."""
    _check_report(config.report)
    _check_budget(config)
    if config.record:  # check before the slow loading
        check_is_new(config.record)
    try:
        recorded = _run_live(config, run_interruptibly(lambda: (load or load_run)(config)))
    except KeyboardInterrupt:
        exit_within(SHUTDOWN_S, 0)
        return 0
    if config.record and recorded and recorded.error:
        raise RecordError(recorded.error)
    return 0


def load_run(config: Config) -> LoadedRun:
    """Loads the source, the character and the compiled networks."""
    source = _open_source(config)
    character = load_any_character(config.character)
    if not isinstance(character, Character):
        if config.budget_ms is not None:
            raise ConfigError(f"{character.name} is photoreal and has no cheaper quality: leave out --budget-ms")
        chosen = without_trials(config) if config.offline else config
        drawing = kind().open(character, chosen.for_kinds(is_live=not config.offline))
        return LoadedRun(source, character, drawing.renderer, drawing.refusals)
    config = _with_kept_quality(config)
    runtime = without_trials(config).runtime if config.offline else config.runtime
    animator = Animator(config.size, config.steps, runtime, references=references_at_once(character))
    return LoadedRun(source, character, animator, animator.refusals, _quality_controller(config, character, animator))


def _with_kept_quality(config: Config) -> Config:
    """The settings with what was chosen on the page in place of defaults; offline unchanged."""
    kept = None if config.offline else load_settings(settings_folder()).quality
    if kept is None:
        return config
    return replace(
        config,
        size=config.size or kept.size,
        steps=kept.steps if config.steps == DEFAULTS.steps else config.steps,
        runtime=kept.runtime if config.runtime == DEFAULTS.runtime else config.runtime,
        budget_ms=kept.budget_ms if config.budget_ms is None else config.budget_ms,
    )


def _open_source(config: Config) -> Source:
    loop = config.loop or (config.source == "demo" and not config.offline)
    part = Playback(1.0 if config.speed is None else config.speed, config.start_s or 0.0, config.end_s)
    choice = load_settings(settings_folder()).camera if config.source == "webcam" and not config.offline else None
    spec = choice.spec(list_cameras()) if choice else config.source
    source = open_source(spec, fps=config.fps, loop=loop, is_offline=config.offline, playback=part)
    return check_no_feedback(source, config.out)


def _quality_controller(config: Config, character: Character, animator: Animator) -> AdaptiveQuality | None:
    if config.budget_ms is None:
        return None
    return adaptive_quality_for(animator, config.budget_ms, character, studio_light())


def _run_live(config: Config, loaded: LoadedRun) -> RecordingProgress | None:
    """Runs the loop; returns how the recording went that was still on at the end."""
    quality = loaded.quality
    meter = LatencyMeter(on_sent=quality.observe if quality else None)
    with ExitStack() as stack:
        if quality:
            stack.enter_context(quality)
        studio = stack.enter_context(_open_session(config))
        outputs = Outputs.opened(config, meter, studio, stack)
        session = LiveSession(loaded.renderer, loaded.character, outputs.portrait_outputs, meter=meter, quality=quality)
        live = LiveLoop(loaded.source, session, is_offline=config.offline)
        studio.bind(live)
        if config.label:
            studio.command("label")
        if config.voice is not None:
            studio.voice.begin(config.voice)
        if config.record:
            studio.recording.begin(config.record)
        try:
            report = _run_loop(live, config, loaded, outputs)
        finally:  # before the outputs close, which may take a while
            recorded = studio.finish()
        if config.report:
            config.report.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")
        say(run_summary(report))
    return recorded


def _open_session(config: Config) -> StudioSession:
    """Opens the session with the saved settings; offline it ignores them, so that a file always looks the same."""
    folder = None if config.offline else settings_folder()
    studio = StudioSession(
        config.source, SettingsStore(load_settings(folder) if folder else None, folder), config.actor
    )
    studio.guests.runtime = config.runtime
    studio.switch.reopen, studio.switch.destinations = lambda: _open_source(config), config.out
    return studio


def _run_loop(live: LiveLoop, config: Config, loaded: LoadedRun, outputs: Outputs) -> RunReport:
    line = StatusLine(Console(stderr=True))

    def on_second(status: LiveStatus) -> None:
        line.show(
            status, live.session.renderer.runtime, outputs.wire.publisher.listening, outputs.control.rejected_handshakes
        )
        if outputs.page:
            outputs.page.show(_page_status(status, live.session.renderer, outputs))

    try:
        _print_summary(config, loaded, outputs)
        with line.shown():
            return live.run(config.seconds, on_second)
    except KeyboardInterrupt:
        exit_within(SHUTDOWN_S, 0)
        return live.report()


def _page_status(status: LiveStatus, renderer: PortraitRenderer, outputs: Outputs) -> Status:
    return Status(
        source=status.source,
        character=status.character,
        runtime=renderer.runtime,
        size=renderer.size,
        steps=renderer.steps,
        fps=status.fps,
        pictures=status.pictures,
        dropped=status.dropped,
        tracked_fraction=status.tracked_fraction,
        presence=presence_of(status.phase),
        latency=status.latency.total,
        stages=tuple(Stage(name, took) for name, took in status.latency.stages),
        cached_share=status.counts.cached_share,
        still_share=status.counts.still_share,
        budget=status.budget,
        endpoints=outputs.endpoints,
        receivers=outputs.receivers,
        confidence=outputs.studio.confidence,
        notice="; ".join(filter(None, (outputs.studio.switch.hint, outputs.notice))),
    )


def _print_summary(config: Config, loaded: LoadedRun, outputs: Outputs) -> None:
    renderer, page = loaded.renderer, outputs.page
    rows = [
        f"Omote {version()} draws {loaded.character.name} from {loaded.source.name}: "
        f"{renderer.size}x{renderer.size}, steps {renderer.steps}, {renderer.runtime}",
        *(f"  not chosen  {refusal}" for refusal in loaded.refusals),
        f"  performer   {outputs.studio.performer.summary}",
        *outputs.rows(),
    ]
    if config.voice is not None:
        rows.append(f"  voice       {outputs.studio.voice.as_json()['name']}")
    if loaded.quality is not None:
        rows.append(
            f"  budget      {loaded.quality.budget.ms:g} ms, capture to sent: quality is reduced to hold its p95"
        )
    if config.source == "demo":
        click = ", or a click on the page" if page else ""
        rows.append(f"  your face   omote live --source webcam{click}")
    say(*rows, "  Ctrl-C ends")
    if page and config.open:
        webbrowser.open(page.url_for_once())


def _check_budget(config: Config) -> None:
    if config.budget_ms is not None and config.offline:
        raise ConfigError("--offline has no latency: leave out --budget-ms or --offline")


def _check_report(path: Path | None) -> None:
    """ConfigError if the report cannot be written."""
    if path is None:
        return
    try:
        path.open("a", encoding="utf-8").close()
    except OSError as error:
        raise ConfigError(f"cannot write the report {path} ({error.strerror}): choose another path") from error


class StatusLine:
    """Shows the status at the bottom of a terminal; elsewhere nothing."""

    def __init__(self, console: Console) -> None:
        self._display = Display(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def shown(self) -> AbstractContextManager[object]:
        """Shows the line while this is entered."""
        return self._display or nullcontext()

    def show(self, status: LiveStatus, runtime: str, topics: Collection[str], rejected: int) -> None:
        if self._display:
            text = "\n".join(status_lines(status, runtime, topics, rejected))
            self._display.update(Text(text, overflow="ellipsis", no_wrap=True), refresh=True)


def status_lines(status: LiveStatus, runtime: str, topics: Collection[str], rejected: int = 0) -> tuple[str, ...]:
    """The rates, the latency and the stages; then skipped drawing and the budget, if there are any. 80 columns each.

    `topics` are those with a subscriber, `rejected` counts refused connections.
    """
    face = "face seen" if status.phase in (Phase.FOLLOWING, Phase.RETURNING) else f"no face, {status.phase.value}"
    listening = ", ".join(sorted({_topic_label(topic) for topic in topics} - {""})) or "no receiver"
    failed = f" · failed {status.failed}" if status.failed else ""
    refusals = f" · refused {rejected}" if rejected else ""
    stages = ", ".join(f"{name} {took.p50:.0f}" for name, took in status.latency.stages)
    return (
        f"{status.source}: {face} · {status.fps:.1f} pictures/s · tracked {status.tracked_fraction:.0%} · "
        f"dropped {status.dropped}{failed}{refusals}",
        f"capture to sent {_latency_text(status.latency.total)} (p50/p95/p99) · {runtime} · to {listening}",
        f"p50 of {stages} ms" if stages else "no stage has run yet",
        *([_skipped_text(status.counts)] if status.counts.spared else []),
        *([_budget_text(status.budget)] if status.budget else []),
    )


def _skipped_text(counts: DrawCounts) -> str:
    return f"not drawn: {counts.cached_share:.0%} from the cache, {counts.still_share:.0%} without motion"


def _budget_text(budget: BudgetStatus) -> str:
    how = "held" if budget.is_held else "not held"
    changes = f"{budget.changes} change{'' if budget.changes == 1 else 's'}"
    return f"budget {budget.ms:g} ms {how} by {budget.gear} · {changes}"


def _topic_label(topic: str) -> str:
    """A label for a topic; "" for schema and hello, which belong to the params."""
    kind, _, format = topic.partition("/")[0].partition(".")
    return {frame.PARAMS: "params", frame.VIDEO: format or "video"}.get(kind, "")


def run_summary(report: RunReport) -> str:
    """The report of a run in one line."""
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
    """The defaults with what was chosen on the page; offline without it, so that a file always looks the same."""
    return DEFAULTS if getattr(typed, "offline", False) else config_from_settings(load_settings(settings_folder()))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    sources = f"webcam[:N], FILE.mp4, TAKE.csv, demo, none, {WANTED_PHONES}; see docs/sources.md"
    performance = parser.add_argument_group("performance")
    performance.add_argument("--source", help=f"what performs: {sources}")
    add_drawing_options(parser)
    add_playback_options(performance)
    performance.add_argument("--actor", metavar="NAME", help="the performer, as calibrated; see `omote calibrate`")
    performance.add_argument(
        "--voice",
        nargs="?",
        const=DEFAULT_MICROPHONE,
        metavar="MICROPHONE",
        help="let a voice move the mouth: the system's microphone, a part of a microphone's name, or FILE.wav",
    )
    performance.add_argument("--record", metavar="TAKE.csv", help="record the performance as a new take")
    performance.add_argument("--loop", action="store_true", help="start a file again at its end")
    performance.add_argument("--offline", action="store_true", help="draw every picture of a file, as fast as possible")
    performance.add_argument("--seconds", type=float, help="end after this time")
    measures = parser.add_argument_group("speed")
    measures.add_argument("--budget-ms", type=float, metavar="MS", help="reduce quality to hold this latency")
    measures.add_argument("--report", metavar="OUT.json", help="write the measurements")
    page = parser.add_argument_group("control page")
    page.add_argument("--no-page", dest="page", action="store_false", help="do not serve the control page")
    page.add_argument("--page-port", type=int, metavar="PORT", help="port of the control page")
    shared = "let pages of this site receive pictures and faces, with a token: http://127.0.0.1:8080"
    page.add_argument("--page-origin", action="append", metavar="ORIGIN", help=shared)
    page.add_argument("--open", action="store_true", help="open the page in a browser")
    page.add_argument("--new-tokens", action="store_true", default=False, help="make new addresses of the page")
    outputs = parser.add_argument_group("outputs")
    outputs.add_argument("--params-endpoint", metavar="ADDRESS", help="of ZeroMQ, such as tcp://127.0.0.1:5556")
    outputs.add_argument("--video-endpoint", metavar="ADDRESS", help="of ZeroMQ, such as tcp://127.0.0.1:5557")
    outputs.add_argument("--control-endpoint", metavar="ADDRESS", help="of ZeroMQ, such as tcp://127.0.0.1:5558")
    outputs.add_argument("--curve", action="store_true", help="encrypt, for clients with a key; see `omote keys`")
    outputs.add_argument("--announce", action="store_true", help="with --curve: be listed by receivers of the network")
    outputs.add_argument("--label", action="store_true", help='show a small mark "AI" in the corner of every output')
    outputs.add_argument("--open-local", action="store_true", help="let every user of this machine receive and control")
    destination = f"send the face or the picture to: {DESTINATION_FORMATS}"
    outputs.add_argument("--out", action="append", metavar="DESTINATION", help=destination)


def add_playback_options(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--speed", type=float, help="play a take or a video at this speed; 2 is twice as fast")
    add_range_options(parser)
