"""How many pictures a second, as people write it, exactly."""

from __future__ import annotations

from fractions import Fraction

from omote.engine.offline.script import RenderError

LEAST, MOST = 1, 240
# Television's rates are a thousandth slower than they are called: 29.97 is 30000/1001.
_NTSC = tuple(Fraction(whole * 1000, 1001) for whole in (24, 30, 48, 60, 120, 240))


def rate_of(word: str) -> Fraction:
    """`"30"`, `"29.97"` and `"30000/1001"` as fractions; RenderError where that is no rate from 1 to 240."""
    wanted = f"wanted pictures a second from {LEAST} to {MOST}, as 30, 29.97 or 30000/1001"
    try:
        rate = Fraction(word.strip())
    except (ValueError, ZeroDivisionError) as error:
        raise RenderError(f"'{word}' is no rate: {wanted}") from error
    if "/" not in word:
        decimals = len(word.strip().partition(".")[2])
        rate = next((known for known in _NTSC if decimals >= 2 and round(known, decimals) == rate), rate)
    if not LEAST <= rate <= MOST:
        raise RenderError(f"'{word}' is out of range: {wanted}")
    return rate
