"""Prints and logs for commands, so that text from a file can neither control the terminal nor forge a line."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from omote.bridge.errors import printable

_LONGEST_LINE = 5000  # characters


def say(*lines: str, to: TextIO | None = None) -> None:
    """Prints each line, with "?" for every character that could control a terminal."""
    print("\n".join(printable(line, _LONGEST_LINE) for line in lines), file=to or sys.stdout, flush=True)


class PlainFormatter(logging.Formatter):
    """Messages as `say` would print them; a traceback below one keeps its lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return printable(super().formatMessage(record), _LONGEST_LINE)
