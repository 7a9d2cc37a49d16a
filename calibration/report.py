"""Writes the calibration report, one self-contained HTML page with SVG plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from omote.bridge import arkit
from omote.engine.data import Actor, Array
from omote.engine.face.tuning import REGIONS

from .actor_file import ActorRecord, CalibrationFindings, StepResult
from .poses import POSES

SMALL_RANGE = 0.6  # a pose whose weights reach less was not made, or not seen
MIN_RANGE = 0.05  # a weight with a smaller range is left out: it did not move, or the tracker does not see it
PLOT_HEIGHT = 22  # in the plot's units, in which its width is 100
BAR_HEIGHT = 7
NO_FINDINGS = "Only the face at rest was measured, with one key. omote calibrate also measures ranges and noise."
STYLE = """
:root{color-scheme:light dark;--paper:#fbfaf8;--ink:#23211e;--soft:#6d6860;--line:#dedad2;--ground:#eeebe5;
--before:#9a958b;--after:#b3402e;--card:#fff}
@media(prefers-color-scheme:dark){:root{--paper:#191816;--ink:#ece8e1;--soft:#a39c90;--line:#383530;--ground:#2a2825;
--before:#8c867b;--after:#e8745f;--card:#211f1c}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1120px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:26px;line-height:1.2;margin:0 0 4px}h2{font-size:19px;margin:40px 0 4px}
h3{font-size:13px;letter-spacing:.06em;text-transform:uppercase;color:var(--soft);margin:20px 0 4px}
p{margin:0 0 12px;max-width:70ch}.soft{color:var(--soft)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:24px 0}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 16px}
.tile b{display:block;font-size:20px;line-height:1.4;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:14px}
ul{margin:8px 0;padding:0;list-style:none}
li{padding:8px 0;border-top:1px solid var(--line);display:grid;grid-template-columns:150px 1fr;gap:4px 16px}
.columns{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:0 40px}
.row{display:grid;grid-template-columns:168px minmax(0,1fr) 84px;gap:12px;align-items:center;padding:2px 0;
font-size:14px}
.row .number{text-align:right;color:var(--soft);font-variant-numeric:tabular-nums;white-space:nowrap}
.row svg{width:100%;height:22px;display:block;border-radius:3px}
.ground{fill:var(--ground)}.mark{stroke:var(--line);stroke-width:.5}.before{fill:var(--before)}.after{fill:var(--after)}
.key{display:inline-block;width:22px;height:8px;border-radius:2px;margin:0 6px 1px 0}
.key.b{background:var(--before)}.key.a{background:var(--after);margin-left:16px}
@media(max-width:760px){main{padding:20px 16px 48px}.columns{grid-template-columns:minmax(0,1fr)}
.row{grid-template-columns:146px minmax(0,1fr) 70px;gap:8px;font-size:12.5px}
.key.a{margin-left:0}.keys span{display:block}li{grid-template-columns:1fr;gap:0}}
"""


def report_html(record: ActorRecord) -> str:
    """The whole page, which has no script and fetches nothing."""
    actor, made = record.actor, record.made
    name, source = escape(actor.name), escape(made.source)
    parts = [f"<h1>Calibration of {name}</h1>", f'<p class="soft">with {source}, {escape(_day(made.date))}</p>']
    parts += [_tiles(actor, made.findings)]
    if made.findings is None:
        parts += [f"<p>{NO_FINDINGS}</p>"]
    else:
        parts += [_steps_to_redo_section(actor, made.findings), _ranges(actor, made.findings), _jitter(made.findings)]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Calibration of {name}</title><style>{STYLE}</style></head>\n<body><main>"
        + "\n".join(parts)
        + "</main></body></html>\n"
    )


def steps_to_redo(actor: Actor, findings: CalibrationFindings) -> tuple[StepResult, ...]:
    """The steps to repeat, because they were left out or reached little; their remarks say why."""
    reached = calibrated_ranges(actor, findings)
    found = []
    for step in findings.steps:
        made = [reached[arkit.INDEX[name]] for pose in POSES if pose.name == step.name for name in pose.weights]
        if step.state == "unseen":
            continue
        if step.state == "skipped" or step.remark:
            found.append(step)
        elif made and float(np.mean(made)) < SMALL_RANGE:
            remark = (
                f"It reaches {np.mean(made):.0%} of the range even with the greatest gain: do more, or use more light."
            )
            found.append(StepResult(step.name, step.title, step.state, remark))
    return tuple(found)


def calibrated_ranges(actor: Actor, findings: CalibrationFindings) -> Array:
    """[52] the most of each weight in the session, after calibration."""
    return np.asarray(np.clip((findings.most - actor.neutral) * actor.gain, 0.0, 1.0), np.float32)


def _tiles(actor: Actor, findings: CalibrationFindings | None) -> str:
    pitch, yaw = np.degrees(actor.camera_angle)
    tiles = [("where the camera sees you look", f"{_degrees(pitch, 'down', 'up')}, {_degrees(yaw, 'left', 'right')}")]
    if findings:
        trembled, left = float(findings.jitter.mean()), float(findings.calm.mean())
        done = sum(step.state == "done" for step in findings.steps)
        tiles += [
            ("poses measured", f"{done} of {len(findings.steps)}"),
            ("a still face trembles by", f"{100 * trembled:.2f} %"),
            ("and by this once calibrated", f"{100 * left:.2f} %"),
        ]
    cells = "".join(f'<div class="tile"><b>{value}</b><span>{title}</span></div>' for title, value in tiles)
    return f'<div class="tiles">{cells}</div>'


def _day(date: str) -> str:
    """ISO 8601 to the minute, with a space before the time."""
    return date[:16].replace("T", " ")


def _degrees(angle: float, ahead: str, back: str) -> str:
    return f"{abs(angle):.0f}° {ahead if angle >= 0.0 else back}"


def _steps_to_redo_section(actor: Actor, findings: CalibrationFindings) -> str:
    steps = steps_to_redo(actor, findings)
    if not steps:
        return "<h2>What to do again</h2><p>Nothing: every pose was seen well.</p>"
    rows = "".join(f"<li><b>{escape(step.title)}</b><span>{escape(step.remark)}</span></li>" for step in steps)
    return f"<h2>What to do again</h2><ul>{rows}</ul>"


def _ranges(actor: Actor, findings: CalibrationFindings) -> str:
    reached = calibrated_ranges(actor, findings)
    rows = {}
    for name, index in arkit.INDEX.items():
        least, most, gain = (float(row[index]) for row in (findings.least, findings.most, actor.gain))
        if most - least < MIN_RANGE:
            continue
        label = f"{name}: {least:.2f} to {most:.2f} before, 0 to {reached[index]:.2f} after"
        plot = bars(Span(least, most), Span(0.0, float(reached[index])), label, (0.25, 0.5, 0.75))
        rows[name] = _row(name, plot, f"&times; {gain:.2f}")
    return (
        "<h2>Range used</h2><p>The range of each weight in the session, from 0 at the left to 1 at the right, and its "
        "gain. Weights that did not move are left out.</p>"
        f"{_keys('as the tracker reports it', 'as the character gets it')}{_by_region(rows)}"
    )


def _jitter(findings: CalibrationFindings) -> str:
    scale = max(float(findings.jitter.max()), 1e-6)
    rows = {}
    for name, index in arkit.INDEX.items():
        trembled, left = float(findings.jitter[index]), float(findings.calm[index])
        if trembled < 0.02 * scale:
            continue
        label = f"{name}: {1000 * trembled:.1f} thousandths before, {1000 * left:.1f} after"
        plot = bars(Span(0.0, trembled / scale), Span(0.0, left / scale), label)
        rows[name] = _row(name, plot, f"{1000 * trembled:.1f} → {1000 * left:.1f}")
    return (
        "<h2>Jitter of a still face</h2><p>Standard deviation of each weight while you held still, in thousandths of "
        f"its range; the longest bar is {1000 * scale:.1f}. After: with the usual smoothing and your noise floor.</p>"
        f"{_keys('as the tracker reports it', 'as the character gets it')}{_by_region(rows)}"
    )


def _keys(before: str, after: str) -> str:
    return (
        f'<p class="soft keys"><span><i class="key b"></i>{before}</span><span><i class="key a"></i>{after}</span></p>'
    )


def _row(name: str, plot: str, number: str) -> str:
    return f'<div class="row"><span>{name}</span>{plot}<span class="number">{number}</span></div>'


def _by_region(rows: dict[str, str]) -> str:
    blocks = []
    for region, names in REGIONS.items():
        if inside := [rows[name] for name in names if name in rows]:
            blocks.append(f"<section><h3>{region}</h3>{''.join(inside)}</section>")
    return f'<div class="columns">{"".join(_balanced(blocks))}</div>'


def _balanced(blocks: Sequence[str]) -> tuple[str, str]:
    """The blocks in two columns with about the same number of rows, in order."""
    counts = np.cumsum([block.count('class="row"') + 1 for block in blocks])
    cut = int(np.searchsorted(counts, counts[-1] / 2.0)) + 1 if len(counts) else 0
    return f"<div>{''.join(blocks[:cut])}</div>", f"<div>{''.join(blocks[cut:])}</div>"


@dataclass(frozen=True)
class Span:
    """The start and the end of a bar, in shares of the plot's width."""

    least: float
    most: float


def bars(before: Span, after: Span, label: str, marks: tuple[float, ...] = ()) -> str:
    """Two bars, one below the other, with a line at each mark; screen readers read the `label`."""
    lines = "".join(f'<line class="mark" x1="{_x(at)}" x2="{_x(at)}" y1="0" y2="{PLOT_HEIGHT}"/>' for at in marks)
    return (
        f'<svg viewBox="0 0 100 {PLOT_HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f'<rect class="ground" width="100" height="{PLOT_HEIGHT}"/>{lines}'
        f"{_bar('before', before, 3)}{_bar('after', after, PLOT_HEIGHT - 3 - BAR_HEIGHT)}</svg>"
    )


def _bar(kind: str, span: Span, y: int) -> str:
    least, most = _x(span.least), _x(span.most)
    return (
        f'<rect class="{kind}" x="{least}" y="{y}" width="{max(round(most - least, 2), 0.4)}" height="{BAR_HEIGHT}"/>'
    )


def _x(share: float) -> float:
    return round(100.0 * min(max(share, 0.0), 1.0), 2)
