"""`omote sheet`: draws one character with several expressions as a set of pictures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from omote.engine.data import Character, PhotorealCharacter
from omote.engine.face.expressions import NAMED_EXPRESSIONS
from omote.engine.face.light import studio_light
from omote.engine.model.animator import Animator
from omote.engine.model.character_file import load_any_character
from omote.engine.model.renderer import references_at_once
from omote.engine.offline.face_parser import FORMS, REST
from omote.engine.photoreal import sheet
from omote.engine.photoreal.files import Published, published
from omote.engine.photoreal.flame_map import the_map
from omote.engine.photoreal.licences import require_commercial
from omote.engine.photoreal.opening import EXTRA, open_weights, require_alike
from omote.engine.photoreal.sheet import Expression, Picture, SheetError, Strength, Wish

from ..app.config import Config, without_trials
from .parser import config_of

if TYPE_CHECKING:
    from omote.engine.diffusion.arc2face.pipeline import Arc2Face


@dataclass(frozen=True)
class SheetRequest:
    """What was typed; None leaves an option to the kind of the character."""

    config: Config  # of which character, size, runtime and the photoreal settings count
    expressions: tuple[Expression, ...]
    folder: Path
    steps: int | None
    guidance: float | None
    share: Strength | None
    overwrite: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    wish, named = Wish(), ", ".join((REST, *NAMED_EXPRESSIONS))
    parser.add_argument("--config", type=Path, default=None, metavar="FILE.toml", help="settings; flags override them")
    parser.add_argument("--character", metavar="NAME", help="the character; see `omote characters`")
    parser.add_argument(
        "--expressions", nargs="+", required=True, metavar="EXPRESSION", help=f"{named}, or ARKit weights as {FORMS}"
    )
    parser.add_argument("--out", dest="folder", type=Path, required=True, metavar="DIR", help="a new or empty folder")
    parser.add_argument("--overwrite", action="store_true", default=False, help="replace an earlier sheet there")
    parser.add_argument(
        "--steps", type=int, default=None, help=f"steps of the sampler; {wish.steps} for photoreal characters"
    )
    parser.add_argument(
        "--guidance", type=float, default=None, help=f"of photoreal characters: {wish.guidance:g}, or 1 for none"
    )
    parser.add_argument(
        "--share",
        default=None,
        metavar="STRENGTH",
        help=f"how much photoreal pictures share, 0 to 1: {wish.share.up:g}, or down=0.2,mid=0.5,up=0.8",
    )


def request_of(typed: argparse.Namespace, config: Config) -> SheetRequest:
    """Checks what was typed; SheetError if an option is out of range."""
    if typed.steps is not None and not 1 <= typed.steps < 1000:
        raise SheetError(f"--steps must be from 1 to 999, got {typed.steps}")
    if typed.guidance is not None and not 1.0 <= typed.guidance <= 100.0:
        raise SheetError(f"--guidance must be from 1 (none) to 100, got {typed.guidance:g}")
    return SheetRequest(
        config=config,
        expressions=sheet.expressions(typed.expressions),
        folder=typed.folder,
        steps=typed.steps,
        guidance=typed.guidance,
        share=None if typed.share is None else sheet.share_of(typed.share),
        overwrite=typed.overwrite,
    )


def main(typed: argparse.Namespace) -> int:
    """Runs `omote sheet`; returns the exit code."""
    return run(request_of(typed, config_of(typed, steps=1)))  # --steps of a sheet is no setting


def run(request: SheetRequest) -> int:
    """Draws and writes the sheet."""
    character = load_any_character(request.config.character)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        progress.add_task(f"drawing {len(request.expressions)} pictures of {character.name}", total=None)
        if isinstance(character, PhotorealCharacter):
            pictures = _photoreal(character, request)
        else:
            pictures = _open_kind(character, request)
    sheet.save(request.folder, request.expressions, pictures)
    print(f"{len(pictures)} pictures and {sheet.SHEET} in {request.folder}")
    return 0


def _open_kind(character: Character, request: SheetRequest) -> Sequence[Picture]:
    """Draws each picture on its own, in the studio's light."""
    for name in ("guidance", "share"):
        if getattr(request, name) is not None:
            raise SheetError(f"--{name} is for photoreal characters, and {character.name} is not one: leave it out")
    config = without_trials(request.config)
    at_once = references_at_once(character)
    animator = Animator(config.size, request.steps or 1, config.runtime, consistency=False, references=at_once)
    animator.check(character)
    sheet.prepare(request.folder, overwrite=request.overwrite)
    return [animator.draw(one.params, character, studio_light()).rgba for one in request.expressions]


def _photoreal(character: PhotorealCharacter, request: SheetRequest) -> Sequence[Picture]:
    """All pictures as one set, by the published weights as their authors draw."""
    require_commercial(character.parts, request.config.allow_noncommercial)
    found = published(request.config.photoreal)
    require_alike(character, found)
    flame_map = the_map(request.config.flame_map)
    sheet.prepare(request.folder, overwrite=request.overwrite)
    arc = _opened(character, found)
    usual = Wish()
    wish = Wish(
        steps=request.steps or usual.steps,
        guidance=usual.guidance if request.guidance is None else request.guidance,
        share=usual.share if request.share is None else request.share,
    )
    return sheet.photoreal_set(arc, character, request.expressions, flame_map.flame, wish)


def _opened(character: PhotorealCharacter, found: Published) -> Arc2Face:
    """The weights without those of few steps, where they are fastest."""
    try:
        from omote.engine.diffusion.arc2face.pipeline import fastest_place
    except ImportError as error:
        raise SheetError(f"photoreal stills want PyTorch ({error}): {EXTRA}") from error
    device, dtype = fastest_place()
    return open_weights(found, None, character.reference_scale, device=str(device), dtype=dtype)
