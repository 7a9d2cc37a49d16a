"""The exported networks that draw a character, kept on this machine: made at the first asking, then only read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

from omote.engine.cache_folder import cache_folder
from omote.engine.look import AnimatorError
from omote.engine.nouns import PhotorealCharacter

from .exported_model import ExportedModel, ExportedModelError
from .files import Published
from .opening import EXTRA, weights_of
from .recipe import Recipe


def exported_folder(character: PhotorealCharacter) -> Path:
    """Where the networks that draw this character are kept, and others of the same recipe with it."""
    return cache_folder() / "photoreal" / Recipe.of(character).digest


def exported(
    character: PhotorealCharacter,
    files: Published,
    allow_noncommercial: bool,
    on_news: Callable[[str], None] = lambda news: None,
) -> ExportedModel:
    """As kept, else made now of the published files, which `on_news` is told before; that wants PyTorch and minutes.

    Whatever is wrong with the files is a CharacterError, a PublishedError or a NonCommercialError; AnimatorError where
    they cannot be exported here.
    """
    folder = exported_folder(character)
    weights = cache(lambda: weights_of(character, files, allow_noncommercial))
    try:
        return ExportedModel.read(folder, weights)
    except ExportedModelError:
        on_news(f"exporting the networks that draw {character.name}, once; this takes minutes")
    _export(weights, Recipe.of(character), folder)
    return ExportedModel.read(folder, weights)


def _export(weights: Callable[[], object], recipe: Recipe, folder: Path) -> None:
    """All of it or nothing: what is half written is never in its place."""
    arc = weights()
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        _exporter()(arc, recipe, partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)
    except OSError as error:
        raise AnimatorError(f"cannot write to {folder.parent} ({error}): make room, or choose another cache") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _exporter() -> Callable[[object, Recipe, Path], object]:
    try:
        from omote.engine.diffusion.arc2face.export import export
    except ImportError as error:
        raise AnimatorError(f"to export networks wants more than is installed ({error}): {EXTRA}") from error
    return export  # type: ignore[return-value]  # what it takes is a type of torch's, which no caller has to load
