"""Several characters in one browser source, arranged on the control page."""

from __future__ import annotations

import numpy as np

from tests.studio.chromium import browser, needs_chromium, playwright
from tests.studio.on_screen import omote, page, pixels, window
from tests.studio.running import Running, until

__all__ = ["browser", "omote", "page", "window"]

pytestmark = needs_chromium


def shares(shown: playwright.Page) -> tuple[float, float]:
    """How much of the left and of the right half of the picture is opaque."""
    alpha = pixels(shown)[..., 3] > 128
    half = alpha.shape[1] // 2
    return float(np.mean(alpha[:, :half])), float(np.mean(alpha[:, half:]))


def test_guests_are_added_placed_ordered_and_shown_together_in_one_source(
    page: playwright.Page, browser: playwright.Browser, omote: Running
) -> None:
    page.click("#tab-scene")
    assert not page.locator("#scene-whose-choice").is_visible()
    page.locator("#guest-form select").first.select_option("noah")
    page.locator("#guest-form").get_by_role("button", name="Add").click()
    page.wait_for_selector('[data-guest="noah"]:has-text("· shown")')

    # The address of all shows both, the one of a list of names one of them, and the old address the main character.
    address = page.get_by_label("OBS browser source of all: address").input_value()
    assert address == f"{omote.clean_url}&show=all"
    context = browser.new_context(viewport={"width": 256, "height": 256})
    both, alone, main = context.new_page(), context.new_page(), context.new_page()
    for one, at in ((both, address), (alone, f"{omote.clean_url}&show=noah,nobody"), (main, omote.clean_url)):
        one.goto(at)
    until(lambda: shares(alone)[1] > 0.1, "noah on the right")
    assert shares(alone)[0] < 0.1
    until(lambda: shares(main)[0] > 0.1, "the main character")

    # Its own place, and back to front.
    page.locator("#scene-whose-choice select").select_option("noah")
    page.wait_for_selector("#scene-whose:has-text('Place of noah')")
    page.locator("#scene-places").get_by_label("Right").first.fill("-0.24")
    until(lambda: shares(alone)[0] > 0.1 > shares(alone)[1], "noah on the left")
    until(lambda: sum(shares(both)) > sum(shares(main)) + 0.01, "both in one picture")
    page.get_by_role("button", name="Send noah back").click()
    until(lambda: omote.state()["guests"][0]["is_behind"], "noah behind")

    page.get_by_role("button", name="Remove noah").click()
    until(lambda: not pixels(alone)[..., 3].any(), "nothing")
    page.wait_for_selector("#scene-whose:has-text('Place of noah')", state="detached")
    context.close()
