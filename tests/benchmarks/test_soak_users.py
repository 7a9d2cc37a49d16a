"""The soak beside another user, for two seconds."""

from __future__ import annotations

import os

import pytest
import soak_users


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can start another user's program"
)
def test_another_user_gets_nothing_of_a_running_omote() -> None:
    measured = soak_users.measure(2.0)
    assert soak_users.faults(measured) == []


def test_each_thing_that_the_other_user_gets_is_a_fault() -> None:
    measured = {
        "stranger": {"tries": 3, "pictures": 0, "replies": 2},
        "received": 9,
        "takes": 0,
        "memory_mib": {"grown_mib": 8.1},
    }
    assert soak_users.faults(measured) == [
        "the other user got replies: 2",
        "omote live grew by 8.1 MiB",
        "there are 0 takes, and one was to be recorded",
    ]


def test_memory_counts_once_the_cache_of_pictures_is_full() -> None:
    memory = [100.0 + min(second, 120) for second in range(300)]  # grows for two minutes
    assert soak_users.growth(memory, 120) == {
        "minutes_mib": [129.5, 189.5, 220.0, 220.0, 220.0],
        "full_after_s": 120.0,
        "first_half_mib": 220.0,
        "second_half_mib": 220.0,
        "grown_mib": 0.0,
        "most_mib": 220.0,
    }
    assert "grown_mib" not in soak_users.growth(memory, None)
