"""What a click on the page does to the loop's source."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from omote.bridge import arkit
from omote.engine.capture.datagrams import HINT_AFTER_NS, LOOPBACK
from omote.engine.capture.livelink import LiveLinkSource
from omote.engine.capture.source import EndOfSource, SourceError
from omote.engine.capture.sources import open_source
from omote.engine.capture.take import Take, write_take
from omote.engine.data import Actor
from omote.engine.face.light import studio_light
from omote.engine.live.loop import LiveLoop
from omote.engine.live.metrics import LiveStatus
from omote.engine.testing.drawing import FlatRenderer, painted_character
from omote.studio.app.config import Config
from omote.studio.app.sources import OFFERED_SOURCES, SourceSwitch
from omote.studio.cli.live import _open_session

PATIENCE_S = 20.0
NOBODY = painted_character("nobody")


def test_a_click_before_the_loop_exists_is_answered_with_patience() -> None:
    with pytest.raises(SourceError, match="still starting"):
        SourceSwitch("demo").use("webcam")


def test_a_click_for_what_already_plays_leaves_it_alone() -> None:
    switch = SourceSwitch("livelink:11111")
    # This loop has not begun, so that any change would be refused.
    switch.live = LiveLoop(open_source("livelink:11111"), FlatRenderer(), NOBODY, Actor(), studio_light(), [])
    switch.use("livelink")
    with pytest.raises(SourceError, match="first picture"):
        switch.use("demo")


@pytest.mark.parametrize("kind", OFFERED_SOURCES)
def test_what_is_offered_needs_no_more_words(kind: str) -> None:
    assert open_source(kind).name


def test_a_source_from_elsewhere_says_what_to_check_while_no_face_comes() -> None:
    switch = SourceSwitch("livelink")
    assert switch.hint == ""  # there is no loop yet
    now_ns = [0]
    source = LiveLinkSource(0, host=LOOPBACK, clock=lambda: now_ns[0])
    switch.live = LiveLoop(source, FlatRenderer(), NOBODY, Actor(), studio_light(), [])
    with source:
        assert switch.hint == source.notice
        now_ns[0] = HINT_AFTER_NS
        assert source.read(0.0) is None
        assert "is the app open" in switch.hint
    switch.live = LiveLoop(open_source("demo"), FlatRenderer(), NOBODY, Actor(), studio_light(), [])
    assert switch.hint == ""


def test_a_click_back_to_the_first_source_opens_that_very_one() -> None:
    switch = SourceSwitch("livelink:70000")
    loop = switch.live = LiveLoop(open_source("demo", loop=True), FlatRenderer(), NOBODY, Actor(), studio_light(), [])

    def click(_: LiveStatus) -> None:
        switch.use("demo")
        with pytest.raises(SourceError, match="'70000' is not a UDP port"):
            switch.use("livelink")
        raise EndOfSource  # enough: this ends the loop

    with pytest.raises(EndOfSource):
        loop.run(PATIENCE_S, click)


def test_a_change_that_failed_can_be_asked_for_again() -> None:
    switch = SourceSwitch("livelink")
    switch.live = LiveLoop(open_source("livelink"), FlatRenderer(), NOBODY, Actor(), studio_light(), [])
    for _ in range(2):
        with pytest.raises(SourceError, match="first picture"):
            switch.use("demo")


def test_a_click_back_to_a_part_of_a_film_plays_that_part_as_it_was_asked_for(
    tmp_path: Path,
) -> None:
    path = tmp_path / "film.csv"
    still, count = np.zeros((60, 3), np.float32), 60
    weights, gaze = np.zeros((count, arkit.COUNT), np.float32), np.zeros((count, 2, 2), np.float32)
    write_take(path, Take(30.0, np.arange(count) / 30.0, weights, still, still, gaze, np.ones(count, np.float32)))
    config = Config(source=str(path), loop=True, speed=2.0, start_s=1.0, end_s=1.5)
    desk = _open_session(config)
    with desk.switch.reopen() as source:
        stamps = [one.stamp for one in (source.read(1.0) for _ in range(31)) if one]
    assert stamps[-1].index >= 30  # it loops, and is 15 pictures long
    assert stamps[-1].captured_ns - stamps[0].captured_ns == pytest.approx(stamps[-1].index * 1e9 / 60, abs=2)
