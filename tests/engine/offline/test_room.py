"""Disks that are full, and folders that nobody may write to, are told before the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from omote.engine.face.light import studio_light
from omote.engine.offline.animation import Animation, RenderError, single_character_animation
from omote.engine.offline.output import format_bytes, require_disk_space, require_writable
from omote.engine.offline.pictures import PictureFolder

SCRIPT = single_character_animation(Fraction(30), np.zeros((100, 67), np.float32), studio_light(), "hana")


@dataclass(frozen=True)
class Heavy:
    """A writer whose file takes so many bytes."""

    path: Path
    size: int

    def check(self, script: Animation, size: int) -> None: ...

    def bytes_of(self, script: Animation, size: int) -> int:
        return self.size

    def write(self, script: Animation, pictures: PictureFolder, tell: Callable[[int], None]) -> None: ...


def test_too_little_room_says_how_much_is_needed_and_free(tmp_path: Path) -> None:
    writers = [Heavy(tmp_path / "a.mp4", 10_000_000)]
    with pytest.raises(RenderError, match=r"26.8 MB may be needed on the disk of .*, and 20.0 MB are free: make room"):
        require_disk_space(writers, SCRIPT, 256, tmp_path, free_bytes=lambda folder: 20_000_000)
    require_disk_space(writers, SCRIPT, 256, tmp_path, free_bytes=lambda folder: 27_000_000)


def test_pictures_that_are_there_need_no_room_again(tmp_path: Path) -> None:
    require_disk_space([], SCRIPT, 256, tmp_path, kept=90, free_bytes=lambda folder: 1_700_000)
    require_disk_space([], SCRIPT, 256, tmp_path, kept=200, free_bytes=lambda folder: 0)
    require_disk_space([], SCRIPT, 256, tmp_path, replaced=17_000_000, free_bytes=lambda folder: 0)


def test_a_folder_where_a_file_is_to_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(RenderError, match=r"a\.mp4 is a folder"):
        require_writable(tmp_path / "a.mp4")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RenderError, match=r"cannot write to .*file.*choose another"):
        require_writable(tmp_path / "file" / "a.mp4")


def test_folders_on_the_way_are_made_and_the_trial_leaves_nothing(tmp_path: Path) -> None:
    require_writable(tmp_path / "new" / "a.mp4")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    ("count", "words"),
    [(512, "512 bytes"), (1_500, "1.5 kB"), (250_000, "250 kB"), (999_900, "1.0 MB"), (5.2e9, "5.2 GB")],
)
def test_sizes_are_told_as_people_say_them(count: float, words: str) -> None:
    assert format_bytes(round(count)) == words
