"""What is drawn lies in a folder, the same whatever happened on the way."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from omote.engine.face.light import studio_light
from omote.engine.offline.animation import Animation, Chunk, RenderError, single_character_animation
from omote.engine.offline.pictures import encode_png, is_complete_png
from omote.engine.offline.render import RenderSettings, render_animation
from omote.engine.runtime.session import Build
from omote.engine.testing.drawing import painted_character
from omote.engine.worker_pool import SerialPool

EASEL = RenderSettings((), 4, 1, Build(), 4, consistency=False)
COUNT = 100  # pictures, in three chunks


class FlatCrew:
    """Draws each picture in a colour of its own, the last chunk first; notes which it drew."""

    size = 1

    def __init__(self) -> None:
        self.drawn: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...

    def done(self, work: Callable[..., Any], shared: Any, tasks: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        for chunk in reversed(tasks):
            self.drawn.append(chunk.number)
            yield chunk, flat(chunk)


def flat(chunk: Chunk) -> tuple[bytes, ...]:
    return tuple(encode_png(np.full((4, 4, 4), index, np.uint8)) for index in chunk.indices)


def script(count: int = COUNT) -> Animation:
    return single_character_animation(Fraction(30), np.zeros((count, 67), np.float32), studio_light(), "hana")


def rendered(folder: Path) -> tuple[list[int], list[int]]:
    """Which chunks were drawn, and what was told."""
    folder.mkdir(exist_ok=True)
    crew, said = FlatCrew(), list[int]()
    assert len(render_animation(script(), EASEL, crew, folder, said.append)) == COUNT
    return crew.drawn, said


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_every_picture_is_there_and_nothing_else(tmp_path: Path) -> None:
    drawn, said = rendered(tmp_path)
    assert list(files(tmp_path)) == [f"{index:06d}.png" for index in range(COUNT)]
    assert drawn == [2, 1, 0]
    assert said == [0, 4, 52, 100]


def test_what_is_there_is_not_drawn_again(tmp_path: Path) -> None:
    rendered(tmp_path)
    assert rendered(tmp_path) == ([], [100])


def damaged(whole: bytes) -> dict[str, bytes | None]:
    """What a power cut or a person leaves of a file; None is nothing."""
    turned = bytearray(whole)
    turned[len(whole) // 2] ^= 1
    return {
        "missing": None,
        "empty": b"",
        "cut off": whole[:-5],
        "only its beginning": whole[:8],
        "zeros": bytes(len(whole)),
        "zeros at its end": whole[:-20] + bytes(20),
        "one bit": bytes(turned),
        "more than itself": whole + b"\0",
    }


@pytest.mark.parametrize("what", damaged(bytes(9)))
def test_a_damaged_picture_is_drawn_again_with_its_chunk(what: str, tmp_path: Path) -> None:
    rendered(tmp_path)
    whole, victim = files(tmp_path), tmp_path / "000060.png"
    left = damaged(victim.read_bytes())[what]
    victim.unlink() if left is None else victim.write_bytes(left)
    assert not is_complete_png(victim)
    assert rendered(tmp_path) == ([1], [52, 100])
    assert files(tmp_path) == whole


def test_a_full_disk_is_told_and_what_was_done_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def until_full(path: Path, data: bytes) -> int:
        if "000060" in path.name:
            write(path, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", until_full)
    with pytest.raises(RenderError, match=r"cannot write .*: No space left on device; make room.*--resume"):
        rendered(tmp_path)
    monkeypatch.undo()
    assert not (tmp_path / "000060.png").exists()
    assert rendered(tmp_path)[0] == [1, 0]
    assert [name for name in files(tmp_path) if not is_complete_png(tmp_path / name)] == []
    assert len(files(tmp_path)) == COUNT


def test_who_draws_alone_tells_of_every_picture(tmp_path: Path) -> None:
    easel, said = RenderSettings((painted_character(),), 16, 1, Build(), 256), list[int]()
    render_animation(script(5), easel, SerialPool(), tmp_path, said.append)
    assert said == [0, 1, 2, 3, 4, 5]
    assert all(is_complete_png(tmp_path / f"{index:06d}.png") for index in range(5))
