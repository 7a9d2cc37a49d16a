"""The entry point `omote`: parses the command line, imports the command that was typed and runs it."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from omote.bridge.errors import OmoteError

from .interrupts import exit_code, exit_process, signals_as_interrupts
from .terminal import PlainFormatter, say

USER_ERROR_CODE = 2

# Each command: the module of this folder that adds its options (`add_arguments`) and runs it (`main`), and its purpose.
COMMANDS = {
    "live": ("live", "Draw a performance live; without options, the demo."),
    "render": ("render", "Draw a transition, a timeline, a take or a video into files."),
    "take": ("take", "Show what is in a recorded performance, or cut a part out of it."),
    "sheet": ("sheet", "Draw one character with several expressions, as a set of PNG files."),
    "characters": ("character", "List the characters."),
    "character": ("character", "Make a character."),
    "calibrate": ("calibrate", "Calibrate a performer, the audio delay or FLAME."),
    "compile": ("compile", "Try every runtime of this machine, or compile engines for other GPUs."),
    "keys": ("keys", "Manage the keys of other machines that may receive."),
    "monitor": ("monitor", "Show what a running Omote sends, as a game engine receives it."),
    "models": ("models", "List the model files with their origins and licences, or download some."),
    "licenses": ("licenses", "Show the licences of a character or of Omote, and whether commercial use is allowed."),
    "evaluate": ("evaluate", "Measure the quality of characters."),
    "train": ("train", "Render faces and train a model; needs pip install 'omote[training]'."),
    "doctor": ("doctor", "Check what Omote, or one character, needs on this machine."),
}

# What each help shows at its end.
EXAMPLES = {
    "live": ("omote live", "omote live --source webcam --character aoi --out vmc://127.0.0.1"),
    "render": (
        "omote render --from neutral --to smile --out smile.webm",
        "omote render --take evening.csv --out evening.mp4",
    ),
    "take": ("omote take info evening.csv", "omote take trim evening.csv smile.csv --start 2.5 --end 4"),
    "sheet": ("omote sheet --character hana --expressions smile jawOpen=0.8 --out sheet",),
    "characters": ("omote characters",),
    "character": ("omote character new me --photo me.jpg", "omote character new mix --blend hana noah 0.4"),
    "calibrate": ("omote calibrate", "omote calibrate report --out report.html"),
    "compile": ("omote compile", "omote compile --target sm89"),
    "keys": ("omote keys new game",),
    "monitor": ("omote monitor", "omote monitor tcp://192.168.1.7:5557"),
    "models": ("omote models", "omote models get arc2face"),
    "licenses": ("omote licenses hana",),
    "evaluate": ("omote evaluate hana noah --save report.json",),
    "train": ("omote train faces --help",),
    "doctor": ("omote doctor", "omote doctor --character me"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `omote`; returns 0 if Ctrl-C or SIGTERM ends a loop, 130 or 143 if it leaves work unfinished.

    Without `arguments`, the process's own are used, and the process ends even if a thread hangs.
    """
    # NumPy's threads spin after each small product and take the cores from the tracker and the network.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        with signals_as_interrupts():
            code = run_command(arguments)
    except KeyboardInterrupt as interrupt:
        code = exit_code(interrupt)
    except BrokenPipeError:  # as in `omote doctor | head`; the flush at exit must not fail
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    return code if arguments is not None else exit_process(code)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Runs the typed command; returns its exit code, or 2 for an error that the user can fix."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser, command = _parser_for(words)
    typed, rest = parser.parse_known_args(words)
    typed.words, typed.rest = words, rest
    if rest and typed.command != "train":  # its stages parse their own options
        typed.parser.error(f"unrecognized arguments: {' '.join(rest)}")
    _configure_logging()
    try:
        assert command is not None  # the parser needs one
        code: int = command.main(typed)
        return code
    except OmoteError as error:
        say(f"omote {typed.command}: {' '.join(str(error).split())}", to=sys.stderr)
        return USER_ERROR_CODE


def _parser_for(words: Sequence[str]) -> tuple[argparse.ArgumentParser, ModuleType | None]:
    """A parser of all commands, and the module of the typed one; only its options are added."""
    from omote.engine.version import version

    from .parser import Parser  # takes a moment; Ctrl-C is handled by now

    parser = Parser(prog="omote", description="A real face drives a generated portrait, live.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"omote {version()}")
    parser.set_defaults(parser=parser)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    typed = next((word for word in words if not word.startswith("-")), None)
    module = None
    for name, (module_name, purpose) in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=purpose,
            description=purpose,
            epilog="\n  ".join(("examples:", *EXAMPLES[name])),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,
        )
        command.set_defaults(parser=command)
        if name == typed:
            module = import_module(f".{module_name}", __package__)
            module.add_arguments(command)
    return parser, module


def _configure_logging() -> None:
    from rich.console import Console
    from rich.logging import RichHandler

    console = Console(stderr=True)
    handler: logging.Handler = logging.StreamHandler()
    if console.is_terminal:  # messages must go above the status line
        handler = RichHandler(console=console, show_time=False, show_path=False)
    handler.setFormatter(PlainFormatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("omote").setLevel(logging.INFO)


if __name__ == "__main__":
    raise SystemExit(main())
