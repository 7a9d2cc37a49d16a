"""Writes the documents' figures from the results, so that no figure is typed: RESULTS.md, and blocks of others."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import blocks
import sections
from record import RESULTS, ROOT

RESULTS_MD = ROOT / "benchmarks" / "RESULTS.md"
DOCUMENTS = (ROOT / "README.md", ROOT / "docs" / "performance.md")
INTRODUCTION = """# Results

Made by `python benchmarks/tables.py` from the JSON files in [results](results), which `make bench` writes; a test holds
the two together. A figure is changed by measuring it again. What each part does, and how to run it alone, is told in
[README.md](README.md).
"""

# What stands between the two marks of a block is made of the results; the rest of the document is written by hand.
_BLOCK = re.compile(r"<!-- figures: ([a-z0-9_]+) -->\n.*?<!-- end of figures -->", re.DOTALL)

Render = Callable[[Path], str]


class TablesError(Exception):
    """A document asks for figures that nobody makes; the message says which there are."""


def results_md(folder: Path = RESULTS) -> str:
    """The whole of RESULTS.md from the results in this folder."""
    return "\n".join([INTRODUCTION, *(render(folder) for render in sections.ALL)])


def filled(text: str, renders: Mapping[str, Render], folder: Path = RESULTS) -> str:
    """The same document with each of its blocks made anew."""

    def block(found: re.Match[str]) -> str:
        name = found[1]
        if name not in renders:
            raise TablesError(f'no figures are called "{name}": there are {", ".join(renders)}')
        return f"<!-- figures: {name} -->\n{renders[name](folder).strip()}\n<!-- end of figures -->"

    return _BLOCK.sub(block, text)


def wanted(folder: Path = RESULTS) -> dict[Path, str]:
    """What each document should hold."""
    texts = {path: filled(path.read_text(encoding="utf-8"), blocks.ALL, folder) for path in DOCUMENTS if path.is_file()}
    return {RESULTS_MD: results_md(folder), **texts}


def stale() -> list[str]:
    """The documents that do not say what the results do."""
    return [path.name for path, text in wanted().items() if not path.is_file() or path.read_text("utf-8") != text]


def write() -> None:
    for path, text in wanted().items():
        path.write_text(text, encoding="utf-8")


def main() -> int:
    """With --check, 1 where a document is stale; nothing is written then."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only look")
    chosen = parser.parse_args()
    if not chosen.check:
        write()
        return 0
    for name in stale():
        print(f"{name} does not say what the results do: python benchmarks/tables.py")
    return 1 if stale() else 0


if __name__ == "__main__":
    raise SystemExit(main())
