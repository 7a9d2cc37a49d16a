"""Portraits as frames of the wire, and as faces in other programs' protocols."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omote.bridge import arkit
from omote.bridge.outputs import face_sender
from omote.engine.capture.datagrams import DatagramSource
from omote.engine.capture.phones import LiveLink
from omote.engine.data import FlameParams, Portrait, Signal, Stamp
from omote.engine.face.retarget import from_weights, gaze_from_weights
from omote.engine.live.outputs import FaceOutput, WireOutput, published_picture

STAMP = Stamp(3, 1_000, 9_000).after("track", 1_500).after("draw", 2_000)
WEIGHTS = arkit.weights({"jawOpen": 0.4, "mouthSmileLeft": 0.7, "eyeBlinkRight": 1.0, "eyeLookUpLeft": 0.5})
TURN = np.array([0.2, -0.3, 0.1], np.float32)
COUNTED = FlameParams.from_vector(np.arange(67, dtype=np.float32))


def portrait(signal: Signal | None = None, params: FlameParams = COUNTED) -> Portrait:
    rgba = np.full((4, 4, 4), 7, np.uint8)
    return Portrait(STAMP, rgba, signal, params, presence=0.5, light=np.zeros(27, np.float32))


def test_a_portrait_is_published_with_its_signal_and_the_shown_face() -> None:
    signal = Signal(
        STAMP,
        arkit.weights({"jawOpen": 0.5}),
        np.array([0.1, 0.2, 0.3], np.float32),
        np.array([0.0, 0.0, -0.5], np.float32),
        np.array([[0.1, 0.2], [0.3, 0.4]], np.float32),
        confidence=0.75,
    )
    sample = published_picture(portrait(signal))
    assert (sample.index, sample.captured_ns, sample.generated_ns, sample.wall_ns) == (3, 1_000, 2_000, 9_000)
    np.testing.assert_array_equal(sample.video.pixels, np.full((4, 4, 4), 7, np.uint8))
    params = sample.params
    np.testing.assert_array_equal(params.weights, signal.weights)
    np.testing.assert_array_equal(params.gaze, signal.gaze)
    np.testing.assert_array_equal(params.head_rotation, signal.head_rotation)
    shown = (params.expression, params.jaw_pose, params.neck_pose, params.eye_pose, params.eyelids, params.translation)
    np.testing.assert_array_equal(np.concatenate([part.ravel() for part in shown]), np.arange(67))
    assert (params.confidence, params.presence, params.basis) == (0.75, 0.5, "open")


def test_without_a_signal_confidence_and_weights_are_zero_but_not_the_shown_weights() -> None:
    params = published_picture(portrait(params=from_weights(WEIGHTS))).params
    assert params.confidence == 0.0
    assert not params.weights.any()
    assert params.shown_weights is not None
    np.testing.assert_allclose(params.shown_weights, WEIGHTS, atol=1e-6)


def test_a_basis_without_a_map_to_arkit_has_no_shown_weights() -> None:
    flame = replace(FlameParams.neutral(), basis="flame2020")
    assert published_picture(portrait(params=flame)).params.shown_weights is None


@pytest.mark.parametrize("names", [("smile", "blink"), tuple(f"name{index}" for index in range(20))])
def test_at_most_sixteen_recognised_expressions_are_published(names: tuple[str, ...]) -> None:
    assert published_picture(replace(portrait(), recognised=names)).params.recognised == names[:16]


def test_on_sent_gets_each_picture_that_was_sent() -> None:
    sent: list[tuple[int, int]] = []
    with WireOutput("tcp://127.0.0.1:*", "tcp://127.0.0.1:*", on_sent=lambda *one: sent.append(one)) as output:
        output.offer(portrait())
    assert [index for index, _ in sent] == [3]  # leaving sends what is still in the mailbox


def test_our_own_source_reads_back_the_face_that_was_sent() -> None:
    with (
        DatagramSource(LiveLink(), (0,), "127.0.0.1") as source,
        FaceOutput(face_sender(f"livelink://127.0.0.1:{source.port}")) as output,
    ):
        output.offer(portrait(params=from_weights(WEIGHTS, None, TURN)))
        signal = source.read(2.0)
    assert signal is not None
    np.testing.assert_allclose(signal.weights, WEIGHTS, atol=1e-6)
    np.testing.assert_allclose(signal.head_rotation, TURN, atol=1e-6)
    np.testing.assert_allclose(signal.gaze, gaze_from_weights(WEIGHTS), atol=1e-6)


@pytest.mark.parametrize("spec", ["livelink://127.0.0.1", "vmc://127.0.0.1"])
def test_an_output_is_named_after_its_address(spec: str) -> None:
    assert "127.0.0.1:" in FaceOutput(face_sender(spec)).name
