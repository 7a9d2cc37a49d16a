"""A running Omote with its pages open, for the tests of both; a module imports the fixtures that it uses."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine.character import FOLDER, SUFFIX
from omote.engine.weights import WeightsError, networks
from tests.studio.chromium import playwright
from tests.studio.running import PATIENCE_S, Running, until

Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def omote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    try:
        networks()
    except WeightsError as error:
        pytest.skip(str(error))
    home = tmp_path_factory.mktemp("home")
    own = home / "omote" / "characters"
    own.mkdir(parents=True)
    shutil.copy(FOLDER / f"noah{SUFFIX}", own / f"mine{SUFFIX}")
    with Running(home) as running:
        yield running


@pytest.fixture
def page(browser: playwright.Browser, omote: Running) -> Iterator[playwright.Page]:
    """The control page, with all its parts there; whatever its scripts complain of fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE_S * 1000)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    opened.goto(omote.url)
    opened.wait_for_selector(".card[aria-pressed=true]")
    opened.wait_for_selector("body[data-connection=live]")
    yield opened
    context.close()
    assert not complaints


@pytest.fixture
def clean(browser: playwright.Browser, omote: Running) -> Iterator[playwright.Page]:
    """What OBS shows."""
    context = browser.new_context(viewport={"width": 256, "height": 256})
    opened = context.new_page()
    opened.goto(omote.clean_url)
    until(lambda: pixels(opened)[..., 3].max() == 255, "a picture on the clean page")
    yield opened
    context.close()


def pixels(clean: playwright.Page) -> Pixels:
    """[H,W,4] what stands on the canvas now."""
    width, values = clean.evaluate(
        """() => {
          const canvas = document.getElementById("portrait");
          const context = canvas.getContext("2d");
          return [canvas.width, Array.from(context.getImageData(0, 0, canvas.width, canvas.height).data)];
        }"""
    )
    return np.array(values, np.uint8).reshape(-1, width, 4)
