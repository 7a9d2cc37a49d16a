"""The real tracker on real clips and on drawn faces whose truth is known."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine import Animator
from omote.engine.capture.landmarker import Landmarker
from omote.engine.capture.mouth_shapes import NAMES
from omote.engine.capture.source import EndOfSource
from omote.engine.capture.video import VideoSource
from omote.engine.data import Signal, Stamp

from .conftest import Draw, Track

STRAIGHT = (0.0, 0.0, 0.0)


def weight(signal: Signal, name: str) -> float:
    assert signal.is_tracked
    return float(signal.weights[arkit.INDEX[name]])


def all_signals(path: Path, model: Path, reads_mouth: bool = False) -> list[Signal]:
    def tracker() -> Landmarker:
        landmarker = Landmarker(model)
        landmarker.reads_mouth = reads_mouth
        return landmarker

    signals: list[Signal] = []
    with VideoSource(path, is_offline=True, open_tracker=tracker) as source:
        while True:
            try:
                signal = source.read(1.0)
            except EndOfSource:
                return signals
            assert signal is not None
            signals.append(signal)


@pytest.mark.parametrize("clip", ["d0.mp4", "d12.mp4", "d18.mp4"])
def test_real_faces_are_tracked(media: Path, model: Path, clip: str) -> None:
    signals = all_signals(media / clip, model)
    assert np.mean([s.is_tracked for s in signals]) >= 0.95
    assert all(0.5 < s.confidence <= 1.0 for s in signals if s.is_tracked)
    # MediaPipe assumes a field of view of 63 degrees; a face that fills such a picture is near.
    assert all(-1.0 < s.head_translation[2] < -0.15 for s in signals if s.is_tracked)


def test_offline_the_same_film_gives_the_same_signals(media: Path, model: Path) -> None:
    first, second = (all_signals(media / "d0.mp4", model) for _ in range(2))
    np.testing.assert_array_equal([s.weights for s in first], [s.weights for s in second])
    np.testing.assert_array_equal([s.head_rotation for s in first], [s.head_rotation for s in second])


@pytest.mark.parametrize("clip", ["d0.mp4", "d12.mp4", "d18.mp4"])
def test_people_who_smile_talk_and_shout_show_no_tongue_and_no_puffed_cheeks(
    media: Path, model: Path, clip: str
) -> None:
    signals = all_signals(media / clip, model, reads_mouth=True)
    assert max(weight(s, name) for s in signals if s.is_tracked for name in NAMES) < 0.01  # MediaPipe has its own puff


@pytest.mark.parametrize("name", ["ruth", "marcus"])
def test_tongue_and_cheeks_of_a_drawn_portrait_are_read_and_nothing_else(model: Path, name: str) -> None:
    animator = Animator(512, runtime="openvino", references=1)
    shown: dict[str, dict[str, float]] = {
        "": {},
        "tongueOut": {"tongueOut": 1.0, "jawOpen": 0.4},
        "cheekPuff": {"cheekPuff": 1.0},
        "an open mouth": {"jawOpen": 0.9},
    }
    with Landmarker(model) as landmarker:
        landmarker.reads_mouth = True
        for wanted, weights in shown.items():
            rgba = animator.draw(weights, name).rgba
            alpha = rgba[..., 3:] / 255.0
            picture = np.ascontiguousarray((rgba[..., 2::-1] * alpha + 128.0 * (1.0 - alpha)).astype(np.uint8))
            for k in range(3):
                signal = landmarker.track(picture, Stamp(k, k * 33_000_000, 0))
            assert [one for one in NAMES if weight(signal, one) > 0.3] == [one for one in NAMES if one == wanted]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_head_turns_the_way_it_was_drawn(draw: Draw, track: Track, axis: int) -> None:
    drawn, read = [-0.35, -0.15, 0.15, 0.35], []
    for angle in drawn:
        turn = [0.0, 0.0, 0.0]
        turn[axis] = angle
        signal = track(draw({}, (turn[0], turn[1], turn[2])))
        assert signal.is_tracked
        read.append(float(signal.head_rotation[axis]))
    assert np.corrcoef(drawn, read)[0, 1] > 0.95
    # Measured: 0.73, 0.76, 0.98. These pictures have a field of view of 20 degrees, MediaPipe assumes 63.
    assert 0.6 < np.polyfit(drawn, read, 1)[0] < 1.4


def test_an_open_jaw_is_read_as_one(draw: Draw, track: Track) -> None:
    rest, opened = track(draw({}, STRAIGHT)), track(draw({"jawOpen": 0.9}, STRAIGHT))
    assert weight(opened, "jawOpen") - weight(rest, "jawOpen") > 0.3


@pytest.mark.parametrize("name", ["eyeBlink", "mouthSmile"])
@pytest.mark.parametrize(("side", "other"), [("Left", "Right"), ("Right", "Left")])
def test_left_stays_the_subjects_left(draw: Draw, track: Track, name: str, side: str, other: str) -> None:
    signal = track(draw({name + side: 1.0}, STRAIGHT))
    assert weight(signal, name + side) > weight(signal, name + other) + 0.1


def test_eyes_look_where_they_were_drawn_to_look(draw: Draw, track: Track) -> None:
    left = track(draw({"eyeLookOutLeft": 0.9, "eyeLookInRight": 0.9}, STRAIGHT))
    right = track(draw({"eyeLookInLeft": 0.9, "eyeLookOutRight": 0.9}, STRAIGHT))
    assert (left.gaze[:, 1] > right.gaze[:, 1] + 0.1).all()


def test_a_mirrored_picture_swaps_left_and_right(draw: Draw, track: Track) -> None:
    picture = draw({"eyeBlinkLeft": 1.0, "mouthSmileLeft": 0.9}, (0.0, 0.3, 0.1))
    plain, mirrored = track(picture), track(np.ascontiguousarray(picture[:, ::-1]))
    for name in ("eyeBlink", "mouthSmile"):
        assert weight(plain, f"{name}Left") > weight(plain, f"{name}Right") + 0.1
        assert weight(mirrored, f"{name}Right") > weight(mirrored, f"{name}Left") + 0.1
    np.testing.assert_allclose(mirrored.head_rotation * (1.0, -1.0, -1.0), plain.head_rotation, atol=0.05)
    np.testing.assert_allclose(mirrored.head_translation * (-1.0, 1.0, 1.0), plain.head_translation, atol=0.01)


def test_a_far_face_is_found_in_an_enlarged_region(draw: Draw, model: Path) -> None:
    far = np.full((480, 640, 3), 128, np.uint8)
    far[130:226, 272:368] = cv2.resize(draw({}, STRAIGHT), (96, 96), interpolation=cv2.INTER_AREA)
    with Landmarker(model) as landmarker:
        signals = [landmarker.track(far, Stamp(k, k * 33_000_000, 0)) for k in range(20)]
    assert not signals[0].is_tracked  # too small in the whole picture
    assert all(s.is_tracked for s in signals[-8:])
    # The head is 63 of 480 pixels high (a drawn picture is 1.52 heads) and canonically 17.7 cm.
    right, up, forward = signals[-1].head_translation
    assert forward == pytest.approx(-1.4, abs=0.3)
    assert right == pytest.approx(0.0, abs=0.03)
    assert up == pytest.approx((240 - 178) / 391.7 * -forward, abs=0.05)  # the face's middle is at row 178


def test_no_face_is_confidence_zero(track: Track) -> None:
    signal = track(np.full((240, 320, 3), 90, np.uint8))
    assert signal.confidence == 0.0
    assert not signal.weights.any()


def test_starting_and_ending_write_no_notices(model: Path, draw: Draw, capfd: pytest.CaptureFixture[str]) -> None:
    with Landmarker(model) as landmarker:
        landmarker.track(draw({}, STRAIGHT), Stamp(0, 0, 0))
    assert capfd.readouterr().err == ""


def test_a_real_face_is_shown_by_478_points_in_pixels_of_the_whole_picture(media: Path, model: Path) -> None:
    with VideoSource(media / "d0.mp4", is_offline=True, open_tracker=lambda: Landmarker(model)) as source:
        assert source.tracked_picture is None
        signal = source.read(1.0)
        tracked = source.tracked_picture
    assert signal is not None
    assert tracked is not None
    assert tracked.points.shape == (478, 2)
    assert tracked.points.dtype == np.float32
    assert tracked.confidence == signal.confidence
    assert tracked.others == 0
    height, width = tracked.picture.shape[:2]
    assert (tracked.points > 0).all()
    assert (tracked.points < (width, height)).all()
    # The face of this clip fills a good part of its picture.
    across, down = np.ptp(tracked.points, axis=0)
    assert 0.2 * width < across < 0.8 * width
    assert 0.2 * height < down < 0.9 * height


def test_where_there_is_no_face_there_are_no_points(model: Path) -> None:
    with Landmarker(model) as landmarker:
        wall = np.full((240, 320, 3), 90, np.uint8)
        landmarker.track(wall, Stamp(0, 0, 0))
        tracked = landmarker.tracked_picture
    assert tracked is not None
    assert tracked.picture is wall
    assert tracked.points.shape == (0, 2)
    assert tracked.confidence == 0.0


TRACK_ONE = """if True:
    import sys
    from pathlib import Path
    import numpy as np
    from omote.engine.capture.landmarker import Landmarker
    from omote.engine.data import Stamp
    picture = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    with Landmarker(Path(sys.argv[1])) as landmarker:
        for k in range(5):
            landmarker.track(picture, Stamp(k, k * 33_000_000, 0))
"""


def test_tracking_opens_no_network_socket(model: Path, tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace")
    trace = tmp_path / "trace"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [strace, "-f", "-e", "trace=network", "-o", str(trace), sys.executable, "-c", TRACK_ONE, str(model)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    calls = [line for line in trace.read_text().splitlines() if "(" in line and "+++" not in line and "---" not in line]
    assert [line for line in calls if "AF_INET" in line or "AF_NETLINK" in line] == []
