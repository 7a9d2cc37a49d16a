"""Draws all pictures of a script that are not there yet, by whoever does the work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .crew import Crew
from .easel import Chunk, Easel, chunks, draw
from .picture_file import Pictures
from .script import Script
from .whole_picture import is_whole
from .writing.unfinished import unfinished


def render(script: Script, easel: Easel, crew: Crew, folder: Path, tell: Callable[[int], None]) -> Pictures:
    """Fills `folder`, which is there; `tell` is called with how many pictures are done, after each chunk.

    A chunk of which a picture is missing or damaged is drawn again, whole: what is there afterwards does not depend on
    what was there before.
    """
    pictures = Pictures(folder, len(script))
    missing = [chunk for chunk in chunks(script) if not is_done(pictures, chunk)]
    done = len(script) - sum(len(chunk) for chunk in missing)
    tell(done)
    for chunk, files in crew.done(draw, easel, missing):
        keep(pictures, chunk, files)
        done += len(chunk)
        tell(done)
    return pictures


def is_done(pictures: Pictures, chunk: Chunk) -> bool:
    """Whether all its pictures are there, whole."""
    return all(is_whole(pictures.path(index)) for index in chunk.indices)


def keep(pictures: Pictures, chunk: Chunk, files: tuple[bytes, ...]) -> None:
    """Writes the PNGs of a chunk, each of them whole or not at all; RenderError where the disk takes no more."""
    for index, file in zip(chunk.indices, files, strict=True):
        with unfinished(pictures.path(index)) as path:
            path.write_bytes(file)
