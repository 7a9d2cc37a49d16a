"""What the terminal says of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omote.engine.face.presence import Phase
from omote.engine.hardware import this_machine
from omote.engine.live.adaptive_quality import BudgetStatus
from omote.engine.live.latency import Latency, Percentiles
from omote.engine.live.metrics import LiveStatus, RunReport
from omote.engine.model.portrait_renderer import DrawCounts
from omote.studio.app.config import Config
from omote.studio.app.quality import QualityChoice
from omote.studio.app.settings import Settings, SettingsStore
from omote.studio.cli.live import _with_kept_quality, run_summary, status_lines

LATENCY = Latency(Percentiles(41.2, 60.4, 72.0), (("track", Percentiles(9, 10, 11)), ("draw", Percentiles(30, 31, 32))))


def test_the_status_shows_rates_latency_and_stages() -> None:
    status = LiveStatus("webcam 0", "hana", Phase.FOLLOWING, 24.6, 300, 7, 0.98, LATENCY)
    assert status_lines(
        status, "openvino cpu bf16", {"v.jpeg.bottom/omote", "v/omote", "p/omote", "s/omote", "h/omote"}
    ) == (
        "webcam 0: face seen · 24.6 pictures/s · tracked 98% · dropped 7",
        "capture to sent 41/60/72 ms (p50/p95/p99) · openvino cpu bf16 · to jpeg.bottom, params, video",
        "p50 of track 9, draw 30 ms",
    )


def test_the_status_shows_a_lost_face_and_no_receiver() -> None:
    status = LiveStatus("webcam 0", "hana", Phase.EASING, 0.0, 0, 0, 0.0, Latency())
    assert status_lines(status, "flat", ()) == (
        "webcam 0: no face, easing to rest · 0.0 pictures/s · tracked 0% · dropped 0",
        "capture to sent not yet known (p50/p95/p99) · flat · to no receiver",
        "no stage has run yet",
    )


def test_refused_connections_are_shown_only_if_there_are_any() -> None:
    status = LiveStatus("demo", "hana", Phase.FOLLOWING, 30.0, 30, 0, 1.0, LATENCY)
    assert status_lines(status, "flat", (), rejected=3)[0].endswith("dropped 0 · refused 3")
    assert "refused" not in status_lines(status, "flat", (), rejected=0)[0]


def test_skipped_drawing_and_the_budget_are_shown() -> None:
    counts, gear = DrawCounts(drawn=50, cached=20, still=30), "openvino cpu bf16 384x384 1 step 30/s"
    status = LiveStatus(
        "demo", "hana", Phase.FOLLOWING, 30.0, 100, 0, 1.0, LATENCY, counts, BudgetStatus(60.0, gear, True, 1)
    )
    said = status_lines(status, "openvino cpu bf16", ())
    assert said[3] == "not drawn: 20% from the cache, 30% without motion"
    assert said[4] == "budget 60 ms held by openvino cpu bf16 384x384 1 step 30/s · 1 change"
    missed = replace(status, budget=BudgetStatus(20.0, gear, False, 3))
    assert status_lines(missed, "openvino cpu bf16", ())[4].startswith("budget 20 ms not held by openvino")
    assert status_lines(missed, "openvino cpu bf16", ())[4].endswith("3 changes")
    assert max(map(len, said)) <= 80


def test_a_run_fits_into_one_line() -> None:
    report = RunReport(15.2, 304, LATENCY, 2, 0.991, 256, 1, "flat", this_machine(), "demo", "hana", 20.0, 0.4, "0.1.0")
    assert run_summary(report) == (
        "304 pictures in 20.0 s (15.2 a second), capture to sent 41/60/72 ms (p50/p95/p99), dropped 2, "
        "tracked 99.1%; warmed up in 0.4 s"
    )


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (Config(), (256, 2, "openvino", 60.0)),
        (Config(size=768, steps=4, runtime="onnxruntime", budget_ms=90.0), (768, 4, "onnxruntime", 90.0)),
        (Config(offline=True), (None, 1, "auto", None)),
    ],
)
def test_the_quality_of_the_page_holds_where_nothing_else_was_typed(
    config: Config, expected: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMOTE_SETTINGS", str(tmp_path))
    assert _with_kept_quality(config) == config  # there is none yet
    store = SettingsStore(Settings(), tmp_path)
    store.update(lambda settings: replace(settings, quality=QualityChoice(256, 2, "openvino", 60.0)))
    store.write()
    kept = _with_kept_quality(config)
    assert (kept.size, kept.steps, kept.runtime, kept.budget_ms) == expected
