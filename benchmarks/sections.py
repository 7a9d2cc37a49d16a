"""The sections of RESULTS.md, one a benchmark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from record import QUANTILES, kept
from typeset import (
    Result,
    drawn_share,
    goals,
    ms,
    new_fps,
    origin_line,
    percent,
    section,
    square,
    table,
    unmeasured,
)

from omote.engine.training.evaluation.report import markdown

BF16 = "bf16"  # the folder with results of a processor that has bf16
_DRAWN = {
    "frame_by_frame": "frame by frame",
    "live": "as live",
    "offline_faces": "offline, faces steadied alone",
    "offline": "offline",
}


def growth(folder: Path) -> str:
    title, result = "Growth", kept("growth", folder)
    if result is None:
        return section(title, unmeasured("growth"))
    paragraphs = []
    for name, run in result["by"].items():
        rows = [row for row in run["rows"] if "refused" not in row]
        paragraphs += [f"By {name} ({run['date']}, commit {run['commit']}):", _GROWTH[name](rows)]
        paragraphs += [f"Left out: {row['refused']}" for row in run["rows"] if "refused" in row]
    text = (
        "By size, steps and characters: milliseconds of all characters, drawn one after another. By subscribers: "
        "from capture to received, of the worst of them whatever the figure. By length: the memory of the process that "
        "draws."
    )
    return section(title, origin_line(result), text, *paragraphs)


def _growth_by(rows: list[Result]) -> str:
    head = ("characters", "size", "steps", *QUANTILES, "p50 each", "times", "runtime")
    return table(
        head,
        [
            [
                *(str(row["characters"]), square(row["size"]), str(row["steps"]), *ms(row["ms"])),
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


def _growth_by_length(rows: list[Result]) -> str:
    head = ("minutes", "pictures", "first half, MiB", "second half, MiB", "grown, MiB", "most, MiB")
    keys = ("first_half_mib", "second_half_mib", "grown_mib", "most_mib")
    return table(
        head,
        [
            [f"{row['minutes']:g}", str(row["pictures"]), *(_mib(row["memory"].get(key)) for key in keys)]
            for row in rows
        ],
    )


def _mib(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


_GROWTH: dict[str, Callable[[list[Result]], str]] = {
    "size": _growth_by,
    "steps": _growth_by,
    "characters": _growth_by,
    "subscribers": _subscribers,
    "length": _growth_by_length,
}


def offline(folder: Path) -> str:
    """By worker pool, size and kind of file; and the memory."""
    title, result = "Offline", kept("offline", folder)
    if result is None:
        return section(title, unmeasured("offline"))
    same = {True: "yes", False: "NO", None: "not known: one way alone drew"}[result["identical"]]
    text = (
        f"Pictures a second once every worker has drawn its first {result['chunk']} pictures, which are a chunk; what "
        "these took above that is the start-up. All pictures differ, and each is kept as a PNG. All ways of one thread "
        f"a worker drew the same bytes: {same}."
    )
    return section(
        title,
        origin_line(result),
        text,
        _ways(result["ways"]),
        "A picture drawn by all cores, and its PNG:",
        _each(result["each"]),
        "Files made of pictures that are drawn already:",
        _films(result["films"]),
        "What was held while so many pictures were drawn, and how long `--resume` looks through them:",
        _memory(result["memory"]),
    )


def _ways(rows: list[Result]) -> str:
    def cells(row: Result) -> list[str]:
        at = [row["way"], square(row["size"]), str(row["pictures"])]
        if "refused" in row:
            return [*at, "-", f"left out: {row['refused']}"]
        return [*at, f"{row['fps']:.1f}", f"{row['startup_s']:.1f}"]

    return table(("who draws", "size", "pictures", "pictures a second", "start-up, s"), map(cells, rows))


def _each(rows: list[Result]) -> str:
    head = (
        "size",
        *(f"drawing {key}, ms" for key in QUANTILES),
        *(f"PNG {key}, ms" for key in QUANTILES),
        "PNG's share",
    )
    return table(
        head,
        [[square(row["size"]), *ms(row["draw_ms"]), *ms(row["png_ms"]), percent(row["png_share"])] for row in rows],
    )


def _films(rows: list[Result]) -> str:
    def cells(row: Result) -> list[str]:
        at = [row["kind"], square(row["size"]), str(row["pictures"])]
        if "refused" in row:
            return [*at, "-", f"left out: {row['refused']}"]
        return [*at, f"{row['ms_each']:.1f}", f"{row['kb_each']:.1f}"]

    return table(("file", "size", "pictures", "ms a picture", "kB a picture"), map(cells, rows))


def _memory(rows: list[Result]) -> str:
    keys = ("first_half_mib", "second_half_mib", "grown_mib", "most_mib")
    head = ("process", "pictures", "first half, MiB", "second half, MiB", "grown, MiB", "most, MiB", "resume p50, ms")

    def cells(row: Result) -> list[list[str]]:
        if "refused" in row:
            return [[f"{row['workers']} workers", *["-"] * 5, f"left out: {row['refused']}"]]
        names = {"here": "alone"} if row["workers"] == 1 else {"here": "the one that leads", "workers_held": _all(row)}
        return [
            [
                *(f"{name}, {square(row['size'])}", str(row["pictures"])),
                *(f"{row[where][key]:.1f}" if row[where] else "-" for key in keys),
                *ms(row["resume_ms"], "p50"),
            ]
            for where, name in names.items()
        ]

    return table(head, [line for row in rows for line in cells(row)])


def _all(row: Result) -> str:
    return f"its {row['workers']} workers together"


def smoothness(folder: Path) -> str:
    """The smoothness of drawn pictures, by the landmarks found in each of them alone."""
    title, result = "Offline, how smooth", kept("offline_smoothness", folder)
    if result is None:
        return section(title, unmeasured("offline_smoothness"))
    text = (
        f"Drawn at {square(result['size'])} as {result['character']}: frame by frame from what the tracker saw, as "
        "live, and as rendered. Jitter is the second difference of all landmarks, in pixels; that of the faces is "
        "in standard deviations of a tracker's noise. Flicker is the change, in levels of 255, of pixels that show "
        "the same. Late and off are against frame by frame."
    )
    head = ("what", "drawn", "jitter, px", "its p95", "of frame by frame", "of the face", "flicker", "late, ms")
    rows = [
        _smooth(name, way, row[key], row["frame_by_frame"])
        for name, row in result["sequences"].items()
        for key, way in _DRAWN.items()
        if key in row
    ]
    return section(title, origin_line(result), text, table((*head, "off, px"), rows))


def _smooth(name: str, way: str, row: Result, plain: Result) -> list[str]:
    share = row["bend_px"] / plain["bend_px"] if plain["bend_px"] else None
    return [
        *(name.removesuffix(".mp4"), way, f"{row['bend_px']:.3f}", f"{row['bend_px_p95']:.3f}", percent(share)),
        *(f"{row['face_bend']:.3f}", f"{row['flicker']:.2f}", f"{row['late_ms']:.1f}", f"{row['off_px']:.2f}"),
    ]


def smoothing(folder: Path) -> str:
    """Every region of every clip."""
    title, result = "Smoothing", kept("smoothing", folder)
    if result is None:
        return section(title, unmeasured("smoothing"))
    head = ("clip", "region", "held still", "smoothed", "worst ratio", "stillest second", "smoothed", "its fast part")
    rows = [
        [name.partition(".")[0], region, *_held_still(row), *_still_second(result["still"][name][region])]
        for name, regions in result["held"].items()
        for region, row in regions.items()
    ]
    lips = "; ".join(
        f"{name.partition('.')[0]}: lips {late['lips']:.1f} ms, lids {late['eyes']:.1f} ms, "
        f"head {late['head']:.1f} ms, a blink loses {result['blink_lost'][name]:.1%}"
        for name, late in result["late_ms"].items()
    )
    return section(title, origin_line(result), table((*head, "smoothed"), rows), f"Late: {lips}.")


def photoreal_parity(folder: Path) -> str:
    """The differences of Arc2Face here from diffusers and the authors' arithmetic, of both sizes."""
    kept_of = {size: kept(f"photoreal_parity_{size}", folder) for size in ("small", "full")}
    results = {size: result for size, result in kept_of.items() if result is not None}
    if not results:
        return unmeasured("photoreal_parity")
    names = dict.fromkeys(name for result in results.values() for name in result["rows"])
    rows = [
        [
            *name.split(": ", 1),
            *(f"{result['rows'][name]:.1e}" if name in result["rows"] else "" for result in results.values()),
        ]
        for name in names
    ]
    origins = [
        f"{size.capitalize()}: {result['pixels']}x{result['pixels']} pixels, torch {result['torch']}. "
        f"{origin_line(result)}"
        for size, result in results.items()
    ]
    return "\n\n".join([table(("part", "case", *results), rows), *origins])


def photoreal_cost(folder: Path) -> str:
    """Core-seconds of a photoreal picture by each path."""
    result = kept("photoreal_cost", folder)
    if result is None:
        return unmeasured("photoreal_cost")
    rows = [[name, f"{value:,.1f}"] for name, value in result["paths"].items()]
    side = result["size"]
    head = (f"a picture of {side}x{side} on a CPU, float32, PyTorch", "seconds of its cores")
    return f"{table(head, rows)}\n\n{origin_line(result)}"


def smoothing_block(folder: Path) -> str:
    """The jitter that smoothing removes from a still face, and its delay, by region over all clips."""
    result = kept("smoothing", folder)
    if result is None:
        return unmeasured("smoothing")
    head = ("region", "jitter held still", "smoothed", "left of it", "worst second", "late by", "shown on the page")
    regions = next(iter(result["held"].values()))
    return f"{table(head, [_over_clips(result, region) for region in regions])}\n\n{origin_line(result)}"


def _over_clips(result: Result, region: str) -> list[str]:
    row = [clip[region] for clip in result["held"].values()]
    before, after = (sum(one[key] for one in row) / len(row) for key in ("before", "after"))
    late = [clip[region] for clip in result["late_ms"].values()]
    return [
        region,
        f"{before:.4f}",
        f"{after:.4f}",
        f"{after / before:.0%}",
        f"{max(one['worst_ratio'] for one in row):.0%}",
        f"{min(late):.0f} to {max(late):.0f} ms",
        f"{result['told_ms'][region]:.0f} ms",
    ]


def _held_still(row: Result) -> list[str]:
    return [f"{row['before']:.5f}", f"{row['after']:.5f}", f"{row['worst_ratio']:.2f}"]


def _still_second(row: Result) -> list[str]:
    return [f"{row[key]:.5f}" for key in ("before", "after", "fast_before", "fast_after")]


def asked_for(folder: Path, *, is_whole: bool = True) -> str:
    """The goals of the project beside the results; all goals, or only those that were measured."""
    rows = [(goal.asked, goal.found, goal.verdict) for goal in goals(folder) if is_whole or goal.is_met is not None]
    text = "Judged by the figures below; when, where and at which commit they were measured stands in each section."
    return section("Asked for, and found", text, table(("asked for", "found", ""), rows))


def live(folder: Path) -> str:
    title, result = "Live, from capture to a receiver in another process", kept("live", folder)
    if result is None:
        return section(title, unmeasured("live"))
    scenes: dict[str, Result] = result["scenes"]
    others = [name for name, row in scenes.items() if row.get("commit") != result["commit"]]
    speeds = _speeds(scenes)
    names = list(dict.fromkeys(stage for row in scenes.values() for stage in _stages(row)))
    ages = table(("p50 / p99, ms", *names), [_stage_row(name, row, names) for name, row in scenes.items()])
    text = (
        "Asked, shown, received and new are pictures a second; new is what differs from the picture received before "
        "it. p50, p95 and p99 are milliseconds from capture until the last byte was received, sent p50 until the "
        "socket had it. Of the pictures shown some were drawn anew; the others were drawn before, or nothing moved. "
        "Tracked is the part of the signals in which a face was seen."
    )
    older = f"Of another commit: {', '.join(others)}." if others else ""
    return section(title, origin_line(result), older, text, speeds, "Where the time goes, stage by stage:", ages)


def _speeds(scenes: dict[str, Result]) -> str:
    head = ("scene", "asked", "shown", "received", "new", *QUANTILES, "sent p50", "tracked", "drawn anew", "runtime")
    return table(head, [_scene_row(name, row) for name, row in scenes.items()])


def _scene_row(name: str, row: Result) -> list[str]:
    if "refused" in row:
        return [name, *["-"] * 10, row["refused"]]
    receiver = row.get("receiver")
    new = new_fps(receiver)
    came = [f"{receiver['fps']:.1f}", "-" if new is None else f"{new:.1f}"] if receiver else ["-"] * 2
    received = [*came, *ms(receiver["total_ms"] if receiver else None)]
    runtime = f"{row['runtime']}, {square(row['size'])}"
    sent = ms(row["latency_ms"], "p50")
    speeds = [f"{row['asked_fps']:.0f}", f"{row['fps']:.1f}"]
    return [name, *speeds, *received, *sent, f"{row['tracked_fraction']:.3f}", percent(drawn_share(row)), runtime]


def _stages(row: Result) -> dict[str, Result]:
    if "refused" in row:
        return {}
    receiver = row.get("receiver")
    return {**row["stages_ms"], **({"receive": receiver["receive_ms"]} if receiver else {})}


def _stage_row(name: str, row: Result, names: list[str]) -> list[str]:
    stages = _stages(row)
    return [name, *(" / ".join(ms(stages[one], "p50", "p99")) if stages.get(one) else "-" for one in names)]


def jaw_code(folder: Path) -> str:
    title, result = "Motion to photon, read off the picture", kept("jaw_code", folder)
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
    title, result = "A picture, part by part", kept("network", folder)
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
    """Some sections, measured on another processor."""
    there = folder / BF16
    said = section("On a processor with bf16", "The same programs, because the processor decides most.")
    parts = (asked_for(there, is_whole=False), live(there), jaw_code(there), network(there))
    return "\n".join([said, *(one.replace("## ", "### ", 1) for one in parts)])


def layers(folder: Path) -> str:
    title, result = "Where the network's time goes", kept("layers", folder)
    if result is None:
        return section(title, unmeasured("layers"))
    rows = [(kind, percent(share), f"{share * result['sum_ms']:.2f}") for kind, share in result["shares"].items()]
    text = (
        f"By OpenVINO's own counters, {result['runtime']}, {result['references']} references; they slow it down a "
        "little."
    )
    return section(title, origin_line(result), text, table(("kind of operation", "of the time", "ms"), rows))


def rivals(folder: Path) -> str:
    title, result = "What a user would pick instead, in the same run", kept("rivals", folder)
    if result is None:
        return section(title, unmeasured("rivals"))
    text = (
        "A picture of 512x512 by what draws it: networks, and of ours the compositing; no tracking, no text, no files "
        "read or written. Times ours is the median beside that of ours, in OpenVINO's own choice of arithmetic. "
        "The shape is exact where the parameters are as many as the authors print, else alike. Where few pictures were "
        "measured, p95 is little more than the slowest."
    )
    head = ("what", "p50 ms", "p95 ms", "measured", "M parameters", "GMAC", "times ours", "shape, runtime")
    rows = [_rival_row(name, row) for name, row in result["cases"].items()]
    return section(title, origin_line(result), text, table(head, rows))


def _rival_row(name: str, row: Result) -> list[str]:
    if "refused" in row:
        return [name, *["-"] * 6, f"left out: {row['refused']}"]
    took, times = row["took_ms"]["picture"], row.get("times_as_long_as_ours")
    about = (row["shape"], row["runtime"], row.get("note", ""))
    counted = [f"{row['parameters'] / 1e6:.1f}", f"{row['macs'] / 1e9:.1f}", "-" if times is None else f"{times:.1f}"]
    return [name, *ms(took, "p50", "p95"), str(took["count"]), *counted, "; ".join(filter(None, about))]


def quality(folder: Path) -> str:
    title, result = "How good the pictures are", kept("evaluation", folder)
    if result is None:
        return section(title, "Not measured yet: `omote evaluate --save benchmarks/results/evaluation.json`.")
    return section(title, markdown(result).strip())


def photos(folder: Path) -> str:
    """What `omote evaluate` finds on photos alone, which needs no rendered truth and so is measured more often."""
    title, result = "Characters from one photo", kept("evaluation_photos", folder)
    if result is None:
        return section(
            title, "Not measured yet: `omote evaluate --photos DIR --save benchmarks/results/evaluation_photos.json`."
        )
    return section(title, markdown(result).strip())


def first_start(folder: Path) -> str:
    title, result = "First start", kept("first_start", folder)
    if result is None:
        return section(title, unmeasured("first_start"))
    seconds = table(("step", "seconds"), [(name, f"{took:.1f}") for name, took in result["seconds"].items()])
    said = f'It began with "{result["runtime"]}". ' if result.get("runtime") else ""
    text = (
        f"{result['installed_mb']:.0f} MB installed; not among it: {', '.join(result['not_installed'])}. {said}"
        "pip took what its cache held; Omote's own cache was empty."
    )
    return section(title, origin_line(result), text, seconds)


def attention(folder: Path) -> str:
    title, result = "Attention over time", kept("attention", folder)
    if result is None:
        return section(title, unmeasured("attention"))
    head = (
        "character",
        "attention",
        "noise, levels",
        "the truth's",
        "sharpness",
        "noise left",
        "flicker",
        "truth moves",
    )
    keys = ("noise", "truth_noise", "sharpness", "noise_ratio", "flicker", "truth_motion")
    rows = [
        [row["character"], "on" if row["attention"] else "off", *(f"{row[key]:.2f}" for key in keys)]
        for row in result["rows"]
    ]
    text = (
        f"{square(result['size'])}, {result['runtime']}. Noise is that of a half smile under a webcam tracker's noise; "
        "what is left of it is compared with the renderer's picture under the same noise, at equal sharpness. Flicker "
        "is the change from picture to picture of someone who talks that the renderer does not make; in levels of 255."
    )
    return section(title, origin_line(result), text, table(head, rows))


def voice(folder: Path) -> str:
    title, result = "A voice in the mouth", kept("voice", folder)
    if result is None:
        return section(title, unmeasured("voice"))
    return section(title, voice_block(folder))


def voice_block(folder: Path) -> str:
    """The figures of the voice, for the documents."""
    result = kept("voice", folder)
    if result is None:
        return unmeasured("voice")
    names = {
        "jawOpen": "jaw",
        "mouthPucker": "rounded",
        "mouthStretchLeft": "wide",
        "mouthPressLeft": "closed",
        "mouthRollLower": "lip rolled in",
    }
    head = ("speech", "sound", "sentences", "vowels", *names.values(), "lag p50, ms", "lag p95, ms")

    def cells(row: Result) -> list[str]:
        found = [f"{row['correlation'][name]:.2f}" for name in names]
        sound = "room and noise" if row["is_noisy"] else "clean"
        known = [row["speech"], sound, str(row["sentences"]), percent(row["vowel_accuracy"]), *found]
        return [*known, *ms(row["lag_ms"], "p50", "p95", digits=0)]

    cost = f"A second of sound costs {result['cost_ms_per_s']:.1f} ms of a core."
    return "\n\n".join([table(head, [cells(row) for row in result["rows"]]), cost, origin_line(result)])


def bridge(folder: Path) -> str:
    title, result = "To receivers in four languages", kept("bridge", folder)
    if result is None:
        return section(title, unmeasured("bridge"))
    rows = [
        [name, *ms(row["arrival_ms"], digits=2), *ms(row["used_ms"], digits=2), str(row["missed"])]
        for name, row in result["cases"].items()
    ]
    head = ("receiver", *(f"arrived {key}" for key in QUANTILES), *(f"used {key}" for key in QUANTILES), "missed")
    text = f"{result['picture']}, {result['fps']:.0f} a second; milliseconds since a picture was sent."
    return section(title, origin_line(result), text, table(head, rows))


def gpu(folder: Path) -> str:
    title, result = "On a GPU", kept("gpu", folder)
    if result is None or result["device"] != "cuda":
        return section(title, "Never run on a GPU yet: `make bench-gpu` does it, unattended, in under ten minutes.")
    jobs: dict[str, Result] = result["jobs"]
    took = table(("part", "took, or why not"), [(name, _ended(row)) for name, row in jobs.items()])
    cells = [cell for row in jobs.values() for cell in row.get("cells", []) if "refused" not in cell]
    scenes = {f"{job}, {name}": scene for job, row in jobs.items() for name, scene in row.get("scenes", {}).items()}
    return section(title, origin_line(result), took, _cells(cells) if cells else "", _speeds(scenes) if scenes else "")


def _ended(row: Result) -> str:
    lines = [cell["refused"] for cell in row.get("cells", []) if "refused" in cell]
    return str(row["refused"]) if "refused" in row else "; ".join([f"{row['seconds']:.0f} s", *lines])


SECTIONS: tuple[Callable[[Path], str], ...] = (
    *(asked_for, live, jaw_code, network, layers, quality, photos, growth),
    *(attention, voice, rivals, first_start, smoothing, bridge, offline, smoothness, with_bf16, gpu),
)
