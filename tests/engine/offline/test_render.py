"""A rendering fills a folder with the same pictures, whatever happened before and however it is cut into chunks."""

from __future__ import annotations

import errno
import io
import multiprocessing
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from PIL import Image

from omote.engine.data import FLAME_BASIS, FlameParams
from omote.engine.face.expressions import expression_weights
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.offline import render
from omote.engine.offline.animation import Animation, Chunk, RenderError, split_chunks
from omote.engine.offline.pictures import encode_png, is_complete_png
from omote.engine.offline.render import RenderSettings, draw_chunk, open_renderer, render_animation
from omote.engine.runtime.session import Build
from omote.engine.testing.drawing import painted_character, shipped_character
from omote.engine.testing.offline import still_animation
from omote.engine.worker_pool import SerialPool

COUNT = 100  # pictures, in three chunks
CAST = ("mika", "noa")
CHARACTERS = tuple(painted_character(name, k) for k, name in enumerate(CAST))


class FlatPool:
    """Draws each picture in a colour of its own, the last chunk first, and remembers the chunks."""

    size = 1

    def __init__(self) -> None:
        self.chunks: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...

    def run(self, work: Callable[..., Any], shared: Any, tasks: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        for chunk in reversed(tasks):
            self.chunks.append(chunk.first)
            yield chunk, flat_pictures(chunk)


def flat_pictures(chunk: Chunk) -> tuple[bytes, ...]:
    return tuple(encode_png(np.full((4, 4, 4), index, np.uint8)) for index in chunk.indices)


def render_flat(folder: Path) -> tuple[list[int], list[int]]:
    """The first pictures of the chunks that were drawn, and what was reported."""
    settings = RenderSettings((), 4, 1, Build(), 4, consistency=False)
    pool, progress = FlatPool(), list[int]()
    assert len(render_animation(still_animation(COUNT), settings, pool, folder, progress.append)) == COUNT
    return pool.chunks, progress


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_every_picture_is_drawn_once(tmp_path: Path) -> None:
    assert render_flat(tmp_path) == ([96, 48, 0], [0, 4, 52, 100])
    assert list(files(tmp_path)) == [f"{index:06d}.png" for index in range(COUNT)]
    assert render_flat(tmp_path) == ([], [100])


@pytest.mark.parametrize("is_missing", [True, False])
def test_a_missing_or_damaged_picture_is_drawn_again_with_its_chunk(is_missing: bool, tmp_path: Path) -> None:
    render_flat(tmp_path)
    whole, damaged = files(tmp_path), tmp_path / "000060.png"
    damaged.unlink() if is_missing else damaged.write_bytes(damaged.read_bytes()[:-5])
    assert render_flat(tmp_path) == ([48], [52, 100])
    assert files(tmp_path) == whole


def test_a_full_disk_is_an_error_and_the_pictures_before_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def until_full(path: Path, data: bytes) -> int:
        if "000060" in path.name:
            write(path, data[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", until_full)
    with pytest.raises(RenderError, match=r"cannot write .*: No space left on device; make room.*--resume"):
        render_flat(tmp_path)
    monkeypatch.undo()
    assert not (tmp_path / "000060.png").exists()
    assert render_flat(tmp_path)[0] == [48, 0]
    assert all(is_complete_png(path) for path in tmp_path.iterdir())
    assert len(files(tmp_path)) == COUNT


def test_one_process_reports_every_picture(tmp_path: Path) -> None:
    settings, progress = RenderSettings((painted_character(),), 16, 1, Build(), 256), list[int]()
    render_animation(still_animation(5), settings, SerialPool(), tmp_path, progress.append)
    assert progress == [0, 1, 2, 3, 4, 5]
    assert all(is_complete_png(tmp_path / f"{index:06d}.png") for index in range(5))


# The renderer of reference characters.


def settings(size: int = 256, **changed: Any) -> RenderSettings:
    return replace(RenderSettings(CHARACTERS, size, 1, Build(threads=1), 256, consistency=False), **changed)


def animation(count: int = 6) -> Animation:
    """Mika smiles while she becomes Noa."""
    way = np.linspace(0.0, 1.0, count, dtype=np.float32)[:, None]
    rest, smile = FlameParams.neutral().vector(), from_weights(expression_weights("smile")).vector()
    lights = np.repeat(studio_light()[None], count, 0)
    faces = (rest + (smile - rest) * way).astype(np.float32)
    shares = np.concatenate([1.0 - way, way], 1)
    return Animation(Fraction(30), faces, lights, np.ones(count, np.float32), CAST, shares)


def draw(settings: RenderSettings, animation: Animation, length: int, sways: Any = None) -> list[bytes]:
    return [file for chunk in split_chunks(animation, length, sways) for file in draw_chunk(settings, chunk)]


def read_only(value: Any) -> Any:
    """The same value as another process gets it from shared memory."""
    parts: list[pickle.PickleBuffer] = []
    data = pickle.dumps(value, protocol=5, buffer_callback=parts.append)
    return pickle.loads(data, buffers=[bytes(part) for part in parts])


def forget_renderer() -> None:
    """As in a process that has drawn nothing yet."""
    render._opened.clear()


@pytest.fixture(scope="module")
def drawn() -> Sequence[bytes]:
    """All pictures of the animation, in chunks of two."""
    forget_renderer()
    return draw(settings(), animation(), 2)


def test_pictures_have_the_size_and_change_with_face_and_character(drawn: Sequence[bytes]) -> None:
    assert {Image.open(io.BytesIO(file)).size for file in drawn} == {(256, 256)}
    assert len(set(drawn)) == len(drawn)
    assert Image.open(io.BytesIO(draw(settings(96), animation(1), 1)[0])).size == (96, 96)


def test_chunks_give_the_same_bytes_in_any_order_and_process(drawn: Sequence[bytes]) -> None:
    first, second, third = split_chunks(animation(), 2)
    assert draw_chunk(settings(), third) == tuple(drawn[4:])
    assert draw_chunk(settings(), first) == tuple(drawn[:2])
    forget_renderer()
    assert draw_chunk(settings(), second) == tuple(drawn[2:4])
    forget_renderer()
    received = read_only(first)
    assert not received.faces.flags.writeable and not received.lights.flags.writeable
    assert draw_chunk(read_only(settings()), received) == tuple(drawn[:2])
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(draw_chunk, (settings(), second)) == tuple(drawn[2:4])


@pytest.mark.slow
def test_stabilized_pictures_give_the_same_bytes_in_chunks_of_any_length() -> None:
    stabilized = settings(consistency=True)
    whole = draw(stabilized, animation(), 6)
    assert draw(stabilized, animation(), 2) == whole
    chunks = list(split_chunks(animation(), 2))
    forget_renderer()
    assert draw_chunk(stabilized, chunks[2]) + draw_chunk(stabilized, chunks[0]) == (*whole[4:], *whole[:2])


def test_a_face_that_is_held_is_the_same_picture_with_consistency_and_without() -> None:
    held = animation(3)
    held.faces[:], held.shares[:] = held.faces[2], (1.0, 0.0)
    assert set(draw(settings(consistency=True), held, 3)) == set(draw(settings(), held, 3))


def test_a_face_is_drawn_exactly_however_little_it_moved() -> None:
    moving = animation(3)
    moving.faces[:], moving.shares[:] = moving.faces[0], (1.0, 0.0)
    moving.faces[1, 50] += np.float32(0.004)  # of the jaw, in radians: the live path takes this for a tracker's noise
    still, moved, again = draw(settings(), moving, 3)
    assert still == again != moved


def test_a_mixture_is_a_cross_fade() -> None:
    def pixels(*shares: float) -> np.ndarray:
        mixed = animation(1)
        mixed.shares[:] = shares
        return np.asarray(Image.open(io.BytesIO(draw(settings(), mixed, 1)[0]))).astype(float)

    first, both, last = pixels(1.0, 0.0), pixels(0.25, 0.75), pixels(0.0, 1.0)
    middle = np.s_[120:136, 120:136, :3]
    np.testing.assert_allclose(both[middle], 0.25 * first[middle] + 0.75 * last[middle], atol=2.0)
    with pytest.raises(RenderError, match="shows no character"):
        pixels(0.0, 0.0)


def test_hair_swings_after_a_turn_the_same_in_chunks_of_any_length() -> None:
    yuki = RenderSettings((shipped_character("yuki"),), 256, 1, Build(threads=1), 256)
    turning = still_animation(6, character="yuki")
    turning.faces[3:, 54] = 0.4  # the head's yaw, in radians
    sways = yuki.sways(turning)
    assert sways is not None
    assert not sways[:3].any() and sways[3:].any()
    swinging, still = draw(yuki, turning, 6, sways), draw(yuki, turning, 6)
    assert draw(yuki, turning, 4, sways) == swinging
    assert swinging[0] == still[0]
    assert swinging[4] != still[4]
    assert replace(yuki, consistency=False).sways(turning) is None


# Settings.


def test_equal_settings_share_one_renderer() -> None:
    opened = open_renderer(settings())
    assert open_renderer(pickle.loads(pickle.dumps(settings()))) is opened
    assert open_renderer(settings(size=96)) is not opened


def test_everything_that_changes_a_picture_changes_the_key_and_one_fact() -> None:
    original = settings()
    assert pickle.loads(pickle.dumps(settings())).key == original.key
    mika, noa = CHARACTERS
    lit = replace(mika.references[0], light=mika.references[0].light * np.float32(1.01))
    others = {
        "characters": settings(cast=(replace(mika, references=(lit,)), noa)),
        "size": settings(size=96),
        "steps": settings(steps=2),
        "drawn size": settings(drawn_size=384),
        "consistency": settings(consistency=True),
        "threads": settings(build=Build(threads=2)),
        "runtime": settings(build=Build(runtime="onnxruntime", precision="f32", threads=1)),
    }
    for fact, other in others.items():
        assert other.key != original.key
        assert [name for name, value in other.facts().items() if value != original.facts()[name]] == [fact]


def test_only_enlarged_pictures_have_a_remark() -> None:
    assert settings().remark == settings(size=96).remark == ""
    assert settings(size=1080).remark.startswith("drawn with 256 pixels on a side")


def test_an_animation_that_cannot_be_drawn_is_refused_before_any_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    good = animation()
    settings().check(good)
    with pytest.raises(RenderError, match="2 characters cannot be drawn with 1"):
        settings(cast=CHARACTERS[:1]).check(good)
    with pytest.raises(RenderError, match="sum to 1"):
        settings().check(replace(good, shares=np.full_like(good.shares, 0.4)))
    with pytest.raises(RenderError, match='in the basis "open", these are in "flame2020"'):
        settings().check(replace(good, basis=FLAME_BASIS))
    monkeypatch.setattr(render, "MAX_PICTURES", 6)
    settings().check(animation(6))
    with pytest.raises(RenderError, match="6 pictures at most, got 7: render it in parts"):
        settings().check(animation(7))
