"""What stands at the bottom of the terminal: what the loop is doing, once a second."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.live import Live as Display
from rich.text import Text

from omote.bridge import frame
from omote.engine.face.presence import Phase
from omote.engine.gearbox import Budget
from omote.engine.latency import Percentiles
from omote.engine.report import Report
from omote.engine.roles import Counts
from omote.engine.tally import Moment


class StatusLine:
    """Shows moments where there is a terminal, and nothing elsewhere."""

    def __init__(self, console: Console) -> None:
        self._display = Display(console=console, auto_refresh=False, transient=True) if console.is_terminal else None

    def shown(self) -> AbstractContextManager[object]:
        """While this is entered, the line stands at the bottom."""
        return self._display or nullcontext()

    def show(self, moment: Moment, runtime: str, topics: Collection[str], refused: int) -> None:
        if self._display:
            text = "\n".join(lines(moment, runtime, topics, refused))
            self._display.update(Text(text, overflow="ellipsis", no_wrap=True), refresh=True)


def lines(moment: Moment, runtime: str, topics: Collection[str], refused: int = 0) -> tuple[str, ...]:
    """How it goes, how old pictures are, where the time goes, what was spared, and how a budget is held.

    Each fits into 80 columns; the last two are there where there is something to say.

    `topics` are those that somebody subscribes to, `refused` is how often somebody was not let in.
    """
    face = "face seen" if moment.phase in (Phase.FOLLOWING, Phase.RETURNING) else f"no face, {moment.phase.value}"
    listening = ", ".join(sorted({_name(topic) for topic in topics} - {""})) or "nobody"
    failed = f" · failed {moment.failed}" if moment.failed else ""
    knocked = f" · not let in {refused}" if refused else ""
    stages = ", ".join(f"{name} {took.p50:.0f}" for name, took in moment.latency.stages)
    return (
        f"{moment.source}: {face} · {moment.fps:.1f} pictures/s · tracked {moment.tracked_fraction:.0%} · "
        f"dropped {moment.dropped}{failed}{knocked}",
        f"capture to sent {_spread(moment.latency.total)} (p50/p95/p99) · {runtime} · to {listening}",
        f"p50 of {stages} ms" if stages else "no stage has run yet",
        *([_spared(moment.counts)] if moment.counts.spared else []),
        *([_held(moment.budget)] if moment.budget else []),
    )


def _spared(counts: Counts) -> str:
    return f"not drawn anew: {counts.cached_share:.0%} drawn before, {counts.still_share:.0%} held still"


def _held(budget: Budget) -> str:
    how = "held" if budget.is_held else "not held"
    changes = f"{budget.changes} change{'' if budget.changes == 1 else 's'}"
    return f"budget {budget.ms:g} ms {how} by {budget.gear} · {changes}"


def _name(topic: str) -> str:
    """What a topic brings, as a person calls it; nothing for schema and hello, which come along with the params."""
    kind, _, format = topic.partition("/")[0].partition(".")
    return {frame.PARAMS: "params", frame.VIDEO: format or "video"}.get(kind, "")


def summary(report: Report) -> str:
    """A run in one line."""
    budget = f"; {_held(report.budget)}" if report.budget else ""
    failed = f"failed {report.failed}, " if report.failed else ""
    return (
        f"{report.pictures} pictures in {report.seconds:.1f} s ({report.fps:.1f} a second), capture to sent "
        f"{_spread(report.latency.total)} (p50/p95/p99), dropped {report.dropped}, {failed}"
        f"tracked {report.tracked_fraction:.1%}; warmed up in {report.warm_up_s:.1f} s{budget}"
    )


def _spread(took: Percentiles | None) -> str:
    return f"{took.p50:.0f}/{took.p95:.0f}/{took.p99:.0f} ms" if took else "not yet known"
