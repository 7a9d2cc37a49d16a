"""Animated PNGs, GIFs and contact sheets, read back by Pillow and by FFmpeg."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from omote.engine.offline.animation import RenderError
from omote.engine.offline.pictures import read_png_chunks
from omote.engine.offline.writers import xmp
from omote.engine.offline.writers.images import (
    GIF_SIDE,
    ApngWriter,
    ContactSheetWriter,
    GifWriter,
    apng_delay,
    gif_timing,
)

Made = Callable[..., Any]


def ignore(done: int) -> None:
    """Takes the progress of a writer."""


# Animated PNGs.


def write_apng(made: Any, folder: Path) -> Path:
    ApngWriter(folder / "x.apng").write(made.animation, made.pictures, ignore)
    return folder / "x.apng"


def test_every_picture_comes_back_exactly(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(5)
    made.pictures.path(3).write_bytes(made.pictures.path(2).read_bytes())  # equal pictures are not merged
    with Image.open(write_apng(made, tmp_path)) as animation:
        assert len(list(ImageSequence.Iterator(animation))) == 5
        for index in range(5):
            animation.seek(index)
            assert animation.mode == "RGBA"
            assert np.array_equal(np.asarray(animation), made.content[2 if index == 3 else index])


def test_ffmpeg_reads_the_exact_rate_and_the_same_pixels(small_rendering: Made, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    made = small_rendering(6, Fraction(30000, 1001))
    with av.open(str(write_apng(made, tmp_path)), format="apng") as file:
        frames = list(file.decode(video=0))
        assert file.streams.video[0].average_rate == Fraction(30000, 1001)
    # FFmpeg's clock has a resolution of 1e-5 seconds.
    assert [frame.time for frame in frames] == pytest.approx([k * 1001 / 30000 for k in range(6)], abs=1e-4)
    for frame, content in zip(frames, made.content, strict=True):
        assert np.array_equal(frame.to_ndarray(format="rgba"), content)


@pytest.mark.parametrize("fps", ["24", "24000/1001", "25", "30000/1001", "60", "60000/1001", "240", "1/2", "1000"])
def test_usual_delays_are_exact(fps: str) -> None:
    assert Fraction(*apng_delay(Fraction(fps))) == 1 / Fraction(fps)


def test_a_delay_that_16_bits_cannot_hold_is_the_nearest_or_refused() -> None:
    assert float(Fraction(*apng_delay(Fraction(120000, 1001)))) == pytest.approx(1001 / 120000, rel=3e-8)
    with pytest.raises(RenderError, match="65535"):
        apng_delay(Fraction(1, 70000))


def test_the_xmp_packet_is_a_text_chunk(small_rendering: Made, tmp_path: Path) -> None:
    chunks = read_png_chunks(write_apng(small_rendering(2), tmp_path).read_bytes())
    texts = [content for name, content in chunks if name == b"iTXt"]
    assert texts == [b"XML:com.adobe.xmp\0\0\0\0\0" + xmp.xmp_packet()]


def test_a_damaged_picture_is_named_and_the_earlier_file_stays(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(3)
    (tmp_path / "x.apng").write_bytes(b"before")
    whole = made.pictures.path(1).read_bytes()
    made.pictures.path(1).write_bytes(whole[:-30])
    with pytest.raises(RenderError, match=r"000001\.png cannot be read .*--resume"):
        write_apng(made, tmp_path)
    assert (tmp_path / "x.apng").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "x.apng"]


def test_a_picture_of_another_size_is_refused(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(2)
    Image.new("RGBA", (30, 30)).save(made.pictures.path(1))
    with pytest.raises(RenderError, match="not like the first"):
        write_apng(made, tmp_path)


# GIFs.


def write_gif(made: Any, folder: Path, background: tuple[int, int, int] = (0, 0, 0)) -> Path:
    GifWriter(folder / "x.gif", background).write(made.animation, made.pictures, ignore)
    return folder / "x.gif"


@pytest.mark.parametrize(
    "fps", ["24", "25", "30", "30000/1001", "48", "50", "60000/1001", "60", "120", "144", "1000", "7/3"]
)
def test_a_gif_has_the_duration_of_the_animation_in_delays_that_browsers_respect(fps: str) -> None:
    for count in (1, 2, 30, 101, 240, 999):
        timing = gif_timing(count, Fraction(fps))
        longer_s = sum(hundredths for _, hundredths in timing) / 100 - float(count / Fraction(fps))
        # The last picture has a delay of 2/100 s at least.
        assert -0.0051 <= longer_s <= (0.0051 if Fraction(fps) <= 50 else 0.0201)
        assert timing[0][0] == 0
        assert min(hundredths for _, hundredths in timing) >= 2


def test_each_picture_begins_within_half_a_hundredth_of_its_time() -> None:
    start = 0
    for index, hundredths in gif_timing(100, Fraction(30000, 1001)):
        assert abs(start / 100 - index * 1001 / 30000) <= 0.00501
        start += hundredths


def test_pillow_reads_the_pictures_within_a_step_of_the_palette(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(6, size=64)
    with Image.open(write_gif(made, tmp_path, (255, 255, 255))) as animation:
        assert len(list(ImageSequence.Iterator(animation))) == 6
        assert animation.info["loop"] == 0
        for index, content in enumerate(made.content):
            animation.seek(index)
            found, is_shown = np.asarray(animation.convert("RGBA")), content[..., 3] >= 128
            assert np.array_equal(found[..., 3] == 255, is_shown)
            assert set(np.unique(found[..., 3])) == {0, 255}
            alpha = content[..., 3:].astype(np.float32) / 255
            over = content[..., :3] * alpha + 255 * (1 - alpha)
            # 255 colours of some thousands, and 3 of dither: 8 in the mean is a third of a coarse palette's step.
            assert np.abs(found[..., :3] - over)[is_shown].mean() < 8


def test_ffmpeg_reads_each_picture_and_its_time(small_rendering: Made, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    with av.open(str(write_gif(small_rendering(31, size=32), tmp_path))) as file:
        times = [frame.time for frame in file.decode(video=0)]
    assert times == pytest.approx([k / 30 for k in range(31)], abs=0.0051)


def test_a_large_picture_is_reduced(small_rendering: Made, tmp_path: Path) -> None:
    with Image.open(write_gif(small_rendering(1, size=600), tmp_path)) as animation:
        assert animation.size == (GIF_SIDE, GIF_SIDE)


def test_an_empty_picture_is_transparent(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(1)
    Image.new("RGBA", (24, 24)).save(made.pictures.path(0))
    with Image.open(write_gif(made, tmp_path)) as animation:
        assert not np.asarray(animation.convert("RGBA"))[..., 3].any()


def test_the_xmp_packet_is_an_application_block(small_rendering: Made, tmp_path: Path) -> None:
    # As in the specification: the packet, and an end that leads other readers to the next block.
    end = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    assert b"\x21\xff\x0bXMP DataXMP" + xmp.xmp_packet() + end in write_gif(small_rendering(2), tmp_path).read_bytes()


def test_a_delay_that_is_too_long_is_refused(small_rendering: Made) -> None:
    animation = small_rendering(1, Fraction(1, 700)).animation
    with pytest.raises(RenderError, match="655 s"):
        GifWriter(Path("x.gif")).check(animation, 24)


# Contact sheets.


def test_each_picture_stands_on_a_checkerboard_over_its_time(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(3, size=64)
    ContactSheetWriter(tmp_path / "x.png").write(made.animation, made.pictures, ignore)
    with Image.open(tmp_path / "x.png") as image:
        assert (image.mode, image.size) == ("RGB", (192, 64 + 24))
        sheet = np.asarray(image)
    for index, left in enumerate((0, 64, 128)):
        cell, content = sheet[:64, left : left + 64], made.content[index]
        opaque, transparent = content[..., 3] == 255, content[..., 3] == 0
        assert np.array_equal(cell[opaque], content[..., :3][opaque])
        assert {tuple(map(int, one)) for one in np.unique(cell[transparent], axis=0)} == {(204,) * 3, (238,) * 3}
        label = sheet[64:88, left : left + 64]
        assert label.min() < 100 and label.max() == 255


def test_24_pictures_at_most_fill_their_rows(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(40)
    ContactSheetWriter(tmp_path / "x.png").write(made.animation, made.pictures, ignore)
    with Image.open(tmp_path / "x.png") as image:
        assert image.size == (6 * 24, 4 * (24 + 24))
