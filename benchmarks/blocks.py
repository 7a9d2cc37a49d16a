"""The blocks of figures that stand in documents written by hand: README.md and docs/performance.md name them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sections
import smoothing_tables
from goals import SCENE
from record import hardware_line
from typeset import QUANTILES, Result, drawn_share, ms, part, percent, square, table, unmeasured

RECEIVERS = {
    "python": "Python",
    "c# managed": "C#, managed (Unity's default)",
    "c# libzmq": "C#, libzmq",
    "c++": "C++ (Unreal)",
}
SLOW = ", 50 ms a picture"
_REFERENCES, _SIZE = 3, 512  # of what is quoted


def live(folder: Path) -> str:
    """How fast and how late, in a table for the README."""
    result = part("live", folder)
    scenes = _scenes(result)
    if result is None or not scenes:
        return unmeasured("live")
    first = next(iter(scenes.values()))
    end = "received by another process" if first.get("receiver") else "handed to the network"
    text = (
        f"Replayed and looped, {square(first['size'])}, steps {first['steps']}, {first['runtime']}, "
        f"{_machine(result)};\n"
        f"after a warm-up run, with a subscriber; from the moment a picture is captured to the moment it is {end}."
    )
    head = ("source", "pictures a second", *QUANTILES, "tracker p50", "drawing p50", "drawn anew", "tracked")
    return f"{text}\n\n{table(head, [_live_row(name, told) for name, told in scenes.items()])}"


def _scenes(result: Result | None) -> dict[str, Result]:
    """Those that were played, by name."""
    return {name: told for name, told in (result or {"scenes": {}})["scenes"].items() if "refused" not in told}


def _live_row(name: str, told: Result) -> list[str]:
    receiver, stages = told.get("receiver"), told["stages_ms"]
    total = receiver["total_ms"] if receiver else told["latency_ms"]
    fps = receiver["fps"] if receiver else told["fps"]
    ages = [*ms(total, digits=0), *ms(stages["track"], "p50", digits=0), *ms(stages["draw"], "p50", digits=0)]
    return [
        name,
        f"{fps:.1f}",
        *(age if age == "-" else f"{age} ms" for age in ages),
        percent(drawn_share(told)),
        f"{told['tracked_fraction']:.3f}",
    ]


def network(folder: Path) -> str:
    """What the parts of a picture take, in sentences."""
    result = part("network", folder)
    if result is None:
        return unmeasured("network")
    cells = [cell for cell in result["cells"] if "ms" in cell and cell["references"] == _REFERENCES]
    alone = "; ".join(_build_ms(cell) for cell in cells if cell["part"] == "network")
    whole = "; ".join(
        _build_ms(cell) for cell in cells if cell["part"] == "picture" and (cell["size"], cell["steps"]) == (_SIZE, 1)
    )
    geometry = "".join(ms(cell["ms"], "p50")[0] for cell in cells if cell["part"] == "inputs")
    compositing = ", ".join(
        f"{ms(cell['ms'], 'p50')[0]} ms at {square(cell['size'])}" for cell in cells if cell["part"] == "compositing"
    )
    return (
        f"A call of the network with {_REFERENCES} references, whatever the size, at the median: {alone}.\n"
        f"View and correspondence: {geometry} ms. Compositing: {compositing}.\n"
        f"A picture of {square(_SIZE)} as a whole: {whole}."
    )


def _build_ms(cell: Result) -> str:
    return f"{cell['runtime']} {ms(cell['ms'], 'p50')[0]} ms (p99 {ms(cell['ms'], 'p99')[0]})"


def peak(folder: Path) -> str:
    """How much of the machine's own matrix peak the fastest build reaches, in a sentence."""
    result, cell = part("network", folder), best_cell(folder)
    if result is None or cell is None or "share_of_peak" not in cell:
        return unmeasured("network")
    best = result["peaks"][cell["runtime"].split()[-1]]
    return (
        f"On {_machine(result)}, the fastest build with {cell['references']} references is {cell['runtime']}:\n"
        f"{ms(cell['ms'], 'p50')[0]} ms at the median, {cell['gops']:.0f} billion operations a second, "
        f"{percent(cell['share_of_peak'])} of the\n"
        f"{best['gops']:.0f} that the same machine reached in the same run ({best['by']})."
    )


def layers(folder: Path) -> str:
    """Where the time goes inside the network, in a table."""
    result = part("layers", folder)
    if result is None:
        return unmeasured("layers")
    rows = [(kind, percent(share)) for kind, share in result["shares"].items()]
    return table(("kind of operation", "of the time"), rows)


def budget(folder: Path) -> str:
    """Where the milliseconds of one picture go, in the scene that asks most."""
    result = part("live", folder)
    scenes = _scenes(result)
    if result is None or not scenes:
        return unmeasured("live")
    name, told = (SCENE, scenes[SCENE]) if SCENE in scenes else list(scenes.items())[-1]
    receiver = told.get("receiver")
    stages = {**told["stages_ms"], **({"receive": receiver["receive_ms"]} if receiver else {})}
    rows = [(stage, *ms(took)) for stage, took in stages.items() if took]
    whole = (
        ("captured to received", *ms(receiver["total_ms"]))
        if receiver
        else ("captured to sent", *ms(told["latency_ms"]))
    )
    head = table((f"{name}, milliseconds", *QUANTILES), [*rows, whole])
    return f"{head}\n\n{square(told['size'])}, steps {told['steps']}, {told['runtime']}, {_machine(result)}."


def growth(folder: Path) -> str:
    """A picture's cost by size, steps and number of characters, side by side."""
    result = part("growth", folder)
    if result is None:
        return unmeasured("growth")
    tables = [
        table(
            ("characters", "size", "steps", "p50 ms", "p50 ms each"),
            [
                [
                    str(row["characters"]),
                    square(row["size"]),
                    str(row["steps"]),
                    *ms(row["ms"], "p50"),
                    *ms(row["ms_each"], "p50"),
                ]
                for row in result["by"][name]["rows"]
                if "refused" not in row
            ],
        )
        for name in ("size", "steps", "characters")
        if name in result["by"]
    ]
    return "\n\n".join(tables) or unmeasured("growth")


def bridge(folder: Path) -> str:
    """How old a picture is at each receiver: plain, encrypted, and with a slow consumer."""
    result = part("bridge", folder)
    if result is None:
        return unmeasured("bridge")
    cases: dict[str, Result] = result["cases"]
    head = ("receiver", "p50", "p99", "encrypted: p50", "p99", "slow consumer: p50", "p99")
    rows = []
    for name, title in RECEIVERS.items():
        if name in cases:
            encrypted = cases.get(f"{name}, CURVE", {}).get("arrival_ms")
            plain, slow = cases[name]["arrival_ms"], cases[name + SLOW]["used_ms"]
            hidden = ms(encrypted, "p50", "p99", digits=2)
            rows.append([title, *ms(plain, "p50", "p99", digits=2), *hidden, *ms(slow, "p50", "p99")])
    missed = sum(told["missed"] for told in cases.values())
    lost = f"{missed} pictures were lost" if missed else "nothing was lost"
    return f"{table(head, rows)}\n\n{_machine(result)}; {lost}."


def best_cell(folder: Path) -> Result | None:
    """The fastest build of the network with as many references as are quoted."""
    cells = (part("network", folder) or {}).get("cells", [])
    ran = [one for one in cells if one["part"] == "network" and "ms" in one and one["references"] == _REFERENCES]
    return min(ran, key=lambda one: float(one["ms"]["p50"]), default=None)


def _machine(result: Result) -> str:
    hardware = {**result["hardware"], "platform": "", "python": ""}
    return hardware_line(hardware).removesuffix(", Python ")


ALL: dict[str, Callable[[Path], str]] = {
    **{"live": live, "network": network, "peak": peak, "budget": budget, "growth": growth, "bridge": bridge},
    **{
        "layers": layers,
        "smoothing": smoothing_tables.block,
        "live_bf16": lambda folder: live(folder / sections.BF16),
        "network_bf16": lambda folder: network(folder / sections.BF16),
        "goals": lambda folder: sections.asked_for(folder).partition("\n\n")[2],
    },
}
