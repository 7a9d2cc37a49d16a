"""Portraits as frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from omote.bridge import arkit
from omote.engine.data import FlameParams, Portrait, Signal, Stamp
from omote.engine.face.retarget import from_weights
from omote.engine.live.outputs import WireOutput, published_picture

STAMP = Stamp(3, 1_000, 9_000).after("track", 1_500).after("draw", 2_000)


def portrait(signal: Signal | None) -> Portrait:
    params = FlameParams.from_vector(np.arange(67, dtype=np.float32))
    rgba = np.full((4, 4, 4), 7, np.uint8)
    return Portrait(STAMP, rgba, signal, params, presence=0.5, light=np.zeros(27, np.float32))


def test_a_portrait_goes_out_with_what_was_seen_and_what_is_shown() -> None:
    signal = Signal(
        STAMP,
        arkit.weights({"jawOpen": 0.5}),
        np.array([0.1, 0.2, 0.3], np.float32),
        np.array([0.0, 0.0, -0.5], np.float32),
        np.array([[0.1, 0.2], [0.3, 0.4]], np.float32),
        confidence=0.75,
    )
    said = published_picture(portrait(signal))
    assert (said.index, said.captured_ns, said.generated_ns, said.wall_ns) == (3, 1_000, 2_000, 9_000)
    np.testing.assert_array_equal(said.video.pixels, np.full((4, 4, 4), 7, np.uint8))
    params = said.params
    np.testing.assert_array_equal(params.weights, signal.weights)
    np.testing.assert_array_equal(params.gaze, signal.gaze)
    np.testing.assert_array_equal(params.head_rotation, signal.head_rotation)
    shown = (params.expression, params.jaw_pose, params.neck_pose, params.eye_pose, params.eyelids, params.translation)
    np.testing.assert_array_equal(np.concatenate([part.ravel() for part in shown]), np.arange(67))
    assert (params.confidence, params.presence, params.basis) == (0.75, 0.5, "open")


def test_a_face_that_no_tracker_saw_has_no_confidence() -> None:
    params = published_picture(portrait(None)).params
    assert params.confidence == 0.0
    assert not params.weights.any()


def test_offering_reports_when_it_was_sent() -> None:
    reports: list[tuple[int, int]] = []
    with WireOutput("tcp://127.0.0.1:*", "tcp://127.0.0.1:*", on_sent=lambda *report: reports.append(report)) as output:
        output.offer(portrait(None))
    assert [index for index, _ in reports] == [3]  # leaving sends what is still in the mailbox


def test_what_is_shown_goes_out_in_weights_too() -> None:
    weights = arkit.weights({"jawOpen": 0.4, "mouthSmileLeft": 0.7, "eyeBlinkRight": 1.0, "eyeLookUpLeft": 0.5})
    shown = replace(portrait(None), params=from_weights(weights))
    params = published_picture(shown).params
    assert params.shown_weights is not None
    np.testing.assert_allclose(params.shown_weights, weights, atol=1e-6)
    assert not params.weights.any()  # nobody was seen


def test_a_basis_whose_units_are_not_known_shows_no_weights() -> None:
    shown = replace(portrait(None), params=replace(FlameParams.neutral(), basis="flame2020"))
    assert published_picture(shown).params.shown_weights is None


def test_expressions_that_the_performer_makes_go_out() -> None:
    smiling = replace(portrait(None), recognised=("smile", "blink"))
    assert published_picture(smiling).params.recognised == ("smile", "blink")
    crowd = replace(portrait(None), recognised=tuple(f"name{index}" for index in range(20)))
    assert published_picture(crowd).params.recognised == crowd.recognised[:16]
