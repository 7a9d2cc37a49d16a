"""Command lines whose mistakes are told in one line, with the nearest flag and exit code 2."""

from __future__ import annotations

import argparse
import difflib
import re
from typing import NoReturn

_UNKNOWN = re.compile(r"unrecognized arguments: (--[\w-]+)")


class Parser(argparse.ArgumentParser):
    """argparse, without the usage that hides the error; give it `allow_abbrev=False`."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}{self._hint(message)}; see {self.prog} --help\n")

    def _hint(self, message: str) -> str:
        if not (found := _UNKNOWN.search(message)):
            return ""
        flags = [flag for action in self._actions for flag in action.option_strings]
        near = difflib.get_close_matches(found[1], flags, n=1)
        return f"; did you mean {near[0]}?" if near else ""
