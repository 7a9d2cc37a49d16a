"""`omote character`: makes a character of photos, a drawing, a VRM model or others; writes a drawing's points."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from omote.engine import storage
from omote.engine.character import SUFFIX, CharacterError, character_names, load_character, own_folder
from omote.engine.model.character import save
from omote.engine.nouns import AnyCharacter, Character, PhotorealCharacter
from omote.engine.photoreal.character_file import save_photoreal
from omote.engine.runtime.session import RuntimeUnavailable

if TYPE_CHECKING:
    from omote.engine.model.renderer import Renderer

from . import likeness
from .consent import consent_words, drawing_words, model_words
from .ending import interruptibly
from .likeness import LikenessOrder

_MOST_PHOTOS = 4
_LONGEST_NAME = 64  # bytes; a file's may have 255 with all that is added
_NAME = re.compile(r"[\w-]+")
# What Windows keeps for devices, whatever follows the dot.
_DEVICES = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)


Kind = Literal["person", "drawing", "model"]


@dataclass(frozen=True)
class Order:
    """What was typed, or chosen on the page."""

    name: str | None = None
    out: Path | None = None
    photos: tuple[Path, ...] = ()
    consent: bool = False
    overwrite: bool = False
    upload: bytes = b""  # a file without a name, in the place of `photos`, `drawing` or `vrm`
    of: Kind = "person"  # what is uploaded
    drawing: Path | None = None
    vrm: Path | None = None
    points: Path | None = None  # where the drawing's face is, or
    placed: Mapping[str, tuple[float, float]] | None = None
    blend: tuple[str, str, float] | None = None  # two characters, and the share of the second
    seed: int | None = None
    kind: str = likeness.OPEN
    photoreal: LikenessOrder = field(default_factory=LikenessOrder)


@dataclass(frozen=True)
class Made:
    """A new character, and sentences about what could look better."""

    character: AnyCharacter
    warnings: tuple[str, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="new|points")
    _add_points(commands)
    new = commands.add_parser("new", help="make one", description=__doc__, allow_abbrev=False)
    new.set_defaults(parser=new)
    new.add_argument("name", nargs="?", metavar="NAME", help=f"kept under this name in {own_folder()}")
    new.add_argument("--out", type=Path, metavar="FILE", help=f"kept there instead, such as me{SUFFIX}")
    source = new.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--photo",
        dest="photos",
        type=Path,
        nargs="+",
        default=(),
        metavar="FILE",
        help="1 to 4 photos of one person; the first from the front, with a calm face",
    )
    source.add_argument(
        "--picture",
        dest="drawing",
        type=Path,
        metavar="FILE",
        help="a drawing of one character, best from the front and with eyes open; transparent where nothing is drawn",
    )
    source.add_argument(
        "--vrm", type=Path, metavar="FILE", help="a 3D model, VRM 0.x or 1.0, as VRoid Studio exports it"
    )
    source.add_argument(
        "--blend",
        nargs=3,
        metavar=("A", "B", "SHARE"),
        help="a character between two; SHARE is 0 for A and 1 for B, such as 0.4",
    )
    source.add_argument("--seed", type=int, metavar="N", help="a person who does not exist; another for each number")
    new.add_argument("--points", type=Path, metavar="FILE", help="of the face in --picture; see omote character points")
    new.add_argument(
        "--consent", action="store_true", help="the person in the photos, or the artist, has agreed; for scripts"
    )
    new.add_argument("--overwrite", action="store_true", help="replace an earlier file")
    likeness.add_arguments(new)


def order(typed: argparse.Namespace) -> Order:
    """What was typed, as one value."""
    return Order(
        name=typed.name,
        out=typed.out,
        photos=tuple(typed.photos),
        drawing=typed.drawing,
        vrm=typed.vrm,
        points=typed.points,
        consent=typed.consent,
        blend=_blend(typed.blend) if typed.blend else None,
        seed=typed.seed,
        overwrite=typed.overwrite,
        kind=typed.kind,
        photoreal=likeness.order(typed),
    )


def _blend(words: list[str]) -> tuple[str, str, float]:
    first, second, share = words
    try:
        found = float(share)
    except ValueError:
        found = math.nan
    if not 0.0 <= found <= 1.0:
        raise CharacterError(f"--blend takes two characters and a share from 0 to 1, got {quotable(share)}")
    return first, second, found


def run(wanted: Order) -> int:
    """Makes and keeps the character, and returns the exit code. Errors that the user can mend are raised."""
    path = place(wanted)
    make_folder(path.parent)
    consent = _consent(wanted) if wanted.photos or wanted.drawing or wanted.vrm else ""
    try:
        made = interruptibly(lambda: make(replace(wanted, name=path.stem), consent))
    except RuntimeUnavailable as error:
        raise CharacterError(str(error)) from error
    keep(made.character, path)
    for warning in made.warnings:
        print(f"note: {warning}", file=sys.stderr)
    print(f"{made.character.name}: {made.character.made_from}. {made.character.licence}")
    print(f"kept in {path}; see it with: omote live --character {wanted.name or path}")
    return 0


def keep(character: AnyCharacter, path: Path) -> None:
    """Writes all of it or nothing; CharacterError if the file cannot be written."""
    if isinstance(character, PhotorealCharacter):
        save_photoreal(character, path)
    else:
        save(character, path)


def place(wanted: Order) -> Path:
    """The path of the new file; CharacterError if it cannot be used, or if options contradict each other."""
    if (wanted.name is None) == (wanted.out is None):
        raise CharacterError("wanted a NAME or --out FILE, one of them")
    try:
        path = wanted.out or own_path(wanted.name or "")
    except CharacterError as error:
        raise CharacterError(f"{error}; or use --out FILE") from error
    if path.exists() and not wanted.overwrite:
        raise CharacterError(f"{path} is there already: choose another name, or add --overwrite")
    if len(wanted.photos) > _MOST_PHOTOS:
        raise CharacterError(f"--photo takes 1 to {_MOST_PHOTOS} photos of one person, got {len(wanted.photos)}")
    if wanted.points and not wanted.drawing:
        raise CharacterError("--points is for --picture: a photo's face is found by itself")
    _check_kind(wanted)
    return path


def own_path(name: str) -> Path:
    """The path for an own character of this name, whether the file exists or not; CharacterError for a bad name."""
    if not _NAME.fullmatch(name) or _DEVICES.fullmatch(name) or len(name.encode()) > _LONGEST_NAME:
        raise CharacterError(f'"{quotable(name)}" is no name: letters, digits, _ and - make one')
    if name.lower() in character_names():
        raise CharacterError(f'"{name}" is the name of a shipped character: choose another one')
    return own_folder() / f"{name}{SUFFIX}"


def quotable(sent: object) -> str:
    """The beginning of a received value, in a form that can be sent back."""
    return str(sent)[:_LONGEST_NAME].encode(errors="replace").decode()


def _check_kind(wanted: Order) -> None:
    if wanted.kind == likeness.OPEN:
        if flags := wanted.photoreal.typed:
            raise CharacterError(f"{flags[0]} is for --kind {likeness.PHOTOREAL}, which was not asked for")
        return
    if len(wanted.photos) != 1:
        raise CharacterError(f"--kind photoreal takes one --photo, got {len(wanted.photos)}")


def make_folder(folder: Path) -> None:
    """Makes this folder and its parents; CharacterError if it cannot be made."""
    try:
        storage.make_folder(folder)
    except OSError as error:
        raise CharacterError(f"cannot make {folder} ({error.strerror or error}): choose another place") from error


def _consent(wanted: Order) -> str:
    ask = input if sys.stdin is not None and sys.stdin.isatty() else None
    if wanted.vrm:
        from omote.engine.capture.vrm_file import VrmError, read_vrm

        try:
            model = read_vrm(wanted.vrm)
        except VrmError as error:
            raise CharacterError(str(error)) from error
        print(f"{model.title} by {model.author}. {model.terms}", file=sys.stderr)
        return model_words(wanted.consent, ask, time.strftime("%Y-%m-%d"))
    if wanted.drawing:
        return drawing_words(wanted.consent, ask, time.strftime("%Y-%m-%d"))
    return consent_words(len(wanted.photos), wanted.consent, ask, time.strftime("%Y-%m-%d"))


def make(wanted: Order, consent: str) -> Made:
    """The ordered character."""
    from omote.engine.capture.photo import PhotoError, read_photos, read_upload
    from omote.engine.model import making

    name = wanted.name or ""
    if wanted.blend or wanted.seed is not None:
        return Made(_mixed(name, wanted))
    if wanted.kind == likeness.PHOTOREAL:
        return Made(likeness.make(name, wanted.photos[0], consent, making.LICENCE, wanted.photoreal))
    try:
        if wanted.vrm or wanted.of == "model":
            return _modelled(name, wanted, consent)
        if wanted.drawing or wanted.of == "drawing":
            return _drawn(name, wanted, consent)
        photos = (read_upload(wanted.upload),) if wanted.upload else read_photos(wanted.photos)
    except PhotoError as error:
        raise CharacterError(str(error)) from error
    renderer = _renderer() if making.PAINTS_ANCHORS else None
    found = making.made_from_photos(name, photos, consent, renderer)
    return Made(found.character, found.warnings)


def _drawn(name: str, wanted: Order, consent: str) -> Made:
    """The figure in the ordered drawing; PhotoError where none can be made of it."""
    from omote.engine.capture.photo_file import read_drawing, uploaded_drawing
    from omote.engine.model.drawings import made_from_drawing, read_points

    points = read_points(wanted.points) if wanted.points else wanted.placed
    drawing = read_drawing(wanted.drawing) if wanted.drawing else uploaded_drawing(wanted.upload)
    found = made_from_drawing(name, drawing, points, consent)
    return Made(found.character, found.warnings)


def _modelled(name: str, wanted: Order, consent: str) -> Made:
    """The head of the ordered VRM model."""
    from omote.engine.capture.vrm_file import VrmError, opened_vrm, read_vrm
    from omote.engine.model.vrm import made_from_vrm

    try:
        model = read_vrm(wanted.vrm) if wanted.vrm else opened_vrm(wanted.upload, "the model")
        found = made_from_vrm(name, model, consent)
    except VrmError as error:
        raise CharacterError(str(error)) from error
    return Made(found.character, found.warnings)


def _add_points(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    points = commands.add_parser(
        "points",
        help="write where a drawing's face is, to be corrected by hand",
        description="Writes the points of a drawing's face, and beside them a picture that shows them.",
        allow_abbrev=False,
    )
    points.set_defaults(parser=points)
    points.add_argument("picture", type=Path, metavar="PICTURE", help="the drawing")
    points.add_argument("--out", type=Path, required=True, metavar="FILE", help="the points, such as face.json")


def write_points(picture: Path, out: Path) -> int:
    """Writes the points that were found, or some in the middle, and a picture of them; returns the exit code."""
    from omote.engine.capture.photo_file import PhotoError, read_drawing
    from omote.engine.model.drawings import find_face, sketch, usual_points

    if out.suffix.lower() != ".json":
        raise CharacterError(f"{out} must end in .json")
    try:
        drawing = read_drawing(picture)
    except PhotoError as error:
        raise CharacterError(str(error)) from error
    found = find_face(drawing)
    points = found.points if found else usual_points(drawing)
    shown, rows = out.with_suffix(".png"), {name: [round(x, 1), round(y, 1)] for name, (x, y) in points.items()}
    make_folder(out.parent)
    try:
        storage.write_text(out, json.dumps(rows, indent=1))
        storage.write_bytes(shown, sketch(drawing, points))
    except OSError as error:
        raise CharacterError(f"cannot write {out} ({error.strerror or error}): choose another place") from error
    if found is None:
        print("note: no face was found, so the points stand where a face often is", file=sys.stderr)
    print(f"the points are in {out}, and {shown} shows them; correct them, then:")
    print(f"omote character new NAME --picture {picture} --points {out}")
    return 0


def _mixed(name: str, wanted: Order) -> Character:
    """A character of others: two that were named, or three of the shipped ones."""
    from omote.engine.model import mixing

    renderer = _renderer()
    try:
        if wanted.blend:
            first, second, share = wanted.blend
            return mixing.mix(load_character(first), load_character(second), share, renderer, name)
        cast = [one for one in map(load_character, character_names()) if one.head == "open"]
        return mixing.from_seed(wanted.seed or 0, cast, renderer, name)
    except ValueError as error:
        raise CharacterError(str(error)) from error


def _renderer() -> Renderer:
    """The shipped networks on this machine's processor."""
    from omote.engine.model.networks import Networks
    from omote.engine.model.renderer import Renderer

    return Renderer(Networks())
