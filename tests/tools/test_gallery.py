"""The gallery shows what its commands draw: eight animations, each with a row, a clip and a command."""

from __future__ import annotations

import argparse
import io
import re
import shlex
from pathlib import Path

import gallery
import numpy as np
import pytest
from PIL import Image

from omote.engine.offline.animation import Animation
from omote.engine.offline.timeline import read_timeline
from omote.studio.app.config import DEFAULTS, with_changes
from omote.studio.cli import render as render_arguments

SHOWN = re.compile(r"!\[[^]]*\]\(gallery/([^)]+)\)")
COMMAND = re.compile(r"^omote .*$", re.MULTILINE)
FILES = {path.name for path in gallery.FOLDER.iterdir()}
BY_NAME = pytest.mark.parametrize("piece", gallery.GALLERY, ids=lambda piece: piece.name)
PICTURES = [Image.new("RGBA", (64, 64), (level, 90, 40, 255)) for level in (0, 60, 120, 180, 240)]


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands name files from there."""
    monkeypatch.chdir(gallery.ROOT)


def animation_of(words: list[str]) -> Animation:
    """The animation of `omote render` with these words."""
    parser = argparse.ArgumentParser(argument_default=argparse.SUPPRESS)
    render_arguments.add_arguments(parser)
    typed = parser.parse_args(words)
    config = with_changes(DEFAULTS, {"character": typed.character} if "character" in typed else {})
    return render_arguments.request_of(typed, config, ["render", *words]).clip.draft()


def durations_ms(clip: Image.Image) -> list[int]:
    """Of each picture of it."""
    found = []
    for number in range(getattr(clip, "n_frames", 1)):
        clip.seek(number)
        clip.load()
        found.append(clip.info["duration"])
    return found


def test_there_are_eight_different_pieces() -> None:
    assert len({piece.name for piece in gallery.GALLERY}) == len(gallery.GALLERY) == 8
    assert len({piece.arguments for piece in gallery.GALLERY}) == 8


def test_page_is_what_the_gallery_says() -> None:
    assert gallery.PAGE.read_text(encoding="utf-8") == gallery.page(), "run tools/gallery.py"


def test_page_shows_every_picture_that_is_there_and_no_other() -> None:
    shown = SHOWN.findall(gallery.page())
    assert sorted(shown) == sorted(name for name in FILES if name.endswith(".webp"))


def test_every_timeline_is_used() -> None:
    commands = [gallery.CAST_COMMAND, *(piece.arguments for piece in gallery.GALLERY)]
    asked = {Path(word).name for command in commands for word in shlex.split(command) if "gallery/" in word}
    assert asked == {name for name in FILES if name.endswith(".toml")}


def test_folder_holds_pictures_and_timelines_up_to_their_limit() -> None:
    assert {Path(name).suffix for name in FILES} == {".webp", ".toml"}
    assert sum(path.stat().st_size for path in gallery.FOLDER.iterdir()) <= gallery.MOST_BYTES


@pytest.mark.parametrize("command", COMMAND.findall(gallery.page()), ids=lambda command: command.split()[-1])
def test_each_command_on_the_page_is_valid(command: str) -> None:
    omote, render, *words = shlex.split(command)
    assert (omote, render, words[-2]) == ("omote", "render", "--out")
    assert len(animation_of(words)) > 1


@BY_NAME
def test_clip_is_short_and_the_row_is_a_part_of_it(piece: gallery.Piece) -> None:
    drawn = animation_of([*shlex.split(piece.arguments), "--fps", str(gallery.FPS), "--out", "x"])
    assert drawn.fps == gallery.FPS
    assert drawn.time_s(len(drawn)) <= 2.5
    first, last = piece.row_s
    assert 0.0 <= first < last <= drawn.time_s(len(drawn))
    assert round(last * gallery.FPS) - round(first * gallery.FPS) >= gallery.MOMENTS - 1  # no moment twice
    with Image.open(gallery.FOLDER / f"{piece.name}.webp") as clip:
        assert clip.size == (gallery.CLIP, gallery.CLIP)
        assert sum(durations_ms(clip)) == 50 * len(drawn)  # pictures that are alike are one, which is shown longer


@BY_NAME
def test_clip_goes_round_without_a_jump(piece: gallery.Piece) -> None:
    drawn = animation_of([*shlex.split(piece.arguments), "--fps", str(gallery.FPS), "--out", "x"])
    for rows in (drawn.faces, drawn.lights, drawn.shares):
        steps = np.abs(np.diff(rows, axis=0)).max() if len(rows) > 1 else 0.0
        assert np.abs(rows[-1] - rows[0]).max() <= max(1.5 * steps, 1e-3)


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.endswith(".toml")))
def test_timeline_is_read_by_itself(name: str) -> None:
    assert len(read_timeline(gallery.FOLDER / name).animation()) > 1


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.endswith(".webp")))
def test_picture_says_that_a_model_made_it(name: str) -> None:
    with Image.open(gallery.FOLDER / name) as picture:
        assert b"trainedAlgorithmicMedia" in picture.info["xmp"]


def test_row_shows_its_first_and_its_last_moment_on_the_backdrop() -> None:
    made = gallery.row(PICTURES, (0.0, 4 / gallery.FPS))
    strip = np.asarray(Image.open(io.BytesIO(made)).convert("RGB"))
    assert strip.shape == (gallery.TILE, gallery.MOMENTS * gallery.TILE, 3)
    reds = [int(strip[gallery.TILE // 2, gallery.TILE * (2 * k + 1) // 2, 0]) for k in range(gallery.MOMENTS)]
    assert reds == sorted(reds)
    assert reds[0] <= 9
    assert abs(reds[-1] - 240) <= 9


def test_transparent_pixels_show_the_backdrop() -> None:
    tile = gallery.crop_head(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), 16)
    assert tile.getcolors() == [(256, gallery.BACKDROP)]


def test_clip_shows_each_picture_for_fifty_milliseconds_and_is_the_same_each_time() -> None:
    made = gallery.clip(PICTURES)
    assert made == gallery.clip(PICTURES)
    with Image.open(io.BytesIO(made)) as clip:
        assert clip.info["loop"] == 0
        assert durations_ms(clip) == [50] * len(PICTURES)


def test_an_unknown_name_draws_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert gallery.main(["smirk"]) == 2
    assert "not smirk" in capsys.readouterr().err
