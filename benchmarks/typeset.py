"""Markdown tables and figures, and the goals of the project read off the results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from record import FLAT_MIB, QUANTILES, hardware_line, kept, program_of

MINUTES = 10.0
OFFLINE_PICTURES = 2000
SCENE, LARGE_SCENE = "clip at 60 a second", "clip at 60 a second, 1024x1024"
SIZE, LARGE = 512, 1024
OURS = f"ours {SIZE}"
LIVE_PORTRAIT, TURBO = "LivePortrait", "SD-Turbo"
NOT_MEASURED = "not measured"
_SAME: dict[bool | None, str] = {True: "the same", False: "others", None: "-"}

Result = dict[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def section(title: str, *paragraphs: str) -> str:
    return "\n\n".join([f"## {title}", *(paragraph for paragraph in paragraphs if paragraph)]) + "\n"


def origin_line(result: Mapping[str, Any]) -> str:
    """When, at which commit and on which machine a result was measured."""
    return f"{result['date']}, commit {result['commit']}, {hardware_line(result['hardware'])}."


def unmeasured(name: str) -> str:
    command = " ".join(program_of(name))
    return f"Not measured yet: `python benchmarks/{command} --save benchmarks/results/{name}.json`."


def ms(took: Mapping[str, float] | None, *quantiles: str, digits: int = 1) -> list[str]:
    """The quantiles as text, or "-" without a measurement."""
    chosen = quantiles or QUANTILES
    return [f"{took[key]:.{digits}f}" if took else "-" for key in chosen]


def new_fps(receiver: Mapping[str, Any] | None) -> float | None:
    """Received pictures a second that differ from the previous one; None if none arrived."""
    if not receiver or not receiver["taken"]:
        return None
    return float(receiver["fps"] * receiver["new"] / receiver["taken"])


def drawn_share(scene: Mapping[str, Any]) -> float | None:
    """The share of shown pictures that were drawn anew; None in results without counts."""
    counts = scene.get("counts")
    shown = sum(counts.values()) if counts else 0
    return counts["drawn"] / shown if counts and shown else None


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100.0 * share:.0f} %"


def square(size: int) -> str:
    return f"{size}x{size}"


@dataclass(frozen=True)
class Goal:
    """A goal of the project, beside what was measured."""

    asked: str
    found: str
    is_met: bool | None  # None if it was not measured

    @property
    def verdict(self) -> str:
        return NOT_MEASURED if self.is_met is None else ("met" if self.is_met else "not met")


def goals(folder: Path) -> list[Goal]:
    return [
        *(*_live_goals(folder), *_rival_goals(folder), *_soak_goals(folder)),
        *(*_offline_goals(folder), *_first_start_goals(folder)),
    ]


def _goal(
    asked: str, value: float | None, unit: str, limit: float, *, is_least: bool, digits: int = 1, of: str = ""
) -> Goal:
    """Met if the value is at least, or at most, the limit; `of` qualifies the value."""
    if value is None:
        return Goal(asked, "-", None)
    found = f"{value:.{digits}f}{unit}" + (f" ({of})" if of else "")
    return Goal(asked, found, value >= limit if is_least else value <= limit)


def _live_goals(folder: Path) -> list[Goal]:
    """Only scenes that were drawn at the size of the goal count."""
    scenes = (kept("live", folder) or {}).get("scenes", {})
    scene, large = (_at_size(scenes.get(name, {}), size) for name, size in ((SCENE, SIZE), (LARGE_SCENE, LARGE)))
    receiver = scene.get("receiver")
    total: dict[str, float] = (receiver or {}).get("total_ms") or {}
    drawn = drawn_share(scene)
    of = "" if drawn is None else f"{scene['runtime']}; {percent(drawn)} of all were drawn anew"
    where = f"a 512x512 clip at 60 a second, {square(SIZE)} RGBA, one step"
    return [
        _goal(
            f"{where}: at least 50 new pictures a second received", new_fps(receiver), "", 50.0, is_least=True, of=of
        ),
        _goal(f"{where}: captured to received, p50 at most 45 ms", total.get("p50"), " ms", 45.0, is_least=False),
        _goal(f"{where}: captured to received, p99 at most 80 ms", total.get("p99"), " ms", 80.0, is_least=False),
        _goal(
            f"the same clip, {square(LARGE)} RGBA: at least 20 new pictures a second received",
            new_fps(large.get("receiver")),
            "",
            20.0,
            is_least=True,
        ),
    ]


def _at_size(scene: dict[str, Any], size: int) -> dict[str, Any]:
    return scene if scene.get("size") == size else {}


def _rival_goals(folder: Path) -> list[Goal]:
    """Network and compositing alone, and beside the peers: both in f32, and each in its fastest precision."""
    cases: dict[str, Any] = (kept("rivals", folder) or {}).get("cases", {})
    ran = {name: case for name, case in cases.items() if "took_ms" in case}
    ours, in_f32 = ran.get(OURS), ran.get(f"{OURS} f32")
    at = square(SIZE)
    fastest = _fastest_picture(folder)
    own_ms, of = (float(fastest["ms"]["p50"]), str(fastest["runtime"])) if fastest else (None, "")
    found = [_goal(f"a picture of {at}, all of it: p50 at most 16 ms", own_ms, " ms", 16.0, is_least=False, of=of)]
    for rival in (TURBO, LIVE_PORTRAIT):
        peers = [case for name, case in ran.items() if name.startswith(rival)]
        exact = [case for case in peers if case["runtime"].endswith("f32")]
        for own, those, least, how in ((in_f32, exact, 250.0, "both in f32"), (ours, peers, 150.0, "each its fastest")):
            # The fastest case of the peer counts.
            best: dict[str, Any] = min(those, key=_picture_ms, default={})
            times = _picture_ms(best) / _picture_ms(own) if own and best else None
            of = f"its fastest: {best['runtime']}" if best else ""
            asked = f"{least:g} times the pictures of {rival} at {at}, {how}"
            found.append(_goal(asked, times, " times", least, is_least=True, digits=0, of=of))
    return found


def _fastest_picture(folder: Path) -> Mapping[str, Any] | None:
    """The cell of a whole picture in one step, from most references, in the fastest runtime."""
    cells = (kept("network", folder) or {}).get("cells", [])
    ran = [
        one for one in cells if one["part"] == "picture" and (one["size"], one["steps"]) == (SIZE, 1) and "ms" in one
    ]
    most = max((one["references"] for one in ran), default=0)
    of_most = [one for one in ran if one["references"] == most]
    return min(of_most, key=lambda one: float(one["ms"]["p50"]), default=None)


def _picture_ms(case: dict[str, Any]) -> float:
    return float(case["took_ms"]["picture"]["p50"])


def _soak_goals(folder: Path) -> list[Goal]:
    """Only runs that last as long as the goal count."""
    result = kept("soak_game", folder) or {}
    grown = result["memory"]["sender"].get("grown_mib") if result.get("minutes", 0.0) >= MINUTES else None
    asked = f"memory over {MINUTES:g} minutes: the second half at most {FLAT_MIB:g} MiB above the first"
    return [_goal(asked, grown, " MiB", FLAT_MIB, is_least=False)]


def _offline_goals(folder: Path) -> list[Goal]:
    """The process that grew most counts, in runs with as many pictures as the goal."""
    result = kept("offline", folder) or {}
    long = [row for row in result.get("memory", []) if row.get("pictures", 0) >= OFFLINE_PICTURES]
    held = [row[where] for row in long for where in ("here", "workers_held") if row.get(where)]
    asked = (
        f"memory over {OFFLINE_PICTURES} rendered pictures: the second half at most {FLAT_MIB:g} MiB above the first"
    )
    same: bool | None = result.get("identical")
    return [
        _goal(asked, max((one["grown_mib"] for one in held), default=None), " MiB", FLAT_MIB, is_least=False),
        Goal("rendered by one worker or two, in processes or by Ray: the same bytes", _SAME[same], same),
    ]


def _first_start_goals(folder: Path) -> list[Goal]:
    result = kept("first_start", folder) or {}
    took = result.get("seconds", {}).get("all")
    return [
        _goal("clone to first picture: at most 120 s, pip's cache warm", took, " s", 120.0, is_least=False, digits=0),
        _goal("installed: at most 750 MB", result.get("installed_mb"), " MB", 750.0, is_least=False, digits=0),
    ]
