"""`omote models`: lists shipped networks and downloaded model files with their licences, and downloads some."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from omote.engine.models import NetworkFile, WeightsError, model_rows, shipped_networks
from omote.engine.photoreal.fetching import Told, fetch
from omote.engine.photoreal.files import Published, default_folder, published
from omote.engine.photoreal.licences import require_commercial
from omote.engine.photoreal.published_file import FILES, PublishedFile

from ..app.config import Config, load_config
from .parser import add_command

ARC2FACE = "arc2face"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", metavar="get")
    purpose = "Download the published files of photoreal characters: several gigabytes, under their own licences."
    get = add_command(commands, "get", purpose)
    get.add_argument("what", choices=(ARC2FACE,))
    get.add_argument("--to", type=Path, metavar="DIR", help=f"instead of {default_folder()}")
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
        print(f"{network.path.name}: {_state(network)}, shipped with Omote")
        print(f"  {purpose}, model {files.model}; Apache-2.0")
        print(f"  {network.path}")
    for row in model_rows():
        print(f"{row.name}: {row.state}, {row.size / 1e6:.1f} MB")
        print(f"  {row.purpose}; {row.licence}; from {row.sources}")
        print(f"  {row.path}")
    print("for photoreal characters, not shipped: `omote models get arc2face` downloads them")
    found = published(config.photoreal)
    for file in FILES:
        print(f"  {file.name}: {found.find(file.name) or 'missing'}; {file.licence}; {file.origin}")
    return 0


def _state(network: NetworkFile) -> str:
    try:
        network.check()
    except WeightsError as error:
        return str(error)
    return "present"


def _get(config: Config, to: Path | None) -> int:
    """Downloads the missing files; NonCommercialError, before any request, if the settings do not allow them."""
    folder = to.expanduser() if to else config.photoreal or default_folder()
    files = published(folder)
    needed = [file for file in FILES if file.needed]
    require_commercial(needed, config.allow_noncommercial)
    for file in needed:
        if found := files.find(file.name):
            print(f"{file.name}: present at {found}")
        else:
            _fetch(file, folder, files)
    if folder.absolute() not in (default_folder().absolute(), config.photoreal and config.photoreal.absolute()):
        print(f'set `photoreal = "{folder.absolute().as_posix()}"` in config.toml to use them')
    return 0


def _fetch(file: PublishedFile, folder: Path, files: Published) -> None:
    with _shown(file.name) as report:
        sha256 = fetch(file, folder, report)
    files.ledger.record(folder / file.name, sha256)
    print(f"{file.name}: fetched, sha256 {sha256[:16]}…; {file.licence}")


@contextmanager
def _shown(name: str) -> Iterator[Told]:
    """Shows a progress bar in a terminal."""
    columns = (TextColumn(name), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=None)
        yield lambda have, size: progress.update(task, completed=have, total=size)
