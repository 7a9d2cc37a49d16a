"""Latencies whose percentiles are known, and the report that carries them."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from omote.engine.data import Stamp
from omote.engine.hardware import this_machine
from omote.engine.live.latency import DurationRing, Latency, LatencyMeter, Percentiles, SentPicture
from omote.engine.live.metrics import RunReport

MS = 1_000_000


def drawn_stamp(index: int, captured_ms: int = 0) -> Stamp:
    stamp = Stamp(index, captured_ms * MS, 0)
    for name, after_ms in (("track", 10), ("wait", 12), ("pose", 13), ("draw", 43)):
        stamp = stamp.after(name, (captured_ms + after_ms) * MS)
    return stamp


def test_percentiles_are_those_of_numpy() -> None:
    ring = DurationRing()
    for value in range(101):
        ring.add(float(value))
    assert ring.percentiles() == Percentiles(50.0, 95.0, 99.0)


def test_a_full_ring_keeps_the_newest() -> None:
    ring = DurationRing(capacity=4)
    for value in range(10):
        ring.add(float(value))
    assert len(ring) == 4
    assert ring.percentiles() == Percentiles(*(float(p) for p in np.percentile([6, 7, 8, 9], (50, 95, 99))))
    assert ring.percentiles(last=1) == Percentiles(9.0, 9.0, 9.0)


def test_nothing_measured_is_none_and_not_zero() -> None:
    assert DurationRing().percentiles() is None
    assert LatencyMeter().latency() == Latency()


def test_each_stage_takes_from_the_one_before_and_all_from_the_capture() -> None:
    meter = LatencyMeter()
    meter.drawn(drawn_stamp(0, 1000))
    meter.sent(0, 1050 * MS)
    latency = meter.latency()
    assert latency.total and latency.total.p50 == pytest.approx(50.0)
    took = {name: percentiles.p50 for name, percentiles in latency.stages}
    assert list(took) == ["track", "wait", "pose", "draw", "send"]
    assert list(took.values()) == pytest.approx([10.0, 2.0, 1.0, 30.0, 7.0])


def test_a_picture_that_was_never_drawn_from_a_signal_has_no_latency() -> None:
    meter = LatencyMeter()
    meter.drawn(drawn_stamp(3))
    meter.sent(4, 99 * MS)
    meter.sent(3 + 64, 99 * MS)  # would stand in the same slot
    assert meter.latency().total is None


def test_each_picture_that_was_sent_is_passed_on_with_its_age() -> None:
    sent: list[SentPicture] = []
    meter = LatencyMeter(on_sent=sent.append)
    stamp = Stamp(0, 5 * MS, 0).after("track", 15 * MS).after("draw", 45 * MS)
    meter.drawn(stamp)
    meter.sent(0, 50 * MS)
    meter.drawn(replace(stamp, index=1), is_new=False)
    meter.sent(1, 55 * MS)
    meter.sent(2, 60 * MS)  # of no signal
    drawn, shown_again = sent
    assert (drawn.sent_ns, shown_again.sent_ns) == (50 * MS, 55 * MS)
    assert [drawn.age_ms, shown_again.age_ms] == pytest.approx([45.0, 50.0])
    assert drawn.draw_ms == pytest.approx(30.0)
    assert shown_again.draw_ms is None


def test_a_picture_is_sent_once() -> None:
    meter = LatencyMeter()
    meter.drawn(drawn_stamp(0))
    meter.sent(0, 50 * MS)
    meter.sent(0, 5000 * MS)
    total = meter.latency().total
    assert total and total.p99 == pytest.approx(50.0)


def test_a_report_has_the_keys_that_others_read() -> None:
    meter = LatencyMeter()
    meter.drawn(drawn_stamp(0))
    meter.sent(0, 50 * MS)
    report = RunReport(
        15.0, 30, meter.latency(), 2, 0.5, 256, 1, "flat", this_machine(), "demo", "hana", 2.0, 0.4, "0.1"
    )
    report_json = json.loads(json.dumps(report.as_json()))
    wanted = "fps pictures latency_ms stages_ms dropped tracked_fraction size steps runtime hardware source character"
    assert {*wanted.split(), "seconds", "warm_up_s", "version", "counts", "budget", "failed"} == set(report_json)
    assert set(report_json["latency_ms"]) == {"p50", "p95", "p99"}
    assert set(report_json["stages_ms"]["draw"]) == {"p50", "p95", "p99"}
    assert set(report_json["hardware"]) == {"cpu", "cores", "platform", "python", "flags", "memory_gib", "gpus"}
