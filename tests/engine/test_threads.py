"""How the cores are shared."""

from __future__ import annotations

import pytest

from omote.engine.hardware import SCARCE_CORES, SPARE_CORES, thread_plan_for


@pytest.mark.parametrize("cores", [1, 2, 4, SPARE_CORES - 1])
def test_few_cores_track_no_picture_for_nothing_and_decode_in_one_thread(cores: int) -> None:
    plan = thread_plan_for(cores)
    assert not plan.tracks_ahead
    assert plan.decoding == 1


def test_on_two_cores_a_face_is_tracked_while_nothing_is_drawn() -> None:
    assert thread_plan_for(SCARCE_CORES).tracks_apart
    assert not thread_plan_for(SCARCE_CORES + 1).tracks_apart


@pytest.mark.parametrize("cores", [SPARE_CORES, 64])
def test_a_machine_with_cores_to_spare_tracks_every_picture(cores: int) -> None:
    assert thread_plan_for(cores).tracks_ahead
