"""Animations are cut into chunks that know their neighbours; frame rates are exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from omote.engine.offline.animation import (
    CHUNK,
    REACH,
    Animation,
    RenderError,
    anchor_faces,
    parse_fps,
    split_chunks,
)
from omote.engine.testing.offline import still_animation


def with_jaws(jaws: list[float]) -> Animation:
    animation = still_animation(len(jaws))
    animation.faces[:, 50] = jaws
    return animation


def test_every_picture_is_in_one_chunk_in_order() -> None:
    animation = with_jaws([0.001 * k for k in range(2 * CHUNK + 1)])
    chunks = list(split_chunks(animation))
    assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, 1]
    assert [index for chunk in chunks for index in chunk.indices] == list(range(len(animation)))
    np.testing.assert_array_equal(np.concatenate([chunk.faces for chunk in chunks]), animation.faces)


def test_a_chunk_knows_its_neighbours_within_the_animation() -> None:
    animation = with_jaws([0.01 * k for k in range(9)])
    first, second, third = split_chunks(animation, 4)
    assert len(first.before.faces) == 0
    np.testing.assert_array_equal(first.after.faces, animation.faces[4 : 4 + REACH])
    np.testing.assert_array_equal(second.before.faces, animation.faces[4 - REACH : 4])
    np.testing.assert_array_equal(second.after.faces, animation.faces[8:])
    assert len(third.after.faces) == 0
    assert len(second.before.shares) == REACH


def test_anchors_represent_the_whole_animation_in_each_chunk() -> None:
    animation = with_jaws([0.0, 0.0, 0.0, 0.1, 0.3, 0.0, 0.2])
    animation.faces[2, 53:56] = 0.4  # a turned head, which is no expression
    chunks = list(split_chunks(animation, 3))
    np.testing.assert_allclose(chunks[0].anchors[:, 50], [0.1, 0.3, 0.0, 0.2])
    for chunk in chunks:
        np.testing.assert_array_equal(chunk.anchors, chunks[0].anchors)
    assert not chunks[0].anchors[:, 53:56].any()
    assert len(anchor_faces(with_jaws([0.2] * 10).faces)) == 1


@pytest.mark.parametrize(
    ("word", "rate"),
    [
        ("30", Fraction(30)),
        ("24.0", Fraction(24)),
        ("12.5", Fraction(25, 2)),
        ("29.97", Fraction(30000, 1001)),
        ("29.970", Fraction(30000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("119.88", Fraction(120000, 1001)),
        ("24000/1001", Fraction(24000, 1001)),
        (" 25 ", Fraction(25)),
        ("1", Fraction(1)),
        ("240", Fraction(240)),
    ],
)
def test_a_rate_is_exact(word: str, rate: Fraction) -> None:
    assert parse_fps(word) == rate


@pytest.mark.parametrize("word", ["", "fast", "0", "-30", "241", "0.5", "30/0", "nan", "inf", "1e9", "30 fps"])
def test_anything_else_is_refused_with_examples(word: str) -> None:
    with pytest.raises(RenderError, match=r"from 1 to 240, as 30, 29\.97 or 30000/1001"):
        parse_fps(word)
