"""`omote render`: a take or a video becomes a folder of pictures, the same ones every time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from omote.engine.face.light import studio_light
from omote.engine.nouns import Actor
from omote.engine.offline.render import prepare, render

from .config import Config, settled
from .ending import interruptibly
from .live import load


@dataclass(frozen=True)
class Rendering:
    """What to draw and where to."""

    config: Config  # of which source, character, size, steps, runtime and fps matter
    folder: Path
    overwrite: bool


def run(rendering: Rendering) -> int:
    """Draws everything and returns the exit code; errors that a person can mend are raised."""
    cast = interruptibly(lambda: load(settled(rendering.config)))
    prepare(rendering.folder, overwrite=rendering.overwrite)
    columns = (SpinnerColumn(), TextColumn("{task.completed} pictures of {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(cast.source.name, total=None)
        count = render(
            cast.source,
            cast.artist,
            cast.character,
            Actor(),
            studio_light(),
            rendering.folder,
            on_picture=lambda done: progress.update(task, completed=done),
        )
    print(f"{count} pictures and params.csv in {rendering.folder}")
    return 0
