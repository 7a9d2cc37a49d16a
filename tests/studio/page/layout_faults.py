"""What is wrong with the layout of a page, by the boxes that a browser gives its elements."""

from __future__ import annotations

from pathlib import Path

from tests.studio.chromium import playwright

FAULTS = Path(__file__).with_suffix(".js").read_text("utf-8")


def layout_faults(page: playwright.Page) -> list[str]:
    """The faults of what is shown now, in sentences; with a dialog open, of the dialog."""
    found: list[str] = page.evaluate(FAULTS)
    return found
