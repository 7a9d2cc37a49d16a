"""`omote keys`: who else may receive the pictures, over CURVE."""

from __future__ import annotations

import argparse
import platform
from pathlib import Path

from omote.bridge import keys
from omote.bridge.keys import KeysError, ServerKeys

from ..app.config import keys_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="new, list or remove")

    def add(name: str, purpose: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=purpose, description=purpose, allow_abbrev=False)
        command.set_defaults(parser=command)
        return command

    new = add("new", "Let a machine in and write the key file for it.")
    new.add_argument("name", nargs="?", metavar="NAME", help="of the machine; without it only this machine's own pair")
    new.add_argument("--out", type=Path, metavar="FILE", help=f"the key file, instead of ./NAME{keys.BUNDLE_SUFFIX}")
    new.add_argument("--overwrite", action="store_true", help="replace the keys of this name, and the file")
    add("list", "List who is let in.")
    remove = add("remove", "Let a machine in no longer, from its next connection on.")
    remove.add_argument("name", metavar="NAME")


def main(typed: argparse.Namespace) -> int:
    """Does what was typed and returns 0; KeysError where that cannot be."""
    folder = keys_folder()
    if typed.subcommand == "new":
        return _new(folder, typed.name, typed.out, typed.overwrite)
    if typed.subcommand == "remove":
        return _remove(folder / keys.CLIENTS_FOLDER, typed.name)
    return _list(folder)


def _new(folder: Path, name: str | None, out: Path | None, is_replaced: bool) -> int:
    if name is None:
        if out or is_replaced:
            raise KeysError("--out and --overwrite are for a client's key file: omote keys new NAME")
        _server(folder)
        print(f"this machine's pair is in {folder}; to let another machine in: omote keys new NAME")
        return 0
    keys.check_name(name)
    server = _server(folder)
    out = out or Path(name + keys.BUNDLE_SUFFIX)
    keys.make_client(server, name, out, is_replaced)
    print("\n".join(_what_to_do(name, out)))
    return 0


def _server(folder: Path) -> ServerKeys:
    """This machine's pair, which is made where it is missing."""
    if (folder / keys.SERVER_FILE).exists():
        return ServerKeys.load(folder)
    server = keys.make_server(folder)
    print(f"made this machine's own pair: {folder / keys.SERVER_FILE} (secret; it never leaves this machine)")
    return server


def _what_to_do(name: str, out: Path) -> list[str]:
    return [
        f"{name} is let in. Its key file: {out.absolute()}",
        f"  1. carry the file to {name}, by a stick or scp, not by mail: whoever has it sees the pictures",
        "  2. here start   omote live --curve --params-endpoint tcp://0.0.0.0:5556 "
        "--video-endpoint tcp://0.0.0.0:5557 --control-endpoint tcp://0.0.0.0:5558",
        f"  3. there try    omote monitor tcp://{platform.node() or 'THIS-MACHINE'}:5557 --key {out.name}",
        "  In Unity and Unreal give the file to the receiver. To take it back: omote keys remove " + name,
    ]


def _list(folder: Path) -> int:
    listed = keys.client_keys(folder / keys.CLIENTS_FOLDER)
    for name, public in listed.items():
        print(f"{name}: {public}")
    if not listed:
        print(f"nobody is let in by {folder}; to let a machine in: omote keys new NAME")
    return 0


def _remove(clients: Path, name: str) -> int:
    keys.remove_client(clients, name)
    print(f"{name} is let in no longer. If it is connected now it stays so until `omote live` is started again.")
    return 0
