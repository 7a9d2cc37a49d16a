"""`omote character new`: makes a character from a seed, from photos, from two others, or from one other."""

from __future__ import annotations

import argparse
import re
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from omote.engine.character import (
    SUFFIX,
    CharacterError,
    character_names,
    load_character,
    own_folder,
    save_character,
)
from omote.engine.nouns import AnyCharacter, Character, PhotorealCharacter
from omote.engine.photoreal.character_file import save_photoreal
from omote.engine.runtime.build import names
from omote.engine.runtime.network import RuntimeUnavailable

if TYPE_CHECKING:
    from omote.engine.identity.networks import PeopleNetworks

from . import likeness
from .consent import consent_words
from .ending import interruptibly
from .likeness import LikenessOrder

_MOST_PHOTOS = 4
_LONGEST_NAME = 64  # bytes; a file's may have 255 with all that is added
_NAME = re.compile(r"[\w-]+")
# What Windows keeps for devices, whatever follows the dot.
_DEVICES = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)
_LIKENESS = "Private: the likeness of a real person, who decides what it is used for"


@dataclass(frozen=True)
class Order:
    """What was typed, or chosen on the page."""

    name: str | None = None
    out: Path | None = None
    seed: int | None = None
    photos: tuple[Path, ...] = ()
    blend: tuple[str, str, str] | None = None  # two characters and how far from the first to the second
    source: str | None = None  # one character
    wishes: tuple[str, ...] = ()
    consent: bool = False
    overwrite: bool = False
    runtime: str | None = None  # None: the first
    upload: bytes = b""  # a photo's file without a name, in the place of `photos`
    kind: str = likeness.OPEN
    photoreal: LikenessOrder = field(default_factory=LikenessOrder)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="new")
    new = commands.add_parser("new", help="make one", description=__doc__, allow_abbrev=False)
    new.set_defaults(parser=new)
    new.add_argument("name", nargs="?", metavar="NAME", help=f"kept under this name in {own_folder()}")
    new.add_argument("--out", type=Path, metavar="FILE", help=f"kept there instead, such as me{SUFFIX}")
    source = new.add_mutually_exclusive_group(required=True)
    source.add_argument("--seed", type=int, metavar="N", help="someone who does not exist, the same for the same N")
    source.add_argument(
        "--photo", dest="photos", type=Path, nargs="+", default=[], metavar="FILE", help="1 to 4 photos of one person"
    )
    source.add_argument("--blend", nargs=3, metavar=("A", "B", "SHARE"), help="SHARE of the way from A (0) to B (1)")
    source.add_argument("--from", dest="source", metavar="CHARACTER", help="the same one, with something --set")
    new.add_argument(
        "--set",
        dest="wishes",
        nargs="+",
        default=[],
        metavar="ATTRIBUTE=VALUE",
        help="hair=teal iris=amber skin=tan cloth=navy brow=#302010 style=braid masculine=0.3 age=0.7",
    )
    new.add_argument("--consent", action="store_true", help="the person in the photos has agreed; for scripts")
    new.add_argument("--overwrite", action="store_true", help="replace an earlier file")
    new.add_argument("--runtime", choices=names(), help="what executes the networks")
    likeness.add_arguments(new)


def order(typed: argparse.Namespace) -> Order:
    """What was typed, as one value."""
    return Order(
        name=typed.name,
        out=typed.out,
        seed=typed.seed,
        photos=tuple(typed.photos),
        blend=tuple(typed.blend) if typed.blend else None,
        source=typed.source,
        wishes=tuple(typed.wishes),
        consent=typed.consent,
        overwrite=typed.overwrite,
        runtime=typed.runtime,
        kind=typed.kind,
        photoreal=likeness.order(typed),
    )


def run(wanted: Order) -> int:
    """Makes and keeps the character, and returns the exit code; errors that a person can mend are raised."""
    path = place(wanted)
    make_folder(path.parent)
    consent = _consent(wanted) if wanted.photos else ""
    try:
        character = interruptibly(lambda: make(replace(wanted, name=path.stem), consent))
    except RuntimeUnavailable as error:
        raise CharacterError(str(error)) from error
    keep(character, path)
    print(f"{character.name}: {character.made_from}. {character.licence}")
    print(f"kept in {path}; see it with: omote live --character {wanted.name or path}")
    return 0


def keep(character: AnyCharacter, path: Path) -> None:
    """Writes all of it or nothing; CharacterError where the place cannot be written to."""
    if isinstance(character, PhotorealCharacter):
        save_photoreal(character, path)
    else:
        save_character(character, path)


def place(wanted: Order) -> Path:
    """Where the character will be kept; CharacterError where that cannot be."""
    if (wanted.name is None) == (wanted.out is None):
        raise CharacterError("wanted a NAME or --out FILE, one of them")
    try:
        path = wanted.out or own_path(wanted.name or "")
    except CharacterError as error:
        raise CharacterError(f"{error}; or use --out FILE") from error
    if path.exists() and not wanted.overwrite:
        raise CharacterError(f"{path} is there already: choose another name, or add --overwrite")
    if wanted.source and not wanted.wishes:
        raise CharacterError(f"--from {wanted.source} wants something to --set, such as --set hair=teal")
    if len(wanted.photos) > _MOST_PHOTOS:
        raise CharacterError(f"--photo takes 1 to {_MOST_PHOTOS} photos of one person, got {len(wanted.photos)}")
    _check_kind(wanted)
    if wanted.consent and not wanted.photos:
        raise CharacterError("--consent is the word of somebody in a --photo, and there is none")
    return path


def own_path(name: str) -> Path:
    """Where an own character of this name is kept, whether there is one or not; CharacterError where it is no name."""
    if not _NAME.fullmatch(name) or _DEVICES.fullmatch(name) or len(name.encode()) > _LONGEST_NAME:
        raise CharacterError(f'"{quotable(name)}" is no name: letters, digits, _ and - make one')
    if name.lower() in character_names():
        raise CharacterError(f'"{name}" is the name of a shipped character: choose another one')
    return own_folder() / f"{name}{SUFFIX}"


def quotable(sent: object) -> str:
    """The beginning of what somebody sent, as it can be sent back."""
    return str(sent)[:_LONGEST_NAME].encode(errors="replace").decode()


def _check_kind(wanted: Order) -> None:
    if wanted.kind == likeness.OPEN:
        if flags := wanted.photoreal.typed:
            raise CharacterError(f"{flags[0]} is for --kind {likeness.PHOTOREAL}, which was not asked for")
        return
    if len(wanted.photos) != 1 or wanted.wishes:
        raise CharacterError("--kind photoreal takes one --photo and nothing to --set: the photo says it all")
    if wanted.runtime is not None:
        raise CharacterError("--runtime is not for --kind photoreal, which PyTorch makes: leave it away")


def make_folder(folder: Path) -> None:
    """Makes this folder and those around it; CharacterError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CharacterError(f"cannot make {folder} ({error.strerror or error}): choose another place") from error


def _consent(wanted: Order) -> str:
    ask = input if sys.stdin is not None and sys.stdin.isatty() else None
    return consent_words(len(wanted.photos), wanted.consent, ask, time.strftime("%Y-%m-%d"))


def make(wanted: Order, consent: str) -> AnyCharacter:
    """The character that was ordered."""
    if wanted.kind == likeness.PHOTOREAL:
        return likeness.make(wanted.name or "", wanted.photos[0], consent, _LIKENESS, wanted.photoreal)
    return _open_kind(wanted, consent)


def _open_kind(wanted: Order, consent: str) -> Character:
    from omote.engine.animator import Animator
    from omote.engine.identity.making import Maker
    from omote.engine.identity.networks import ExportedNetworks
    from omote.engine.identity.prior import shipped_prior
    from omote.engine.identity.wishes import understood

    prior = shipped_prior()
    wishes = understood(wanted.wishes, prior.looks.styles)
    runtime, name = wanted.runtime or names()[0], wanted.name or ""
    networks = ExportedNetworks.open(runtime)
    maker = Maker(prior, networks, Animator(runtime=runtime))
    if wanted.seed is not None:
        character = maker.from_seed(name, wanted.seed)
    elif wanted.photos or wanted.upload:
        character = _from_photos(wanted, name, consent, networks)
    elif wanted.blend:
        first, second, share = wanted.blend
        character = maker.blended(name, load_character(first), load_character(second), _share(share))
    else:
        character = replace(load_character(wanted.source or ""), name=name)
    return maker.changed(character, wishes) if wishes else character


def _from_photos(wanted: Order, name: str, consent: str, networks: PeopleNetworks) -> Character:
    from omote.engine.capture.photo import PhotoError, read_photos, read_upload
    from omote.engine.identity.photos import likeness

    try:
        photos = (read_upload(wanted.upload),) if wanted.upload else read_photos(wanted.photos)
        seen = likeness(photos, networks)
    except PhotoError as error:
        raise CharacterError(str(error)) from error
    count = len(photos)
    return Character(
        name=name,
        shape=seen.shape,
        identity=seen.identity,
        texture=seen.texture,
        bank=seen.rows,
        model=networks.model,
        licence=_LIKENESS,
        made_from=f"{count} photo{'s' * (count > 1)} of a real person. {consent}",
    )


def _share(typed: str) -> float:
    try:
        return float(typed)
    except ValueError:
        raise CharacterError(f'--blend A B SHARE: the share goes from 0 (A) to 1 (B), got "{typed}"') from None
