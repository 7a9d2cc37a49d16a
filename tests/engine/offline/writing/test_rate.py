"""Rates as people write them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from omote.engine.offline.animation import RenderError, parse_fps


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
def test_anything_else_is_an_error_that_shows_what_is_wanted(word: str) -> None:
    with pytest.raises(RenderError, match=r"from 1 to 240, as 30, 29\.97 or 30000/1001"):
        parse_fps(word)
