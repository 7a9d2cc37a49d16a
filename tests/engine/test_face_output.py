"""What a portrait shows goes out in other programs' protocols, and our own source reads it back."""

from __future__ import annotations

import numpy as np
import pytest

from omote.bridge import arkit
from omote.bridge.outputs import face_sender
from omote.engine.capture.livelink import LiveLinkSource
from omote.engine.data import Portrait, Signal, Stamp
from omote.engine.face.retarget import from_weights, gaze_from_weights
from omote.engine.live.outputs import FaceOutput

WEIGHTS = arkit.weights({"jawOpen": 0.4, "mouthSmileLeft": 0.7, "eyeBlinkRight": 1.0, "eyeLookUpLeft": 0.5})
TURN = np.array([0.2, -0.3, 0.1], np.float32)


def portrait(signal: Signal | None) -> Portrait:
    params = from_weights(WEIGHTS, None, TURN)
    return Portrait(Stamp(0, 0, 0), np.zeros((2, 2, 4), np.uint8), signal, params, 0.0, np.zeros(27, np.float32))


def test_our_own_source_reads_back_the_face_that_was_shown() -> None:
    with (
        LiveLinkSource(port=0, host="127.0.0.1") as source,
        FaceOutput(face_sender(f"livelink://127.0.0.1:{source.port}")) as output,
    ):
        output.offer(portrait(None))  # nobody is seen; the portrait is easing to rest
        signal = source.read(2.0)
    assert signal is not None
    np.testing.assert_allclose(signal.weights, WEIGHTS, atol=1e-6)
    np.testing.assert_allclose(signal.head_rotation, TURN, atol=1e-6)
    np.testing.assert_allclose(signal.gaze, gaze_from_weights(WEIGHTS), atol=1e-6)


@pytest.mark.parametrize("spec", ["livelink://127.0.0.1", "vmc://127.0.0.1"])
def test_an_output_says_where_faces_go(spec: str) -> None:
    assert "127.0.0.1:" in FaceOutput(face_sender(spec)).name
