"""Draws all pictures of a script that are not there yet, by whoever does the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .crew import Alone, Crew
from .easel import Chunk, Easel, chunks, draw
from .hand import hand_at
from .picture_file import Pictures, encoded
from .script import Script
from .whole_picture import is_whole
from .writing.unfinished import unfinished


def render(script: Script, easel: Easel, crew: Crew, folder: Path, tell: Callable[[int], None]) -> Pictures:
    """Fills `folder`, which is there; `tell` is called with how many pictures are done, after each chunk, or after each
    picture where this process draws alone.

    A chunk of which a picture is missing or damaged is drawn again, whole: what is there afterwards does not depend on
    what was there before.
    """
    pictures = Pictures(folder, len(script))
    missing = [chunk for chunk in chunks(script, sways=easel.sways(script)) if not is_done(pictures, chunk)]
    done = len(script) - sum(len(chunk) for chunk in missing)
    tell(done)
    for indices, files in _drawn(easel, crew, missing):
        keep(pictures, indices, files)
        done += len(indices)
        tell(done)
    return pictures


def _drawn(easel: Easel, crew: Crew, missing: Sequence[Chunk]) -> Iterator[tuple[Sequence[int], Sequence[bytes]]]:
    """PNGs as soon as there are any, with whose they are."""
    if isinstance(crew, Alone):
        for chunk in missing:
            for index, picture in zip(chunk.indices, hand_at(easel).pictures(chunk), strict=True):
                yield (index,), (encoded(picture),)
    else:
        for chunk, files in crew.done(draw, easel, missing):
            yield chunk.indices, files


def is_done(pictures: Pictures, chunk: Chunk) -> bool:
    """Whether all its pictures are there, whole."""
    return all(is_whole(pictures.path(index)) for index in chunk.indices)


def keep(pictures: Pictures, indices: Sequence[int], files: Sequence[bytes]) -> None:
    """Writes these PNGs, each of them whole or not at all; RenderError where the disk takes no more."""
    for index, file in zip(indices, files, strict=True):
        with unfinished(pictures.path(index)) as path:
            path.write_bytes(file)
