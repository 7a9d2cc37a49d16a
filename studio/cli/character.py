"""`omote character` and `omote characters`: makes and lists characters, and writes a drawing's points."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from omote.engine import storage
from omote.engine.data import PhotorealCharacter
from omote.engine.model.character_file import (
    DEFAULT_CHARACTER,
    SUFFIX,
    CharacterError,
    character_names,
    load_any_character,
    user_character_names,
    user_folder,
)
from omote.engine.photoreal.published_file import DISTILLED
from omote.engine.runtime.session import RuntimeUnavailable

from ..app import character_making
from ..app.character_making import (
    CHARACTER_KINDS,
    OPEN,
    CharacterRequest,
    PhotorealRequest,
    drawing_consent,
    make_character,
    make_folder,
    model_consent,
    own_character_path,
    person_consent,
    printable,
    save_new_character,
)
from .interrupts import run_interruptibly

if TYPE_CHECKING:
    from omote.engine.data import PhotorealCharacter


def main(typed: argparse.Namespace) -> int:
    """Runs `omote characters`, `omote character new` or `omote character points` as it was typed; the exit code."""
    if typed.command == "characters":
        return run_list()
    if typed.subcommand == "points":
        return write_points(typed.picture, typed.out)
    return run(request_of(typed))


def run_list() -> int:
    """Prints a line a character, shipped ones first. Returns 1 if a file cannot be read, else 0."""
    code = 0
    for name in (*character_names(), *user_character_names()):
        try:
            character = load_any_character(name, most=1)
        except CharacterError as error:  # the others are listed all the same
            print(f"{name}: {error}", file=sys.stderr)
            code = 1
            continue
        kind = " (photoreal)" if isinstance(character, PhotorealCharacter) else ""
        default = " (default)" if name == DEFAULT_CHARACTER else ""
        consent = "" if isinstance(character, PhotorealCharacter) else character.consent
        about = "; ".join(filter(None, (character.licence, character.made_from, consent)))
        print(f"{name}{kind}{default}: {about}")
    return code


_MAX_PHOTOS = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    if parser.prog.endswith("characters"):  # takes none
        return
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="new|points")
    _add_points(commands)
    new = commands.add_parser("new", help="make one", description=__doc__, allow_abbrev=False)
    new.set_defaults(parser=new)
    new.add_argument("name", nargs="?", metavar="NAME", help=f"kept under this name in {user_folder()}")
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
    add_photoreal_arguments(new)


def request_of(typed: argparse.Namespace) -> CharacterRequest:
    """What was typed, as one value."""
    return CharacterRequest(
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
        photoreal=photoreal_request_of(typed),
    )


def _blend(words: list[str]) -> tuple[str, str, float]:
    first, second, share = words
    try:
        found = float(share)
    except ValueError:
        found = math.nan
    if not 0.0 <= found <= 1.0:
        raise CharacterError(f"--blend takes two characters and a share from 0 to 1, got {printable(share)}")
    return first, second, found


def run(wanted: CharacterRequest) -> int:
    """Makes and keeps the character, and returns the exit code. Errors that the user can mend are raised."""
    path = output_path(wanted)
    make_folder(path.parent)
    consent = _consent(wanted) if wanted.photos or wanted.drawing or wanted.vrm else ""
    try:
        made = run_interruptibly(lambda: make_character(replace(wanted, name=path.stem), consent))
    except RuntimeUnavailable as error:
        raise CharacterError(str(error)) from error
    save_new_character(made.character, path)
    for warning in made.warnings:
        print(f"note: {warning}", file=sys.stderr)
    print(f"{made.character.name}: {made.character.made_from}. {made.character.licence}")
    print(f"kept in {path}; see it with: omote live --character {wanted.name or path}")
    return 0


def output_path(wanted: CharacterRequest) -> Path:
    """The path of the new file; CharacterError if it cannot be used, or if options contradict each other."""
    if (wanted.name is None) == (wanted.out is None):
        raise CharacterError("wanted a NAME or --out FILE, one of them")
    try:
        path = wanted.out or own_character_path(wanted.name or "")
    except CharacterError as error:
        raise CharacterError(f"{error}; or use --out FILE") from error
    if path.exists() and not wanted.overwrite:
        raise CharacterError(f"{path} is there already: choose another name, or add --overwrite")
    if len(wanted.photos) > _MAX_PHOTOS:
        raise CharacterError(f"--photo takes 1 to {_MAX_PHOTOS} photos of one person, got {len(wanted.photos)}")
    if wanted.points and not wanted.drawing:
        raise CharacterError("--points is for --picture: a photo's face is found by itself")
    _check_kind(wanted)
    return path


def _check_kind(wanted: CharacterRequest) -> None:
    if wanted.kind == character_making.OPEN:
        if flags := wanted.photoreal.typed:
            raise CharacterError(f"{flags[0]} is for --kind {character_making.PHOTOREAL}, which was not asked for")
        return
    if len(wanted.photos) != 1:
        raise CharacterError(f"--kind photoreal takes one --photo, got {len(wanted.photos)}")


def _consent(wanted: CharacterRequest) -> str:
    ask = input if sys.stdin is not None and sys.stdin.isatty() else None
    if wanted.vrm:
        from omote.engine.model.vrm_file import VrmError, read_vrm

        try:
            model = read_vrm(wanted.vrm)
        except VrmError as error:
            raise CharacterError(str(error)) from error
        print(f"{model.title} by {model.author}. {model.terms}", file=sys.stderr)
        return model_consent(wanted.consent, ask, time.strftime("%Y-%m-%d"))
    if wanted.drawing:
        return drawing_consent(wanted.consent, ask, time.strftime("%Y-%m-%d"))
    return person_consent(len(wanted.photos), wanted.consent, ask, time.strftime("%Y-%m-%d"))


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
    from omote.engine.images import PhotoError, read_drawing
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


def add_photoreal_arguments(new: argparse.ArgumentParser) -> None:
    new.add_argument(
        "--kind", choices=CHARACTER_KINDS, default=OPEN, help="photoreal: of one --photo, by Arc2Face on a GPU"
    )
    only = new.add_argument_group("of --kind photoreal alone")
    only.add_argument("--neutral", type=Path, metavar="FILE", help="55 numbers of the face at rest (.csv .npy)")
    only.add_argument("--sampler", choices=tuple(DISTILLED), help="whose few steps draw; lcm unless said")
    only.add_argument("--size", type=int, metavar="PIXELS", help="on a side, 512 unless said")
    only.add_argument("--reference-scale", type=float, metavar="0..1", help="how strongly the photo is heeded, 0.8")
    only.add_argument("--noise-seed", type=int, metavar="N", help="another pose and background for each")
    only.add_argument("--anchors", nargs="+", metavar="EXPRESSION", help="which every picture also heeds: smile ...")
    only.add_argument("--config", type=Path, metavar="FILE.toml", help="settings, of which allow_noncommercial is one")


def photoreal_request_of(typed: argparse.Namespace) -> PhotorealRequest:
    """What was typed, as one value."""
    anchors = None if typed.anchors is None else tuple(typed.anchors)
    said = {one.name: getattr(typed, one.name) for one in fields(PhotorealRequest)}
    return PhotorealRequest(**{**said, "anchors": anchors})
