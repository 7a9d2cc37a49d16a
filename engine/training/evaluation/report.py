"""Writes an evaluation: one page to be read, one JSON to be compared."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from html import escape
from pathlib import Path

from .evaluation import GALLERY, Evaluation
from .measure import Plan
from .table import Table
from .tables import tables

PAGE, RECORD = "report.html", "evaluation.json"
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1c1c1e }
table { border-collapse: collapse; margin: .4rem 0 0 } th, td { padding: .15rem .7rem; text-align: right }
th:first-child, td:first-child { text-align: left } thead th { border-bottom: 1px solid #888; font-weight: 600 }
tbody tr:nth-child(even) { background: #f1f1f4 } .missed { color: #b00020; font-weight: 600 } h2 { margin: 2rem 0 0 }
p { margin: .2rem 0; color: #555 } img { max-width: 100%; display: block; margin: .3rem 0 1.5rem }
.wide { overflow-x: auto }
"""


def write(evaluation: Evaluation, folder: Path) -> None:
    """Puts the page, which shows the sheets beside it, and the record into the folder."""
    (folder / PAGE).write_text(html(evaluation), encoding="utf-8")
    (folder / RECORD).write_text(json.dumps(as_json(evaluation), indent=1) + "\n", encoding="utf-8")


def as_json(value: object) -> object:
    """Dataclasses as maps with what follows from them, NaN (not known) as null."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Plan):
        return {"pictures": value.pictures, "frames": value.frames, "take": value.take.name if value.take else None}
    if is_dataclass(value):
        follows = (name for name, member in vars(type(value)).items() if isinstance(member, property))
        names = (*(field.name for field in fields(value)), *follows)
        return {name: as_json(getattr(value, name)) for name in names}
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    if isinstance(value, dict):
        return {key: as_json(one) for key, one in value.items()}
    return value


def html(evaluation: Evaluation) -> str:
    """The page; it loads nothing but the sheets beside it."""
    title = f"Evaluation of {evaluation.drawer}"
    made = ", ".join(_facts(evaluation.provenance))
    sheets = [("All subjects at rest", GALLERY), *((one.figures.group, one.sheet) for one in evaluation.subjects)]
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>',
        f"<h1>{escape(title)}</h1><p>{escape(made)}</p>",
        *(f"<p>{escape(note)}</p>" for note in evaluation.notes),
        *(_table(table) for table in tables(evaluation)),
        *(f'<h2>{escape(name)}</h2><img src="{escape(file)}" alt="{escape(name)}">' for name, file in sheets),
    ]
    return "\n".join(parts) + "\n"


def _facts(told: dict[str, object]) -> Iterator[str]:
    for name, value in told.items():
        yield from _facts(value) if isinstance(value, dict) else (f"{name} {value}",)


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    remark = f"<p>{escape(table.remark)}</p>" if table.remark else ""
    body = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    return f"<h2>{escape(table.title)}</h2>{remark}{body}"


def _cell(text: str) -> str:
    missed = ' class="missed"' if text == "MISSED" else ""
    return f"<td{missed}>{escape(text)}</td>"
