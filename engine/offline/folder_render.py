"""Draws a whole performance into a folder: one RGBA PNG a picture, and a table of what each shows."""

from __future__ import annotations

import csv
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PIL import Image

from omote.engine.capture.source import EndOfSource, Source
from omote.engine.face.performance import Performance
from omote.engine.nouns import Actor, AnyCharacter, Array, Portrait
from omote.engine.result_folder import prepare_folder
from omote.engine.roles import Artist

from .script import RenderError

TABLE = "params.csv"
_PICTURES = "[0-9]" * 6 + ".png"
_READ_S = 1.0
_AXES = ("x", "y", "z")
COLUMNS: tuple[str, ...] = (
    *("index", "time_s"),
    *(f"expression_{number}" for number in range(50)),
    *(f"{part}_{axis}" for part in ("jaw_pose", "neck_pose", "eye_pose_left", "eye_pose_right") for axis in _AXES),
    *("eyelid_left", "eyelid_right"),
    *(f"translation_{axis}" for axis in _AXES),
    "presence",
)


def render(
    source: Source,
    artist: Artist,
    character: AnyCharacter,
    actor: Actor,
    light: Array,
    folder: Path,
    on_picture: Callable[[int], None] | None = None,
) -> int:
    """Draws every picture of an offline source into `folder`, which `prepare` has made ready; how many there were.

    The same source, character and network give the same bytes. `on_picture` is told the number of each that is done.
    """
    performance, count = Performance(actor), 0
    start_ns: int | None = None
    try:
        with source, (folder / TABLE).open("w", encoding="utf-8", newline="") as file, suppress(EndOfSource):
            table = csv.writer(file, lineterminator="\n")
            table.writerow(COLUMNS)
            while True:
                signal = source.read(_READ_S)
                if signal is None:
                    continue
                start_ns = signal.stamp.captured_ns if start_ns is None else start_ns
                shown = performance.follow(signal)
                portrait = artist.draw(
                    shown.params, character, light, stamp=signal.stamp, signal=signal, presence=shown.presence
                )
                Image.fromarray(portrait.rgba).save(folder / f"{count:06d}.png")
                table.writerow(_row(count, (signal.stamp.captured_ns - start_ns) / 1e9, portrait))
                count += 1
                if on_picture:
                    on_picture(count)
    except OSError as error:
        raise RenderError(f"cannot write to {folder}: {error.strerror or error}; is the disk full?") from error
    return count


def prepare(folder: Path, *, overwrite: bool = False) -> None:
    """Makes `folder` ready to be rendered into; RenderError where it holds something or cannot be written to.

    With `overwrite`, an earlier rendering in it is removed, and nothing else.
    """
    prepare_folder(folder, (_PICTURES, TABLE), RenderError, overwrite=overwrite)


def _row(index: int, time_s: float, portrait: Portrait) -> list[str]:
    numbers = (*portrait.params.vector(), portrait.presence)
    return [str(index), f"{time_s:.6f}", *(f"{number:.7g}" for number in numbers)]
