"""`omote render`: a take or a video becomes a folder of pictures, the same ones every time."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from omote.calibration.actor_file import ActorError, remembered
from omote.engine.face.light import studio_light
from omote.engine.nouns import Actor
from omote.engine.offline.folder_render import prepare, render
from omote.engine.offline.script import RenderError

from .config import Config, settled
from .ending import interruptibly
from .live import load

NOBODY = ""  # as the actor in the settings: what was kept of whoever performs live changes no picture

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rendering:
    """What to draw and where to."""

    config: Config  # of which source, character, size, steps, runtime, fps and actor matter
    folder: Path
    overwrite: bool


def run(rendering: Rendering) -> int:
    """Draws everything and returns the exit code; errors that a person can mend are raised."""
    cast = interruptibly(lambda: load(settled(rendering.config)))
    actor = performer(rendering.config, cast.source.name)
    prepare(rendering.folder, overwrite=rendering.overwrite)
    columns = (SpinnerColumn(), TextColumn("{task.completed} pictures of {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(cast.source.name, total=None)
        count = render(
            cast.source,
            cast.artist,
            cast.character,
            actor,
            studio_light(),
            rendering.folder,
            on_picture=lambda done: progress.update(task, completed=done),
        )
    print(f"{count} pictures and params.csv in {rendering.folder}")
    return 0


def performer(config: Config, source_name: str) -> Actor:
    """Who was calibrated with this source, where somebody is named; as the tracker says where nobody is.

    RenderError where what is kept is damaged.
    """
    name = config.actor
    if name == NOBODY:
        return Actor()
    try:
        kept = remembered(name, source_name)
    except ActorError as error:
        raise RenderError(str(error)) from error
    if kept is None:
        log.warning(
            "%s is drawn as the tracker says: run omote calibrate --source %s --actor %s", name, config.source, name
        )
        return Actor(name)
    return kept.actor
