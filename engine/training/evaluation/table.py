"""Words and numbers in rows and columns."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    title: str
    remark: str  # how to read it; may be empty
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def text(self) -> str:
        """Columns in plain text, the first to the left and all others to the right."""
        lines = [self.header, *self.rows]
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.header))]
        laid = (
            "  ".join(cell.ljust(width) if k == 0 else cell.rjust(width) for k, (cell, width) in enumerate(row))
            for row in (zip(line, widths, strict=True) for line in lines)
        )
        return "\n".join([self.title, *(f"  {line.rstrip()}" for line in laid)])


def number(value: float, digits: int) -> str:
    """As people read it; "-" where it is not known."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
