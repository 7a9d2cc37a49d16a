"""`omote character` and `omote characters`: makes a character, finds the points of a drawing, and lists characters."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import replace
from pathlib import Path

from omote.engine import storage
from omote.engine.data import PhotorealCharacter
from omote.engine.model.character_file import (
    DEFAULT_CHARACTER,
    SUFFIX,
    load_any_character,
    shipped_character_names,
    user_character_names,
    user_folder,
)
from omote.engine.model.kinds import is_here, kind
from omote.engine.runtime.session import RuntimeUnavailable
from omote.engine.tensor_file import CharacterError

from ..app.character_making import (
    CHARACTER_KINDS,
    OPEN,
    PHOTOREAL,
    CharacterRequest,
    SourceKind,
    character_names,
    consent_statement,
    make_characters,
    make_folder,
    own_character_path,
    printable,
    save_new_character,
)
from .interrupts import run_interruptibly
from .parser import add_command
from .terminal import say

_MAX_PHOTOS = 4


def main(typed: argparse.Namespace) -> int:
    """Runs `omote characters`, `omote character new` or `omote character points`; returns the exit code."""
    if typed.command == "characters":
        return run_list()
    if typed.subcommand == "points":
        return write_points(typed.picture, typed.out)
    return run(request_of(typed))


def run_list() -> int:
    """Prints one line for each character, shipped ones first. Returns 1 if a file cannot be read, else 0."""
    code = 0
    for name in (*shipped_character_names(), *user_character_names()):
        try:
            character = load_any_character(name, most=1)
        except CharacterError as error:  # list the others
            say(f"{name}: {error}", to=sys.stderr)
            code = 1
            continue
        mark = " (photoreal)" if isinstance(character, PhotorealCharacter) else ""
        default = " (default)" if name == DEFAULT_CHARACTER else ""
        consent = "" if isinstance(character, PhotorealCharacter) else character.consent
        about = "; ".join(filter(None, (character.licence, character.made_from, consent)))
        say(f"{name}{mark}{default}: {about}")
    return code


def add_arguments(parser: argparse.ArgumentParser) -> None:
    if parser.prog.endswith("characters"):  # it has no options
        return
    commands = parser.add_subparsers(dest="subcommand", required=True, metavar="new|points")
    points = add_command(commands, "points", "Find the points of a drawing's face, to correct them by hand.")
    points.add_argument("picture", type=Path, metavar="PICTURE", help="the drawing")
    points.add_argument("--out", type=Path, required=True, metavar="FILE", help="the points, such as face.json")
    new = add_command(commands, "new", "Make a character and save it.")
    new.add_argument("name", nargs="?", metavar="NAME", help=f"saved under this name in {user_folder()}")
    new.add_argument("--out", type=Path, metavar="FILE", help=f"save it there instead, such as me{SUFFIX}")
    source = new.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--photo",
        dest="photos",
        type=Path,
        nargs="+",
        action="extend",
        default=[],
        metavar="FILE",
        help="1 to 4 photos of one person; the first from the front, with a neutral face",
    )
    source.add_argument(
        "--picture",
        dest="drawing",
        type=Path,
        metavar="FILE",
        help="a drawing of one character, best from the front with open eyes, on a transparent background",
    )
    source.add_argument(
        "--vrm", type=Path, metavar="FILE", help="a 3D model, VRM 0.x or 1.0, as VRoid Studio exports it"
    )
    source.add_argument(
        "--blend",
        nargs=3,
        metavar=("A", "B", "SHARE"),
        help="a blend of two characters; SHARE is 0 for A and 1 for B, such as 0.4",
    )
    source.add_argument("--seed", type=int, metavar="N", help="a person who does not exist")
    new.add_argument("--points", type=Path, metavar="FILE", help="of the face in --picture; see omote character points")
    new.add_argument(
        "--consent", action="store_true", help="the person in the photos, or the artist, has agreed; for scripts"
    )
    new.add_argument("--overwrite", action="store_true", help="replace an earlier file")
    new.add_argument(
        "--kind", choices=CHARACTER_KINDS, default=OPEN, help="photoreal: of one --photo, drawn by Arc2Face"
    )
    if is_here():
        kind().add_arguments(new.add_argument_group("options of --kind photoreal"))


def request_of(typed: argparse.Namespace) -> CharacterRequest:
    """The request that was typed."""
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
        typed=typed,
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


def run(request: CharacterRequest) -> int:
    """Makes the characters and saves each as it comes; returns the exit code."""
    targets = output_paths(request)
    make_folder(targets[0].parent)
    consent = _consent(request) if request.photos or request.drawing or request.vrm else ""
    several = make_characters(replace(request, name=_path(request).stem), consent)
    for target in targets:
        try:
            made = run_interruptibly(lambda: next(several))
        except RuntimeUnavailable as error:
            raise CharacterError(str(error)) from error
        save_new_character(made.character, target)
        for warning in made.warnings:
            say(f"note: {warning}", to=sys.stderr)
        say(f"{made.character.name}: {made.character.made_from}. {made.character.licence}")
        shown = made.character.name if request.name else target
        say(f"saved in {target}; see it with: omote live --character {shown}")
    return 0


def output_paths(request: CharacterRequest) -> list[Path]:
    """The paths of the new files; CharacterError if one cannot be used, or if options contradict each other."""
    path = _path(request)
    if len(request.photos) > _MAX_PHOTOS:
        raise CharacterError(f"--photo takes 1 to {_MAX_PHOTOS} photos of one person, got {len(request.photos)}")
    if request.points and not request.drawing:
        raise CharacterError("--points is only for --picture: the face in a photo is found automatically")
    _check_kind(request)
    paths = [path.with_stem(name) for name in character_names(replace(request, name=path.stem))]
    for one in paths:
        if one.exists() and not request.overwrite:
            raise CharacterError(f"{one} exists already: choose another name, or add --overwrite")
    return paths


def _path(request: CharacterRequest) -> Path:
    """The path of the new file, or of several without the numbers in their names."""
    if (request.name is None) == (request.out is None):
        raise CharacterError("give either a NAME or --out FILE")
    try:
        return request.out or own_character_path(request.name or "")
    except CharacterError as error:
        raise CharacterError(f"{error}; or use --out FILE") from error


def _check_kind(request: CharacterRequest) -> None:
    if request.kind == OPEN:
        own = argparse.ArgumentParser(add_help=False)
        if is_here():
            kind().add_arguments(own.add_argument_group())
        if typed := [one for one in vars(own.parse_args([])) if getattr(request.typed, one, None) is not None]:
            raise CharacterError(f"--{typed[0].replace('_', '-')} is only for --kind {PHOTOREAL}")
        return
    if len(request.photos) != 1:
        raise CharacterError(f"--kind photoreal takes one --photo, got {len(request.photos)}")


def _consent(request: CharacterRequest) -> str:
    ask = input if sys.stdin is not None and sys.stdin.isatty() else None
    if request.vrm:
        from omote.engine.model.vrm_file import VrmError, read_vrm

        try:
            model = read_vrm(request.vrm)
        except VrmError as error:
            raise CharacterError(str(error)) from error
        say(model.terms.line, to=sys.stderr)
        of: SourceKind = "model"
    else:
        of = "drawing" if request.drawing else "person"
    return consent_statement(of, request.consent, ask, time.strftime("%Y-%m-%d"), len(request.photos))


def write_points(picture: Path, out: Path) -> int:
    """Writes the points of the face, or points in the middle if none is found, and a picture that shows them."""
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
        say("note: no face was found, so the points are where a face often is", to=sys.stderr)
    say(f"the points are in {out}, and {shown} shows them; correct them, then:")
    say(f"omote character new NAME --picture {picture} --points {out}")
    return 0
