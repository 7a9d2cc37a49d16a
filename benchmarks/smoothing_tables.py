"""The figures of the smoothing, as a section of RESULTS.md and as a block of docs/performance.md."""

from __future__ import annotations

from pathlib import Path

from typeset import Result, origin_line, part, section, table, unmeasured


def smoothing(folder: Path) -> str:
    """Every region of every clip."""
    title, result = "Smoothing", part("smoothing", folder)
    if result is None:
        return section(title, unmeasured("smoothing"))
    head = ("clip", "region", "held still", "smoothed", "worst ratio", "stillest second", "smoothed", "its fast part")
    rows = [
        [name.partition(".")[0], region, *_held(told), *_still(result["still"][name][region])]
        for name, regions in result["held"].items()
        for region, told in regions.items()
    ]
    lips = "; ".join(
        f"{name.partition('.')[0]}: lips {late['lips']:.1f} ms, lids {late['eyes']:.1f} ms, "
        f"head {late['head']:.1f} ms, a blink loses {result['blink_lost'][name]:.1%}"
        for name, late in result["late_ms"].items()
    )
    return section(title, origin_line(result), table((*head, "smoothed"), rows), f"Late: {lips}.")


def block(folder: Path) -> str:
    """What is taken from a still face and what it costs, region by region, over all clips."""
    result = part("smoothing", folder)
    if result is None:
        return unmeasured("smoothing")
    head = ("region", "jitter held still", "smoothed", "left of it", "worst second", "late by", "told on the page")
    regions = next(iter(result["held"].values()))
    return f"{table(head, [_over_clips(result, region) for region in regions])}\n\n{origin_line(result)}"


def _over_clips(result: Result, region: str) -> list[str]:
    told = [clip[region] for clip in result["held"].values()]
    before, after = (sum(one[key] for one in told) / len(told) for key in ("before", "after"))
    late = [clip[region] for clip in result["late_ms"].values()]
    return [
        region,
        f"{before:.4f}",
        f"{after:.4f}",
        f"{after / before:.0%}",
        f"{max(one['worst_ratio'] for one in told):.0%}",
        f"{min(late):.0f} to {max(late):.0f} ms",
        f"{result['told_ms'][region]:.0f} ms",
    ]


def _held(told: Result) -> list[str]:
    return [f"{told['before']:.5f}", f"{told['after']:.5f}", f"{told['worst_ratio']:.2f}"]


def _still(told: Result) -> list[str]:
    return [f"{told[key]:.5f}" for key in ("before", "after", "fast_before", "fast_after")]
