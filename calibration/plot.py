"""Small plots as SVG, which stretch to the width that there is; nothing in them runs or is fetched."""

from __future__ import annotations

from dataclasses import dataclass

HEIGHT = 22  # of a plot's own units; its width is 100, and stretches
BAR = 7


@dataclass(frozen=True)
class Span:
    """From where to where a bar goes, of the plot's whole width (0 to 1)."""

    least: float
    most: float


def bars(before: Span, after: Span, told: str, marks: tuple[float, ...] = ()) -> str:
    """Two bars, one below the other, over a ground with a line at each mark; `told` is what a screen reader says."""
    lines = "".join(f'<line class="mark" x1="{_x(at)}" x2="{_x(at)}" y1="0" y2="{HEIGHT}"/>' for at in marks)
    return (
        f'<svg viewBox="0 0 100 {HEIGHT}" preserveAspectRatio="none" role="img" aria-label="{told}">'
        f'<rect class="ground" width="100" height="{HEIGHT}"/>{lines}'
        f"{_bar('before', before, 3)}{_bar('after', after, HEIGHT - 3 - BAR)}</svg>"
    )


def _bar(kind: str, span: Span, y: int) -> str:
    least, most = _x(span.least), _x(span.most)
    return f'<rect class="{kind}" x="{least}" y="{y}" width="{max(round(most - least, 2), 0.4)}" height="{BAR}"/>'


def _x(share: float) -> float:
    return round(100.0 * min(max(share, 0.0), 1.0), 2)
