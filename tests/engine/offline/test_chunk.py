"""A script cut into chunks that know of their neighbours and of the whole."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from omote.engine.data import FlameParams
from omote.engine.face.light import studio_light
from omote.engine.offline.animation import (
    CHUNK,
    REACH,
    Animation,
    anchor_faces,
    single_character_animation,
    split_chunks,
)


def script(jaws: list[float]) -> Animation:
    faces = np.repeat(FlameParams.neutral().vector()[None], len(jaws), 0)
    faces[:, 50] = jaws
    return single_character_animation(Fraction(30), faces, studio_light(), "hana")


def test_all_pictures_are_in_one_chunk_each_and_in_order() -> None:
    told = script([0.001 * k for k in range(2 * CHUNK + 1)])
    cut = list(split_chunks(told))
    assert [len(chunk) for chunk in cut] == [CHUNK, CHUNK, 1]
    assert [index for chunk in cut for index in chunk.indices] == list(range(len(told)))
    np.testing.assert_array_equal(np.concatenate([chunk.faces for chunk in cut]), told.faces)


def test_a_chunk_knows_the_pictures_beside_it_and_none_beyond_the_script() -> None:
    told = script([0.01 * k for k in range(9)])
    first, second, third = split_chunks(told, 4)
    assert len(first.before.faces) == 0
    np.testing.assert_array_equal(first.after.faces, told.faces[4 : 4 + REACH])
    np.testing.assert_array_equal(second.before.faces, told.faces[4 - REACH : 4])
    np.testing.assert_array_equal(second.after.faces, told.faces[8:])
    assert len(third.after.faces) == 0
    assert len(second.before.shares) == REACH


def test_anchors_stand_for_the_whole_script_and_are_the_same_in_each_chunk() -> None:
    told = script([0.0, 0.0, 0.0, 0.1, 0.3, 0.0, 0.2])
    told.faces[2, 53:56] = 0.4  # a turned head, which is no expression
    cut = list(split_chunks(told, 3))
    np.testing.assert_allclose(cut[0].anchors[:, 50], [0.1, 0.3, 0.0, 0.2])
    for chunk in cut:
        np.testing.assert_array_equal(chunk.anchors, cut[0].anchors)
    assert not cut[0].anchors[:, 53:56].any()


def test_a_face_that_is_held_has_one_anchor() -> None:
    assert len(anchor_faces(script([0.2] * 10).faces)) == 1
