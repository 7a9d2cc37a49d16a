"""The site: its table of settings is that of the code, and its pages break no serious rule of accessibility."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
import website

from omote.studio.app.config import Config
from tests.studio.chromium import browser, needs_chromium

if TYPE_CHECKING:
    from playwright import sync_api as playwright

__all__ = ["browser"]


def test_the_table_of_settings_is_that_of_the_code() -> None:
    text = website.SETTINGS.read_text(encoding="utf-8")
    assert website.settings_table() in text, "python tools/run.py tools/website.py --settings"
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == [one.name for one in fields(Config)]


@needs_chromium
def test_the_site_is_built_and_breaks_no_serious_rule(browser: playwright.Browser) -> None:
    pytest.importorskip("material", reason="mkdocs-material is not installed: pip install '.[docs]'")
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    assert website.main([]) == 0
    for scheme, name in (("light", "index.html"), ("dark", "docs/python.html"), ("light", "docs/settings.html")):
        page = browser.new_page(color_scheme=scheme)
        asked: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto((website.SITE / name).as_uri())
        page.wait_for_selector(".md-typeset__scrollwrap", state="attached") if name != "docs/python.html" else None
        found = axe.Axe().run(page).response["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == [], name
        assert [url for url in asked if not url.startswith("file:")] == []
        page.close()
