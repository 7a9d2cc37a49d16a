"""How the cores are shared."""

from __future__ import annotations

import pytest

from omote.engine.threads import SCARCE, SPARE, plan_for


@pytest.mark.parametrize("cores", [1, 2, 4, SPARE - 1])
def test_few_cores_track_no_picture_for_nothing_and_decode_in_one_thread(cores: int) -> None:
    plan = plan_for(cores)
    assert not plan.tracks_ahead
    assert plan.decoding == 1


def test_on_two_cores_a_face_is_tracked_while_nothing_is_drawn() -> None:
    assert plan_for(SCARCE).tracks_apart
    assert not plan_for(SCARCE + 1).tracks_apart


@pytest.mark.parametrize("cores", [SPARE, 64])
def test_a_machine_with_cores_to_spare_tracks_every_picture(cores: int) -> None:
    assert plan_for(cores).tracks_ahead
