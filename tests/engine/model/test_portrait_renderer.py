"""The cache gives back what was put in, and keeps within its bytes."""

from __future__ import annotations

import numpy as np

from omote.engine.model.portrait_renderer import PictureCache


def picture(level: int, side: int = 4) -> np.ndarray:
    return np.full((side, side, 4), level, np.uint8)  # 64 bytes at 4


def test_what_was_put_in_comes_out_and_nothing_else() -> None:
    cache, kept = PictureCache(128), picture(1)
    cache.put("a", kept)
    assert cache.get("a") is kept
    assert cache.get("b") is None


def test_the_one_not_asked_for_longest_goes_first() -> None:
    cache = PictureCache(128)
    cache.put("a", picture(1))
    cache.put("b", picture(2))
    cache.get("a")
    cache.put("c", picture(3))
    assert [cache.get(key) is not None for key in "abc"] == [True, False, True]
    assert (len(cache), cache.bytes) == (2, 128)


def test_a_picture_put_again_counts_once() -> None:
    cache = PictureCache(128)
    for level in (1, 2, 3):
        cache.put("a", picture(level))
    assert (len(cache), cache.bytes) == (1, 64)
    found = cache.get("a")
    assert found is not None
    assert found[0, 0, 0] == 3


def test_a_picture_larger_than_the_cache_is_not_kept_and_drives_nothing_out() -> None:
    cache = PictureCache(128)
    cache.put("a", picture(1))
    cache.put("large", picture(2, side=8))
    assert cache.get("large") is None
    assert cache.get("a") is not None
