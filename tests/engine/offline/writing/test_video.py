"""Videos by real encoders, read back picture by picture."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from omote.engine.offline.animation import RenderError
from omote.engine.offline.pictures import PictureFolder, encode_png
from omote.engine.offline.writers.encoders import MP4, Encoder, FfmpegEncoder, VideoSpec
from omote.engine.offline.writers.video import VideoWriter, video_writer
from omote.engine.offline.writers.xmp import GENERATED, xmp_packet
from tests.engine.offline.writing.films import (
    BACKGROUND,
    ENCODERS,
    PROGRAM,
    SIZE,
    SUFFIXES,
    Floats,
    Told,
    decoded,
    needs_ffmpeg,
    nobody,
    picture,
    pictures,
    script,
    video,
)

COUNT = 12
NOBODY = FfmpegEncoder("no-such-program")
BT709 = (1, 1, 1, 1)  # limited range; matrix, primaries and transfer of BT.709


@dataclass(frozen=True)
class Remembers:
    """An encoder that only remembers how large its films are."""

    sizes: list[int]
    name = "none"

    def encode(self, film: VideoSpec, frames: Iterable[bytes], sound: Path | None, path: Path) -> None:
        self.sizes.append(film.size)

    def pcm(self, file: Path) -> Iterator[bytes]:
        return iter(())


with_each = pytest.mark.parametrize("encoder", ENCODERS)
in_each = pytest.mark.parametrize("suffix", SUFFIXES)


def expected(index: int, suffix: str) -> Floats:
    """[S,S,4] that a reader shows."""
    shown = picture(index, SIZE).astype(np.float64)
    if suffix == ".mp4":
        share = shown[..., 3:] / 255
        shown[..., :3] = shown[..., :3] * share + np.array(BACKGROUND) * (1 - share)
        shown[..., 3] = 255
    return shown


@with_each
@in_each
def test_colours_and_alpha_come_back(encoder: Encoder, suffix: str, tmp_path: Path) -> None:
    writer, told = video(encoder, tmp_path / f"film{suffix}"), Told([])
    writer.check(script(COUNT), SIZE)
    writer.write(script(COUNT), pictures(tmp_path / "pictures", COUNT), told)
    found = decoded(writer.path)
    assert told.counts == list(range(1, COUNT + 1))
    assert len(found.pictures) == COUNT
    assert found.times_s[0] == 0
    assert found.tags == BT709
    wanted = np.stack([expected(index, suffix) for index in range(COUNT)])
    off = np.stack(found.pictures) - wanted
    seen = wanted[..., 3] > 0
    # H.264 and VP9 halve the colour of these 64 pixels, ProRes keeps it in 10 bits. What is measured: 1.2, 1.1, 0.15.
    assert np.abs(off[seen][:, :3]).mean() < (0.3 if suffix == ".mov" else 1.8)
    # A wrong matrix or range would shift a channel by 5 and more. Measured: 0.4.
    assert np.abs(off[seen][:, :3].mean(axis=0)).max() < (0.1 if suffix == ".mov" else 0.7)
    assert np.abs(off[..., 3]).mean() < 0.5
    assert np.abs(off[..., 3]).max() < (1 if suffix == ".mov" else 10)


@with_each
@in_each
@pytest.mark.parametrize("fps", ["30000/1001", "24"])
def test_each_picture_is_shown_at_its_time(encoder: Encoder, suffix: str, fps: str, tmp_path: Path) -> None:
    rate, writer = Fraction(fps), video(encoder, tmp_path / f"film{suffix}")
    writer.write(script(COUNT, rate), pictures(tmp_path / "pictures", COUNT), nobody)
    # WebM counts milliseconds.
    late = Fraction(1, 2000) if suffix == ".webm" else Fraction(0)
    times_s = decoded(writer.path).times_s
    assert len(times_s) == COUNT
    assert all(abs(time_s - index / rate) <= late for index, time_s in enumerate(times_s))


@with_each
@in_each
def test_the_same_pictures_give_the_same_bytes(encoder: Encoder, suffix: str, tmp_path: Path) -> None:
    writer, shown = video(encoder, tmp_path / f"film{suffix}"), pictures(tmp_path / "pictures", COUNT)
    files = []
    for _ in range(2):
        writer.write(script(COUNT), shown, nobody)
        files.append(writer.path.read_bytes())
    assert files[0] == files[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"film{suffix}", "pictures"]
    assert len(files[0]) < writer.bytes_of(script(COUNT), SIZE) + 10_000  # tables, which count in so small a film


@with_each
@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_an_odd_size_keeps_its_last_row_and_column(encoder: Encoder, suffix: str, tmp_path: Path) -> None:
    writer = video(encoder, tmp_path / f"film{suffix}")
    shown = pictures(tmp_path / "pictures", 3, 65)
    solid = np.full((65, 65, 4), (180, 90, 60, 255), np.uint8)
    for index in range(3):
        shown.path(index).write_bytes(encode_png(solid))
    writer.write(script(3), shown, nobody)
    for found in decoded(writer.path).pictures:
        assert found.shape == (65, 65, 4)
        assert np.abs(found - solid).max() < 3


@with_each
@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_no_fringe_lies_around_a_light_face(encoder: Encoder, suffix: str, tmp_path: Path) -> None:
    """Clear pixels are black in our pictures: an encoder that saw them would darken the edge."""
    writer, shown = video(encoder, tmp_path / f"film{suffix}"), pictures(tmp_path / "pictures", 4)
    for index in range(4):
        light = picture(index, SIZE)
        light[..., :3] = (light[..., 3:] > 0) * np.array([250, 240, 230])
        shown.path(index).write_bytes(encode_png(light.astype(np.uint8)))
    writer.write(script(4), shown, nobody)
    for index, found in enumerate(decoded(writer.path).pictures):
        seen = picture(index, SIZE)[..., 3] > 0
        assert np.abs(found[seen][:, :3] - (250, 240, 230)).max() < 4


@with_each
@in_each
def test_the_file_says_that_a_model_made_it(encoder: Encoder, suffix: str, tmp_path: Path) -> None:
    writer = video(encoder, tmp_path / f"film{suffix}")
    writer.write(script(2), pictures(tmp_path / "pictures", 2), nobody)
    data = writer.path.read_bytes()
    assert GENERATED.encode() in data
    assert (xmp_packet() in data) == (suffix != ".webm")
    if exiftool := shutil.which("exiftool"):
        asked = [exiftool, "-j", "-G0", "-DigitalSourceType", str(writer.path)]
        (said,) = json.loads(subprocess.run(asked, check=True, capture_output=True).stdout)
        group = "Matroska" if suffix == ".webm" else "XMP"
        assert said[f"{group}:DigitalSourceType"].endswith("trainedAlgorithmicMedia")


@with_each
def test_editing_programs_are_told_that_nothing_is_interlaced(encoder: Encoder, tmp_path: Path) -> None:
    writer = video(encoder, tmp_path / "film.mov")
    writer.write(script(2), pictures(tmp_path / "pictures", 2), nobody)
    assert b"fiel\x01\x00" in writer.path.read_bytes()


@with_each
@in_each
def test_a_codec_that_is_missing_is_named_before_the_work(encoder: Encoder, suffix: str, tmp_path: Path) -> None:
    usual = video(encoder, tmp_path / f"film{suffix}")
    writer = replace(usual, form=replace(usual.form, codec="libnothing"))
    with pytest.raises(RenderError, match=r"libnothing.*omote\[video\]"):
        writer.check(script(2), SIZE)


@with_each
def test_what_one_encoder_lacks_the_next_one_does(encoder: Encoder, tmp_path: Path) -> None:
    writer = VideoWriter(
        tmp_path / "film.mov", video(encoder, tmp_path / "film.mov").form, BACKGROUND, (NOBODY, encoder)
    )
    writer.check(script(2), SIZE)
    writer.write(script(2), pictures(tmp_path / "pictures", 2), nobody)
    assert len(decoded(writer.path).pictures) == 2


def test_a_program_that_cannot_be_started_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="no-such-program cannot be started"):
        video(NOBODY, tmp_path / "film.mp4").check(script(2), SIZE)


@pytest.mark.parametrize(("size", "tried"), [(16, 16), (17, 17), (4096, 64), (4095, 65)])
def test_what_is_tried_before_the_work_is_small(size: int, tried: int, tmp_path: Path) -> None:
    sizes: list[int] = []
    video(Remembers(sizes), tmp_path / "film.webm").check(script(2), size)
    assert sizes == [tried]


def test_no_encoder_at_all_tells_how_to_get_each(tmp_path: Path) -> None:
    writer = VideoWriter(tmp_path / "film.mp4", MP4, BACKGROUND, ())
    with pytest.raises(RenderError, match=r"pip install 'omote\[video\]', or install ffmpeg"):
        writer.check(script(2), SIZE)


def test_an_odd_size_of_mp4_names_the_next_even_one(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"even size, got 65: ask for --size 66"):
        video_writer(tmp_path / "film.mp4", BACKGROUND).check(script(2), 65)


def test_a_folder_that_is_not_there_is_named_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"cannot write .*film\.mp4"):
        video_writer(tmp_path / "nowhere" / "film.mp4", BACKGROUND).check(script(2), SIZE)
    (tmp_path / "film.mp4").mkdir()
    with pytest.raises(RenderError, match="is a folder"):
        video_writer(tmp_path / "film.mp4", BACKGROUND).check(script(2), SIZE)


@with_each
@pytest.mark.parametrize("error", [RenderError("picture 7 is damaged"), KeyboardInterrupt()])
def test_what_is_interrupted_leaves_the_earlier_file(encoder: Encoder, error: BaseException, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"earlier")
    shown = pictures(tmp_path / "pictures", 10)

    def fails(count: int) -> None:
        if count == 7:
            raise error

    with pytest.raises(type(error)):
        video(encoder, path).write(script(10), shown, fails)
    assert path.read_bytes() == b"earlier"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["film.mp4", "pictures"]


@with_each
def test_a_picture_of_another_size_is_named(encoder: Encoder, tmp_path: Path) -> None:
    shown = pictures(tmp_path / "pictures", 3)
    shown.path(2).write_bytes(encode_png(picture(2, 48)))
    with pytest.raises(RenderError, match=r"000002\.png is 48x48, the first picture 64x64"):
        video(encoder, tmp_path / "film.webm").write(script(3), shown, nobody)


@needs_ffmpeg
def test_a_program_that_ends_early_is_no_deadlock_and_its_words_are_kept(tmp_path: Path) -> None:
    """It refuses its codec, while megabytes still come in."""
    film = VideoSpec(replace(MP4, codec="libnothing"), 1024, Fraction(30))

    def frames() -> Iterator[bytes]:
        for _ in range(30):
            yield bytes(1024 * 1024 * 3 // 2)

    with pytest.raises(RenderError, match=r"ffmpeg cannot write \.mp4: .*libnothing"):
        FfmpegEncoder(PROGRAM or "").encode(film, frames(), None, tmp_path / "film.mp4")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux'")
@with_each
def test_a_full_disk_is_an_error_in_words(encoder: Encoder, tmp_path: Path) -> None:
    film = VideoSpec(replace(MP4, container_options=(("fflags", "+bitexact"),)), SIZE, Fraction(30))
    with pytest.raises(RenderError, match=r"(?i)no space left"):
        encoder.encode(film, [bytes(SIZE * SIZE * 3 // 2)] * 60, None, Path("/dev/full"))


def test_a_missing_picture_is_an_error_that_says_how_to_go_on(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="--resume"):
        video_writer(tmp_path / "film.mp4", BACKGROUND).write(script(2), PictureFolder(tmp_path, 2), nobody)
