"""Where a portrait stands in the picture, and what is behind it."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine.data import FlameParams, Portrait, Stamp
from omote.engine.live.scene import (
    ASPECTS,
    EASE_S,
    PLAIN,
    Background,
    Compositor,
    Placement,
    Scene,
    SceneError,
    Scratch,
    composited,
)
from omote.engine.testing.drawing import painted_character

Rgba = NDArray[np.uint8]
GREEN = Background((0, 255, 0))
SIDE = 64
HANA = painted_character()


def portrait(side: int = SIDE) -> Portrait:
    """A square of red, blue below, with half-transparent and transparent pixels around it."""
    rgba = np.zeros((side, side, 4), np.uint8)
    quarter = side // 4
    rgba[quarter - 1 : -quarter + 1, quarter - 1 : -quarter + 1] = (200, 40, 20, 128)
    rgba[quarter:-quarter, quarter:-quarter] = (200, 40, 20, 255)
    rgba[side // 2 : -quarter, quarter:-quarter] = (20, 40, 200, 255)
    return Portrait(Stamp(0, 0, 0), rgba, None, FlameParams.neutral(), 1.0, np.zeros(27, np.float32))


def middle_of(rgba: Rgba) -> tuple[float, float]:
    """The middle of what is opaque, in shares from the upper left corner."""
    rows, columns = np.nonzero(rgba[..., 3] > 200)
    return float(columns.mean() + 0.5) / rgba.shape[1], float(rows.mean() + 0.5) / rgba.shape[0]


def test_the_plain_scene_returns_the_same_portrait() -> None:
    one, compositor = portrait(), Compositor()
    assert composited(one, PLAIN) is one
    assert compositor.composite(one, HANA, 0) is one


def test_a_background_fills_what_is_transparent_and_nothing_else() -> None:
    one = portrait()
    done = composited(one, Scene(background=GREEN))
    shown, alpha = done.rgba, one.rgba[..., 3]
    assert (shown[..., 3] == 255).all()
    assert (shown[alpha == 0] == (0, 255, 0, 255)).all()
    np.testing.assert_array_equal(shown[alpha == 255], one.rgba[alpha == 255])
    half = shown[alpha == 128].astype(int)
    assert np.abs(half - (100, 147, 10, 255)).max() <= 2  # two 8-bit roundings
    assert done.placed is None
    assert done.cutout is not None
    np.testing.assert_array_equal(done.cutout[..., 3], alpha)


def test_a_picture_is_cut_to_fill_and_blurred() -> None:
    stripes = np.zeros((40, 160, 4), np.uint8)
    stripes[..., 3] = 255
    stripes[:, 60:100] = (255, 255, 255, 255)  # all that a square of the middle shows
    sharp = Background(picture=stripes).drawn(SIDE, SIDE)
    assert (sharp[..., :3] == 255).mean() > 0.95
    edge = np.zeros((SIDE, SIDE, 4), np.uint8)
    edge[..., 3], edge[:, : SIDE // 2, :3] = 255, 255
    blurred = Background(picture=edge, blur=0.1).drawn(SIDE, SIDE)[SIDE // 2, :, 0].astype(int)
    assert 100 < blurred[SIDE // 2] < 155
    assert (np.diff(blurred) <= 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 1600), (1600, 1), (37, 1200)])
def test_a_picture_of_any_shape_fills_the_background(shape: tuple[int, int]) -> None:
    shown = Background(picture=np.full((*shape, 4), 200, np.uint8), blur=0.05).drawn(91, 51)
    assert shown.shape == (51, 91, 4)
    assert (shown[..., 3] == 255).all()


def test_a_transparent_picture_lies_over_the_colour() -> None:
    shown = Background((1, 2, 3), np.zeros((8, 8, 4), np.uint8)).drawn(8, 8)
    assert (shown == (1, 2, 3, 255)).all()


@pytest.mark.parametrize(
    ("placement", "where"),
    [
        (Placement(x=0.25), (0.75, 0.5)),
        (Placement(y=0.125), (0.5, 0.375)),
        (Placement(zoom=0.5), (0.5, 0.5)),
        (Placement(x=0.25, y=0.25, zoom=0.25, turn_deg=90.0), (0.75, 0.25)),
        (Placement(x=0.1, y=-0.1, zoom=0.5, turn_deg=30.0), (0.6, 0.6)),
    ],
)
def test_a_placement_moves_the_portrait_and_says_where_it_went(
    placement: Placement, where: tuple[float, float]
) -> None:
    done = composited(portrait(), Scene(placement))
    assert middle_of(done.rgba) == pytest.approx(where, abs=0.01)
    assert done.placed is not None
    a, b, c, d, e, f = done.placed
    assert (0.5 * a + 0.5 * b + c, 0.5 * d + 0.5 * e + f) == pytest.approx(where, abs=1e-6)
    assert done.cutout is None


def test_a_quarter_turn_clockwise_is_exact() -> None:
    one = portrait()
    done = composited(one, Scene(Placement(turn_deg=90.0)))
    turned = np.rot90(one.rgba, -1)
    shown = turned[..., 3] == 255
    np.testing.assert_array_equal(done.rgba[shown], turned[shown])


def test_a_crop_cuts_the_portrait_before_it_is_moved() -> None:
    done = composited(portrait(), Scene(Placement(bottom=0.45, zoom=0.9)))
    lower = done.rgba[round(SIDE * (0.5 + 0.9 * 0.05)) + 1 :]
    assert not lower.any()
    assert done.rgba[SIDE // 2 - 2, SIDE // 2, 3] == 255


@pytest.mark.parametrize("aspect", ASPECTS.values())
def test_a_wide_or_high_picture_has_the_portrait_in_its_middle(aspect: float) -> None:
    done = composited(portrait(), Scene(aspect=aspect))
    height, width = done.rgba.shape[:2]
    assert min(width, height) == SIDE
    assert width / height == pytest.approx(aspect, abs=0.03)
    assert middle_of(done.rgba) == pytest.approx((0.5, 0.5), abs=0.01)
    assert (done.rgba[..., 3] > 200).sum() == (portrait().rgba[..., 3] > 200).sum()


def test_a_small_portrait_keeps_its_fine_lines() -> None:
    one = portrait(256)
    one.rgba[:] = 255
    one.rgba[:, ::2, :3] = 0
    shown = composited(one, Scene(Placement(zoom=0.25))).rgba
    inner = shown[shown[..., 3] == 255]
    assert np.abs(inner[:, 0].astype(int) - 128).max() < 40


@pytest.mark.parametrize("wrong", [{"zoom": 0.0}, {"x": 3.0}, {"turn_deg": 270.0}, {"left": 0.6}, {"y": float("nan")}])
def test_an_impossible_placement_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SceneError, match=f"{next(iter(wrong))} must be from"):
        Placement(**wrong)


# Each with the arrays that a picture needs besides those that it gives out, which are reused.
SCENES = {
    "background": Scene(background=GREEN),
    "placed": Scene(Placement(x=0.1, zoom=0.9)),
    "wide, before a background": Scene(Placement(y=0.1), GREEN, aspect=16.0 / 9.0),
}


def test_pictures_that_share_arrays_are_those_that_do_not_and_stay_as_they_are() -> None:
    scratch, kept = Scratch(), list[tuple[Rgba, Rgba]]()
    for side in (SIDE, 2 * SIDE, SIDE):
        for scene in (*SCENES.values(), *SCENES.values()):
            one = replace(portrait(side), rgba=np.roll(portrait(side).rgba, len(kept), axis=1))
            shared, alone = composited(one, scene, scratch=scratch), composited(one, scene)
            kept.append((shared.rgba, alone.rgba))
            if alone.cutout is not None:
                assert shared.cutout is not None
                kept.append((shared.cutout, alone.cutout))
    for shared_rgba, alone_rgba in kept:
        np.testing.assert_array_equal(shared_rgba, alone_rgba)


@pytest.mark.parametrize("name", SCENES)
def test_a_picture_allocates_only_what_it_gives_out(name: str) -> None:
    scene, scratch, one = SCENES[name], Scratch(), portrait(256)
    composited(one, scene, scratch=scratch)
    tracemalloc.start()
    done = composited(one, scene, scratch=scratch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    given_bytes = done.rgba.nbytes + (0 if done.cutout is None else done.cutout.nbytes)
    assert given_bytes <= peak <= given_bytes + 20_000  # small Python objects


def test_the_picture_of_a_still_face_is_composited_once() -> None:
    one, compositor = portrait(), Compositor()
    compositor.scene = Scene(background=GREEN)
    first, second = compositor.composite(one, HANA, 0), compositor.composite(one, HANA, 1)
    assert first.rgba is second.rgba
    compositor.scene = Scene(background=Background((9, 9, 9)))
    assert tuple(compositor.composite(one, HANA, 2).rgba[0, 0]) == (9, 9, 9, 255)


def test_a_change_of_place_is_a_movement_and_ends_exactly() -> None:
    one, compositor = portrait(), Compositor()
    compositor.composite(one, HANA, 0)

    def middle_at(share: float) -> float:
        return middle_of(compositor.composite(one, HANA, round(share * EASE_S * 1e9)).rgba)[0]

    compositor.scene = Scene(Placement(x=0.25))
    xs = [middle_at(share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert xs[0] == pytest.approx(0.5, abs=0.01)
    assert xs[2] == pytest.approx(0.625, abs=0.02)
    assert xs[-1] == pytest.approx(0.75, abs=0.01)
    assert xs == sorted(xs)
    compositor.scene = PLAIN
    compositor.composite(one, HANA, 10**10)
    assert compositor.composite(one, HANA, 2 * 10**10) is one


def leaning(shift: tuple[float, float, float], presence: float = 1.0) -> Portrait:
    moved = np.array(shift, np.float32)
    return replace(portrait(), params=replace(FlameParams.neutral(), translation=moved), presence=presence)


def placed(compositor: Compositor, shift: tuple[float, float, float], presence: float = 1.0) -> tuple[float, ...]:
    """Size of the portrait, and its middle: right and up in sides."""
    found = compositor.composite(leaning(shift, presence), HANA, 0).placed
    if found is None:
        return 1.0, 0.0, 0.0
    a, b, c, d, e, f = found
    return a, (a + b) / 2 + c - 0.5, 0.5 - (d + e) / 2 - f


def test_the_portrait_leans_as_the_performer_does() -> None:
    compositor = Compositor()
    compositor.scene = Scene(lean=1.0)
    assert placed(compositor, (0.0, 0.0, 0.0)) == (1.0, 0.0, 0.0)
    size, right, up = placed(compositor, (0.034, 0.017, 0.0))  # a tenth of what a side shows, to the subject's left
    assert (size, right, up) == pytest.approx((1.0, 0.1, 0.05), abs=1e-6)
    assert placed(compositor, (0.0, 0.0, 0.11))[0] == pytest.approx(1.25)
    assert placed(compositor, (0.0, 0.0, -0.11))[0] < 0.9
    still = placed(compositor, (0.0, 0.0, 0.05))
    assert placed(compositor, (0.0001, 0.0, 0.05)) == still  # a tremor is not shown
    compositor.scene = Scene(lean=0.5)
    assert placed(compositor, (0.034, 0.0, 0.0))[1] == pytest.approx(0.05, abs=1e-6)


def test_without_a_calibration_the_first_face_is_at_rest() -> None:
    compositor = Compositor()
    compositor.scene = Scene(lean=1.0)
    assert placed(compositor, (0.02, -0.1, -0.6)) == pytest.approx((1.0, 0.0, 0.0), abs=1e-6)
    assert placed(compositor, (0.054, -0.1, -0.6))[1] == pytest.approx(0.1, abs=1e-6)
    # The face is lost, and the portrait goes back to the middle.
    assert placed(compositor, (0.027, -0.05, -0.3), 0.5)[1] == pytest.approx(0.05, abs=1e-6)
    assert placed(compositor, (0.0, 0.0, 0.0), 0.0) == pytest.approx((1.0, 0.0, 0.0), abs=1e-6)
    # Neutral was pressed: the tracker's numbers are relative from now on.
    assert placed(compositor, (0.0, 0.0, 0.0)) == pytest.approx((1.0, 0.0, 0.0), abs=1e-6)
    assert placed(compositor, (0.0, 0.0, 0.11))[0] == pytest.approx(1.25)
