"""`omote keys`: manages the CURVE keys of other machines that may receive."""

from __future__ import annotations

import argparse
import platform
from pathlib import Path

from omote.bridge import keys
from omote.bridge.keys import KeysError, ServerKeys

from ..app.config import keys_folder
from .parser import add_command
from .terminal import say


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="new, list or remove")

    new = add_command(commands, "new", "Admit a machine and write a key file for it.")
    new.add_argument(
        "name", nargs="?", metavar="NAME", help="of the machine; without it only make this machine's own keys"
    )
    new.add_argument("--out", type=Path, metavar="FILE", help=f"the key file, instead of ./NAME{keys.BUNDLE_SUFFIX}")
    new.add_argument("--overwrite", action="store_true", help="replace the keys of this name and the file")
    add_command(commands, "list", "List the machines that are admitted.")
    remove = add_command(commands, "remove", "Remove a machine; it is refused from its next connection on.")
    remove.add_argument("name", metavar="NAME")


def main(typed: argparse.Namespace) -> int:
    """Runs `omote keys`; returns the exit code."""
    folder = keys_folder()
    if typed.subcommand == "new":
        return _new(folder, typed.name, typed.out, typed.overwrite)
    if typed.subcommand == "remove":
        return _remove(folder / keys.CLIENTS_FOLDER, typed.name)
    return _list(folder)


def _new(folder: Path, name: str | None, out: Path | None, is_replaced: bool) -> int:
    if name is None:
        if out or is_replaced:
            raise KeysError("--out and --overwrite are for a machine's key file: omote keys new NAME")
        _server(folder)
        say(f"this machine's key pair is in {folder}; to admit another machine: omote keys new NAME")
        return 0
    keys.check_name(name)
    server = _server(folder)
    out = out or Path(name + keys.BUNDLE_SUFFIX)
    keys.make_client(server, name, out, is_replaced)
    say(*_instructions(name, out))
    return 0


def _server(folder: Path) -> ServerKeys:
    """This machine's key pair, which is made if it is missing."""
    if (folder / keys.SERVER_FILE).exists():
        return ServerKeys.load(folder)
    server = keys.make_server(folder)
    say(f"made this machine's own key pair: {folder / keys.SERVER_FILE} (secret: it must not leave this machine)")
    return server


def _instructions(name: str, out: Path) -> list[str]:
    return [
        f"{name} is admitted. Its key file: {out.absolute()}",
        f"  1. copy the file to {name} with a USB stick or scp, not by mail: anyone who has it can see the pictures",
        "  2. start here   omote live --curve --params-endpoint tcp://0.0.0.0:5556 "
        "--video-endpoint tcp://0.0.0.0:5557 --control-endpoint tcp://0.0.0.0:5558",
        f"  3. try there    omote monitor tcp://{platform.node() or 'THIS-MACHINE'}:5557 --key {out.name}",
        "  In Unity and Unreal, set the file in the receiver. To revoke it: omote keys remove " + name,
    ]


def _list(folder: Path) -> int:
    listed = keys.client_keys(folder / keys.CLIENTS_FOLDER)
    for name, public in listed.items():
        say(f"{name}: {public}")
    if not listed:
        say(f"no machine is admitted by {folder}; to admit one: omote keys new NAME")
    return 0


def _remove(clients: Path, name: str) -> int:
    keys.remove_client(clients, name)
    say(f"{name} is no longer admitted. A current connection stays until `omote live` is restarted.")
    return 0
