"""What renderings take, and how smooth they are, as sections of RESULTS.md."""

from __future__ import annotations

from pathlib import Path

from typeset import QUANTILES, Result, ms, origin_line, part, percent, section, square, table, unmeasured


def offline(folder: Path) -> str:
    """By who draws, by size, by kind of file; and the memory."""
    title, result = "Offline", part("offline", folder)
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
                *(f"{row[who][key]:.1f}" if row[who] else "-" for key in keys),
                *ms(row["resume_ms"], "p50"),
            ]
            for who, name in names.items()
        ]

    return table(head, [line for row in rows for line in cells(row)])


def _all(row: Result) -> str:
    return f"its {row['workers']} workers together"


def smoothness(folder: Path) -> str:
    """What is drawn, by the landmarks that are found in each picture alone."""
    title, result = "Offline, how smooth", part("offline_smoothness", folder)
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
        _smooth(name, way, told[key], told["frame_by_frame"])
        for name, told in result["sequences"].items()
        for key, way in _DRAWN.items()
        if key in told
    ]
    return section(title, origin_line(result), text, table((*head, "off, px"), rows))


_DRAWN = {
    "frame_by_frame": "frame by frame",
    "live": "as live",
    "offline_faces": "offline, faces steadied alone",
    "offline": "offline",
}


def _smooth(name: str, way: str, told: Result, plain: Result) -> list[str]:
    share = told["bend_px"] / plain["bend_px"] if plain["bend_px"] else None
    return [
        *(name.removesuffix(".mp4"), way, f"{told['bend_px']:.3f}", f"{told['bend_px_p95']:.3f}", percent(share)),
        *(f"{told['face_bend']:.3f}", f"{told['flicker']:.2f}", f"{told['late_ms']:.1f}", f"{told['off_px']:.2f}"),
    ]
