"""What a click on the page does to the loop's source."""

from __future__ import annotations

import numpy as np
import pytest

from omote.engine.capture import EndOfSource, SourceError, open_source
from omote.engine.face.light import studio_light
from omote.engine.flat_artist import FlatArtist
from omote.engine.live import Live
from omote.engine.nouns import Actor, Character
from omote.engine.tally import Moment
from omote.studio.source_switch import SourceSwitch

PATIENCE_S = 20.0
NOTHING = np.zeros(1, np.float32)
NOBODY = Character("nobody", NOTHING, NOTHING, NOTHING, NOTHING, "none", "none", "none")


def test_a_click_before_the_loop_exists_is_answered_with_patience() -> None:
    with pytest.raises(SourceError, match="still starting"):
        SourceSwitch("demo").use("webcam")


def test_a_click_for_what_already_plays_leaves_it_alone() -> None:
    switch = SourceSwitch("livelink:11111")
    # This loop has not begun, so that any change would be refused.
    switch.live = Live(open_source("livelink:11111"), FlatArtist(), NOBODY, Actor(), studio_light(), [])
    switch.use("livelink")
    with pytest.raises(SourceError, match="first picture"):
        switch.use("demo")


def test_a_click_back_to_the_first_source_opens_that_very_one() -> None:
    switch = SourceSwitch("livelink:70000")
    loop = switch.live = Live(open_source("demo", loop=True), FlatArtist(), NOBODY, Actor(), studio_light(), [])

    def click(_: Moment) -> None:
        switch.use("demo")
        with pytest.raises(SourceError, match="'70000' is not a UDP port"):
            switch.use("livelink")
        raise EndOfSource  # enough: this ends the loop

    with pytest.raises(EndOfSource):
        loop.run(PATIENCE_S, click)


def test_a_change_that_failed_can_be_asked_for_again() -> None:
    switch = SourceSwitch("livelink")
    switch.live = Live(open_source("livelink"), FlatArtist(), NOBODY, Actor(), studio_light(), [])
    for _ in range(2):
        with pytest.raises(SourceError, match="first picture"):
            switch.use("demo")
