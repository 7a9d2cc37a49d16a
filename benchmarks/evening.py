"""Half an hour of a streamer's use by script: a real `omote live`, two control pages and a clean page in Chromium.

Round after round, a person's hands are played by Playwright: characters, sources, hotkeys, sliders, scenes, guests,
recordings, profiles and reloads, now on one page, now on the other. Twice in the first fifth, `omote live` is killed
(SIGKILL) while it records and a slider moves, and started again. Exits with 1 where anything failed or was lost, or
memory grew.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import psutil
from playwright import sync_api as playwright
from record import free_endpoints, halves, keep, origin, result_parser

from omote.engine.capture.recorder import time_of_day_ns
from omote.engine.capture.take import read_take

STARTS_S = 120.0
PATIENCE_S = 60.0  # for what a click does
SAMPLE_S = 2.0
SETTLED = 0.4  # of the last process's time: until then each character, guest and profile has come once
KILLS = 0.1, 0.2  # shares of the time
MOST_LOST_TAKE_S, MOST_LOST_SETTING_S = 0.1, 1.0
FLAT_MIB, FLAT_HEAP_MIB = 24.0, 8.0  # of a process of 600 MiB with caches, and of a page's scripts
CHARACTERS = "noah", "aoi", "ruth", "mei", "hana"
GUEST = "kenji"
PROFILE = "Evening"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
# Notes when the newest picture was captured, by the header of `/pictures`.
WATCHING = """
globalThis.newestMs = 0; globalThis.received = 0;
globalThis.WebSocket = class extends WebSocket {
  constructor(...words) {
    super(...words);
    this.addEventListener("message", ({ data }) => {
      if (!(data instanceof ArrayBuffer) || data.byteLength <= 32) return;
      globalThis.received += 1;
      globalThis.newestMs = Math.max(globalThis.newestMs, new DataView(data).getFloat64(16, true));
    });
  }
};
"""


class Live:
    """A real `omote live` with a home and a port of its own; it can be killed and started again."""

    def __init__(self, home: Path) -> None:
        self.home, self.url, self.clean_url = home, "", ""
        self.complaints: list[str] = []  # warnings and errors of its log
        self.memory_mib: list[float] = []  # of the present process
        self._port = int(free_endpoints(1)[0].rpartition(":")[2])
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Starts it and waits for its addresses."""
        homes = {f"XDG_{name.upper()}_HOME": str(self.home / name) for name in ("config", "data", "cache")}
        ports = [f"--{name}-endpoint=tcp://127.0.0.1:*" for name in ("params", "video", "control")]
        options = ["--source=demo", "--size=256", f"--page-port={self._port}", "--runtime=openvino", *ports]
        command = [sys.executable, "-m", "omote.studio.cli.main", "live", *options]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **homes})
        self.memory_mib = []
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        assert self._process.stdout
        said = ""
        for line in self._process.stdout:
            said += line
            if found := re.search(r"look at +(\S+)\s+OBS +(\S+)", said):
                self.url, self.clean_url = found[1], found[2]
                threading.Thread(target=self._process.stdout.read, daemon=True).start()
                return
        raise SystemExit(f"omote live ended before it said where to look: {said}{self.complaints}")

    def kill(self) -> None:
        """Kills it, as a crash or the lack of memory would."""
        assert self._process
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def end(self) -> int:
        """Ends it as a shutdown of the machine does; returns its exit code."""
        assert self._process
        self._process.terminate()  # a job in the background ignores Ctrl-C
        try:
            return self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return -1

    def state(self) -> dict[str, Any]:
        """All that the page shows."""
        address = urlsplit(self.url)
        with urlopen(f"{address.scheme}://{address.netloc}/api/state?{address.query}", timeout=PATIENCE_S) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def sample(self) -> None:
        """Notes its memory."""
        assert self._process
        self.memory_mib.append(psutil.Process(self._process.pid).memory_info().rss / (1 << 20))

    @property
    def takes(self) -> list[Path]:
        """The takes so far, the oldest first."""
        return sorted((self.home / "data").rglob("*.csv"), key=lambda path: path.stat().st_mtime_ns)

    @property
    def settings(self) -> dict[str, Any]:
        """What `page.json` holds."""
        (path,) = (self.home / "config").rglob("page.json")
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr
        for line in process.stderr:
            if re.search(r"WARNING|ERROR|Traceback", line):
                self.complaints.append(line.strip()[:300])


@dataclass
class Found:
    """What was seen so far."""

    done: Counter[str] = field(default_factory=Counter)  # how often each thing was done
    errors: list[str] = field(default_factory=list)
    kills: list[dict[str, float]] = field(default_factory=list)
    heap_mib: list[float] = field(default_factory=list)  # of the page that is not reloaded
    takes: int = 0  # that were recorded


class Evening:
    """The pages, and what a person does with them."""

    def __init__(self, live: Live, browser: playwright.Browser) -> None:
        self.live, self.found = live, Found()
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(1000.0 * PATIENCE_S)
        self.pages = tuple(self._opened(context, live.url) for _ in range(2))
        self.clean = self._opened(context, f"{live.clean_url}&show=all", WATCHING)
        for page in self.pages:
            _wait_until_live(page)
        self._heap = context.new_cdp_session(self.pages[1])
        self._rounds = 0

    def _opened(self, context: playwright.BrowserContext, url: str, script: str = "") -> playwright.Page:
        page = context.new_page()
        page.on("pageerror", lambda error: self.found.errors.append(f"a script failed: {error}"))
        page.on("console", self._hear)
        page.on("response", self._see)
        if script:
            page.add_init_script(script)
        page.goto(url)
        return page

    def _hear(self, message: playwright.ConsoleMessage) -> None:
        # While it is restarted: what it was killed in the middle of has no answer.
        is_of_connection = re.search(r"WebSocket|ERR_(CONNECTION|EMPTY_RESPONSE)", message.text)
        if message.type == "error" and not is_of_connection:
            self.found.errors.append(f"the console said: {message.text[:200]}")

    def _see(self, response: playwright.Response) -> None:
        if response.status >= 400:
            self.found.errors.append(f"{urlsplit(response.url).path} answered {response.status}")

    def round(self) -> None:
        """Does each thing once, on one of the pages; the rarer ones in some rounds."""
        number, self._rounds = self._rounds, self._rounds + 1
        page, other = self.pages[number % 2], self.pages[1 - number % 2]
        self._do("character", lambda: self._character(page, CHARACTERS[number % len(CHARACTERS)]))
        self._do("hotkey", lambda: self._hotkey(other))
        self._do("slider", lambda: self._slider(page, 0.8 + 0.01 * (number % 40)))
        self._do("recording", lambda: self._recording(other))
        if number % 3 == 0:
            self._do("source", lambda: self._source(page))
        if number % 4 == 1:
            self._do("profile", lambda: self._profile(other))
        if number % 4 == 2:
            self._do("guest", lambda: self._guest(page))
        if number % 5 == 3:
            self._do("reload", self._reload)
        self._heap.send("HeapProfiler.collectGarbage")
        self.found.heap_mib.append(self.pages[1].evaluate("performance.memory.usedJSHeapSize") / (1 << 20))

    def crash(self) -> None:
        """Kills `omote live` while it records and a slider moves, starts it again, and counts what was lost."""
        page = self.pages[0]
        page.click("#record")
        self._until(lambda: (self.live.state()["recording"] or {}).get("rows", 0) > 20, "a recording of some rows")
        page.click("#tab-scene")
        slider = page.locator("#scene-places input[type=range]").first
        set_at: list[tuple[float, float]] = []
        until_s = time.monotonic() + 3.0
        while time.monotonic() < until_s:  # a hand that does not let go of the slider
            value = round(0.5 + 0.01 * len(set_at), 2)
            slider.fill(str(value))
            set_at.append((time.monotonic(), value))
            time.sleep(0.1)
        killed_s = time.monotonic()
        self.live.kill()
        self.found.takes += 1
        self.found.done["kill"] += 1
        newest_ns = time_of_day_ns(round(1e6 * float(self.clean.evaluate("globalThis.newestMs"))))
        take = read_take(self.live.takes[-1])
        last_ns = (take.timecode_ns or 0) + round(1e9 * float(take.time_s[-1]))
        kept = self.live.settings["scene"]["placements"].get(self._shown_name, {}).get("zoom", 1.0)
        lost = [killed_s - at for at, value in set_at if value > kept + 1e-6]
        self.found.kills.append(
            {
                "rows": len(take.time_s),
                "take_lost_s": round(max(newest_ns - last_ns, 0) / 1e9, 3),
                "setting_lost_s": round(max(lost, default=0.0), 3),
            }
        )
        self.live.start()
        for each in self.pages:
            _wait_until_live(each)
        received = int(self.clean.evaluate("globalThis.received"))
        self._until(lambda: self.clean.evaluate("globalThis.received") > received, "pictures on the clean page")

    def check_end(self) -> None:
        """Ends `omote live` and looks for what should be there."""
        page = self.pages[0]
        page.click("#tab-scene")
        self._slider(page, 1.23)
        if code := self.live.end():
            self.found.errors.append(f"omote live ended with {code}")
        zoom = self.live.settings["scene"]["placements"].get(self._shown_name, {}).get("zoom")
        if zoom != 1.23:
            self.found.errors.append(f"the last size was 1.23 and is {zoom} in page.json")
        if self.found.done["profile"] and not list((self.live.home / "data").rglob(f"{PROFILE}.json")):
            self.found.errors.append("the profile is gone")
        takes = self.live.takes
        if len(takes) != self.found.takes:
            self.found.errors.append(f"{self.found.takes} takes were recorded and {len(takes)} are there")
        for path in takes:
            try:
                read_take(path)
            except ValueError as error:
                self.found.errors.append(f"a take cannot be read: {error}")

    @property
    def _shown_name(self) -> str:
        return str(self.pages[0].locator("#character").text_content())

    def _do(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
            self.found.done[name] += 1
        except (playwright.Error, AssertionError) as error:
            self.found.errors.append(f"{name}: {str(error).splitlines()[0][:200]}")

    def _until(self, is_true: Callable[[], object], what: str) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while not is_true():
            if time.monotonic() > until_s:
                raise AssertionError(f"waited {PATIENCE_S:g} s for {what}")
            self.pages[0].wait_for_timeout(50)  # the events of the pages go on

    def _character(self, page: playwright.Page, name: str) -> None:
        page.click("#tab-characters")
        page.click(f'.card[data-name="{name}"]')
        for each in self.pages:
            each.wait_for_function("name => document.querySelector('#character').textContent === name", arg=name)

    def _hotkey(self, page: playwright.Page) -> None:
        page.click("#tab-light")
        page.keyboard.press("1")
        self._until(lambda: self.live.state()["hotkeys"][0]["is_on"], "the first hotkey")
        page.click("#commands button >> nth=0")
        self._until(lambda: not self.live.state()["hotkeys"][0]["is_on"], "the hotkey to be cleared")

    def _slider(self, page: playwright.Page, zoom: float) -> None:
        page.click("#tab-scene")
        page.locator("#scene-places input[type=range]").first.fill(f"{zoom:.2f}")
        wanted = round(zoom, 2)
        self._until(lambda: abs(self.live.state()["scene"]["placement"]["zoom"] - wanted) < 1e-6, "the size")

    def _recording(self, page: playwright.Page) -> None:
        page.click("#record")
        page.wait_for_selector("#record[aria-pressed=true]")
        self._until(lambda: (self.live.state()["recording"] or {}).get("rows", 0) > 5, "rows of a take")
        page.click("#record")
        page.wait_for_selector("#record[aria-pressed=false]")
        self.found.takes += 1

    def _source(self, page: playwright.Page) -> None:
        for kind in ("none", "demo"):
            page.locator("#source").select_option(kind)
            self._until(partial(self._plays, kind), f"the source {kind}")

    def _plays(self, kind: str) -> bool:
        return bool(self.live.state()["source"]["kind"] == kind)

    def _profile(self, page: playwright.Page) -> None:
        page.click("#tab-library")
        if not self.live.state()["profiles"]:
            page.locator("#profile-form input[type=text]").fill(PROFILE)
            page.locator("#profile-form button[type=submit]").click()
        page.locator("#profiles li button").first.click()
        self._until(lambda: self.live.state()["profiles"] == [PROFILE], "the profile")

    def _guest(self, page: playwright.Page) -> None:
        page.click("#tab-scene")
        page.locator("#guest-form select").first.select_option(GUEST)
        page.locator("#guest-form button").last.click()
        self._until(lambda: [one["state"] for one in self.live.state()["guests"]] == ["shown"], "the guest")
        page.locator("#guests .close").click()
        self._until(lambda: not self.live.state()["guests"], "the guest to go")

    def _reload(self) -> None:
        for page in (self.pages[0], self.clean):
            page.reload()
        _wait_until_live(self.pages[0])


def _wait_until_live(page: playwright.Page) -> None:
    page.wait_for_selector("body[data-connection=live]")
    page.wait_for_selector(".card[aria-pressed=true]", state="attached")


@contextmanager
def chromium() -> Iterator[playwright.Browser]:
    """The system's Chromium; nothing is fetched."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        raise SystemExit("the evening needs Chromium: install your system's package")
    with playwright.sync_playwright() as opened:
        browser = opened.chromium.launch(executable_path=path, args=[*FLAGS, "--enable-precise-memory-info"])
        yield browser
        browser.close()


def measure(seconds: float) -> dict[str, Any]:
    """What was done, what failed, what a kill lost, and the memory of the last process and of a page."""
    with tempfile.TemporaryDirectory(prefix="omote-evening-") as folder:
        live = Live(Path(folder))
        live.start()
        with _sampled(live), chromium() as browser:
            evening = Evening(live, browser)
            began_s = time.monotonic()
            kills = [began_s + share * seconds for share in KILLS]
            while time.monotonic() - began_s < seconds:
                evening.round()
                if kills and time.monotonic() > kills[0]:
                    kills.pop(0)
                    evening.crash()
                    evening.found.heap_mib.clear()
            for _ in kills:  # of an evening too short for them
                evening.crash()
            evening.check_end()
        found = evening.found
        return {
            "seconds": round(time.monotonic() - began_s, 1),
            "done": dict(found.done),
            "takes": found.takes,
            "kills": found.kills,
            "memory_mib": halves(settled(live.memory_mib)),
            "page_heap_mib": halves(settled(found.heap_mib)),
            "complaints": live.complaints,
            "errors": found.errors,
        }


@contextmanager
def _sampled(live: Live) -> Iterator[None]:
    is_over = threading.Event()

    def sample() -> None:
        while not is_over.wait(SAMPLE_S):
            try:
                live.sample()
            except psutil.NoSuchProcess:
                continue

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def settled(samples: Sequence[float]) -> list[float]:
    """The samples once everything has come once."""
    return list(samples[round(SETTLED * len(samples)) :])


def faults(measured: dict[str, Any]) -> list[str]:
    """What went wrong, in sentences."""
    found = [*measured["errors"], *(f"the log said: {line}" for line in measured["complaints"])]
    for kill in measured["kills"]:
        if kill["take_lost_s"] > MOST_LOST_TAKE_S:
            found.append(f"a kill lost {kill['take_lost_s']} s of a take")
        if kill["setting_lost_s"] > MOST_LOST_SETTING_S:
            found.append(f"a kill lost a setting that was {kill['setting_lost_s']} s old")
    if not measured["kills"]:
        found.append("omote live was never killed")
    if (grown := measured["memory_mib"].get("grown_mib", 0.0)) > FLAT_MIB:
        found.append(f"omote live grew by {grown} MiB")
    if (grown := measured["page_heap_mib"].get("grown_mib", 0.0)) > FLAT_HEAP_MIB:
        found.append(f"the page's scripts grew by {grown} MiB")
    return found


def main() -> int:
    """Returns 1 if anything failed or was lost, or memory grew."""
    parser = result_parser(__doc__, "evening")
    parser.add_argument("--minutes", type=float, default=30.0, help="default: %(default)s")
    typed = parser.parse_args()
    measured = {**origin(), **measure(60.0 * typed.minutes)}
    wrong = faults(measured)
    measured["faults"] = wrong
    print(json.dumps(measured, indent=2))
    keep(measured, typed.save)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
