"""A headless Chromium by its DevTools protocol, where Playwright is not installed."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PATIENCE_S = 60


class Browser:
    """A headless Chromium with one tab, driven by the DevTools protocol."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._socket: ClientConnection | None = None
        self._asked = 0

    def __enter__(self) -> Self:
        assert CHROMIUM is not None
        flags = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking"
        flags += " disable-component-update disable-sync hide-scrollbars remote-debugging-port=0"
        switches = [f"--{flag}" for flag in flags.split()]
        with ExitStack() as opening:
            process = subprocess.Popen(
                [CHROMIUM, *switches, f"--user-data-dir={self._folder}", "--window-size=1280,800", "about:blank"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            opening.callback(process.wait, PATIENCE_S)
            opening.callback(process.terminate)
            port_file = self._folder / "DevToolsActivePort"
            wait_until(lambda: port_file.exists() and port_file.read_text().count("\n") == 1, "Chromium to start")
            port, path = port_file.read_text().split()
            with connect(f"ws://127.0.0.1:{port}{path}", max_size=None, proxy=None) as self._socket:
                tab = self._ask("Target.createTarget", url="about:blank")["targetId"]
            page = connect(f"ws://127.0.0.1:{port}/devtools/page/{tab}", max_size=None, proxy=None)
            self._socket = opening.enter_context(page)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def open(self, url: str) -> None:
        self._ask("Page.navigate", url=url)
        is_there = f"location.href === {json.dumps(url)} && document.readyState === 'complete'"
        wait_until(lambda: self.evaluate(is_there), url)

    def evaluate(self, script: str) -> Any:
        """What the expression is worth in the page; promises are awaited."""
        answer = self._ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self) -> NDArray[np.uint8]:
        """[H,W,4] the window, over nothing: alpha is 0 where the page draws nothing."""
        self._ask("Emulation.setDefaultBackgroundColorOverride", color={"r": 0, "g": 0, "b": 0, "a": 0})
        png = base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"])
        keep = os.environ.get("OMOTE_SCREENSHOTS")
        if keep:
            (Path(keep) / f"{self._folder.name}-{self._asked}.png").write_bytes(png)
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))

    def resize(self, width: int, height: int) -> None:
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def _ask(self, method: str, **params: Any) -> Any:
        assert self._socket is not None
        self._asked += 1
        self._socket.send(json.dumps({"id": self._asked, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=PATIENCE_S))
            if answer.get("id") == self._asked:
                assert "error" not in answer, answer
                return answer["result"]


def wait_until(is_true: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_true():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {PATIENCE_S} s for {what}")
        time.sleep(0.05)
