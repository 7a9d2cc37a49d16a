"""What Omote sends must not come back as its performer."""

from __future__ import annotations

import pytest

from omote.engine.capture.source import SourceError
from omote.engine.capture.sources import open_source
from omote.engine.data import Actor
from omote.engine.face.light import studio_light
from omote.engine.live.loop import LiveLoop
from omote.engine.testing.drawing import FlatRenderer
from omote.studio.app.config import Config
from omote.studio.app.sources import check_no_feedback
from omote.studio.cli.live import _open_session, _open_source
from tests.studio.test_source_switch import NOBODY


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
def test_a_way_out_into_the_source_is_refused_with_the_cure(source: str, out: str) -> None:
    with pytest.raises(SourceError, match=rf"--out {out[:6]}.* would perform itself; choose another port"):
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
def test_a_way_out_to_elsewhere_is_none_of_its_business(source: str, out: str) -> None:
    opened = open_source(source)
    assert check_no_feedback(opened, (out,)) is opened


def test_the_page_does_not_choose_what_the_face_is_sent_to() -> None:
    switch = _open_session(Config(source="demo", offline=True, out=("vmc://127.0.0.1",))).switch
    switch.live = LiveLoop(open_source("demo"), FlatRenderer(), NOBODY, Actor(), studio_light(), [])
    with pytest.raises(SourceError, match="perform itself"):
        switch.use("vmc")
