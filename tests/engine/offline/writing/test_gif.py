"""GIFs, read back by Pillow and by FFmpeg."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from omote.engine.offline.animation import RenderError
from omote.engine.offline.writers import xmp
from omote.engine.offline.writers.images import GIF_SIDE, GifWriter, gif_timing

Made = Callable[..., Any]


def ignore(count: int) -> None:
    """Takes what a writer tells."""


@pytest.mark.parametrize("fps", ["24", "25", "30", "30000/1001", "48", "50", "60000/1001", "60", "120", "7/3"])
def test_it_lasts_as_long_as_the_performance(fps: str) -> None:
    for count in (1, 2, 30, 101, 240):
        shown = gif_timing(count, Fraction(fps))
        longer_s = sum(hundredths for _, hundredths in shown) / 100 - float(count / Fraction(fps))
        assert -0.0051 <= longer_s <= (0.0051 if Fraction(fps) <= 50 else 0.0151)  # the last one has 2/100 s at least
        assert shown[0][0] == 0


@pytest.mark.parametrize("fps", ["30", "50", "60", "144", "1000"])
def test_no_picture_is_so_short_that_browsers_draw_it_out(fps: str) -> None:
    for count in (1, 999, 1000, 1001):
        assert min(hundredths for _, hundredths in gif_timing(count, Fraction(fps))) >= 2


def test_each_picture_begins_within_half_a_hundredth_of_its_time() -> None:
    start = 0
    for index, hundredths in gif_timing(100, Fraction(30000, 1001)):
        assert abs(start / 100 - index * 1001 / 30000) <= 0.00501
        start += hundredths


def test_pillow_reads_the_pictures_within_a_step_of_the_palette(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(6, size=64)
    GifWriter(tmp_path / "x.gif", (255, 255, 255)).write(made.script, made.pictures, ignore)
    with Image.open(tmp_path / "x.gif") as animation:
        assert len(list(ImageSequence.Iterator(animation))) == 6
        for index, shown in enumerate(made.shown):
            animation.seek(index)
            found, wanted = np.asarray(animation.convert("RGBA")), shown.astype(np.float32)
            assert np.array_equal(found[..., 3] == 255, shown[..., 3] >= 128)
            assert set(np.unique(found[..., 3])) == {0, 255}
            alpha = wanted[..., 3:] / 255
            over = wanted[..., :3] * alpha + 255 * (1 - alpha)
            is_shown = shown[..., 3] >= 128
            # 255 colours of some thousands, and 3 of dither: 8 in the mean is a third of a coarse palette's step.
            assert np.abs(found[..., :3] - over)[is_shown].mean() < 8


def test_ffmpeg_reads_each_picture_and_its_time(small_rendering: Made, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    made = small_rendering(31, size=32)
    GifWriter(tmp_path / "x.gif").write(made.script, made.pictures, ignore)
    with av.open(str(tmp_path / "x.gif")) as file:
        times = [frame.time for frame in file.decode(video=0)]
    assert times == pytest.approx([k / 30 for k in range(31)], abs=0.0051)


def test_a_large_picture_is_made_smaller(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(1, size=600)
    GifWriter(tmp_path / "x.gif").write(made.script, made.pictures, ignore)
    with Image.open(tmp_path / "x.gif") as animation:
        assert animation.size == (GIF_SIDE, GIF_SIDE)


def test_a_picture_that_shows_nothing_is_clear(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(1)
    Image.new("RGBA", (24, 24)).save(made.pictures.path(0))
    GifWriter(tmp_path / "x.gif").write(made.script, made.pictures, ignore)
    with Image.open(tmp_path / "x.gif") as animation:
        assert not np.asarray(animation.convert("RGBA"))[..., 3].any()


def test_it_says_that_a_model_made_it_and_runs_for_ever(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(2)
    GifWriter(tmp_path / "x.gif").write(made.script, made.pictures, ignore)
    with Image.open(tmp_path / "x.gif") as animation:
        assert animation.info["loop"] == 0
    # As the specification has it: the packet as it is, and an end that leads other readers to the next block.
    end = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    assert b"\x21\xff\x0bXMP DataXMP" + xmp.xmp_packet() + end in (tmp_path / "x.gif").read_bytes()


def test_the_same_pictures_give_the_same_bytes_and_no_more_than_was_said(small_rendering: Made, tmp_path: Path) -> None:
    made, told = small_rendering(12, size=64), list[int]()
    for name in ("a.gif", "b.gif"):
        GifWriter(tmp_path / name).write(made.script, made.pictures, told.append)
    written = (tmp_path / "a.gif").read_bytes()
    assert written == (tmp_path / "b.gif").read_bytes()
    assert len(written) <= GifWriter(tmp_path / "a.gif").bytes_of(made.script, 64)
    assert told == [10, 12] * 2


def test_a_picture_that_would_last_too_long_is_refused(small_rendering: Made) -> None:
    script = small_rendering(1, Fraction(1, 700)).script
    with pytest.raises(RenderError, match="655 s"):
        GifWriter(Path("x.gif")).check(script, 24)
