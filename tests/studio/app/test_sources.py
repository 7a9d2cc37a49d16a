"""Switching the source of a running loop, and outputs that would feed it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from omote.engine.capture.datagrams import HINT_AFTER_NS, LOOPBACK, DatagramSource
from omote.engine.capture.phones import LiveLink
from omote.engine.capture.source import EndOfSource, Source, SourceError
from omote.engine.capture.sources import open_source
from omote.engine.capture.take import write_take
from omote.engine.live.loop import LiveLoop
from omote.engine.live.metrics import LiveStatus
from omote.engine.live.session import LiveSession
from omote.engine.testing.drawing import FlatRenderer, painted_character
from omote.studio.app.config import Config
from omote.studio.app.sources import OFFERED_SOURCES, SourceSwitch, check_no_feedback
from omote.studio.cli.live import _open_session, _open_source
from tests.studio.commands import short_take

PATIENCE_S = 20.0


def loop_of(source: Source) -> LiveLoop:
    return LiveLoop(source, LiveSession(FlatRenderer(), painted_character("nobody")))


def test_a_switch_before_the_loop_exists_is_refused() -> None:
    with pytest.raises(SourceError, match="still starting"):
        SourceSwitch("demo").use("webcam")


def test_a_click_for_what_already_plays_leaves_it_alone() -> None:
    switch = SourceSwitch("livelink:11111")
    # This loop has not begun, so that any change would be refused.
    switch.live = loop_of(open_source("livelink:11111"))
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
    source = DatagramSource(LiveLink(), (0,), LOOPBACK, clock=lambda: now_ns[0])
    switch.live = loop_of(source)
    with source:
        assert switch.hint == source.notice
        now_ns[0] = HINT_AFTER_NS
        assert source.read(0.0) is None
        assert "is the app open" in switch.hint
    switch.live = loop_of(open_source("demo"))
    assert switch.hint == ""


def test_a_click_back_to_the_first_source_opens_that_very_one() -> None:
    switch = SourceSwitch("livelink:70000")
    loop = switch.live = loop_of(open_source("demo", loop=True))

    def click(_: LiveStatus) -> None:
        switch.use("demo")
        with pytest.raises(SourceError, match="'70000' is not a UDP port"):
            switch.use("livelink")
        raise EndOfSource  # enough: this ends the loop

    with pytest.raises(EndOfSource):
        loop.run(PATIENCE_S, click)


def test_another_app_may_listen_on_the_port_of_the_one_before() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((LOOPBACK, 0))
        port = free.getsockname()[1]
    switch = SourceSwitch("demo")
    loop = switch.live = loop_of(open_source("demo", loop=True))

    def click(_: LiveStatus) -> None:
        for kind in ("livelink", "vmc", "vmc"):  # the last one to accept another sender
            switch.choose(kind, f"{kind}:{LOOPBACK}:{port}")
            assert (switch.kind, loop.source.name) == (kind, f"{kind} {port}")
        raise EndOfSource

    with pytest.raises(EndOfSource):
        loop.run(PATIENCE_S, click)


def test_a_failed_switch_can_be_repeated() -> None:
    switch = SourceSwitch("livelink")
    switch.live = loop_of(open_source("livelink"))
    for _ in range(2):
        with pytest.raises(SourceError, match="first picture"):
            switch.use("demo")


def test_switching_back_to_a_part_of_a_take_plays_the_same_part(tmp_path: Path) -> None:
    path = tmp_path / "film.csv"
    write_take(path, short_take(60))
    config = Config(source=str(path), loop=True, speed=2.0, start_s=1.0, end_s=1.5)
    studio = _open_session(config)
    with studio.switch.reopen() as source:
        stamps = [one.stamp for one in (source.read(1.0) for _ in range(31)) if one]
    assert stamps[-1].index >= 30  # it loops, and is 15 pictures long
    assert stamps[-1].captured_ns - stamps[0].captured_ns == pytest.approx(stamps[-1].index * 1e9 / 60, abs=2)


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("vmc", "vmc://127.0.0.1"),
        ("vmc", "vmc://localhost?names=pascal"),
        ("vmc:127.0.0.1:39540", "vmc://127.0.0.1:39540"),
        ("livelink", "livelink://127.0.0.1"),
        ("livelink:39539", "vmc://localhost"),
    ],
)
def test_an_output_to_the_source_is_refused_with_the_cure(source: str, out: str) -> None:
    with pytest.raises(SourceError, match=rf"the output {out[:6]}.* would perform itself; choose another port"):
        _open_source(Config(source=source, out=("ndi", out)))


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("vmc", "vmc://127.0.0.1:39540"),
        ("vmc:39540", "vmc://127.0.0.1"),
        ("vmc", "vmc://192.0.2.7"),
        ("vmc:192.0.2.7", "vmc://127.0.0.1"),
        ("vmc", "livelink://127.0.0.1"),
        ("vtubestudio:192.0.2.7", "vts"),
        ("demo", "vmc://127.0.0.1"),
    ],
)
def test_an_output_to_another_port_is_accepted(source: str, out: str) -> None:
    opened = open_source(source)
    assert check_no_feedback(opened, (out,)) is opened


def test_the_page_does_not_choose_what_the_face_is_sent_to() -> None:
    switch = _open_session(Config(source="demo", offline=True, out=("vmc://127.0.0.1",))).switch
    switch.live = loop_of(open_source("demo"))
    with pytest.raises(SourceError, match="perform itself"):
        switch.use("vmc")
