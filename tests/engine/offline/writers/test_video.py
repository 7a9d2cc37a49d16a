"""Videos by real encoders, read back picture by picture."""

from __future__ import annotations

import json
import os
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
from omote.engine.offline.writers.encoders import MP4, Encoder, FfmpegEncoder, VideoSpec, find_ffmpeg
from omote.engine.offline.writers.video import VideoWriter, video_writer
from omote.engine.offline.writers.xmp import GENERATED, xmp_packet
from tests.engine.offline.writers.videos import (
    BACKGROUND,
    ENCODERS,
    PROGRAM,
    SIZE,
    SUFFIXES,
    Floats,
    animation,
    decoded,
    ignore,
    needs_ffmpeg,
    picture,
    pictures,
    video,
)

COUNT = 12
MISSING = FfmpegEncoder("no-such-program")
BT709 = (1, 1, 1, 1)  # limited range; matrix, primaries and transfer of BT.709


@dataclass(frozen=True)
class SizeRecorder:
    """An encoder that only remembers the sizes of its videos."""

    sizes: list[int]
    name = "none"

    def encode(self, spec: VideoSpec, frames: Iterable[bytes], sound: Path | None, path: Path) -> None:
        self.sizes.append(spec.size)

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
    writer, progress = video(encoder, tmp_path / f"film{suffix}"), list[int]()
    writer.check(animation(COUNT), SIZE)
    writer.write(animation(COUNT), pictures(tmp_path / "pictures", COUNT), progress.append)
    found = decoded(writer.path)
    assert progress == list(range(1, COUNT + 1))
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
    writer.write(animation(COUNT, rate), pictures(tmp_path / "pictures", COUNT), ignore)
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
        writer.write(animation(COUNT), shown, ignore)
        files.append(writer.path.read_bytes())
    assert files[0] == files[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"film{suffix}", "pictures"]
    assert len(files[0]) < writer.max_bytes(animation(COUNT), SIZE) + 10_000  # tables, which count in so small a film


@with_each
@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_an_odd_size_keeps_its_last_row_and_column(encoder: Encoder, suffix: str, tmp_path: Path) -> None:
    writer = video(encoder, tmp_path / f"film{suffix}")
    shown = pictures(tmp_path / "pictures", 3, 65)
    solid = np.full((65, 65, 4), (180, 90, 60, 255), np.uint8)
    for index in range(3):
        shown.path(index).write_bytes(encode_png(solid))
    writer.write(animation(3), shown, ignore)
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
    writer.write(animation(4), shown, ignore)
    for index, found in enumerate(decoded(writer.path).pictures):
        seen = picture(index, SIZE)[..., 3] > 0
        assert np.abs(found[seen][:, :3] - (250, 240, 230)).max() < 4


@with_each
@in_each
def test_the_file_states_its_source_and_that_it_is_progressive(encoder: Encoder, suffix: str, tmp_path: Path) -> None:
    writer = video(encoder, tmp_path / f"film{suffix}")
    writer.write(animation(2), pictures(tmp_path / "pictures", 2), ignore)
    data = writer.path.read_bytes()
    assert GENERATED.encode() in data
    assert (xmp_packet() in data) == (suffix != ".webm")
    assert (b"fiel\x01\x00" in data) == (suffix == ".mov")  # progressive, for editing programs
    if exiftool := shutil.which("exiftool"):
        command = [exiftool, "-j", "-G0", "-DigitalSourceType", str(writer.path)]
        (found,) = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        group = "Matroska" if suffix == ".webm" else "XMP"
        assert found[f"{group}:DigitalSourceType"].endswith("trainedAlgorithmicMedia")


@with_each
@in_each
def test_a_codec_that_is_missing_is_named_before_the_work(encoder: Encoder, suffix: str, tmp_path: Path) -> None:
    usual = video(encoder, tmp_path / f"film{suffix}")
    writer = replace(usual, format=replace(usual.format, codec="libnothing"))
    with pytest.raises(RenderError, match=r"libnothing.*omote\[video\]"):
        writer.check(animation(2), SIZE)


@with_each
def test_the_next_encoder_does_what_the_first_cannot(encoder: Encoder, tmp_path: Path) -> None:
    writer = VideoWriter(
        tmp_path / "film.mov", video(encoder, tmp_path / "film.mov").format, BACKGROUND, (MISSING, encoder)
    )
    writer.check(animation(2), SIZE)
    writer.write(animation(2), pictures(tmp_path / "pictures", 2), ignore)
    assert len(decoded(writer.path).pictures) == 2


def test_the_program_of_path_is_taken_and_never_that_of_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "ffmpeg.exe" if os.name == "nt" else "ffmpeg"
    for folder in ("downloads", "programs"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).touch(0o755)
    monkeypatch.chdir(tmp_path / "downloads")
    monkeypatch.setenv("PATH", os.pathsep.join((".", "", str(tmp_path / "nothing"))))
    assert find_ffmpeg() is None
    monkeypatch.setenv("PATH", os.pathsep.join((".", str(tmp_path / "programs"))))
    assert find_ffmpeg() == str(tmp_path / "programs" / name)


@pytest.mark.parametrize(("size", "tried"), [(16, 16), (17, 17), (4096, 64), (4095, 65)])
def test_the_trial_before_the_work_is_small(size: int, tried: int, tmp_path: Path) -> None:
    sizes: list[int] = []
    video(SizeRecorder(sizes), tmp_path / "film.webm").check(animation(2), size)
    assert sizes == [tried]


@pytest.mark.parametrize(
    ("encoders", "size", "message"),
    [
        ((), SIZE, r"pip install 'omote\[video\]', or install ffmpeg"),
        ((MISSING,), SIZE, "no-such-program cannot be started"),
        ((MISSING,), 65, "even size, got 65: ask for --size 66"),
    ],
)
def test_what_cannot_be_encoded_is_refused_before_the_work(
    encoders: tuple[Encoder, ...], size: int, message: str, tmp_path: Path
) -> None:
    with pytest.raises(RenderError, match=message):
        VideoWriter(tmp_path / "film.mp4", MP4, BACKGROUND, encoders).check(animation(2), size)


@with_each
@pytest.mark.parametrize("error", [RenderError("picture 7 is damaged"), KeyboardInterrupt()])
def test_an_interrupted_video_leaves_the_earlier_file(encoder: Encoder, error: BaseException, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"earlier")
    shown = pictures(tmp_path / "pictures", 10)

    def fails(count: int) -> None:
        if count == 7:
            raise error

    with pytest.raises(type(error)):
        video(encoder, path).write(animation(10), shown, fails)
    assert path.read_bytes() == b"earlier"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["film.mp4", "pictures"]


@with_each
def test_a_picture_of_another_size_is_named(encoder: Encoder, tmp_path: Path) -> None:
    shown = pictures(tmp_path / "pictures", 3)
    shown.path(2).write_bytes(encode_png(picture(2, 48)))
    with pytest.raises(RenderError, match=r"000002\.png is 48x48, the first picture 64x64"):
        video(encoder, tmp_path / "film.webm").write(animation(3), shown, ignore)


@needs_ffmpeg
def test_a_program_that_ends_early_is_an_error_with_its_message(tmp_path: Path) -> None:
    """It refuses its codec while megabytes still arrive."""
    spec = VideoSpec(replace(MP4, codec="libnothing"), 1024, Fraction(30))

    def frames() -> Iterator[bytes]:
        for _ in range(30):
            yield bytes(1024 * 1024 * 3 // 2)

    with pytest.raises(RenderError, match=r"ffmpeg cannot write \.mp4: .*libnothing"):
        FfmpegEncoder(PROGRAM or "").encode(spec, frames(), None, tmp_path / "film.mp4")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux'")
@with_each
def test_a_full_disk_is_an_error(encoder: Encoder, tmp_path: Path) -> None:
    spec = VideoSpec(replace(MP4, container_options=(("fflags", "+bitexact"),)), SIZE, Fraction(30))
    with pytest.raises(RenderError, match=r"(?i)no space left"):
        encoder.encode(spec, [bytes(SIZE * SIZE * 3 // 2)] * 60, None, Path("/dev/full"))


def test_a_missing_picture_is_an_error_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="--resume"):
        video_writer(tmp_path / "film.mp4", BACKGROUND).write(animation(2), PictureFolder(tmp_path, 2), ignore)
