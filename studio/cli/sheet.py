"""`omote sheet`: draws one character with several expressions as a set of pictures."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from omote.engine.data import Character, PhotorealCharacter
from omote.engine.face.expressions import NAMED_EXPRESSIONS
from omote.engine.face.light import studio_light
from omote.engine.model.animator import Animator
from omote.engine.model.character_file import load_any_character
from omote.engine.model.kinds import Stills, kind
from omote.engine.model.renderer import references_at_once
from omote.engine.offline import sheet
from omote.engine.offline.credentials import load_credentials
from omote.engine.offline.face_parser import FORMS, REST
from omote.engine.offline.sheet import Expression, Picture, SheetError
from omote.engine.storage import require_empty

from ..app.config import Config, without_trials
from .parser import CREDENTIALS, CREDENTIALS_HELP, POSE_HELP, config_of
from .terminal import say


@dataclass(frozen=True)
class SheetRequest:
    """What was typed; None leaves an option to the kind of the character."""

    config: Config  # of which character, size, runtime and the photoreal settings count
    expressions: tuple[Expression, ...]
    folder: Path
    photos: tuple[Path, ...]  # of which the expressions are drawn too
    stills: Stills
    overwrite: bool
    credentials: str | None = None  # "local", or the path of a PEM file; None: files are not signed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    named = ", ".join((REST, *NAMED_EXPRESSIONS))
    parser.add_argument("--config", type=Path, default=None, metavar="FILE.toml", help="settings; flags override them")
    parser.add_argument("--character", metavar="NAME", help="the character; see `omote characters`")
    parser.add_argument(
        "--expressions", nargs="+", default=[], metavar="EXPRESSION", help=f"{named}, or ARKit weights as {FORMS}"
    )
    parser.add_argument(
        "--expression-from",
        dest="photos",
        nargs="+",
        type=Path,
        default=[],
        metavar="PHOTO",
        help="draw the expressions in these photos, as SMIRK reads them; only photoreal characters. Vectors of 55 "
        "numbers that SMIRK has read already are --expressions flame2020:FILE@ROW (.csv, .npy, .safetensors)",
    )
    parser.add_argument("--out", dest="folder", type=Path, required=True, metavar="DIR", help="a new or empty folder")
    parser.add_argument("--overwrite", action="store_true", default=False, help="replace an earlier sheet there")
    parser.add_argument("--credentials", default=None, metavar=CREDENTIALS, help=CREDENTIALS_HELP)
    parser.add_argument("--steps", type=int, default=None, help="steps of the sampler; 25 for photoreal characters")
    parser.add_argument("--guidance", type=float, default=None, help="of photoreal characters: 3, or 1 for none")
    parser.add_argument(
        "--expression-scale", type=float, default=None, metavar="0..1.5", help="of photoreal characters"
    )
    parser.add_argument("--pose", choices=("warp", "controlnet"), help=POSE_HELP)
    parser.add_argument(
        "--share",
        type=float,
        default=None,
        metavar="0..1",
        help="how strongly photoreal pictures attend to the face at rest, 0 by default",
    )


def request_of(typed: argparse.Namespace, config: Config) -> SheetRequest:
    """Checks what was typed; SheetError if an option is out of range."""
    if not (typed.expressions or typed.photos):
        raise SheetError("nothing to draw: name --expressions, or photos with --expression-from")
    limits = {"steps": (1, 999), "guidance": (1.0, 100.0), "share": (0.0, 1.0), "expression_scale": (0.0, 1.5)}
    for name, (low, high) in limits.items():
        value = getattr(typed, name)
        if value is not None and not low <= value <= high:
            raise SheetError(f"--{name.replace('_', '-')} must be from {low:g} to {high:g}, got {value:g}")
    scale = 1.0 if typed.expression_scale is None else typed.expression_scale
    return SheetRequest(
        config=config,
        expressions=sheet.expressions(typed.expressions),
        folder=typed.folder,
        photos=tuple(typed.photos),
        stills=Stills(typed.steps, typed.guidance, typed.share, scale),
        overwrite=typed.overwrite,
        credentials=typed.credentials,
    )


def main(typed: argparse.Namespace) -> int:
    """Runs `omote sheet`; returns the exit code."""
    return run(request_of(typed, config_of(typed, steps=1, guidance=1.0, expression_scale=1.0)))  # options of a sheet


def run(request: SheetRequest) -> int:
    """Draws and writes the sheet; what is refused is refused before its folder is made and before anything is drawn."""
    require_empty(request.folder, SheetError, overwrite=request.overwrite)
    credentials = load_credentials(request.credentials) if request.credentials else None
    character = load_any_character(request.config.character)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(f"loading {character.name}", total=None)
        if isinstance(character, PhotorealCharacter):
            expressions, drawing = _photoreal(character, request)
        else:
            expressions, drawing = request.expressions, _open_kind(character, request)
        sheet.prepare(request.folder, overwrite=request.overwrite)
        progress.update(task, description=f"drawing {_pictures(len(expressions))} of {character.name}")
        pictures = list(drawing)
    sheet.save(request.folder, expressions, pictures, credentials)
    say(f"{_pictures(len(pictures))} and {sheet.SHEET} in {request.folder}")
    return 0


def _pictures(count: int) -> str:
    return f"{count} picture{'' if count == 1 else 's'}"


def _photoreal(
    character: PhotorealCharacter, request: SheetRequest
) -> tuple[tuple[Expression, ...], Iterator[Picture]]:
    """The expressions with those of the photos, and their pictures, which are drawn as they are read."""
    settings = request.config.for_kinds()
    read = (Expression(photo.name, kind().read_expression(photo, settings)) for photo in request.photos)
    expressions = (*request.expressions, *read)
    return expressions, kind().stills(character, [one.params for one in expressions], request.stills, settings)


def _open_kind(character: Character, request: SheetRequest) -> Iterator[Picture]:
    """Draws each picture on its own, in the studio's light, as it is read; errors come before the first."""
    photoreal = {
        "--guidance": request.stills.guidance,
        "--share": request.stills.share,
        "--expression-from": request.photos or None,
    }
    for flag, value in photoreal.items():
        if value is not None:
            raise SheetError(f"{flag} is for photoreal characters, and {character.name} is not one: leave it out")
    config = without_trials(request.config)
    at_once = references_at_once(character)
    animator = Animator(config.size, request.stills.steps or 1, config.runtime, consistency=False, references=at_once)
    animator.check(character)
    return (animator.draw(one.params, character, studio_light()).rgba for one in request.expressions)
