"""How the cores are shared."""

from __future__ import annotations

import pytest

from omote.engine.threads import SPARE, plan_for


@pytest.mark.parametrize("cores", [1, 2, 4, SPARE - 1])
def test_few_cores_track_no_picture_for_nothing_and_decode_in_one_thread(cores: int) -> None:
    plan = plan_for(cores)
    assert not plan.tracks_ahead
    assert plan.decoding == 1


@pytest.mark.parametrize(("cores", "threads"), [(1, None), (2, 1), (SPARE - 1, SPARE - 2), (SPARE, None)])
def test_where_cores_are_few_the_network_leaves_one_to_the_tracker(cores: int, threads: int | None) -> None:
    assert plan_for(cores).network == threads


@pytest.mark.parametrize("cores", [SPARE, 64])
def test_a_machine_with_cores_to_spare_tracks_every_picture(cores: int) -> None:
    assert plan_for(cores).tracks_ahead
