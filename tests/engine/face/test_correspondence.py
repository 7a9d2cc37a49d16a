"""A point of a posed head is found again in another picture of it, and hair turns with the head."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from omote.bridge import arkit
from omote.engine.data import FlameParams
from omote.engine.face import shell
from omote.engine.face.anime_head import anime_head
from omote.engine.face.correspondence import GRID, View, Viewer, carried_on, expression_similarity
from omote.engine.face.head import OpenHead, open_head
from omote.engine.face.retarget import from_weights

HEADS = {"people": open_head, "drawn": anime_head}


def viewer_of(head: OpenHead) -> Viewer:
    return Viewer(head.shaped(np.zeros(head.shape_size, np.float32)), head)


def posed(yaw: float = 0.0, **weights: float) -> FlameParams:
    return from_weights(arkit.weights(weights), None, np.array([0.0, yaw, 0.0], np.float32))


def matte(viewer: Viewer, wider: int) -> NDArray[np.float32]:
    """The head at rest, and hair around its upper half, so many cells thick."""
    covered = np.isfinite(viewer.view(posed()).depth).reshape(GRID, GRID).astype(np.uint8)
    upper = covered.copy()
    upper[GRID // 2 :] = 0
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * wider + 1, 2 * wider + 1))
    return np.asarray(np.maximum(covered, cv2.dilate(upper, disc)), np.float32)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_view_finds_itself_in_place_and_squarely_seen(head: Callable[[], OpenHead]) -> None:
    viewer = viewer_of(head())
    view = viewer.view(posed())
    found = viewer.correspondence(view, [view])
    centre = (np.arange(GRID) + 0.5) * (2.0 / GRID) - 1.0
    own = np.stack(np.meshgrid(centre, centre), -1)
    is_seen = found.trust[0, 0] > 0.5
    assert is_seen.sum() > 0.95 * view.geometry[6].sum()
    # A triangle may reach over its edge by the rasterizer's slack, a thousandth of it.
    np.testing.assert_allclose(found.place[0][is_seen], own[is_seen], atol=1e-3)
    np.testing.assert_allclose(found.trust[0, 2][is_seen], 0.0, atol=1e-5)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_the_same_surface_point_lies_where_the_correspondence_says(head: Callable[[], OpenHead]) -> None:
    viewer = viewer_of(head())
    wanted, reference = viewer.view(posed(0.3, jawOpen=0.4, mouthSmileLeft=0.8)), viewer.view(posed(-0.1))
    found = viewer.correspondence(wanted, [reference])
    is_seen = found.trust[0, 0] > 0.5
    at = np.floor((found.place[0][is_seen] + 1.0) * (GRID / 2)).astype(int)
    there = reference.geometry[:3, at[:, 1], at[:, 0]]
    apart = np.abs(there - wanted.geometry[:3][:, is_seen]).max(0)
    # One cell is about 0.03 of the canonical box; the nearest cell is compared, not one in between.
    assert np.median(apart) < 0.012
    assert np.quantile(apart, 0.9) < 0.04


def test_what_turns_away_is_told_as_hidden() -> None:
    viewer = viewer_of(open_head())
    wanted, reference = viewer.view(posed(0.8)), viewer.view(posed(-0.5))
    trust = viewer.correspondence(wanted, [reference]).trust[0]
    covered = wanted.geometry[6] > 0.5
    hidden = covered & (trust[0] < 0.5)
    assert 0.1 < hidden.sum() / covered.sum() < 0.8
    assert (trust[1][covered] >= 0.0).all()


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_eyes_and_teeth_are_hidden_behind_lids_and_lips(head: Callable[[], OpenHead]) -> None:
    viewer = viewer_of(head())
    rest, shut = viewer.view(posed()), viewer.view(posed(eyeBlinkLeft=1.0, eyeBlinkRight=1.0))
    opened = viewer.view(posed(jawOpen=0.7))

    def visible(wanted: View, reference: View, channel: int) -> float:
        trust = viewer.correspondence(wanted, [reference]).trust[0]
        return float(trust[0][wanted.geometry[channel] > 0.5].mean())

    assert visible(rest, rest, 7) > 0.98
    assert visible(rest, shut, 7) < 0.05
    assert visible(opened, opened, 8) > 0.98
    assert visible(opened, rest, 8) < 0.1


def test_hair_beyond_the_head_is_covered_by_a_shell_that_turns() -> None:
    viewer = viewer_of(open_head())
    with_hair = viewer.with_hair(posed(), matte(viewer, 12))
    bare, hairy = viewer.view(posed()).geometry, with_hair.view(posed()).geometry
    assert hairy[6].sum() > bare[6].sum() + 500
    assert hairy[10].sum() > 500
    turned = with_hair.view(posed(0.5))
    place = with_hair.correspondence(turned, [with_hair.view(posed())]).place[0]
    is_hair = turned.geometry[10] > 0.5
    # Nothing is fetched from beyond the hair: all of it lies within the matte.
    at = np.clip(((place[is_hair] + 1.0) * (GRID / 2)).astype(int), 0, GRID - 1)
    assert matte(viewer, 13)[at[:, 1], at[:, 0]].mean() > 0.97


def test_hair_is_found_in_place_in_a_picture_of_the_same_pose() -> None:
    viewer = viewer_of(open_head())
    view = viewer.with_hair(posed(), matte(viewer, 12)).view(posed())
    found = viewer.with_hair(posed(), matte(viewer, 12)).correspondence(view, [view])
    is_hair = (view.geometry[10] > 0.5) & (found.trust[0, 0] > 0.5)
    assert is_hair.sum() > 0.8 * (view.geometry[10] > 0.5).sum()
    centre = (np.arange(GRID) + 0.5) * (2.0 / GRID) - 1.0
    apart = np.abs(found.place[0] - np.stack(np.meshgrid(centre, centre), -1))[is_hair].max(1) * (GRID / 2)
    assert np.quantile(apart, 0.9) < 0.3  # cells


def test_a_bald_head_gets_no_hair() -> None:
    viewer = viewer_of(open_head())
    covered = np.isfinite(viewer.view(posed()).depth).reshape(GRID, GRID).astype(np.float32)
    assert viewer.with_hair(posed(), covered).view(posed()).geometry[10].sum() < 100


def test_thickness_is_what_the_matte_has_beyond_the_head() -> None:
    y, x = np.mgrid[:GRID, :GRID]
    away = np.hypot(x + 0.5 - GRID / 2, y + 0.5 - GRID / 2)
    found = shell.thickness((away < 40).astype(np.float32), away < 25, (GRID / 2, GRID / 2), 100.0)
    np.testing.assert_allclose(found, 15.0, atol=1.0)  # steps of half a cell, and squares for circles
    np.testing.assert_array_equal(shell.thickness((away < 40).astype(np.float32), away < 25, (64.0, 64.0), 4.0), 4.0)


def test_displacements_go_on_smoothly_beyond_what_is_known() -> None:
    rng = np.random.default_rng(0)
    known = (rng.random((2, 64, 64)) < 0.2).astype(np.float32)
    value = np.broadcast_to(np.array([3.0, -2.0, 1.0], np.float32)[:, None, None], (2, 3, 64, 64))
    np.testing.assert_allclose(carried_on(value, known), value, atol=1e-4)
    field = rng.random((2, 1, 64, 64)).astype(np.float32)
    found = carried_on(field, known)
    np.testing.assert_allclose(found[:, 0][known == 1.0], field[:, 0][known == 1.0], atol=1e-6)


def test_each_eye_agrees_with_the_reference_that_does_alike() -> None:
    closed = arkit.weights({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0})
    wink = arkit.weights({"eyeBlinkLeft": 1.0})
    found = expression_similarity(wink, np.stack([np.zeros(arkit.COUNT, np.float32), closed]))
    np.testing.assert_allclose(found, [[0.1, 1.0, 1.0, 1.0], [1.0, 0.1, 1.0, 1.0]], atol=1e-6)


@pytest.mark.parametrize("head", [open_head(), anime_head()], ids=["open", "anime"])
def test_an_open_eye_shows_little_of_the_lid_that_closes_it(head: OpenHead) -> None:
    viewer = viewer_of(head)
    opened, closed = viewer.view(posed()), viewer.view(posed(eyeBlinkLeft=1.0, eyeBlinkRight=1.0))
    is_lid = (opened.geometry[7] > 0.5) & (closed.geometry[7] < 0.5) & (closed.geometry[6] > 0.5)
    assert is_lid.sum() > 20
    seen, unsqueezed = (viewer.correspondence(closed, [one]).trust[0, :2].prod(0)[is_lid] for one in (opened, closed))
    assert seen.mean() < 0.6 and unsqueezed.mean() > 0.95
