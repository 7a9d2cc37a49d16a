"""`omote live`: a performance goes in, portraits come out, until the source ends or somebody presses Ctrl-C."""

from __future__ import annotations

import json
import webbrowser
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from omote.engine.animator import Animator
from omote.engine.capture import Playback, Source, open_source
from omote.engine.capture.recorder import Progress, RecordError
from omote.engine.capture.take import check_is_new
from omote.engine.character import load_any
from omote.engine.face.light import studio_light
from omote.engine.gearbox import Gearbox, gearbox_of
from omote.engine.latency import LatencyMeter
from omote.engine.live import Live
from omote.engine.model.renderer import references_at_once
from omote.engine.nouns import Actor, AnyCharacter, Character
from omote.engine.report import Report
from omote.engine.roles import Artist
from omote.engine.tally import Moment
from omote.engine.version import version

from .config import Config, ConfigError, settled
from .desk import Desk
from .echo import refuse_echo
from .ending import end_within, interruptibly
from .outlets import Outlets
from .page.status import Stage, Status, presence_of
from .photoreal import open_photoreal
from .settings import Keeper, load_settings, settings_folder
from .status_line import StatusLine, summary

ENDING_S = 0.4  # for the report and closing the outputs after Ctrl-C; the loop itself took half a second at most


@dataclass(frozen=True)
class Cast:
    """What takes time to load, loaded."""

    source: Source
    character: AnyCharacter
    artist: Artist
    refusals: tuple[str, ...] = ()  # why other runtimes were not taken, in lines
    gearbox: Gearbox | None = None  # where there is a latency budget


def run(config: Config) -> int:
    """Runs the loop to its end, or to Ctrl-C, and returns the exit code; errors that a person can mend are raised."""
    _check_report(config.report)
    _check_budget(config)
    if config.record:  # before what takes its time to load; it is begun when all is ready
        check_is_new(config.record)
    try:
        recorded = _play(config, interruptibly(lambda: load(config)))
    except KeyboardInterrupt:
        end_within(ENDING_S, 0)
        return 0
    if config.record and recorded and recorded.error:
        raise RecordError(recorded.error)
    return 0


def load(config: Config) -> Cast:
    """The source, the character and the compiled networks that these settings name."""
    source = _source(config)
    character = load_any(config.character)
    if not isinstance(character, Character):
        drawing = open_photoreal(config, character)
        return Cast(source, character, drawing.animator, drawing.refusals)
    runtime = settled(config).runtime if config.offline else config.runtime
    animator = Animator(config.size, config.steps, runtime, references=references_at_once(character))
    return Cast(source, character, animator, animator.refusals, _gearbox(config, character, animator))


def _source(config: Config) -> Source:
    loop = config.loop or (config.source == "demo" and not config.offline)
    part = Playback(1.0 if config.speed is None else config.speed, config.start_s or 0.0, config.end_s)
    source = open_source(config.source, fps=config.fps, loop=loop, is_offline=config.offline, playback=part)
    return refuse_echo(source, config.out)


def _gearbox(config: Config, character: Character, animator: Animator) -> Gearbox | None:
    if config.budget_ms is None:
        return None
    return gearbox_of(animator, config.budget_ms, character, studio_light())


def _play(config: Config, cast: Cast) -> Progress | None:
    """How the recording went that was still on at the end."""
    gearbox = cast.gearbox
    meter = LatencyMeter(on_sent=gearbox.tell if gearbox else None)
    with ExitStack() as stack:
        if gearbox:
            stack.enter_context(gearbox)
        desk = stack.enter_context(_desk(config))
        outlets = Outlets.opened(config, cast.artist, meter, desk, stack)
        live = Live(
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
            report = _perform(live, config, cast, outlets)
        finally:  # before what may take its time to close: after Ctrl-C there is little
            recorded = desk.settle()
        if config.report:
            config.report.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")
        Console().print(summary(report), highlight=False, markup=False, soft_wrap=True)
    return recorded


def _desk(config: Config) -> Desk:
    """With what was kept; a file that is drawn picture by picture comes out the same whatever was set before."""
    folder = None if config.offline else settings_folder()
    desk = Desk(config.source, Keeper(load_settings(folder) if folder else None, folder), config.actor)
    desk.switch.reopen, desk.switch.outs = lambda: _source(config), config.out
    return desk


def _perform(live: Live, config: Config, cast: Cast, outlets: Outlets) -> Report:
    line = StatusLine(Console(stderr=True))

    def on_second(moment: Moment) -> None:
        line.show(moment, cast.artist.runtime, outlets.wire.publisher.listening, outlets.control.rejected_handshakes)
        if outlets.page:
            outlets.page.show(_status(moment, cast.artist, outlets))

    try:
        _say_where_to_look(config, cast, outlets)
        with line.shown():
            return live.run(config.seconds, on_second)
    except KeyboardInterrupt:
        end_within(ENDING_S, 0)
        return live.report()


def _status(moment: Moment, artist: Artist, outlets: Outlets) -> Status:
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


def _say_where_to_look(config: Config, cast: Cast, outlets: Outlets) -> None:
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
