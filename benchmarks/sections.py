"""The sections of RESULTS.md, one for each benchmark; a benchmark that was not run says how to run it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from goals import goals
from growth_tables import growth
from offline_tables import offline, smoothness
from smoothing_tables import smoothing
from typeset import (
    QUANTILES,
    Result,
    drawn_share,
    ms,
    new_fps,
    origin_line,
    part,
    percent,
    section,
    square,
    table,
    unmeasured,
)

from omote.engine.training.evaluation.report import markdown

ByName = dict[str, Any]
BF16 = "bf16"  # a folder of results beside the others, of a processor that has it


def asked_for(folder: Path, *, is_whole: bool = True) -> str:
    """What this project asked of itself, beside what was found; all of it, or what was measured."""
    rows = [(goal.asked, goal.found, goal.verdict) for goal in goals(folder) if is_whole or goal.is_met is not None]
    text = "Judged by the figures below; when, where and at which commit they were measured stands in each section."
    return section("Asked for, and found", text, table(("asked for", "found", ""), rows))


def live(folder: Path) -> str:
    title, result = "Live, from capture to a receiver in another process", part("live", folder)
    if result is None:
        return section(title, unmeasured("live"))
    scenes: ByName = result["scenes"]
    others = [name for name, told in scenes.items() if told.get("commit") != result["commit"]]
    speeds = _speeds(scenes)
    names = list(dict.fromkeys(stage for told in scenes.values() for stage in _stages(told)))
    ages = table(("p50 / p99, ms", *names), [_stage_row(name, told, names) for name, told in scenes.items()])
    text = (
        "Asked, shown, received and new are pictures a second; new is what differs from the picture received before "
        "it. p50, p95 and p99 are milliseconds from capture until the last byte was received, sent p50 until the "
        "socket had it. Of the pictures shown some were drawn anew; the others were drawn before, or nothing moved. "
        "Tracked is the part of the signals in which a face was seen."
    )
    older = f"Of another commit: {', '.join(others)}." if others else ""
    return section(title, origin_line(result), older, text, speeds, "Where the time goes, stage by stage:", ages)


def _speeds(scenes: ByName) -> str:
    head = ("scene", "asked", "shown", "received", "new", *QUANTILES, "sent p50", "tracked", "drawn anew", "runtime")
    return table(head, [_scene_row(name, told) for name, told in scenes.items()])


def _scene_row(name: str, told: Result) -> list[str]:
    if "refused" in told:
        return [name, *["-"] * 10, told["refused"]]
    receiver = told.get("receiver")
    new = new_fps(receiver)
    came = [f"{receiver['fps']:.1f}", "-" if new is None else f"{new:.1f}"] if receiver else ["-"] * 2
    received = [*came, *ms(receiver["total_ms"] if receiver else None)]
    runtime = f"{told['runtime']}, {square(told['size'])}"
    sent = ms(told["latency_ms"], "p50")
    speeds = [f"{told['asked_fps']:.0f}", f"{told['fps']:.1f}"]
    return [name, *speeds, *received, *sent, f"{told['tracked_fraction']:.3f}", percent(drawn_share(told)), runtime]


def _stages(told: Result) -> ByName:
    if "refused" in told:
        return {}
    receiver = told.get("receiver")
    return {**told["stages_ms"], **({"receive": receiver["receive_ms"]} if receiver else {})}


def _stage_row(name: str, told: Result, names: list[str]) -> list[str]:
    stages = _stages(told)
    return [name, *(" / ".join(ms(stages[one], "p50", "p99")) if stages.get(one) else "-" for one in names)]


def jaw_code(folder: Path) -> str:
    title, result = "Motion to photon, read off the picture", part("jaw_code", folder)
    if result is None:
        return section(title, unmeasured("jaw_code"))
    rows = [
        ("by the picture: the code as a whole", f"{result['delay_ms']:.1f}", "-", "-"),
        ("by the picture: from a change to the first picture that shows it", *ms(result["edges_ms"])),
        ("by the timestamps: captured to received", *ms(result["receiver"]["total_ms"])),
    ]
    text = (
        f"{result['bits']} bits of {result['bit_ms']:g} ms, {result['bit_errors']} wrong, {result['edges_missed']} "
        f"changes never seen; {result['fps']:.1f} pictures a second of {result['fps_asked']:.0f}, {result['runtime']}, "
        f"{square(result['size'])}. A picture stands until the next one comes, and the filters of the face add their "
        "own delay: both are in what the picture says, and not in the timestamps."
    )
    return section(title, origin_line(result), text, table(("milliseconds", *QUANTILES), rows))


def network(folder: Path) -> str:
    title, result = "A picture, part by part", part("network", folder)
    if result is None:
        return section(title, unmeasured("network"))
    peaks = "; ".join(f"{name} {peak['gops']:.0f} ({peak['by']})" for name, peak in result["peaks"].items())
    floor = f"The machine's own peak in the same run, billions of operations a second: {peaks}." if peaks else ""
    cells = [cell for cell in result["cells"] if "refused" not in cell]
    text = (
        f"Milliseconds, measured so many times, of {result['character']}. Inputs are view and correspondence; they and "
        "compositing run in NumPy and OpenCV whatever runs the network, whose cost does not depend on the picture's "
        "size. A picture is all of it together. The last column is how much of the peak in the same arithmetic the "
        "network reaches."
    )
    refused = [f"- {cell['build']}: {cell['refused']}" for cell in result["cells"] if "refused" in cell]
    left_out = "\n".join(["Left out:", "", *refused]) if refused else ""
    return section(title, origin_line(result), text, floor, _cells(cells), left_out)


def _cells(cells: list[Result]) -> str:
    head = ("part", "runtime", "references", "size", "steps", *QUANTILES, "times", "of peak")
    rows = [
        [
            *(cell["part"], cell.get("runtime", "-"), str(cell["references"])),
            *(square(cell["size"]) if "size" in cell else "-", str(cell.get("steps", "-"))),
            *(*ms(cell["ms"], digits=2), str(cell["ms"]["times"]), percent(cell.get("share_of_peak"))),
        ]
        for cell in cells
    ]
    return table(head, rows)


def with_bf16(folder: Path) -> str:
    """Some of it from another processor."""
    there = folder / BF16
    said = section("On a processor with bf16", "The same programs, because the processor decides most.")
    parts = (asked_for(there, is_whole=False), live(there), jaw_code(there), network(there))
    return "\n".join([said, *(one.replace("## ", "### ", 1) for one in parts)])


def layers(folder: Path) -> str:
    title, result = "Where the network's time goes", part("layers", folder)
    if result is None:
        return section(title, unmeasured("layers"))
    rows = [(kind, percent(share), f"{share * result['sum_ms']:.2f}") for kind, share in result["shares"].items()]
    text = (
        f"By OpenVINO's own counters, {result['runtime']}, {result['references']} references; they slow it down a "
        "little."
    )
    return section(title, origin_line(result), text, table(("kind of operation", "of the time", "ms"), rows))


def rivals(folder: Path) -> str:
    title, result = "What a user would pick instead, in the same run", part("rivals", folder)
    if result is None:
        return section(title, unmeasured("rivals"))
    text = (
        "A picture of 512x512 by what draws it: networks, and of ours the compositing; no tracking, no text, no files "
        "read or written. Times ours is the median beside that of ours, in OpenVINO's own choice of arithmetic. "
        "The shape is exact where the parameters are as many as the authors print, else alike. Where few pictures were "
        "measured, p95 is little more than the slowest."
    )
    head = ("what", "p50 ms", "p95 ms", "measured", "M parameters", "GMAC", "times ours", "shape, runtime")
    rows = [_rival_row(name, told) for name, told in result["cases"].items()]
    return section(title, origin_line(result), text, table(head, rows))


def _rival_row(name: str, told: Result) -> list[str]:
    if "refused" in told:
        return [name, *["-"] * 6, f"left out: {told['refused']}"]
    took, times = told["took_ms"]["picture"], told.get("times_as_long_as_ours")
    about = (told["shape"], told["runtime"], told.get("note", ""))
    counted = [f"{told['parameters'] / 1e6:.1f}", f"{told['macs'] / 1e9:.1f}", "-" if times is None else f"{times:.1f}"]
    return [name, *ms(took, "p50", "p95"), str(took["count"]), *counted, "; ".join(filter(None, about))]


def quality(folder: Path) -> str:
    title, result = "How good the pictures are", part("evaluation", folder)
    if result is None:
        return section(title, "Not measured yet: `omote evaluate --save benchmarks/results/evaluation.json`.")
    return section(title, markdown(result).strip())


def first_start(folder: Path) -> str:
    title, result = "First start", part("first_start", folder)
    if result is None:
        return section(title, unmeasured("first_start"))
    seconds = table(("step", "seconds"), [(name, f"{took:.1f}") for name, took in result["seconds"].items()])
    said = f'It began with "{result["runtime"]}". ' if result.get("runtime") else ""
    text = (
        f"{result['installed_mb']:.0f} MB installed; not among it: {', '.join(result['not_installed'])}. {said}"
        "pip took what its cache held; Omote's own cache was empty."
    )
    return section(title, origin_line(result), text, seconds)


def bridge(folder: Path) -> str:
    title, result = "To receivers in three languages", part("bridge", folder)
    if result is None:
        return section(title, unmeasured("bridge"))
    rows = [
        [name, *ms(told["arrival_ms"], digits=2), *ms(told["used_ms"], digits=2), str(told["missed"])]
        for name, told in result["cases"].items()
    ]
    head = ("receiver", *(f"arrived {key}" for key in QUANTILES), *(f"used {key}" for key in QUANTILES), "missed")
    text = f"{result['picture']}, {result['fps']:.0f} a second; milliseconds since a picture was sent."
    return section(title, origin_line(result), text, table(head, rows))


def gpu(folder: Path) -> str:
    title, result = "On a GPU", part("gpu", folder)
    if result is None or result["device"] != "cuda":
        return section(title, "Never run on a GPU yet: `make bench-gpu` does it, unattended, in under ten minutes.")
    jobs: ByName = result["jobs"]
    took = table(("part", "took, or why not"), [(name, _ended(told)) for name, told in jobs.items()])
    cells = [cell for told in jobs.values() for cell in told.get("cells", []) if "refused" not in cell]
    scenes = {f"{job}, {name}": scene for job, told in jobs.items() for name, scene in told.get("scenes", {}).items()}
    return section(title, origin_line(result), took, _cells(cells) if cells else "", _speeds(scenes) if scenes else "")


def _ended(told: Result) -> str:
    lines = [cell["refused"] for cell in told.get("cells", []) if "refused" in cell]
    return str(told["refused"]) if "refused" in told else "; ".join([f"{told['seconds']:.0f} s", *lines])


ALL: tuple[Callable[[Path], str], ...] = (
    *(asked_for, live, jaw_code, network, layers, quality, growth),
    *(rivals, first_start, smoothing, bridge, offline, smoothness, with_bf16, gpu),
)
