"""The attacks of the hostile benchmark, for a moment."""

from __future__ import annotations

import sys

import hostile
import pytest
import receivers


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts a connection's bytes")
@pytest.mark.parametrize("flood", [hostile.endless_parts, hostile.subscriptions])
def test_a_sender_that_is_flooded_serves_others(flood: hostile.Flood, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "SETTLE_S", 0.5)
    found = hostile.measure_sender("video", b"SUB", flood, 0.5)
    assert found["received"] > 0
    assert found["most_mib"] < found["before_mib"] + 256.0  # what came before it was thrown out


def test_a_receiver_that_is_flooded_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostile, "SETTLE_S", 0.5)
    command = (sys.executable, receivers.__file__)
    assert hostile.measure_receiver(command, 0.5)["is_running"]
