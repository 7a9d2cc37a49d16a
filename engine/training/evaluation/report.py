"""Writes an evaluation: a JSON file to compare, and Markdown tables to read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .evaluation import Evaluation
from ...storage import write_text

Record = Mapping[str, Any]  # an evaluation as JSON


def write(evaluation: Evaluation, path: Path) -> None:
    """Writes the record to this path, and the tables beside it with the suffix `.md`."""
    record = as_json(evaluation)
    write_text(path, json.dumps(record, indent=1) + "\n")
    write_text(path.with_suffix(".md"), markdown(record))


def as_json(value: Any) -> Any:
    """Dataclasses as maps with their properties; numbers with four digits, and NaN as null."""
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    if is_dataclass(value):
        properties = (name for name, member in vars(type(value)).items() if isinstance(member, property))
        names = (*(one.name for one in fields(value)), *properties)
        return {name: as_json(getattr(value, name)) for name in names}
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    if isinstance(value, dict):
        return {key: as_json(one) for key, one in value.items()}
    return value


def markdown(record: Record) -> str:
    """All tables of a record with their headings, and notes on what was not measured."""
    head = (
        f"Measured on {record['date']} at commit {record['commit']}, weights {record['weights']}, "
        f"{record['runtime']}, {record['size']}x{record['size']}."
    )
    parts = [head, *(f"- {note}" for note in record["notes"])]
    for title, remark, table in _tables(record):
        if table:
            parts.append(f"### {title}\n\n{remark}\n\n{table}" if remark else f"### {title}\n\n{table}")
    return "\n\n".join(parts) + "\n"


def _tables(record: Record) -> Iterable[tuple[str, str, str]]:
    yield "Wanted and found", "", _targets(record["targets"])
    yield (
        "Distance from the truth",
        "Characters that were never trained on. PSNR in dB over grey, the mean over pictures; sharpness is of the "
        "truth's. One photo means the whole pipeline: landmarks, fit, matte and estimated light; its framing "
        "and exposure are brought to the truth's.",
        _cases(record["cases"]),
    )
    yield (
        "Likeness",
        "dlib's distance from a photo to its character's pictures; below 0.6 is mostly the same person. Copied is the "
        "photo moved by the head with no network.",
        _likeness(record["likeness"]),
    )
    yield (
        "Control",
        "What MediaPipe reads off the pictures. Correlation of asked and read, ours and the truth's; response is our "
        "slope as a part of the truth's.",
        _control(record["control"]),
    )
    yield (
        "Winks",
        "The eye that closes by half and fully, and the other eye, each less what is read at rest.",
        _winks(record["control"]),
    )
    yield (
        "Steadiness",
        "Noise in levels under a noisy control, beside the truth's or, for photos and files, the bare copy's; the "
        "ratio is at equal sharpness. Flicker is change that the truth does not make.",
        _steadiness(record["steadiness"]),
    )


def _targets(rows: Sequence[Record]) -> str:
    words = {True: "met", False: "missed"}
    measured = [row for row in rows if row["is_met"] is not None]
    body = [
        (
            *(row["claim"], _n(row["found"], 3)),
            *(f"{'at most' if row['is_at_most'] else 'at least'} {row['wanted']:g}", words[row["is_met"]]),
        )
        for row in measured
    ]
    missing = len(rows) - len(measured)
    left_out = f"\n\n{missing} of {len(rows)} targets were not measured; the notes say why." if missing else ""
    return _table(("", "found", "wanted", ""), body) + left_out


def _cases(cases: Sequence[Record]) -> str:
    body = []
    for case in cases:
        for group in case["groups"]:
            score = group["score"]
            decibels = [_n(score[name], 1) for name in ("head_db", "eyes_db", "mouth_db", "hair_db")]
            rest = [_n(score["alpha_error"], 4), _n(score["sharpness"], 2), _n(score["hair_sharpness"], 2)]
            body.append((case["name"], group["name"], str(group["pictures"]), *decibels, *rest))
    head = ("from", "pictures that", "count", "head", "eyes", "mouth", "hair", "alpha error", "sharpness", "of hair")
    return _table(head, body)


def _likeness(rows: Sequence[Record]) -> str:
    body = []
    for row in rows:
        for by in ("drawn", "copied"):
            known = [one for one in row[by] if one is not None]
            mean = sum(known) / len(known) if known else None
            body.append((row["photo"], by, *(_n(one, 2) for one in (*row[by], mean))))
    return _table(("photo", "", "rest", "smile", "brows up", "jaw open", "20 degrees", "mean"), body)


def _control(groups: Sequence[Record]) -> str:
    body = [
        (group["group"], row["control"], *(_n(row[name], 2) for name in ("correlation", "truth_correlation", "ratio")))
        for group in groups
        for row in group["controls"]
    ]
    return _table(("faces", "control", "correlation", "the truth's", "response"), body)


def _winks(groups: Sequence[Record]) -> str:
    body = []
    for group in groups:
        for what, winks in (("drawn", group["winks"]), ("truth", group["truth_winks"])):
            body.append((group["group"], what, *(_n(winks[name], 2) for name in ("half", "full", "other"))))
    return _table(("faces", "", "half", "full", "other eye"), body)


def _steadiness(rows: Sequence[Record]) -> str:
    names = ("noise", "expected_noise", "sharpness", "noise_ratio", "flicker", "truth_motion")
    body = [(row["name"], "yes" if row["is_still"] else "NO", *(_n(row[name], 2) for name in names)) for row in rows]
    return _table(
        ("", "still", "noise", "expected", "sharpness", "ratio", "flicker", "truth's motion"),
        body,
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """ "" of no rows."""
    if not rows:
        return ""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def _n(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
