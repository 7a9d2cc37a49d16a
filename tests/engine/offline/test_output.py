"""Full disks and folders that cannot be written to are found before the work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from omote.engine.offline.animation import Animation, RenderError
from omote.engine.offline.output import format_bytes, require_disk_space, require_writable
from omote.engine.offline.pictures import PictureFolder
from omote.engine.testing.offline import still_animation

ANIMATION = still_animation(100)


@dataclass(frozen=True)
class LargeWriter:
    """A writer whose file takes so many bytes."""

    path: Path
    size: int

    def check(self, animation: Animation, size: int) -> None: ...

    def max_bytes(self, animation: Animation, size: int) -> int:
        return self.size

    def write(self, animation: Animation, pictures: PictureFolder, on_progress: Callable[[int], None]) -> None: ...


def test_too_little_room_names_what_is_needed_and_free(tmp_path: Path) -> None:
    writers = [LargeWriter(tmp_path / "a.mp4", 10_000_000)]
    with pytest.raises(RenderError, match=r"26.8 MB may be needed on the disk of .*, and 20.0 MB are free: make room"):
        require_disk_space(writers, ANIMATION, 256, tmp_path, free_bytes=lambda folder: 20_000_000)
    require_disk_space(writers, ANIMATION, 256, tmp_path, free_bytes=lambda folder: 27_000_000)


def test_pictures_that_are_there_need_no_room_again(tmp_path: Path) -> None:
    require_disk_space([], ANIMATION, 256, tmp_path, kept=90, free_bytes=lambda folder: 1_700_000)
    require_disk_space([], ANIMATION, 256, tmp_path, kept=200, free_bytes=lambda folder: 0)
    require_disk_space([], ANIMATION, 256, tmp_path, replaced=17_000_000, free_bytes=lambda folder: 0)


def test_a_folder_that_can_be_written_to_is_made_and_left_empty(tmp_path: Path) -> None:
    require_writable(tmp_path / "new" / "a.mp4")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(RenderError, match=r"a\.mp4 is a folder"):
        require_writable(tmp_path / "a.mp4")
    (tmp_path / "file").touch()
    with pytest.raises(RenderError, match=r"cannot write to .*file.*choose another"):
        require_writable(tmp_path / "file" / "a.mp4")


@pytest.mark.parametrize(
    ("count", "text"),
    [(512, "512 bytes"), (1_500, "1.5 kB"), (250_000, "250 kB"), (999_900, "1.0 MB"), (5.2e9, "5.2 GB")],
)
def test_sizes_are_readable(count: float, text: str) -> None:
    assert format_bytes(round(count)) == text
