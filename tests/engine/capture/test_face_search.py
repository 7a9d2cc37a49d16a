"""Which of several given faces is followed, and the regions that are searched for far ones."""

from __future__ import annotations

import numpy as np
import pytest

from omote.engine.capture.face_search import (
    FAR_SCALE,
    LEFT_AFTER_S,
    LIFELESS_S,
    FaceBox,
    PerformerSelector,
    SearchRegion,
    without_faces,
)

NEAR, FAR_OFF = FaceBox(200.0, 240.0, 150.0), FaceBox(480.0, 200.0, 80.0)


def ns(time_s: float) -> int:
    return round(time_s * 1e9)


def performer_at(face: FaceBox, time_s: float = 10.0) -> PerformerSelector:
    performer = PerformerSelector()
    performer.follow(face, ns(time_s))
    return performer


def test_at_the_start_the_nearest_performs_in_whatever_order_they_are_found() -> None:
    assert PerformerSelector().choose([FAR_OFF, NEAR], 0) is NEAR
    assert PerformerSelector().choose([NEAR, FAR_OFF], 0) is NEAR
    assert PerformerSelector().choose([], 0) is None


def test_after_a_loss_the_followed_face_is_chosen_and_not_the_nearest() -> None:
    assert performer_at(FAR_OFF).choose([NEAR, FAR_OFF], ns(10.1)) is FAR_OFF


def test_an_onlooker_elsewhere_is_not_the_performer() -> None:
    assert performer_at(NEAR).choose([FAR_OFF], ns(10.1)) is None
    in_front = FaceBox(NEAR.x, NEAR.y, 2.0 * NEAR.size)
    assert performer_at(NEAR).choose([in_front], ns(10.1)) is None


def test_of_two_possible_faces_the_likelier_one_is_chosen() -> None:
    moved, neighbour = FaceBox(240.0, 250.0, 160.0), FaceBox(330.0, 240.0, 130.0)
    assert performer_at(NEAR).choose([neighbour, moved], ns(10.3)) is moved


def test_the_longer_the_performer_was_away_the_farther_they_may_have_gone() -> None:
    aside = FaceBox(NEAR.x + 1.4 * NEAR.size, NEAR.y, NEAR.size)
    assert performer_at(NEAR).choose([aside], ns(10.1)) is None
    assert performer_at(NEAR).choose([aside], ns(11.0)) is aside


def test_a_person_who_passes_in_front_is_not_taken_for_the_performer() -> None:
    performer = performer_at(NEAR)
    back, time_s = FaceBox(NEAR.x, NEAR.y, 1.3 * NEAR.size), 10.1
    for step in range(10):
        passing = FaceBox(NEAR.x - 100.0 + 40.0 * step, NEAR.y, (1.25 + 0.04 * (-1) ** step) * NEAR.size)
        is_covered = step < 6
        chosen = performer.choose([passing] if is_covered else [passing, back], ns(time_s))
        assert chosen is (None if is_covered else back)
        time_s += 0.1


def test_the_nearest_performs_once_the_performer_has_left() -> None:
    left = performer_at(NEAR)
    assert left.choose([FAR_OFF], ns(10.0 + LEFT_AFTER_S)) is None
    assert left.choose([FAR_OFF], ns(10.1 + LEFT_AFTER_S)) is FAR_OFF


def follow_a_poster(poster: FaceBox, until_s: float) -> PerformerSelector:
    performer = PerformerSelector()
    for index in range(round(10 * until_s) + 1):
        trembling = 0.001 * poster.size * (-1) ** index
        performer.follow(FaceBox(poster.x + trembling, poster.y, poster.size - trembling), ns(index / 10))
    return performer


def test_a_poster_gives_way_to_the_first_other_face_and_is_not_taken_again() -> None:
    performer = follow_a_poster(NEAR, LIFELESS_S)
    assert performer.is_lifeless(ns(LIFELESS_S))
    assert not performer.gives_way([], ns(LIFELESS_S))  # A face alone is followed, alive or not.
    assert performer.gives_way([FAR_OFF], ns(LIFELESS_S))
    assert performer.choose([NEAR], ns(LIFELESS_S + 0.1)) is None  # The other one was missed in this picture.
    assert performer.choose([NEAR, FAR_OFF], ns(LIFELESS_S + 0.2)) is FAR_OFF
    performer.follow(FAR_OFF, ns(LIFELESS_S + 0.2))
    assert not performer.gives_way([NEAR], ns(20.0))  # Two posters do not take turns.
    assert performer.choose([NEAR], ns(20.0)) is NEAR


def test_a_face_that_moves_a_little_is_alive() -> None:
    performer = follow_a_poster(NEAR, LIFELESS_S - 0.1)
    performer.follow(FaceBox(NEAR.x + 0.01 * NEAR.size, NEAR.y, NEAR.size), ns(LIFELESS_S))
    assert not performer.is_lifeless(ns(LIFELESS_S + 1.0))


def test_a_poster_that_moves_is_a_face_again() -> None:
    performer = follow_a_poster(NEAR, LIFELESS_S)
    assert performer.gives_way([FAR_OFF], ns(LIFELESS_S))
    for index in range(3):
        performer.follow(FaceBox(NEAR.x + 5.0 * index, NEAR.y, NEAR.size), ns(LIFELESS_S + 1.0 + index / 10))
    later = LIFELESS_S + 4.0
    assert performer.choose([NEAR, FAR_OFF], ns(later)) is NEAR


def test_a_near_face_is_searched_for_in_the_whole_picture() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    assert SearchRegion.around(FaceBox(300.0, 200.0, FAR_SCALE * 480), picture) == SearchRegion.whole(picture)


@pytest.mark.parametrize("place", [(30.0, 25.0), (620.0, 20.0), (10.0, 470.0), (635.0, 475.0), (320.0, 240.0)])
def test_a_far_face_is_enlarged_and_its_region_never_leaves_the_picture(place: tuple[float, float]) -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    face = FaceBox(*place, 40.0)
    region = SearchRegion.around(face, picture)
    assert region.cut(picture).shape == (region.height, region.width, 3)
    assert face.size / region.height == pytest.approx(0.4, abs=0.01)
    assert region.width / region.height == pytest.approx(640 / 480, abs=0.02)
    assert region.left <= face.x <= region.left + region.width
    assert region.shows_well(face, picture)


def test_a_face_at_the_edge_of_its_region_or_too_large_for_it_is_not_shown_well() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    region = SearchRegion.around(FaceBox(320.0, 240.0, 40.0), picture)
    assert not region.shows_well(FaceBox(region.left + 15.0, 240.0, 40.0), picture)
    assert not region.shows_well(FaceBox(320.0, 240.0, 80.0), picture)


def test_a_face_of_an_eighth_of_the_picture_is_whole_in_one_of_the_tiles_wherever_it_is() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    size = 60
    tiles = SearchRegion.tiles(picture)
    for left in range(0, 640 - size, 20):
        for top in range(0, 480 - size, 20):
            assert any(
                t.left <= left and t.top <= top and left + size <= t.left + t.width and top + size <= t.top + t.height
                for t in tiles
            )


def test_other_faces_are_painted_over_and_the_performer_in_front_of_them_is_not() -> None:
    picture = np.full((100, 200, 3), 7, np.uint8)
    other, performer = FaceBox(110.0, 50.0, 40.0), FaceBox(80.0, 50.0, 40.0)
    painted = without_faces(picture, [other], performer)
    assert (painted[50, 115] == 128).all()
    assert (painted[50, 90] == 7).all()
    assert (picture == 7).all()  # The camera's own picture stays, because it is shown.
    assert without_faces(picture, [], performer) is picture
