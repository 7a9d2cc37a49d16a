"""Size, steps, runtime and budget, changed while the stream runs."""

from __future__ import annotations

import httpx
import pytest

from omote.studio.app.quality import QualityChoice, QualityError
from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.on_screen import clean, omote, page, pixels, window
from tests.studio.running import Running, until

__all__ = ["browser", "clean", "omote", "page", "window"]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"size": 300}, "one of 256, 384"),
        ({"size": True}, "one of 256, 384"),
        ({"steps": 3}, "one of 1, 2, 4"),
        ({"runtime": "abacus"}, "one of auto, "),
        ({"budget_ms": 1}, "null or from 5 to 1000"),
        ({"budget_ms": "60"}, "null or from 5 to 1000"),
        ({"colour": 1}, "quality has no 'colour'; it has size"),
    ],
)
def test_a_quality_that_makes_no_sense_is_refused(changes: dict[str, object], wanted: str) -> None:
    with pytest.raises(QualityError) as refused:
        QualityChoice().changed(changes)
    assert wanted in str(refused.value)


def test_a_quality_is_kept_as_it_was_written() -> None:
    choice = QualityChoice(256, 2, "openvino", 60.0)
    assert QualityChoice().changed(choice.as_json()) == choice


def test_a_renderer_without_qualities_is_left_as_it_is(api: httpx.Client) -> None:
    answer = api.post("/api/quality", json={"size": 256})
    assert (answer.status_code, "chosen when Omote starts" in answer.json()["error"]) == (400, True)
    assert not api.get("/api/state").json()["quality"]["is_adjustable"]


@needs_chromium
def test_size_runtime_and_budget_change_while_the_stream_runs(
    page: playwright.Page, clean: playwright.Page, omote: Running
) -> None:
    drawing = page.locator("#quality")
    assert len(pixels(clean)) == 256
    drawing.get_by_label("Size").select_option("384")
    until(lambda: len(pixels(clean)) == 384, "larger pictures")
    assert omote.state()["quality"]["size"] == 384
    drawing.get_by_label("Runtime").select_option("openvino")
    until(lambda: omote.state()["quality"]["runtime"] == "openvino", "the runtime")
    until(lambda: page.locator("#quality:enabled").count(), "the controls again")
    drawing.get_by_label("Latency limit, ms").fill("900")
    drawing.get_by_label("Latency limit, ms").press("Enter")
    page.wait_for_selector("#budget-row:not([hidden])", state="attached")
    until(lambda: omote.state()["quality"]["budget_ms"] == 900.0, "the budget")
    until(lambda: page.locator("#quality:enabled").count(), "the controls again")
    drawing.get_by_label("Latency limit, ms").fill("")
    drawing.get_by_label("Latency limit, ms").press("Enter")
    until(lambda: omote.state()["quality"]["budget_ms"] is None, "no budget")
    drawing.get_by_label("Size").select_option("256")
    until(lambda: len(pixels(clean)) == 256, "the size from before")
