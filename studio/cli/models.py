"""`omote models`: lists shipped networks and downloaded model files with their licences, and downloads some."""

from __future__ import annotations

import argparse
from pathlib import Path

from omote.engine.model.kinds import is_here, kind
from omote.engine.models import NetworkFile, WeightsError, model_rows, shipped_networks

from ..app.config import Config, load_config
from .parser import add_command
from .terminal import say

ARC2FACE = "arc2face"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", metavar="get")
    purpose = "Download the published files of photoreal characters: several gigabytes, under their own licences."
    get = add_command(commands, "get", purpose)
    get.add_argument("what", choices=(ARC2FACE,))
    get.add_argument("--to", type=Path, metavar="DIR", help="instead of where `omote models` says")
    get.add_argument("--config", type=Path, default=None, metavar="FILE.toml", help="settings")


def main(typed: argparse.Namespace) -> int:
    """Runs `omote models`; returns the exit code."""
    if getattr(typed, "subcommand", None) == "get":
        return _get(load_config(typed.config), typed.to)
    return _list(load_config())


def _list(config: Config) -> int:
    """Prints each file. Reads the disk, never the network."""
    files = shipped_networks()
    for network, purpose in ((files.denoiser, "draws portraits"), (files.encoder, "reads reference pictures")):
        say(f"{network.path.name}: {_state(network)}, shipped with Omote")
        say(f"  {purpose}, model {files.model}; Apache-2.0")
        say(f"  {network.path}")
    for row in model_rows():
        say(f"{row.name}: {row.state}, {row.size / 1e6:.1f} MB")
        say(f"  {row.purpose}; {row.licence}; from {row.sources}")
        say(f"  {row.path}")
    if is_here():
        say(*kind().files(config.for_kinds()))
    return 0


def _state(network: NetworkFile) -> str:
    try:
        network.check()
    except WeightsError as error:
        return str(error)
    return "present"


def _get(config: Config, to: Path | None) -> int:
    """Downloads the missing files, if the settings allow them."""
    for line in kind().fetch(config.for_kinds(), to):
        say(line)
    return 0
