"""`omote licenses`: the parts of a character or of Omote, their licences, and whether commercial use is allowed."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from omote.engine import face, model, models
from omote.engine.capture import sources
from omote.engine.data import Character, PhotorealCharacter, SourceFile
from omote.engine.model.character_file import SHIPPED_FOLDER, SUFFIX, load_any_character
from omote.engine.models import model_rows, shipped_networks

from .terminal import say

_OURS = "Apache-2.0"
_WEIGHTS = ("*.onnx", "*.safetensors")
_NUMBERS = (".npz", ".onnx", ".safetensors")
# Data files with other licences.
_OTHERS = {
    "anime_head.npz": "VRM Public License 1.0, credit: Seed-san model by VirtualCast, Inc.",
    "person_mask.onnx": "Apache-2.0, Google (MediaPipe)",
}
_LIBRARIES = "installed by pip, each under its own licence"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("character", nargs="?", default=None, metavar="CHARACTER", help="a name, or a file's path")


def main(typed: argparse.Namespace) -> int:
    """Prints a line for each part. Reads the disk, never the network."""
    if typed.character is None:
        _print_installation()
        return 0
    character = load_any_character(typed.character)
    if isinstance(character, PhotorealCharacter):
        _print_photoreal(character)
    else:
        _print_open(character)
    return 0


def _print_photoreal(character: PhotorealCharacter) -> None:
    say(f"{character.name} (photoreal): {character.licence}")
    say(f"  made from {character.made_from}")
    _print_parts(character.parts)
    refused = [part for part in character.parts if not part.is_commercial]
    if refused:
        say(f"Commercial use of {character.name} is not allowed: {len(refused)} of its parts forbid it")
    else:
        say(f"Commercial use of {character.name} is allowed if the person in the photo agrees")


def _print_open(character: Character) -> None:
    say(f"{character.name}: {character.licence}")
    say(f"  {character.made_from}")
    if character.consent:
        say(f"  {character.consent}")
    _print_parts(SourceFile(one.path.name, one.sha256, _OURS, True) for one in shipped_networks().networks)
    if character.licence == _OURS:
        say(f"Commercial use of {character.name} is allowed")
    else:
        say(f"The licence of {character.name} above decides about commercial use; the network allows it")


def _print_installation() -> None:
    say("shipped with Omote:")
    _print_parts(_shipped())
    say("downloaded at first use:")
    for row in model_rows():
        say(f"  {row.name}: {row.licence}; {row.state}, from {row.sources}")
    say(f"{_LIBRARIES}:")
    for name, licence in _libraries():
        say(f"  {name}: {licence}")
    say("Commercial use of what all of this draws is allowed. NOTICE.md names what it was made from")
    say("Photoreal characters need further files: see `omote licenses CHARACTER` and `omote models`")


def _print_parts(parts: Iterable[SourceFile]) -> None:
    for part in parts:
        allowed = "commercial use allowed" if part.is_commercial else "NOT for commercial use"
        say(f"  {part.name}: {allowed}; {part.licence}; sha256 {part.sha256[:16]}…")


def _shipped() -> Iterator[SourceFile]:
    """Every data file in the wheel."""
    folder = models.WEIGHTS_FOLDER
    files = [path for pattern in _WEIGHTS for path in sorted(folder.glob(pattern))]
    for package in (face, model):
        here = Path(str(package.__file__)).parent
        files += sorted(path for path in here.iterdir() if path.suffix in _NUMBERS)
    files += [Path(sources.__file__).parent / "demo.csv", *sorted(SHIPPED_FOLDER.glob(f"*{SUFFIX}"))]
    for path in files:
        licence = _licence_of(path) if path.suffix == SUFFIX else _OTHERS.get(path.name, _OURS)
        yield SourceFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), licence, True)


def _licence_of(character: Path) -> str:
    return load_any_character(str(character), most=1).licence


def _libraries() -> Iterator[tuple[str, str]]:
    """Name and licence of each required package, from its metadata."""
    for requirement in metadata.requires("omote") or ():
        name = requirement.replace(";", "=").split(">")[0].split("=")[0].strip()
        if "extra" not in requirement:
            yield name, _licence(name)


def _licence(name: str) -> str:
    try:
        found = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return "not installed"
    short = [line[0] for text in found.get_all("License") or () if (line := text.splitlines()) and len(line[0]) < 60]
    classified = [
        line.rpartition(" :: ")[2] for line in found.get_all("Classifier") or () if line.startswith("License")
    ]
    return next(iter((*(found.get_all("License-Expression") or ()), *short, *classified)), "see its files")
