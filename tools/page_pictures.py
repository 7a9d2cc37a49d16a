"""Saves the pictures of the control page in docs: `python tools/run.py tools/page_pictures.py`.

It plays the smile of the demo in a real `omote live`, with settings of its own, in the system's Chromium.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright import sync_api as playwright

FOLDER = Path(__file__).resolve().parents[1] / "docs"
# This part of the demo is a smile that hardly moves, so there is time for the browser.
COMMAND = (
    "live --source demo --start 3.5 --end 3.8 --loop --fps 10 --size 512 --runtime openvino --character hana"
    " --page-port 0 --params-endpoint tcp://127.0.0.1:* --video-endpoint tcp://127.0.0.1:* --control-endpoint tcp://127.0.0.1:*"
)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run")
PATIENCE_MS = 120_000
SETTLED_MS = 1500  # until the portrait has followed
PICTURES: dict[str, playwright.ViewportSize] = {
    "control-page": {"width": 1440, "height": 900},
    "control-page-phone": {"width": 390, "height": 844},
}


@contextmanager
def omote_live(home: Path) -> Iterator[str]:
    """The address of the page of a real `omote live` whose settings and characters are in `home`."""
    homes = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA"), str(home))
    command = (sys.executable, "-m", "omote.studio.cli.main", *COMMAND.split())
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | homes) as process:
        try:
            assert process.stdout
            said = ""
            for line in process.stdout:
                said += line
                if found := re.search(r"look at +(\S+)", said):
                    yield found[1]
                    return
            raise SystemExit(f"omote live ended before it said where its page is: {said}")
        finally:
            process.terminate()


@contextmanager
def chromium() -> Iterator[playwright.Browser]:
    """The system's Chromium; nothing is fetched."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("the pictures of the page need Chromium: install your system's package")
    with playwright.sync_playwright() as opened:
        browser = opened.chromium.launch(executable_path=path, args=[*FLAGS])
        yield browser
        browser.close()


@contextmanager
def opened(browser: playwright.Browser, url: str, size: playwright.ViewportSize) -> Iterator[playwright.Page]:
    """The page in a window of its own, past the first steps, with a portrait."""
    context = browser.new_context(viewport=size, locale="en-GB", color_scheme="dark")
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.add_init_script("localStorage.setItem('omote welcome', 'done')")
    page.goto(url)
    page.wait_for_selector("body[data-connection=live][data-presence=tracked]")
    page.wait_for_selector(".card[aria-pressed=true]", state="attached")
    page.wait_for_selector("#verdict[data-verdict=good]", state="attached")
    page.wait_for_timeout(SETTLED_MS)
    yield page
    context.close()


def main() -> int:
    """Replaces the two pictures of docs/control-page.md."""
    with (
        tempfile.TemporaryDirectory(prefix="omote-page-") as home,
        omote_live(Path(home)) as url,
        chromium() as browser,
    ):
        for name, size in PICTURES.items():
            with opened(browser, url, size) as page:
                Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(FOLDER / f"{name}.png", optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
