"""The real tracker on several people, far people, and people who come and go; pictures are composed of real clips."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from omote.engine.capture.face_search import LEFT_AFTER_S, FaceBox, SearchRegion
from omote.engine.capture.landmarker import Landmarker
from omote.engine.capture.source import Picture
from omote.engine.capture.video import open_video
from omote.engine.data import Signal, Stamp

WIDTH, HEIGHT, RATE = 1280, 720, 30
Place = tuple[int, int, int]  # left, top and side of a clip's square picture

Clip = Callable[[int], Picture]


@pytest.fixture(scope="module")
def clips(media: Path) -> tuple[Clip, Clip]:
    """Two people: their pictures by number, back and forth for ever."""

    def loaded(name: str) -> Clip:
        file = open_video(media / name)
        pictures: list[Picture] = []
        while len(pictures) < 60:
            is_read, picture = file.read()
            if not is_read:
                break
            pictures.append(picture)
        last = len(pictures) - 1
        return lambda index: pictures[last - abs(last - index % (2 * last))]

    return loaded("d0.mp4"), loaded("d18.mp4")


def composed(parts: Sequence[tuple[Picture, Place]]) -> Picture:
    """People in front of a grey wall, the last one in front."""
    picture = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
    for person, (left, top, side) in parts:
        own = cv2.resize(person, (side, side), interpolation=cv2.INTER_AREA)
        first_x, first_y = max(left, 0), max(top, 0)
        last_x, last_y = min(left + side, WIDTH), min(top + side, HEIGHT)
        picture[first_y:last_y, first_x:last_x] = own[first_y - top : last_y - top, first_x - left : last_x - left]
    return picture


class TrackedVideo:
    """Tracks picture after picture."""

    def __init__(self, model: Path) -> None:
        self.landmarker = Landmarker(model)
        self.index = -1

    def track(self, picture: Picture) -> Signal:
        self.index += 1
        return self.landmarker.track(picture, Stamp(self.index, self.index * 1_000_000_000 // RATE, 0))

    @property
    def x(self) -> float:
        """Of the middle of the tracked face, in pixels; nan where there is none."""
        tracked = self.landmarker.tracked_picture
        assert tracked is not None
        return float(tracked.points[:, 0].mean()) if len(tracked.points) else float("nan")


def test_the_nearest_of_two_is_the_performer_on_either_side(model: Path, clips: tuple[Clip, Clip]) -> None:
    for near_left, far_left in ((40, 800), (700, 100)):
        for near, far in (clips, clips[::-1]):
            video = TrackedVideo(model)
            with video.landmarker:
                for index in range(8):
                    video.track(composed([(far(index), (far_left, 200, 330)), (near(index), (near_left, 60, 540))]))
                    assert near_left < video.x < near_left + 540
                tracked = video.landmarker.tracked_picture
                assert tracked is not None
                assert tracked.others == 1


def test_an_onlooker_who_comes_nearer_does_not_take_over(model: Path, clips: tuple[Clip, Clip]) -> None:
    performer, onlooker = clips
    video = TrackedVideo(model)
    with video.landmarker:
        for index in range(60):
            side = 150 + 12 * min(index, 40)  # from half the performer's size to nearly twice it
            picture = composed([(onlooker(index), (640, 20, side)), (performer(index), (160, 180, 380))])
            signal = video.track(picture)
            assert signal.is_tracked
            assert 160 < video.x < 540


def test_an_onlooker_does_not_become_the_performer_who_looks_away_for_a_moment(
    model: Path, clips: tuple[Clip, Clip]
) -> None:
    performer, onlooker = clips
    video, hidden = TrackedVideo(model), np.full((380, 380, 3), 110, np.uint8)
    with video.landmarker:
        for index in range(70):
            is_away = 20 <= index < 40
            front = hidden if is_away else performer(index)
            behind = [(onlooker(index), (660, 60, 520))] if index >= 10 else []
            signal = video.track(composed([*behind, (front, (160, 180, 380))]))
            if is_away:
                assert not signal.is_tracked
            elif index < 20 or index > 44:
                assert 160 < video.x < 540


def test_a_person_who_passes_in_front_is_not_followed(model: Path, clips: tuple[Clip, Clip]) -> None:
    for performer, passing in (clips, clips[::-1]):
        video, tracked = TrackedVideo(model), []
        with video.landmarker:
            for index in range(77):
                parts = [(performer(index), (420, 180, 360)), (passing(index), (24 * index - 576, 60, 600))]
                tracked.append(video.track(composed(parts)).is_tracked)
                if tracked[-1]:
                    assert 420 < video.x < 780
        assert not all(tracked)  # The other person did hide the performer.
        assert all(tracked[-8:])


def test_after_the_performer_has_left_the_other_one_performs(model: Path, clips: tuple[Clip, Clip]) -> None:
    performer, other = clips
    video = TrackedVideo(model)
    with video.landmarker:
        for index in range(20 + round((LEFT_AFTER_S + 0.5) * RATE)):
            parts = [(other(index), (760, 200, 330))]
            signal = video.track(composed([*parts, (performer(index), (60, 100, 500))] if index < 20 else parts))
            if index < 20:
                assert 60 < video.x < 560
            elif (index - 19) / RATE < LEFT_AFTER_S:
                assert not signal.is_tracked
        assert signal.is_tracked
        assert 760 < video.x < 1090


def test_the_performer_is_followed_while_two_people_change_places(model: Path, clips: tuple[Clip, Clip]) -> None:
    performer, other = clips
    video = TrackedVideo(model)
    with video.landmarker:
        for index in range(90):
            over = min(max((index - 10) / 70.0, 0.0), 1.0)
            place, aside = (40 + round(over * 760), 120, 460), (860 - round(over * 800), 330, 260)
            signal = video.track(composed([(other(index), aside), (performer(index), place)]))
            assert signal.is_tracked
            assert place[0] < video.x < place[0] + 460


@pytest.mark.parametrize("corner", [(0.02, 0.03), (0.75, 0.03), (0.02, 0.68), (0.75, 0.68), (0.4, 0.3)])
def test_a_small_face_in_a_corner_is_found_and_followed(
    model: Path, clips: tuple[Clip, Clip], corner: tuple[float, float]
) -> None:
    # The head fills about half of the clip's height: 190 pixels are a face of 12 to 13 % of the picture's.
    side, (left, top) = 190, (round(corner[0] * WIDTH), round(corner[1] * HEIGHT))
    video, tracked = TrackedVideo(model), []
    with video.landmarker:
        for index in range(40):
            drift = min(index, 30) * (-1 if left > WIDTH / 2 else 1)
            signal = video.track(composed([(clips[0](index), (left + drift, top, side))]))
            tracked.append(signal.is_tracked)
            if signal.is_tracked:
                assert left + drift < video.x < left + drift + side
    assert all(tracked[4:12])
    assert np.mean(tracked[4:]) > 0.9


def test_a_far_performer_who_comes_near_is_followed_all_the_way(model: Path, clips: tuple[Clip, Clip]) -> None:
    video, tracked = TrackedVideo(model), []
    with video.landmarker:
        for index in range(70):
            side = 190 + 8 * min(max(index - 10, 0), 50)
            tracked.append(video.track(composed([(clips[1](index), (640 - side // 2, 40, side))])).is_tracked)
    assert np.mean(tracked[4:]) > 0.9
    assert all(tracked[-5:])


def test_faces_are_counted_once_a_second_and_only_while_the_picture_is_shown(
    model: Path, clips: tuple[Clip, Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    video = TrackedVideo(model)
    searches: list[int] = []
    with video.landmarker:
        detector = video.landmarker._detector
        search = detector.faces

        def counted(picture: Picture, view: SearchRegion) -> list[FaceBox]:
            searches.append(video.index)
            return search(picture, view)

        monkeypatch.setattr(detector, "faces", counted)
        for index in range(70):
            video.track(composed([(clips[0](index), (300, 60, 560))]))
        assert searches == [0]  # and never again while it is not shown
        for index in range(60):
            video.track(composed([(clips[0](index), (300, 60, 560))]))
            assert video.landmarker.tracked_picture is not None
        assert 2 <= len(searches) - 1 <= 3


def test_a_poster_gives_way_to_a_person_who_returns(model: Path, clips: tuple[Clip, Clip]) -> None:
    person, poster = clips[1], (clips[0](10), (850, 100, 300))
    video, rate = TrackedVideo(model), 10
    with video.landmarker as landmarker:
        for index in range(95):
            parts = [poster] if index < 60 else [poster, (person(index), (40, 100, 600))]
            landmarker.track(composed(parts), Stamp(index, index * 1_000_000_000 // rate, 0))
            if index == 59:
                assert 850 < video.x < 1150
    assert 40 < video.x < 640
