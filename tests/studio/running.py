"""A real `omote live` in a process of its own, asked over HTTP as a page's script asks it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

PATIENCE_S = 120.0
PORTS = tuple(f"--{name}-endpoint=tcp://127.0.0.1:*" for name in ("params", "video", "control"))
# Ten pictures a second: drawing is what the tests of the page would spend most of their time on.
COMMAND = (
    *("live", "--source", "demo", "--fps", "10", "--size", "256"),
    *("--page-port", "0", "--seconds", "900", "--runtime", "openvino"),
)


def until(is_true: Callable[[], Any], what: str) -> Any:
    """The first true thing that it says; fails after a patience that no machine should need."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not (found := is_true()):
        if time.monotonic() > deadline_s:
            raise AssertionError(f"waited {PATIENCE_S:.0f} s for {what}")
        time.sleep(0.05)
    return found


class Running:
    """`with` starts it with a home of its own; `url` and `clean_url` are what it printed."""

    def __init__(self, home: Path) -> None:
        self.url = self.clean_url = ""
        self._home = home
        self._open = ExitStack()

    def __enter__(self) -> Self:
        homes = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA"), str(self._home))
        with ExitStack() as opening:
            command = (sys.executable, "-m", "omote.studio.cli.main", *COMMAND, *PORTS)
            process = opening.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | homes)
            )
            opening.callback(process.kill)
            assert process.stdout
            said = ""
            for line in process.stdout:
                said += line
                if found := re.search(r"look at +(\S+)\s+OBS +(\S+)", said):
                    self.url, self.clean_url = found[1], found[2]
                    break
            assert self.url, said
            until(lambda: self.state()["character"], "the loop to run")
            self._open = opening.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def state(self) -> dict[str, Any]:
        """All that the page shows."""
        found: dict[str, Any] = self._answer("/api/state", None)
        return found

    def post(self, path: str, **said: object) -> dict[str, Any]:
        """Does it, and returns the answer; HTTPError where it is refused."""
        found: dict[str, Any] = self._answer(path, json.dumps(said).encode())
        return found

    def _answer(self, path: str, body: bytes | None) -> Any:
        address = urllib.parse.urlsplit(self.url)
        request = urllib.request.Request(f"{address.scheme}://{address.netloc}{path}?{address.query}", body)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.loads(answer.read())
