"""Ears and skull are fitted to the outline that a photo shows."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine.face.head import open_head
from omote.engine.face.rasterizer import Camera, rasterize
from omote.engine.face.refinement import Outline
from omote.engine.model.photos import head_outline

Array = NDArray[np.float32]
SIDE = 512
SKIN = np.array([180, 130, 110], np.uint8)
HUE = ((SKIN / 255.0) ** 2.2).astype(np.float32)


@pytest.fixture(scope="module")
def drawn() -> tuple[Array, NDArray[np.bool_]]:
    """The average head in our picture: vertices [N,3] on the screen, and where it lies."""
    head = open_head()
    shaped = head.shaped(np.zeros(100, np.float32))
    screen = Camera.framing(shaped).project(shaped.vertex, SIDE)
    mask = np.zeros(SIDE * SIDE, np.bool_)
    mask[rasterize(screen, head.triangle.astype(np.int64), SIDE)[0]] = True
    return screen, mask.reshape(SIDE, SIDE)


def found(drawn: tuple[Array, NDArray[np.bool_]], alpha: NDArray[np.bool_], colour: NDArray[np.uint8]) -> Outline:
    screen, is_head = drawn
    picture = np.full((SIDE, SIDE, 3), colour, np.uint8)
    soft = cv2.GaussianBlur(alpha.astype(np.float32), (0, 0), 1.0)
    return head_outline(picture, soft, is_head, screen, open_head(), HUE)


def moved(mask: NDArray[np.bool_], right: float, down: float) -> NDArray[np.bool_]:
    shift = np.array([[1.0, 0.0, right], [0.0, 1.0, down]])
    return np.asarray(cv2.warpAffine(mask.astype(np.uint8), shift, (SIDE, SIDE)) > 0)


def test_ears_that_lie_where_the_head_has_them_stay(drawn: tuple[Array, NDArray[np.bool_]]) -> None:
    outline = found(drawn, drawn[1], SKIN)
    assert len(outline.vertex) > 40
    away = np.einsum("nk,nk->n", outline.at - drawn[0][outline.vertex, :2], outline.across)
    # Vertices are up to two pixels within the outline that they make.
    assert np.abs(away).mean() < 1.5


def test_ears_that_lie_lower_are_found_there(drawn: tuple[Array, NDArray[np.bool_]]) -> None:
    still, lower = (found(drawn, moved(drawn[1], 0.0, by), SKIN) for by in (0.0, 6.0))
    both, of_still, of_lower = np.intersect1d(still.vertex, lower.vertex, return_indices=True)
    # Across the outline as much as it is crossed from above.
    apart = np.einsum("nk,nk->n", lower.at[of_lower] - still.at[of_still], still.across[of_still])
    steep = np.abs(still.across[of_still][:, 1]) > 0.5
    assert len(both) > 30
    assert np.median(np.abs(apart[steep] - 6.0 * still.across[of_still][steep, 1])) < 1.0


def test_ears_under_hair_are_not_looked_for(drawn: tuple[Array, NDArray[np.bool_]]) -> None:
    hair = np.array([40, 60, 120], np.uint8)
    assert len(found(drawn, drawn[1], hair).vertex) == 0


def test_hair_over_the_skull_says_nothing_of_it(drawn: tuple[Array, NDArray[np.bool_]]) -> None:
    thick = cv2.dilate(drawn[1].astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    head = open_head()
    assert (head.template[found(drawn, thick, SKIN).vertex, 1] < 7.6).all()


def test_a_skull_beyond_the_hair_is_brought_back(drawn: tuple[Array, NDArray[np.bool_]]) -> None:
    low = moved(drawn[1], 0.0, 8.0)
    outline = found(drawn, low, SKIN)
    crown = open_head().template[outline.vertex, 1] > 8.2
    assert crown.sum() >= 3
    down = outline.at[crown, 1] - drawn[0][outline.vertex[crown], 1]
    assert np.median(down) == pytest.approx(8.0, abs=2.5)


def test_nobody_has_no_outline(drawn: tuple[Array, NDArray[np.bool_]]) -> None:
    assert len(found(drawn, np.zeros_like(drawn[1]), SKIN).vertex) == 0
