"""The visible mark: in the corner of every picture while it is on, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from omote.engine import Animator, LiveSession
from omote.engine.live.label import Label, labelled
from omote.engine.model.renderer import Renderer
from omote.engine.testing.drawing import CopyingNetworks, painted_character
from omote.engine.testing.live import CollectingOutput


@pytest.mark.parametrize("shape", [(256, 256), (1024, 1024), (720, 1280), (8, 8)])
@pytest.mark.parametrize("ground", [(0, 0, 0, 0), (255, 255, 255, 255), (0, 0, 0, 255)])
def test_the_mark_is_in_the_corner_and_readable(shape: tuple[int, int], ground: tuple[int, ...]) -> None:
    rgba = np.empty((*shape, 4), np.uint8)
    rgba[:] = ground
    before = rgba.copy()
    marked = labelled(rgba)
    np.testing.assert_array_equal(rgba, before)
    rows, columns = np.nonzero((marked != rgba).any(-1))
    if min(shape) > 16:
        assert min(rows) > 0.85 * shape[0]
        assert min(columns) > 0.8 * shape[1]
        inside = marked[min(rows) : max(rows) + 1, min(columns) : max(columns) + 1]
        assert inside[..., 3].max() == 255
        assert int(inside[..., :3][inside[..., 3] > 150].max()) - int(inside[..., :3].min()) > 150


def test_over_premultiplied_colours_it_is_the_same_mark() -> None:
    rgba = np.zeros((256, 256, 4), np.uint8)
    straight, premultiplied = labelled(rgba), labelled(rgba, is_premultiplied=True)
    np.testing.assert_array_equal(straight[..., 3], premultiplied[..., 3])
    wanted = straight[..., :3] * (straight[..., 3:] / 255.0)
    np.testing.assert_allclose(premultiplied[..., :3], wanted, atol=1.0)  # rounding


def test_a_picture_that_has_not_changed_is_marked_once() -> None:
    label, rgba = Label(), np.zeros((64, 64, 4), np.uint8)
    assert label.on(rgba) is rgba
    label.is_on = True
    assert label.on(rgba) is label.on(rgba)
    assert label.on(rgba.copy()) is not label.on(rgba)


def test_a_session_marks_what_its_outputs_get() -> None:
    output = CollectingOutput()
    session = LiveSession(Animator(256, renderer=Renderer(CopyingNetworks())), painted_character(), [output])
    for is_on in (False, True, False):
        session.label(is_on)
        assert session.is_labelled is is_on
        session.draw(None, session.clock_ns())
    corners = [portrait.rgba[-26:-6, -40:] for portrait in output.portraits]
    assert [bool((corner == 255).all(-1).any()) for corner in corners] == [False, True, False]  # the white letters
