"""The report: one file that fetches and runs nothing, with the steps to repeat."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np

from omote.bridge import arkit
from omote.calibration.actor_file import ActorRecord, CalibrationFindings, Provenance, StepResult
from omote.calibration.report import report_html, steps_to_redo
from omote.engine.data import Actor, Array

WHEN = "2026-11-22T20:15:00+00:00"


def row(**named: float) -> Array:
    return arkit.weights(named)


ACTOR = Actor(
    '<script>alert("x")</script>',
    row(mouthPucker=0.2),
    np.ones(arkit.COUNT, np.float32) + row(jawOpen=1.0) + 2.0 * row(mouthPucker=1.0),
    neutral_rotation=np.array([0.2, 0.0, 0.0], np.float32),
)
FINDINGS = CalibrationFindings(
    row(mouthPucker=0.18),
    row(jawOpen=0.5, mouthPucker=0.35, mouthSmileLeft=0.3, mouthSmileRight=0.3),
    row(jawOpen=0.012, browDownLeft=0.02),
    row(jawOpen=0.001),
    (
        StepResult("neutral", "Relax", "done"),
        StepResult("mouth_open", "Mouth open", "done"),
        StepResult("smile", "Smile", "skipped", "It was not seen & so on."),
        StepResult("pucker", "Lips forward", "done"),
        StepResult("puff", "Cheeks out", "unseen", "The tracker does not see this, so nothing is lost."),
    ),
)


class Read(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page() -> str:
    return report_html(ActorRecord(ACTOR, Provenance(WHEN, "webcam <0>", FINDINGS)))


def test_the_page_is_whole_runs_nothing_and_fetches_nothing() -> None:
    read = Read(page())
    assert read.open == []
    assert not {"script", "link", "img", "iframe", "form"} & {tag for tag, _ in read.tags}
    names = {name for _, attributes in read.tags for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in ("src", "href", "style")}
    assert "url(" not in page() and "@import" not in page()


def test_what_a_person_typed_is_text_and_nothing_else() -> None:
    assert "&lt;script&gt;" in page()
    assert "webcam &lt;0&gt;" in page()
    assert "not seen &amp; so on." in page()


def test_each_weight_that_moved_has_its_range_and_gain() -> None:
    assert "jawOpen: 0.00 to 0.50 before, 0 to 1.00 after" in page()
    assert "&times; 2.00" in page()
    assert "tongueOut" not in page()


def test_the_jitter_is_told_before_and_after() -> None:
    assert "jawOpen: 12.0 thousandths before, 1.0 after" in page()
    assert "browDownLeft: 20.0 thousandths before, 0.0 after" in page()


def test_bars_are_as_long_as_their_numbers() -> None:
    svg = re.search(r"<svg[^>]*jawOpen: 0\.00.*?</svg>", page())
    assert svg
    widths = {kind: float(width) for kind, width in re.findall(r'class="(before|after)"[^>]*?width="([\d.]+)"', svg[0])}
    assert widths == {"before": 50.0, "after": 100.0}


def test_the_steps_to_repeat_are_those_left_out_or_hardly_moved() -> None:
    steps = {step.name: step.remark for step in steps_to_redo(ACTOR, FINDINGS)}
    assert set(steps) == {"smile", "pucker"}
    assert "reaches 45%" in steps["pucker"]  # from 0.2 to 0.35, three times


def test_the_cameras_angle_is_told() -> None:
    assert "11° down" in page()


def test_an_actor_without_findings_has_a_page_that_says_so() -> None:
    short = report_html(ActorRecord(Actor("ana"), Provenance(WHEN, "webcam 0")))
    assert "Only the face at rest was measured" in short
    assert Read(short).open == []
