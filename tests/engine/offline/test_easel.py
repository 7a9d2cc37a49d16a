"""What draws a script: the same pictures whoever draws them, in any order, of arrays that may not be written to."""

from __future__ import annotations

import io
import multiprocessing
import pickle
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from PIL import Image

from omote.engine.data import FLAME_BASIS, FlameParams
from omote.engine.face.expressions import expression_weights
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.model.character_file import load_character
from omote.engine.offline import render
from omote.engine.offline import render as easel_module
from omote.engine.offline.animation import Animation, RenderError, split_chunks
from omote.engine.offline.render import RenderSettings, draw_chunk, open_renderer
from omote.engine.runtime.session import Build
from omote.engine.testing.drawing import painted_character

CAST = ("mika", "noa")
PEOPLE = tuple(painted_character(name, k) for k, name in enumerate(CAST))


def easel(size: int = 256, **changed: Any) -> RenderSettings:
    return replace(RenderSettings(PEOPLE, size, 1, Build(threads=1), 256, consistency=False), **changed)


def script(count: int = 6) -> Animation:
    """Mika smiles while she becomes Noa."""
    way = np.linspace(0.0, 1.0, count, dtype=np.float32)[:, None]
    rest, smile = FlameParams.neutral().vector(), from_weights(expression_weights("smile")).vector()
    lights = np.repeat(studio_light()[None], count, 0)
    faces = (rest + (smile - rest) * way).astype(np.float32)
    shares = np.concatenate([1.0 - way, way], 1)
    return Animation(Fraction(30), faces, lights, np.ones(count, np.float32), CAST, shares)


def unwritable(value: Any) -> Any:
    """The same as another process gets it from shared memory."""
    parts: list[pickle.PickleBuffer] = []
    told = pickle.dumps(value, protocol=5, buffer_callback=parts.append)
    return pickle.loads(told, buffers=[bytes(part) for part in parts])


def forgetful() -> None:
    """As a process that has drawn nothing yet."""
    render._opened.clear()


@pytest.fixture(scope="module")
def drawn() -> Sequence[bytes]:
    """All pictures of the script, chunk after chunk."""
    forgetful()
    return [file for chunk in split_chunks(script(), 2) for file in draw_chunk(easel(), chunk)]


def test_pictures_are_of_the_size_that_was_asked_for_and_change_with_face_and_character(drawn: Sequence[bytes]) -> None:
    pictures = [np.asarray(Image.open(io.BytesIO(file))) for file in drawn]
    assert {picture.shape for picture in pictures} == {(256, 256, 4)}
    assert len(set(drawn)) == len(drawn)
    (small,) = draw_chunk(easel(96), next(split_chunks(script(1), 1)))
    assert Image.open(io.BytesIO(small)).size == (96, 96)


def test_chunks_are_the_same_bytes_in_any_order_and_by_a_worker_of_their_own(drawn: Sequence[bytes]) -> None:
    first, second, third = split_chunks(script(), 2)
    assert draw_chunk(easel(), third) == tuple(drawn[4:])
    assert draw_chunk(easel(), first) == tuple(drawn[:2])
    forgetful()
    assert draw_chunk(easel(), second) == tuple(drawn[2:4])


def test_what_came_through_a_pickle_and_may_not_be_written_to_draws_the_same(drawn: Sequence[bytes]) -> None:
    table, chunk = unwritable(easel()), unwritable(next(split_chunks(script(), 2)))
    assert not chunk.faces.flags.writeable and not chunk.lights.flags.writeable
    forgetful()
    assert draw_chunk(table, chunk) == tuple(drawn[:2])


def test_a_process_that_was_spawned_draws_the_same(drawn: Sequence[bytes]) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(draw_chunk, (easel(), list(split_chunks(script(), 2))[1])) == tuple(drawn[2:4])


def test_a_network_is_opened_once_for_easels_that_are_the_same() -> None:
    table = easel()
    opened = open_renderer(table)
    assert open_renderer(pickle.loads(pickle.dumps(table))) is opened
    assert open_renderer(easel()) is opened
    assert open_renderer(easel(size=96)) is not opened


def test_the_key_is_the_same_after_a_journey_and_another_where_a_picture_would_be() -> None:
    table = easel()
    assert len(table.key) == 64
    assert pickle.loads(pickle.dumps(easel())).key == easel().key == table.key
    mika, noa = PEOPLE
    lit = replace(mika.references[0], light=mika.references[0].light * np.float32(1.01))
    brighter = replace(mika, references=(lit,))
    others = {
        "characters": easel(cast=(brighter, noa)),
        "size": easel(size=96),
        "steps": easel(steps=2),
        "drawn size": easel(drawn_size=384),
        "consistency": easel(consistency=True),
        "threads": easel(build=Build(threads=2)),
        "runtime": easel(build=Build(runtime="onnxruntime", precision="f32", threads=1)),
    }
    for fact, other in others.items():
        assert other.key != table.key
        assert [name for name, said in other.facts().items() if said != table.facts()[name]] == [fact]


def test_only_what_is_enlarged_is_remarked_on() -> None:
    assert easel().remark == easel(size=96).remark == ""
    assert easel(size=1080).remark.startswith("drawn with 256 pixels on a side")


def test_a_picture_of_a_mixture_is_a_cross_fade() -> None:
    first, both, last = (pixels(shares) for shares in ((1.0, 0.0), (0.25, 0.75), (0.0, 1.0)))
    middle = np.s_[120:136, 120:136, :3]
    np.testing.assert_allclose(both[middle], 0.25 * first[middle] + 0.75 * last[middle], atol=2.0)
    with pytest.raises(RenderError, match="shows nobody"):
        pixels((0.0, 0.0))


def pixels(shares: tuple[float, float]) -> np.ndarray:
    told = script(1)
    told.shares[:] = shares
    (file,) = draw_chunk(easel(), next(split_chunks(told, 1)))
    return np.asarray(Image.open(io.BytesIO(file))).astype(float)


def test_scripts_that_cannot_be_drawn_are_refused_before_any_picture() -> None:
    told = script()
    easel().check(told)
    with pytest.raises(RenderError, match="2 characters cannot be drawn of 1"):
        easel(cast=easel().cast[:1]).check(told)
    with pytest.raises(RenderError, match="that are 1 together"):
        easel().check(replace(told, shares=np.full_like(told.shares, 0.4)))
    with pytest.raises(RenderError, match='in the basis "open", these are in "flame2020"'):
        easel().check(replace(told, basis=FLAME_BASIS))


def test_more_pictures_than_six_digits_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(easel_module, "MOST", 6)
    easel().check(script(6))
    with pytest.raises(RenderError, match="6 pictures at most, got 7: render it in parts"):
        easel().check(script(7))


def test_a_face_is_drawn_exactly_however_little_it_moved() -> None:
    told = script(3)
    told.faces[:] = told.faces[0]
    told.shares[:] = (1.0, 0.0)
    told.faces[1, 50] += np.float32(0.004)  # of the jaw, in radians: what the live path takes for a tracker's noise
    (chunk,) = split_chunks(told)
    still, moved, again = draw_chunk(easel(), chunk)
    assert still == again != moved


def test_pictures_that_read_those_beside_them_are_the_same_bytes_however_they_are_cut_and_in_any_order() -> None:
    table, told = easel(consistency=True), script()
    whole = [file for chunk in split_chunks(told, 6) for file in draw_chunk(table, chunk)]
    cut = list(split_chunks(told, 2))
    assert [file for chunk in cut for file in draw_chunk(table, chunk)] == whole
    forgetful()
    assert draw_chunk(table, cut[2]) + draw_chunk(table, cut[0]) == (*whole[4:], *whole[:2])


def test_a_face_that_is_held_is_the_same_picture_with_consistency_and_without() -> None:
    told = script(3)
    told.faces[:], told.shares[:] = told.faces[2], (1.0, 0.0)
    (chunk,) = split_chunks(told)
    assert set(draw_chunk(easel(consistency=True), chunk)) == set(draw_chunk(easel(), chunk))


def test_hair_swings_after_a_turn_the_same_however_the_script_is_cut() -> None:
    table = RenderSettings((load_character("yuki"),), 256, 1, Build(threads=1), 256)
    faces = np.repeat(FlameParams.neutral().vector()[None], 6, 0)
    faces[3:, 54] = 0.4  # the head's yaw, in radians
    ones = np.ones((6, 1), np.float32)
    told = Animation(Fraction(30), faces, np.repeat(studio_light()[None], 6, 0), ones[:, 0], ("yuki",), ones)
    sways = table.sways(told)
    assert sways is not None
    assert not sways[:3].any() and sways[3:].any()
    (whole,) = split_chunks(told, 6, sways)
    swung = draw_chunk(table, whole)
    assert [file for chunk in split_chunks(told, 4, sways) for file in draw_chunk(table, chunk)] == list(swung)
    still = draw_chunk(table, next(split_chunks(told, 6)))
    assert swung[0] == still[0]
    assert swung[4] != still[4]
    assert replace(table, consistency=False).sways(told) is None
