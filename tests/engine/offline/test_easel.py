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

from omote.engine.character import load_character
from omote.engine.face.expressions import named
from omote.engine.face.light import studio_light
from omote.engine.face.retarget import from_weights
from omote.engine.nouns import FLAME_BASIS, FlameParams
from omote.engine.offline import easel as easel_module
from omote.engine.offline import hand
from omote.engine.offline.chunk import REACH, chunks
from omote.engine.offline.easel import Easel, draw
from omote.engine.offline.hand import hand_at, mixture
from omote.engine.offline.script import RenderError, Script
from omote.engine.runtime.build import Build

CAST = ("hana", "kenji")


def easel(size: int = 128, **changed: Any) -> Easel:
    people = tuple(load_character(name) for name in CAST)
    return replace(Easel(people, size, 1, Build(size=128, threads=1), consistency=False), **changed)


def script(count: int = 6) -> Script:
    """Hana smiles while she becomes Kenji."""
    way = np.linspace(0.0, 1.0, count, dtype=np.float32)[:, None]
    rest, smile = FlameParams.neutral().vector(), from_weights(named("smile")).vector()
    lights = np.repeat(studio_light()[None], count, 0)
    faces = (rest + (smile - rest) * way).astype(np.float32)
    shares = np.concatenate([1.0 - way, way], 1)
    return Script(Fraction(30), faces, lights, np.ones(count, np.float32), CAST, shares)


def unwritable(value: Any) -> Any:
    """The same as another process gets it from shared memory."""
    parts: list[pickle.PickleBuffer] = []
    told = pickle.dumps(value, protocol=5, buffer_callback=parts.append)
    return pickle.loads(told, buffers=[bytes(part) for part in parts])


def forgetful() -> None:
    """As a process that has drawn nothing yet."""
    hand._opened.clear()


@pytest.fixture(scope="module")
def drawn() -> Sequence[bytes]:
    """All pictures of the script, chunk after chunk."""
    forgetful()
    return [file for chunk in chunks(script(), 2) for file in draw(easel(), chunk)]


def test_pictures_are_of_the_size_that_was_asked_for_and_change_with_face_and_character(drawn: Sequence[bytes]) -> None:
    pictures = [np.asarray(Image.open(io.BytesIO(file))) for file in drawn]
    assert {picture.shape for picture in pictures} == {(128, 128, 4)}
    assert len(set(drawn)) == len(drawn)
    (small,) = draw(easel(96), next(chunks(script(1), 1)))
    assert Image.open(io.BytesIO(small)).size == (96, 96)


def test_chunks_are_the_same_bytes_in_any_order_and_by_a_worker_of_their_own(drawn: Sequence[bytes]) -> None:
    first, second, third = chunks(script(), 2)
    assert draw(easel(), third) == tuple(drawn[4:])
    assert draw(easel(), first) == tuple(drawn[:2])
    forgetful()
    assert draw(easel(), second) == tuple(drawn[2:4])


def test_what_came_through_a_pickle_and_may_not_be_written_to_draws_the_same(drawn: Sequence[bytes]) -> None:
    table, chunk = unwritable(easel()), unwritable(next(chunks(script(), 2)))
    assert not chunk.faces.flags.writeable and not chunk.lights.flags.writeable
    forgetful()
    assert draw(table, chunk) == tuple(drawn[:2])


def test_a_process_that_was_spawned_draws_the_same(drawn: Sequence[bytes]) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(draw, (easel(), list(chunks(script(), 2))[1])) == tuple(drawn[2:4])


def test_a_network_is_opened_once_for_easels_that_are_the_same() -> None:
    table = easel()
    opened = hand_at(table)
    assert hand_at(pickle.loads(pickle.dumps(table))) is opened
    assert hand_at(easel()) is opened
    assert hand_at(easel(size=96)) is not opened


def test_the_key_is_the_same_after_a_journey_and_another_where_a_picture_would_be() -> None:
    table = easel()
    assert len(table.key) == 64
    assert pickle.loads(pickle.dumps(easel())).key == easel().key == table.key
    hana, kenji = (load_character(name) for name in CAST)
    brighter = replace(hana, texture=hana.texture + np.float32(0.01))
    others = {
        "characters": easel(cast=(brighter, kenji)),
        "size": easel(size=96),
        "steps": easel(steps=2),
        "drawn size": easel(build=Build(size=192, threads=1)),
        "consistency": easel(consistency=True),
        "threads": easel(build=Build(size=128, threads=2)),
        "runtime": easel(build=Build(runtime="onnxruntime", precision="f32", size=128, threads=1)),
    }
    for fact, other in others.items():
        assert other.key != table.key
        assert [name for name, said in other.facts().items() if said != table.facts()[name]] == [fact]


def test_only_what_is_enlarged_is_remarked_on() -> None:
    assert easel().remark == easel(size=96).remark == ""
    assert easel(size=1080).remark.startswith("drawn with 128 pixels on a side")


def test_a_mixture_of_three_is_as_much_of_each() -> None:
    cast = tuple(load_character(name) for name in ("hana", "kenji", "noah"))
    found = mixture(cast, np.array([0.2, 0.3, 0.5], np.float32))
    expected = 0.2 * cast[0].shape + 0.3 * cast[1].shape + 0.5 * cast[2].shape
    np.testing.assert_allclose(found.shape, expected, atol=1e-5)
    assert mixture(cast, np.array([0.0, 1.0, 0.0], np.float32)) is cast[1]
    with pytest.raises(RenderError, match="shows nobody"):
        mixture(cast, np.zeros(3, np.float32))


def test_of_many_mixtures_few_looks_are_kept() -> None:
    worker = hand_at(easel())
    assert isinstance(worker, hand.OpenKind)
    for shares in np.linspace([1.0, 0.0], [0.0, 1.0], 20, dtype=np.float32):
        worker._look(shares)
    assert len(worker.looks) == 2 * REACH + 1


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
    (chunk,) = chunks(told)
    still, moved, again = draw(easel(), chunk)
    assert still == again != moved


def test_pictures_that_read_those_beside_them_are_the_same_bytes_however_they_are_cut_and_in_any_order() -> None:
    table, told = easel(consistency=True), script()
    whole = [file for chunk in chunks(told, 6) for file in draw(table, chunk)]
    cut = list(chunks(told, 2))
    assert [file for chunk in cut for file in draw(table, chunk)] == whole
    forgetful()
    assert draw(table, cut[2]) + draw(table, cut[0]) == (*whole[4:], *whole[:2])


def test_a_face_that_is_held_is_the_same_picture_with_consistency_and_without() -> None:
    told = script(3)
    told.faces[:], told.shares[:] = told.faces[2], (1.0, 0.0)
    (chunk,) = chunks(told)
    assert set(draw(easel(consistency=True), chunk)) == set(draw(easel(), chunk))
