"""The argument parser, and the option groups that several commands share."""

from __future__ import annotations

import argparse
import difflib
import re
from dataclasses import fields
from pathlib import Path
from typing import NoReturn

from omote.engine.model.animator import runtime_options

from ..app.config import DEFAULTS, Config, load_config, user_config_path, with_changes

_UNKNOWN = re.compile(r"unrecognized arguments: (--[\w-]+)")


class Parser(argparse.ArgumentParser):
    """argparse, without the usage that hides the error; give it `allow_abbrev=False`."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}{self._hint(message)}; see {self.prog} --help\n")

    def _hint(self, message: str) -> str:
        if not (found := _UNKNOWN.search(message)):
            return ""
        flags = [flag for action in self._actions for flag in action.option_strings]
        near = difflib.get_close_matches(found[1], flags, n=1)
        return f"; did you mean {near[0]}?" if near else ""


def config_of(typed: argparse.Namespace, kept: Config = DEFAULTS, **fixed: object) -> Config:
    """What was `kept`, under the file's settings, under the flags that were typed, each named as its setting."""
    settings = {field.name for field in fields(Config)}
    flags = {name: value for name, value in vars(typed).items() if name in settings}
    return with_changes(load_config(typed.config, kept), {**flags, **fixed})


def add_config_option(parser: argparse.ArgumentParser) -> None:
    usual = str(user_config_path()).replace("%", "%%")  # which argparse would fill in
    purpose = f"settings, else {usual} where that is there; flags override them"
    parser.add_argument("--config", type=Path, default=None, metavar="FILE.toml", help=purpose)


def add_drawing_options(parser: argparse.ArgumentParser) -> None:
    add_config_option(parser)
    parser.add_argument("--character", metavar="NAME", help="who is shown; see `omote characters`")
    parser.add_argument("--size", type=int, metavar="PIXELS", help="on a side: 256, 384, 512, 768 or 1024")
    parser.add_argument("--steps", type=int, help="of the sampler")
    parser.add_argument("--runtime", choices=runtime_options(), help="what executes the network")
    parser.add_argument("--fps", type=float, help="play a file at another rate")


def add_range_options(parser: argparse.ArgumentParser) -> None:
    """--from and --to, which are stored only where they are typed."""
    for flag, name, purpose in (
        ("--from", "start_s", "where a take or a video begins, in its own seconds"),
        ("--to", "end_s", "and where it ends"),
    ):
        parser.add_argument(flag, dest=name, type=float, metavar="SECONDS", default=argparse.SUPPRESS, help=purpose)
