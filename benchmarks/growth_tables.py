"""What grows with what, as the tables of RESULTS.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from typeset import QUANTILES, Result, ms, origin_line, part, section, square, table, unmeasured


def growth(folder: Path) -> str:
    title, result = "Growth", part("growth", folder)
    if result is None:
        return section(title, unmeasured("growth"))
    paragraphs = []
    for name, told in result["by"].items():
        rows = [row for row in told["rows"] if "refused" not in row]
        paragraphs += [f"By {name} ({told['date']}, commit {told['commit']}):", _GROWTH[name](rows)]
        paragraphs += [f"Left out: {row['refused']}" for row in told["rows"] if "refused" in row]
    text = (
        "By size, steps and characters: milliseconds of all characters, drawn one after another. By subscribers: "
        "from capture to received, of the worst of them whatever the figure. By length: the memory of the process that "
        "draws."
    )
    return section(title, origin_line(result), text, *paragraphs)


def _drawn(rows: list[Result]) -> str:
    head = ("characters", "size", "steps", *QUANTILES, "p50 each", "times", "runtime")
    return table(
        head,
        [
            [
                *(str(row["characters"]), square(row["size"]), str(row["steps"]), *ms(row["ms"])),
                *(*ms(row["ms_each"], "p50"), str(row["ms"]["times"]), row["runtime"]),
            ]
            for row in rows
        ],
    )


def _subscribers(rows: list[Result]) -> str:
    head = ("subscribers", "served", "drawn a second", "received, the least", *QUANTILES, "missed, the most")
    return table(
        head,
        [
            [
                *(str(row["subscribers"]), str(row["served"]), f"{row['fps']:.1f}", f"{row['received_fps']:.1f}"),
                *(*ms(row["total_ms"]), str(row["missed"])),
            ]
            for row in rows
        ],
    )


def _length(rows: list[Result]) -> str:
    head = ("minutes", "pictures", "first half, MiB", "second half, MiB", "grown, MiB", "most, MiB")
    keys = ("first_half_mib", "second_half_mib", "grown_mib", "most_mib")
    return table(
        head,
        [
            [f"{row['minutes']:g}", str(row["pictures"]), *(_mib(row["memory"].get(key)) for key in keys)]
            for row in rows
        ],
    )


def _mib(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


_GROWTH: dict[str, Callable[[list[Result]], str]] = {
    "size": _drawn,
    "steps": _drawn,
    "characters": _drawn,
    "subscribers": _subscribers,
    "length": _length,
}
