"""A running Omote with its pages open, for the tests of both; a module imports the fixtures that it uses."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from omote.engine.model.character_file import SHIPPED_FOLDER, SUFFIX
from omote.engine.models import WeightsError, shipped_networks
from tests.studio.chromium import playwright
from tests.studio.running import PATIENCE_S, Running, until

Pixels = NDArray[np.uint8]
COUNTING = """
globalThis.drawn = 0;
const put = CanvasRenderingContext2D.prototype.putImageData;
CanvasRenderingContext2D.prototype.putImageData = function (...picture) {
  globalThis.drawn += 1;
  return put.apply(this, picture);
};
"""


@pytest.fixture(scope="module")
def omote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    try:
        shipped_networks()
    except WeightsError as error:
        pytest.skip(str(error))
    home = tmp_path_factory.mktemp("home")
    own = home / "omote" / "characters"
    own.mkdir(parents=True)
    shutil.copy(SHIPPED_FOLDER / f"ruth{SUFFIX}", own / f"mine{SUFFIX}")
    with Running(home) as running:
        yield running


@pytest.fixture(scope="module")
def window(browser: playwright.Browser) -> Iterator[playwright.BrowserContext]:
    """Where a module's control pages are opened one after the other, so that the browser keeps what it has fetched."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_S * 1e3)
    yield context
    context.close()


@pytest.fixture
def page(window: playwright.BrowserContext, omote: Running) -> Iterator[playwright.Page]:
    """The control page, with all its parts there; whatever its scripts complain of fails the test."""
    opened = window.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if "Content Security" in said.text else None)
    opened.goto(omote.url)
    opened.wait_for_selector(".card[aria-pressed=true]", state="attached")
    opened.wait_for_selector("body[data-connection=live]")
    yield opened
    opened.close()
    assert not complaints


@pytest.fixture
def clean(browser: playwright.Browser, omote: Running) -> Iterator[playwright.Page]:
    """What OBS shows."""
    context = browser.new_context(viewport={"width": 256, "height": 256})
    context.set_default_timeout(PATIENCE_S * 1e3)
    context.add_init_script(COUNTING)
    opened = context.new_page()
    opened.goto(omote.clean_url)
    until(lambda: pixels(opened)[..., 3].max() == 255, "a picture on the clean page")
    yield opened
    context.close()


def drawn(clean: playwright.Page) -> int:
    """How many pictures the clean page has drawn."""
    return int(clean.evaluate("globalThis.drawn"))


def pixels(clean: playwright.Page) -> Pixels:
    """[H,W,4] what stands on the canvas now."""
    width, values = clean.evaluate(
        """() => {
          const canvas = document.getElementById("portrait");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let text = "";
          for (let at = 0; at < data.length; at += 8192) text += String.fromCharCode(...data.subarray(at, at + 8192));
          return [canvas.width, btoa(text)]; // a list of numbers takes a browser a second
        }"""
    )
    return np.frombuffer(base64.b64decode(values), np.uint8).reshape(-1, width, 4)
