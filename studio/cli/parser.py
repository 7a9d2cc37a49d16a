"""The argument parser, and the option groups that several commands share."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import NoReturn, TypeAlias

from omote.engine.model.animator import runtime_options

from ..app.config import DEFAULTS, Config, load_config, user_config_path, with_changes
from .terminal import say

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_UNKNOWN = re.compile(r"unrecognized arguments: (--[\w-]+)")


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that reports an error in one line, without the usage; pass `allow_abbrev=False`."""

    def error(self, message: str) -> NoReturn:
        say(f"{self.prog}: {message}{self._hint(message)}; see {self.prog} --help", to=sys.stderr)
        self.exit(2)

    def _hint(self, message: str) -> str:
        if not (found := _UNKNOWN.search(message)):
            return ""
        flags = [flag for action in self._actions for flag in action.option_strings]
        near = difflib.get_close_matches(found[1], flags, n=1)
        return f"; did you mean {near[0]}?" if near else ""


def add_command(commands: Commands, name: str, purpose: str) -> argparse.ArgumentParser:
    """Adds a subcommand, whose errors name it."""
    command = commands.add_parser(name, help=purpose, description=purpose, allow_abbrev=False)
    command.set_defaults(parser=command)
    return command


def config_of(typed: argparse.Namespace, base: Config = DEFAULTS, **fixed: object) -> Config:
    """The settings of a command: flags over the settings file over `base`. A flag has the name of its setting."""
    settings = {field.name for field in fields(Config)}
    flags = {name: value for name, value in vars(typed).items() if name in settings}
    return with_changes(load_config(typed.config, base), {**flags, **fixed})


# Of `omote sheet` and `omote render`.
POSE_HELP = "what turns the head of a photoreal character in many steps"
CREDENTIALS = "local | FILE.pem"
CREDENTIALS_HELP = "sign files with Content Credentials (C2PA) as generated"


def add_config_option(parser: argparse.ArgumentParser) -> None:
    usual = str(user_config_path()).replace("%", "%%")  # argparse formats help with %
    purpose = f"settings, else {usual} if it exists; flags override them"
    parser.add_argument("--config", type=Path, default=None, metavar="FILE.toml", help=purpose)


def add_drawing_options(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    group = parser.add_argument_group("picture")
    group.add_argument("--character", metavar="NAME", help="the character; see `omote characters`")
    group.add_argument("--size", type=int, metavar="PIXELS", help="size of the picture: 256, 384, 512, 768 or 1024")
    group.add_argument("--steps", type=int, help="steps of the sampler")
    group.add_argument(
        "--runtime", choices=runtime_options(), metavar="NAME", help="runtime of the network; see `omote compile`"
    )
    group.add_argument(
        "--guidance", type=float, help="of a photoreal character: above 1, expressions are stronger and cost twice"
    )
    group.add_argument("--expression-scale", type=float, metavar="0..1.5", help="of a photoreal character")
    group.add_argument("--fps", type=float, help="play a file at another rate")


def add_range_options(parser: argparse._ActionsContainer) -> None:
    """Adds --start and --end, which are stored only if they are typed."""
    for flag, name, purpose in (
        ("--start", "start_s", "start of a take or a video, in its own seconds"),
        ("--end", "end_s", "its end"),
    ):
        parser.add_argument(flag, dest=name, type=float, metavar="SECONDS", default=argparse.SUPPRESS, help=purpose)
