"""How results are put into Markdown: a table, the machine in words, a figure to the digits that it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from record import hardware_line, kept

QUANTILES = ("p50", "p95", "p99")

Result = dict[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def section(title: str, *paragraphs: str) -> str:
    return "\n\n".join([f"## {title}", *(paragraph for paragraph in paragraphs if paragraph)]) + "\n"


def part(name: str, folder: Path) -> Result | None:
    return kept(name, folder)


def origin_line(result: Mapping[str, Any]) -> str:
    """Where and when it was measured."""
    return f"{result['date']}, commit {result['commit']}, {hardware_line(result['hardware'])}."


def unmeasured(name: str) -> str:
    return f"Not measured yet: `python benchmarks/{name}.py --save benchmarks/results/{name}.json`."


def ms(took: Mapping[str, float] | None, *quantiles: str, digits: int = 1) -> list[str]:
    """These quantiles; "-" where nothing was measured."""
    chosen = quantiles or QUANTILES
    return [f"{took[key]:.{digits}f}" if took else "-" for key in chosen]


def new_fps(receiver: Mapping[str, Any] | None) -> float | None:
    """Of the pictures that came in a second, those that differ from the one before; None where none came."""
    if not receiver or not receiver["taken"]:
        return None
    return float(receiver["fps"] * receiver["new"] / receiver["taken"])


def drawn_share(told: Mapping[str, Any]) -> float | None:
    """Of the pictures that were shown, those that were drawn anew; None in results that do not tell."""
    counts = told.get("counts")
    shown = sum(counts.values()) if counts else 0
    return counts["drawn"] / shown if counts and shown else None


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100.0 * share:.0f} %"


def square(size: int) -> str:
    return f"{size}x{size}"
