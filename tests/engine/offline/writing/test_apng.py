"""Animated PNGs, read back by Pillow and by FFmpeg."""

from __future__ import annotations

import xml.etree.ElementTree
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
from omote.engine.offline.writers.images import ApngWriter, apng_delay

Made = Callable[..., Any]


def ignore(count: int) -> None:
    """Takes what a writer tells."""


def test_every_picture_comes_back_with_each_of_its_numbers(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(5)
    ApngWriter(tmp_path / "x.apng").write(made.script, made.pictures, ignore)
    with Image.open(tmp_path / "x.apng") as animation:
        assert len(list(ImageSequence.Iterator(animation))) == 5
        for index, shown in enumerate(made.shown):
            animation.seek(index)
            assert animation.mode == "RGBA" and np.array_equal(np.asarray(animation), shown)


def test_pictures_that_do_not_differ_are_all_there(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(4)
    for index in range(1, 4):
        made.pictures.path(index).write_bytes(made.pictures.path(0).read_bytes())
    ApngWriter(tmp_path / "x.apng").write(made.script, made.pictures, ignore)
    with Image.open(tmp_path / "x.apng") as animation:
        assert len(list(ImageSequence.Iterator(animation))) == 4


def test_ffmpeg_reads_the_exact_rate_and_the_same_pixels(small_rendering: Made, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    made = small_rendering(6, Fraction(30000, 1001))
    ApngWriter(tmp_path / "x.apng").write(made.script, made.pictures, ignore)
    with av.open(str(tmp_path / "x.apng"), format="apng") as file:
        frames = list(file.decode(video=0))
        assert file.streams.video[0].average_rate == Fraction(30000, 1001)
    assert [frame.time for frame in frames] == pytest.approx(
        [k * 1001 / 30000 for k in range(6)], abs=1e-4
    )  # FFmpeg's clock has 1e-5
    for frame, shown in zip(frames, made.shown, strict=True):
        assert np.array_equal(frame.to_ndarray(format="rgba"), shown)


@pytest.mark.parametrize("fps", ["24", "24000/1001", "25", "30000/1001", "60", "60000/1001", "240", "1/2", "1000"])
def test_usual_rates_are_exact(fps: str) -> None:
    assert Fraction(*apng_delay(Fraction(fps))) == 1 / Fraction(fps)


def test_a_rate_that_16_bits_cannot_say_is_the_nearest_one() -> None:
    assert float(Fraction(*apng_delay(Fraction(120000, 1001)))) == pytest.approx(1001 / 120000, rel=3e-8)


def test_a_rate_that_no_apng_has_is_refused() -> None:
    with pytest.raises(RenderError, match="65535"):
        apng_delay(Fraction(1, 70000))


def test_it_says_that_a_model_made_it(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(2)
    ApngWriter(tmp_path / "x.apng").write(made.script, made.pictures, ignore)
    told = [content for name, content in read_png_chunks((tmp_path / "x.apng").read_bytes()) if name == b"iTXt"]
    assert told == [b"XML:com.adobe.xmp\0\0\0\0\0" + xmp.xmp_packet()]


def test_a_rendered_picture_says_that_a_model_made_it(small_rendering: Made) -> None:
    with Image.open(small_rendering(1).pictures.path(0)) as image:
        image.load()
        said = image.info["XML:com.adobe.xmp"]
    assert said.encode() == xmp.xmp_packet()
    (found,) = xml.etree.ElementTree.fromstring(said).iter(
        "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
    )
    assert found.text == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def test_the_same_pictures_give_the_same_bytes_and_no_more_than_was_said(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(5)
    for name in ("a.apng", "b.apng"):
        ApngWriter(tmp_path / name).write(made.script, made.pictures, ignore)
    written = (tmp_path / "a.apng").read_bytes()
    assert written == (tmp_path / "b.apng").read_bytes()
    assert len(written) <= ApngWriter(tmp_path / "a.apng").bytes_of(made.script, 24)


def test_all_of_it_is_told(small_rendering: Made, tmp_path: Path) -> None:
    made, told = small_rendering(23), list[int]()
    ApngWriter(tmp_path / "x.apng").write(made.script, made.pictures, told.append)
    assert told == [10, 20, 23]


def test_a_damaged_picture_is_named_and_leaves_what_was_there(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(3)
    (tmp_path / "x.apng").write_bytes(b"before")
    whole = made.pictures.path(1).read_bytes()
    made.pictures.path(1).write_bytes(whole[:-30])
    with pytest.raises(RenderError, match=r"000001\.png cannot be read .*--resume"):
        ApngWriter(tmp_path / "x.apng").write(made.script, made.pictures, ignore)
    assert (tmp_path / "x.apng").read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "x.apng"]


def test_a_picture_of_another_size_is_refused(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(2)
    Image.new("RGBA", (30, 30)).save(made.pictures.path(1))
    with pytest.raises(RenderError, match="not like the first"):
        ApngWriter(tmp_path / "x.apng").write(made.script, made.pictures, ignore)


def test_a_folder_that_is_not_there_is_said_with_the_cure(small_rendering: Made, tmp_path: Path) -> None:
    made = small_rendering(2)
    with pytest.raises(RenderError, match=r"cannot write .*make room, or choose a folder"):
        ApngWriter(tmp_path / "no" / "x.apng").write(made.script, made.pictures, ignore)
