"""Stream batch: each face equals its picture alone, arrives a known number of calls late, and keeps its stamp."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from omote.engine.arc2face.renderer import PAUSE_S, Options, PhotorealRenderer
from omote.engine.data import FLAME_BASIS, FlameParams, PhotorealCharacter, Portrait, Signal, Stamp
from omote.engine.errors import AnimatorError
from omote.engine.face.light import studio_light
from omote.engine.model.portrait_renderer import DrawOptions
from omote.engine.testing.clock import ManualClock
from tests.arc2face.flat import FlatUNet, flat_character, flat_networks

SIZE, LIGHT = 64, studio_light()
ME = flat_character("me", SIZE)


def to_flame(params: FlameParams) -> FlameParams:
    return replace(params, basis=FLAME_BASIS)


def drawer(steps: int, *, streams: bool, clock: ManualClock | None = None) -> PhotorealRenderer:
    """A renderer that does not steady faces."""
    networks, clock = flat_networks(SIZE, batch=steps if streams else 1), clock or ManualClock()
    return PhotorealRenderer(networks, Options(steps), to_flame, streams=streams, steadies=False, clock_ns=clock)


def calls(animator: PhotorealRenderer) -> int:
    unet = animator.networks.unet
    assert isinstance(unet, FlatUNet)
    return unet.calls


def face(index: int) -> FlameParams:
    """A face for each number, its head turned so far as well; beyond what counts as a tracker's noise."""
    jaw, neck = (np.array([part, 0.0, 0.0], np.float32) for part in (0.05 * index, 0.03 * index))
    return replace(FlameParams.neutral(), jaw_pose=jaw, neck_pose=neck)


def stamp(index: int) -> Stamp:
    return Stamp(index, 1000 * index, 2000 * index)


def shown(animator: PhotorealRenderer, faces: Sequence[int], who: PhotorealCharacter = ME) -> list[Portrait]:
    """Draws each face with its position as its stamp."""
    return [
        animator.draw(face(of), who, LIGHT, DrawOptions(stamp(at), Signal(stamp(at), np.zeros(52, np.float32))))
        for at, of in enumerate(faces)
    ]


@pytest.mark.parametrize("steps", [2, 4])
def test_each_face_is_drawn_as_it_would_be_alone(steps: int) -> None:
    faces = list(range(9))
    streamed = shown(drawer(steps, streams=True), faces)
    alone = shown(drawer(steps, streams=False), faces)
    for late, portrait in enumerate(streamed[steps - 1 :]):
        assert portrait.rgba.tobytes() == alone[late].rgba.tobytes()
        np.testing.assert_array_equal(portrait.params.vector(), alone[late].params.vector())


@pytest.mark.parametrize("steps", [2, 4])
def test_a_portrait_bears_stamp_signal_and_turn_of_its_own_face(steps: int) -> None:
    portraits = shown(drawer(steps, streams=True), list(range(9)))
    assert [portrait.stamp.index for portrait in portraits] == [0] * (steps - 1) + list(range(10 - steps))
    for portrait in portraits:
        index = portrait.stamp.index
        assert portrait.stamp.captured_ns == 1000 * index
        assert portrait.signal is not None
        assert portrait.signal.stamp.index == index
        np.testing.assert_allclose(portrait.params.neck_pose[0], 0.03 * index, atol=1e-3)


def test_the_first_picture_is_drawn_at_once_and_held_until_the_second_comes_through() -> None:
    animator = drawer(4, streams=True)
    first = shown(animator, [0])[0]
    assert calls(animator) == 4
    assert [portrait is first for portrait in shown(animator, [5, 6, 7])] == [True, True, True]
    assert calls(animator) == 7
    assert animator.counts.drawn == 1


def test_each_call_takes_every_face_under_way_a_step_further() -> None:
    animator = drawer(4, streams=True)
    shown(animator, list(range(20)))
    assert calls(animator) == 4 + 19
    assert animator.counts.drawn == 17


def test_a_face_that_is_under_way_or_kept_is_not_begun_again() -> None:
    animator = drawer(2, streams=True)
    portraits = shown(animator, [0, 1, 1, 1, 0, 0, 1])
    alone = shown(drawer(2, streams=False), [0, 1])
    assert calls(animator) == 4  # two for each of two faces, whose last and first steps are apart here
    for asked, portrait in zip([0, 0, 1, 1, 1, 0, 0], portraits, strict=True):
        assert portrait.rgba.tobytes() == alone[asked].rgba.tobytes()
    counts = animator.counts
    assert (counts.drawn, counts.cached, counts.still) == (2, 1, 3)


def test_after_a_pause_the_newest_face_is_drawn_at_once() -> None:
    clock = ManualClock()
    animator = drawer(4, streams=True, clock=clock)
    shown(animator, [0, 1, 2])
    clock.now_ns += int(PAUSE_S * 1e9) + 1
    late = animator.draw(face(8), ME, LIGHT, DrawOptions(stamp(30)))
    assert late.stamp.index == 30
    np.testing.assert_allclose(late.params.jaw_pose[0], 0.4, atol=1e-3)


def test_another_character_is_drawn_at_once() -> None:
    animator, other = drawer(4, streams=True), flat_character("other", SIZE, seed=1)
    shown(animator, [0, 1, 2])
    changed = animator.draw(face(3), other, LIGHT, DrawOptions(stamp(3)))
    alone = drawer(4, streams=False).draw(face(3), other, LIGHT)
    assert changed.stamp.index == 3
    assert changed.rgba.tobytes() == alone.rgba.tobytes()


def test_networks_for_one_picture_at_a_time_are_refused_a_stream() -> None:
    # All faces under way would stand in the one slot, and each be predicted from the last one's noise.
    with pytest.raises(AnimatorError, match="a stream of 4 steps needs a UNet for 4 pictures, got 1"):
        PhotorealRenderer(flat_networks(SIZE), Options(4), to_flame, streams=True)


def test_a_face_without_a_stamp_is_drawn_at_once_and_disturbs_no_stream() -> None:
    animator = drawer(2, streams=True)
    shown(animator, [0, 1])
    whole = animator.draw(face(9), ME, LIGHT)
    np.testing.assert_allclose(whole.params.jaw_pose[0], 0.45, atol=1e-3)
    assert animator.draw(face(2), ME, LIGHT, DrawOptions(stamp(2))).stamp.index == 1
