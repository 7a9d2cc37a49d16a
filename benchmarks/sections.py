"""The sections of RESULTS.md, one for each benchmark; a benchmark that was not run says how to run it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from goals import goals
from typeset import QUANTILES, Result, ms, origin_line, part, percent, section, square, table, unmeasured

ByName = dict[str, Any]


def asked_for(folder: Path) -> str:
    """What this project asked of itself, beside what was found."""
    rows = [(goal.asked, goal.found, goal.verdict) for goal in goals(folder)]
    return section("Asked for, and found", table(("asked for", "found", ""), rows))


def live(folder: Path) -> str:
    title, result = "Live, from capture to a receiver in another process", part("live", folder)
    if result is None:
        return section(title, unmeasured("live"))
    scenes: ByName = result["scenes"]
    head = ("scene", "asked", "shown", "received", "new", *QUANTILES, "sent p50", "tracked", "cached, still", "runtime")
    speeds = table(head, [_scene_row(name, told) for name, told in scenes.items()])
    names = list(dict.fromkeys(stage for told in scenes.values() for stage in _stages(told)))
    ages = table(("p50 / p99, ms", *names), [_stage_row(name, told, names) for name, told in scenes.items()])
    text = (
        "Pictures a second; milliseconds from capture until the last byte was received, and until it was sent. What is "
        "cached was drawn before, what stands still was not drawn again; new is what differs from the picture received "
        "before it."
    )
    return section(title, origin_line(result), text, speeds, "Where the time goes, stage by stage:", ages)


def _scene_row(name: str, told: Result) -> list[str]:
    if "refused" in told:
        return [name, *["-"] * 10, told["refused"]]
    receiver = told.get("receiver")
    received = [f"{receiver['fps']:.1f}", str(receiver["new"]), *ms(receiver["total_ms"])] if receiver else ["-"] * 5
    runtime = f"{told['runtime']}, {square(told['size'])}"
    sent = ms(told["latency_ms"], "p50")
    speeds = [f"{told['asked_fps']:.0f}", f"{told['fps']:.1f}"]
    return [name, *speeds, *received, *sent, f"{told['tracked_fraction']:.3f}", _undrawn(told), runtime]


def _undrawn(told: Result) -> str:
    """How many of the pictures were drawn before, and how many stood still; "-" in results of older days."""
    counts = told.get("counts")
    shown = sum(counts.values()) if counts else 0
    return ", ".join(percent(counts[name] / shown) for name in ("cached", "still")) if counts and shown else "-"


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
    title, result = "The model alone", part("network", folder)
    if result is None:
        return section(title, unmeasured("network"))
    peaks = "; ".join(f"{name} {peak['gops']:.0f} ({peak['by']})" for name, peak in result["peaks"].items())
    floor = f"The machine's own peak in the same run, billions of operations a second: {peaks}." if peaks else ""
    cells = [cell for cell in result["cells"] if "refused" not in cell]
    rows = [
        [
            *(cell["runtime"], square(cell["size"]), str(cell["steps"]), *ms(cell["ms"], digits=2)),
            *(str(cell["ms"]["times"]), percent(cell.get("share_of_peak"))),
        ]
        for cell in cells
    ]
    head = ("runtime", "size", "steps", *QUANTILES, "times", "of peak")
    refused = [f"- {cell['build']}: {cell['refused']}" for cell in result["cells"] if "refused" in cell]
    left_out = "\n".join(["Left out:", "", *refused]) if refused else ""
    return section(title, origin_line(result), floor, table(head, rows), left_out)


def layers(folder: Path) -> str:
    title, result = "Where a step's time goes", part("layers", folder)
    if result is None:
        return section(title, unmeasured("layers"))
    rows = [(kind, percent(share), f"{share * result['sum_ms']:.2f}") for kind, share in result["shares"].items()]
    text = f"By OpenVINO's own counters at {square(result['size'])}, which slow it down a little."
    return section(title, origin_line(result), text, table(("kind of layer", "of the time", "ms"), rows))


def growth(folder: Path) -> str:
    title, result = "Growth", part("growth", folder)
    if result is None:
        return section(title, unmeasured("growth"))
    paragraphs = []
    for name, told in result["by"].items():
        rows = [row for row in told["rows"] if "refused" not in row]
        paragraphs += [f"By {name} ({told['date']}, commit {told['commit']}):", _GROWTH[name](rows)]
        paragraphs += [f"Left out: {row['refused']}" for row in told["rows"] if "refused" in row]
    return section(title, origin_line(result), *paragraphs)


def _drawn(rows: list[Result]) -> str:
    head = ("avatars", "size", "steps", *QUANTILES, "p50 each", "times", "runtime")
    return table(
        head,
        [
            [
                *(str(row["avatars"]), square(row["size"]), str(row["steps"]), *ms(row["ms"])),
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
        [[f"{row['minutes']:g}", str(row["pictures"]), *(f"{row['memory'][key]:.1f}" for key in keys)] for row in rows],
    )


_GROWTH: dict[str, Callable[[list[Result]], str]] = {
    "size": _drawn,
    "steps": _drawn,
    "avatars": _drawn,
    "subscribers": _subscribers,
    "length": _length,
}


def rivals(folder: Path) -> str:
    title, result = "What a user would pick instead, in the same run", part("rivals", folder)
    if result is None:
        return section(title, unmeasured("rivals"))
    head = (
        "what",
        "p50 ms",
        "p95 ms",
        "times",
        "M parameters",
        "GMAC",
        "times ours at 256",
        "times ours at 512",
        "shape",
    )
    rows = [_rival_row(name, told) for name, told in result["cases"].items()]
    return section(title, origin_line(result), table(head, rows))


def _rival_row(name: str, told: Result) -> list[str]:
    if "refused" in told:
        return [name, *["-"] * 7, f"left out: {told['refused']}"]
    took = told["took_ms"]["picture"]
    ratios = [f"{told[key]:.1f}" if (key := f"times_as_long_as_ours_{size}") in told else "-" for size in (256, 512)]
    counted = [f"{told['parameters'] / 1e6:.1f}", f"{told['macs'] / 1e9:.1f}"]
    return [name, *ms(took, "p50", "p95"), str(took["count"]), *counted, *ratios, f"{told['shape']}; {told['runtime']}"]


def first_start(folder: Path) -> str:
    title, result = "First start", part("first_start", folder)
    if result is None:
        return section(title, unmeasured("first_start"))
    seconds = table(("step", "seconds"), [(name, f"{took:.1f}") for name, took in result["seconds"].items()])
    text = (
        f"{result['installed_mb']:.0f} MB installed; not among it: {', '.join(result['not_installed'])}. "
        "pip's cache was warm; Omote's own was empty."
    )
    return section(title, origin_line(result), text, seconds)


def maps(folder: Path) -> str:
    title, result = "Geometry maps", part("maps", folder)
    if result is None:
        return section(title, unmeasured("maps"))
    rows = [(name, *ms(took, digits=2)) for name, took in result["cpu_ms"].items()]
    return section(title, origin_line(result), table(("milliseconds of one core", *QUANTILES), rows))


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
    rows = [(name, told.get("refused", f"{told['seconds']:.0f} s")) for name, told in result["jobs"].items()]
    return section(title, origin_line(result), table(("part", "took, or why not"), rows))


ALL: tuple[Callable[[Path], str], ...] = (
    *(asked_for, live, jaw_code, network, layers, growth),
    *(rivals, first_start, maps, bridge, gpu),
)
