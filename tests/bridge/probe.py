"""A plugin's receiver in a process of its own; the C# and the C++ probe have the same flags and answers."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Sequence
from typing import Self

from .sending import PATIENCE_S

Command = Sequence[str]  # the words that start the program


class Probe:
    """A running probe; leaving `with` ends it."""

    def __init__(self, program: Command, endpoint: str, *arguments: object) -> None:
        command = [*program, "--endpoint", endpoint, *map(str, arguments)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)
        self._watchdog = threading.Timer(PATIENCE_S, self._process.kill)

    def __enter__(self) -> Self:
        self._watchdog.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._watchdog.cancel()
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def line(self) -> str:
        """The next line that it prints."""
        assert self._process.stdout
        line = self._process.stdout.readline().rstrip()
        assert line, f"the probe ended: {self._process.stderr.read() if self._process.stderr else ''}"
        return line

    def line_that_begins(self, word: str) -> str:
        """The next line that begins so."""
        while not (line := self.line()).startswith(word):
            pass
        return line

    def frame(self) -> list[str]:
        """The next frame that it took: index, sequence, width, height, checksum."""
        return self.line_that_begins("frame").split()[1:]

    def figures(self) -> dict[str, object]:
        """What it has counted, when it has come to its end."""
        found = json.loads(self.line_that_begins("{"))
        assert isinstance(found, dict)
        return found

    def refusal(self) -> str:
        """What a probe says that cannot begin."""
        _, said = self._process.communicate(timeout=PATIENCE_S)
        assert self._process.returncode == 2, said
        return said


def ask(program: Command, endpoint: str, *words: str) -> dict[str, object]:
    """What the probe's control client prints."""
    command = [*program, "control", endpoint, *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.stdout, done.stderr
    said = json.loads(done.stdout)
    assert isinstance(said, dict)
    return said
