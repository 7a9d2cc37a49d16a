"""What the soak of a game counts as a fault."""

from __future__ import annotations

import copy
import sys
from typing import Any

import pytest
import receivers
import soak_game

GOOD: dict[str, Any] = {
    "sender": {"status": 0, "failed": 0, "log": [], "rejected_requests": 0, "sent_pictures": 36000},
    "resident": {"received": 35990, "missed": 8, "sessions": 1, "rejected": 0},
    "visitors": {"c++": {"came": 20, "received": 30000, "rejected": 0, "failures": []}},
    "commands": {"set_light": {"sent": 36000, "late": 0, "refused": []}},
    "memory": {"sender": {"grown_mib": 1.0}},
}


def test_a_run_without_a_fault_has_none() -> None:
    assert soak_game.faults(GOOD) == []


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        (("sender", "failed"), 1, "1 failed pictures"),
        (("sender", "log"), ["Traceback"], "Traceback"),
        (("sender", "rejected_requests"), 2, "2 requests"),
        (("resident", "missed"), 1000, "neither received nor missed"),
        (("resident", "sessions"), 2, "2 sessions"),
        (("visitors", "c++", "failures"), ["ended with 1"], "ended with 1"),
        (("visitors", "c++", "received"), 0, "c++"),
        (("commands", "set_light", "late"), 3, "3 late"),
        (("memory", "sender", "grown_mib"), 9.0, "grew by 9.0 MiB"),
    ],
)
def test_each_thing_that_goes_wrong_is_a_fault(path: tuple[str, ...], value: object, word: str) -> None:
    measured = copy.deepcopy(GOOD)
    part = measured
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    (found,) = soak_game.faults(measured)
    assert word in found


@pytest.mark.slow
def test_a_controlled_stream_of_prepared_pictures_has_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak_game, "LIFE_S", (1.0, 2.0))
    monkeypatch.setattr(soak_game, "PAUSE_S", (0.1, 0.2))
    monkeypatch.setattr(soak_game, "OUTLIVES_S", 25.0)
    command = (sys.executable, receivers.__file__)
    measured = soak_game.measure(6.0, {receivers.PYTHON: receivers.Receiver(command, has_curve=True)})
    assert soak_game.faults(measured) == []
