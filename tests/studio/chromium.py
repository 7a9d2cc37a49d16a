"""Debian's Chromium by Playwright, for the tests that touch the page; nothing is ever downloaded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright import sync_api as playwright
else:
    why = "playwright is not installed: pip install playwright"
    playwright = pytest.importorskip("playwright.sync_api", reason=why)

__all__ = ["CHROMIUM", "browser", "needs_chromium", "playwright"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
    *("--no-first-run", "--disable-background-networking"),
)

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    """One browser for a module; each test opens a context of its own."""
    with playwright.sync_playwright() as opened:
        chromium = opened.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()
