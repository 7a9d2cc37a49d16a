"""People are cut out along their hair, in their own colours."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
from numpy.typing import NDArray

from omote.engine.model.matting import FILE, SHA256, cut_out, person_mask, shipped_session, with_alpha
from omote.engine.runtime.session import Feeds, Outputs

Array = NDArray[np.float32]
Rgb = NDArray[np.uint8]
SIDE = 256
HAIR, GROUND = np.array([60.0, 30.0, 20.0]), np.array([90.0, 160.0, 210.0])


class Seer:
    """A network that sees everything of a given alpha, blurred, wherever it is asked to look."""

    name = "fake"

    def __init__(self, alpha: Array, picture: Rgb) -> None:
        self._alpha, self._picture = alpha, picture

    def run(self, feeds: Feeds) -> Outputs:
        seen = feeds["picture"][0].transpose(1, 2, 0)
        best, found = np.inf, self._alpha
        side = len(self._alpha)
        for alpha, picture in ((self._alpha, self._picture), (self._alpha[:, ::-1], self._picture[:, ::-1])):
            small = cv2.resize(np.ascontiguousarray(picture), seen.shape[:2], interpolation=cv2.INTER_AREA) / 255.0
            off = float(np.abs(small - seen).mean())
            if off < best:
                best, found = off, alpha
        if best > 0.01:  # a nearer look: it knows no more than before
            found = np.full_like(self._alpha, 0.5)
        soft = cv2.GaussianBlur(np.ascontiguousarray(found), (0, 0), side / 60.0)
        return {"mask": np.asarray(cv2.resize(soft, seen.shape[:2])[None, None])}


def head_with_strands(side: int = SIDE) -> tuple[Array, Array]:
    """Alpha [S,S] of a disc from which strands of one to two pixels stand out, and of the disc alone."""
    large = np.zeros((4 * side, 4 * side), np.uint8)
    middle = (2 * side, 2 * side)
    cv2.circle(large, middle, round(1.2 * side), 255, -1)
    disc = cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    for angle in np.linspace(0.0, 2.0 * np.pi, 60, endpoint=False):
        end = (middle[0] + 1.29 * side * np.cos(angle), middle[1] + 1.29 * side * np.sin(angle))
        cv2.line(large, middle, (round(end[0]), round(end[1])), 255, 6)
    return cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0, disc


def shown(alpha: Array, ground: NDArray[np.float64] = GROUND) -> Rgb:
    return np.round(HAIR * alpha[..., None] + ground * (1.0 - alpha[..., None])).astype(np.uint8)


def inside(alpha: Array, share: float) -> NDArray[np.bool_]:
    away = np.hypot(*np.mgrid[-1 : 1 : len(alpha) * 1j, -1 : 1 : len(alpha) * 1j])
    return np.asarray(away < share)


def test_the_shipped_network_is_the_one_that_is_named() -> None:
    assert hashlib.sha256(FILE.read_bytes()).hexdigest() == SHA256


def test_the_shipped_network_sees_nobody_on_a_wall() -> None:
    wall = np.full((SIDE, SIDE, 3), (120, 130, 140), np.uint8)
    seen = person_mask(wall, np.zeros((SIDE, SIDE), np.bool_), shipped_session())
    assert seen.shape == (SIDE, SIDE)
    assert seen.max() < 0.5


def test_strands_that_a_network_does_not_see_are_found_by_their_colour() -> None:
    alpha, disc = head_with_strands()
    picture = shown(alpha)
    found = cut_out(picture, np.zeros_like(inside(disc, 1.0)), inside(disc, 0.5), Seer(disc, picture))
    edge = cv2.dilate(((alpha > 0.02) & (alpha < 0.98)).astype(np.uint8), np.ones((5, 5))) > 0
    error, before = (np.abs(one - alpha)[edge].mean() for one in (found[..., 3] / 255.0, disc))
    assert error < 0.35 * before


def test_half_covered_pixels_have_the_persons_colour() -> None:
    alpha, _ = head_with_strands()
    found = with_alpha(shown(alpha), alpha)
    half = (alpha > 0.2) & (alpha < 0.9)
    # The colour in the picture is 30 levels and more from the hair's there.
    assert np.abs(found[half][:, :3] - HAIR).mean() < 4.0
    assert np.abs(shown(alpha)[half] - HAIR).mean() > 30.0


def test_whole_pixels_stay_as_they_are() -> None:
    alpha, _ = head_with_strands()
    picture = shown(alpha)
    np.testing.assert_array_equal(with_alpha(picture, alpha)[alpha == 1.0][:, :3], picture[alpha == 1.0])


def test_a_hole_in_what_the_network_sees_is_closed() -> None:
    _, disc = head_with_strands()
    holed = disc.copy()
    holed[60:75, 120:135] = 0.0
    picture = shown(disc)
    found = cut_out(picture, np.zeros_like(inside(disc, 1.0)), inside(disc, 0.2), Seer(holed, picture))
    assert found[60:75, 120:135, 3].min() > 250


def test_another_person_beside_is_left_out() -> None:
    _, disc = head_with_strands()
    both = disc.copy()
    both[:30, :30] = 1.0
    picture = shown(both)
    found = cut_out(picture, np.zeros_like(inside(disc, 1.0)), inside(disc, 0.5), Seer(both, picture))
    assert found[:20, :20, 3].max() == 0


def test_a_green_screen_leaves_no_green_on_the_edge() -> None:
    _, disc = head_with_strands()
    green = np.array([40.0, 190.0, 70.0])
    picture = shown(disc, green)
    ring = (disc == 1.0) & ~inside(disc, 0.56)
    picture[ring] = np.clip(picture[ring] + np.array([0, 25, 5]), 0, 255).astype(np.uint8)  # what a screen throws
    found = cut_out(picture, np.zeros_like(ring), inside(disc, 0.5), Seer(disc, picture))
    ring &= found[..., 3] > 200

    def green_of(rgb: NDArray[np.generic]) -> float:
        shown = rgb[ring][:, :3].astype(float)
        return float((shown[:, 1] - shown[:, [0, 2]].mean(1)).mean())

    assert green_of(picture) > 10.0
    assert green_of(found) < 4.0  # the hair's own is -10


def test_a_wall_of_wood_is_no_screen() -> None:
    _, disc = head_with_strands()
    picture = shown(disc, np.array([210.0, 150.0, 60.0]))
    found = cut_out(picture, np.zeros_like(inside(disc, 1.0)), inside(disc, 0.5), Seer(disc, picture))
    whole = found[..., 3] == 255
    np.testing.assert_allclose(found[whole][:, :3], picture[whole], atol=2)
