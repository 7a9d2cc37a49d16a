"""What a person typed after `omote`, read and carried out."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from omote.bridge.endpoint import BindError
from omote.bridge.keys import KeysError
from omote.bridge.outputs import WANTED, SenderError
from omote.engine.animator import runtimes
from omote.engine.capture import SourceError
from omote.engine.capture.network import WANTED as WANTED_PHONES
from omote.engine.character import CharacterError
from omote.engine.errors import AnimatorError
from omote.engine.models import ModelError
from omote.engine.offline.crew import CrewError
from omote.engine.offline.script import RenderError
from omote.engine.photoreal.flame_map import FlameMapError
from omote.engine.photoreal.sheet import SheetError
from omote.engine.version import version
from omote.engine.weights import WeightsError

from . import (
    calibrate,
    character,
    characters,
    compile,
    doctor,
    evaluate,
    keys,
    licenses,
    live,
    models,
    monitor,
    render,
    render_arguments,
    sheet,
    takes,
    train,
)
from .config import USUAL, Config, ConfigError, changed, load_config, user_config_path
from .page.server import PageError
from .page.tokens import renewed_tokens
from .parser import Parser
from .render_performance import NOBODY
from .settings import kept_config, load_settings, settings_folder

# What a person can mend: told in one line, without a traceback.
MISTAKES = (
    *(ConfigError, SourceError, CharacterError, AnimatorError),
    *(ModelError, BindError, KeysError, SenderError, PageError),
    *(RenderError, CrewError, WeightsError, train.TrainingError, calibrate.CalibrationError),
    *(FlameMapError, SheetError),
)
MISTAKE = 2

log = logging.getLogger(__name__)


def invoke(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 where all went well or the loop was stopped by Ctrl-C, 2 for what a person can mend."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    typed, rest = _parser().parse_known_args(words)
    typed.words = words
    if rest and typed.command != "train":  # whose stages read their own options
        typed.parser.error(f"unrecognized arguments: {' '.join(rest)}")
    _configure_logging()
    try:
        return _run(typed, rest)
    except MISTAKES as error:
        print(f"omote {typed.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return MISTAKE


def _run(typed: argparse.Namespace, rest: Sequence[str]) -> int:
    match typed.command:
        case "live":
            if typed.new_tokens:
                renewed_tokens(settings_folder())
            return live.run(_config(typed, kept=_kept(typed)))
        case "render":
            return render.run(render_arguments.order(typed, _render_config(typed), typed.words))
        case "sheet":
            return sheet.run(sheet.order(typed, _config(typed, steps=1)))  # its own --steps is of a sheet
        case "characters":
            return characters.run()
        case "character":
            if typed.subcommand == "points":
                return character.write_points(typed.picture, typed.out)
            return character.run(character.order(typed))
        case "calibrate":
            return calibrate.run(typed)
        case "keys":
            return keys.run(typed)
        case "compile":
            return compile.run(compile.order(typed))
        case "models":
            return models.run(typed)
        case "licenses":
            return licenses.run(typed.character)
        case "monitor":
            return monitor.run(typed)
        case "take":
            return takes.run(typed)
        case "evaluate":
            return evaluate.run(typed)
        case "train":
            return train.run(typed.stage, getattr(typed, "kit", None), rest)
        case _:
            return doctor.run(_config(typed), getattr(typed, "character", None))


def _config(typed: argparse.Namespace, kept: Config = USUAL, **fixed: object) -> Config:
    """What was `kept`, under the file's settings, under the flags that were typed, each named as its setting."""
    settings = {field.name for field in fields(Config)}
    flags = {name: value for name, value in vars(typed).items() if name in settings}
    return changed(load_config(typed.config, kept), {**flags, **fixed})


def _render_config(typed: argparse.Namespace) -> Config:
    """Nobody performs but who is named; a rate in the settings is that of what is read live, and is not used."""
    config = _config(typed, kept=replace(USUAL, actor=NOBODY), out=())  # --out is something else
    if config.fps is not None:
        log.warning("the settings' fps is of what omote live reads, and is not used: --fps is of what is written")
    return config


def _kept(typed: argparse.Namespace) -> Config:
    """Who was chosen on the page; a file that is drawn picture by picture comes out the same whoever that was."""
    return USUAL if getattr(typed, "offline", False) else kept_config(load_settings(settings_folder()))


def _parser() -> Parser:
    parser = Parser(prog="omote", description="A real face drives a generated portrait, live.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"omote {version()}")
    parser.set_defaults(parser=parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, purpose: str) -> argparse.ArgumentParser:
        command = commands.add_parser(
            name, help=purpose, description=purpose, allow_abbrev=False, argument_default=argparse.SUPPRESS
        )
        command.set_defaults(parser=command)
        return command

    _add_live(add("live", "Draw a performance as it happens; with no options, the demo."))
    render_arguments.add_arguments(add("render", "Draw a transition, a timeline, a take or a video into files."))
    takes.add_arguments(add("take", "Look into a recorded performance, or cut a part out of it."))
    sheet.add_arguments(add("sheet", "Draw one character with several expressions, as a set of PNG files."))
    add("characters", "List who can be shown.")
    character.add_arguments(add("character", "Make someone who can be shown."))
    calibrate.add_arguments(add("calibrate", "Measure what Omote cannot know by itself."))
    compile.add_arguments(add("compile", "Try every runtime of this machine, or make engines for GPUs elsewhere."))
    keys.add_arguments(add("keys", "Let other machines receive, over an encrypted connection."))
    monitor.add_arguments(add("monitor", "Show what arrives from a running Omote, as a game engine would get it."))
    models.add_arguments(add("models", "List the model files, where they are from and their licences, or get some."))
    licenses.add_arguments(add("licenses", "Tell what a character or Omote is made from, and who may earn with it."))
    evaluate.add_arguments(add("evaluate", "Measure how good characters are, in figures and pictures."))
    train.add_arguments(add("train", "Render faces and train a model; wants pip install 'omote[training]'."))
    _add_doctor(add("doctor", "Look at what this machine has of what Omote wants, or at one character."))
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    usual = str(user_config_path()).replace("%", "%%")  # which argparse would fill in
    purpose = f"settings, else {usual} where that is there; flags override them"
    parser.add_argument("--config", type=Path, default=None, metavar="FILE.toml", help=purpose)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    _add_config(parser)
    parser.add_argument("--character", metavar="NAME", help="look at all that this one is made from and drawn by")
    parser.add_argument("--steps", type=int, help="of the sampler, as for omote live")
    parser.add_argument("--runtime", choices=runtimes(), help="what executes the networks")


def _add_drawing(parser: argparse.ArgumentParser) -> None:
    _add_config(parser)
    parser.add_argument("--character", metavar="NAME", help="who is shown; see `omote characters`")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="on a side: 256, 384, 512, 768 or 1024")
    parser.add_argument("--steps", type=int, help="of the sampler")
    parser.add_argument("--runtime", choices=runtimes(), help="what executes the network")
    parser.add_argument("--fps", type=float, help="play a file at another rate")


def _add_live(parser: argparse.ArgumentParser) -> None:
    sources = f"webcam[:N], FILE.mp4, TAKE.csv, demo, {WANTED_PHONES}; see docs/sources.md"
    parser.add_argument("--source", help=f"who performs: {sources}")
    _add_drawing(parser)
    _add_playback(parser)
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
    destination = f"send the face or the picture there: {WANTED}"
    parser.add_argument("--out", action="append", metavar="DESTINATION", help=destination)


def _add_playback(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--speed", type=float, help="play a take or a video so many times as fast")
    takes.add_part(parser)


def _configure_logging() -> None:
    console = Console(stderr=True)
    handler: logging.Handler = logging.StreamHandler()
    if console.is_terminal:  # where the status line stands, above which a message must go
        handler = RichHandler(console=console, show_time=False, show_path=False)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[handler])
    logging.getLogger("omote").setLevel(logging.INFO)
