"""Writes RESULTS.md and the figures in other documents from the JSON results."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import sections
from record import QUANTILES, RESULTS, ROOT, hardware_line, kept
from typeset import SCENE, Result, drawn_share, ms, percent, square, table, unmeasured

RESULTS_MD = ROOT / "benchmarks" / "RESULTS.md"
DOCUMENTS = (
    ROOT / "README.md",
    *(ROOT / "docs" / name for name in ("performance.md", "photoreal.md", "voice.md")),
)
INTRODUCTION = """# Results

Made by `python benchmarks/tables.py` from the JSON files in [results](results), which `make bench` writes; a test
holds the two equal. To change a figure, measure it again. [README.md](README.md) says what
each part measures and how to run it.
"""

# Only the text between the two marks of a block is made from results.
_BLOCK = re.compile(r"<!-- figures: ([a-z0-9_]+) -->\n.*?<!-- end of figures -->", re.DOTALL)
RECEIVERS = {
    "python": "Python",
    "c# managed": "C#, managed (Unity's default)",
    "c# libzmq": "C#, libzmq",
    "c++": "C++ (Unreal)",
    "javascript": "JavaScript (node)",
}

SLOW = ", 50 ms a picture"
_REFERENCES, _SIZE = 4, 512  # in the quoted figures
Render = Callable[[Path], str]


class TablesError(Exception):
    """A document has a block with an unknown name; the message lists the known ones."""


def results_md(folder: Path = RESULTS) -> str:
    """The whole of RESULTS.md from the results in this folder."""
    return "\n".join([INTRODUCTION, *(render(folder) for render in sections.SECTIONS)])


def fill_blocks(text: str, renders: Mapping[str, Render], folder: Path = RESULTS) -> str:
    """The same document with each of its blocks filled from the results."""

    def block(found: re.Match[str]) -> str:
        name = found[1]
        if name not in renders:
            raise TablesError(f'no figures are called "{name}": there are {", ".join(renders)}')
        return f"<!-- figures: {name} -->\n{renders[name](folder).strip()}\n<!-- end of figures -->"

    return _BLOCK.sub(block, text)


def expected_documents(folder: Path = RESULTS) -> dict[Path, str]:
    """The text that each document should have."""
    texts = {
        path: fill_blocks(path.read_text(encoding="utf-8"), BLOCKS, folder) for path in DOCUMENTS if path.is_file()
    }
    return {RESULTS_MD: results_md(folder), **texts}


def stale() -> list[str]:
    """The documents that differ from the results."""
    return [
        path.name
        for path, text in expected_documents().items()
        if not path.is_file() or path.read_text("utf-8") != text
    ]


def write() -> None:
    for path, text in expected_documents().items():
        path.write_text(text, encoding="utf-8")


def live(folder: Path) -> str:
    """Speed and latency, in a table for the README."""
    result = kept("live", folder)
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
    return f"{text}\n\n{table(head, [_live_row(name, row) for name, row in scenes.items()])}"


def _scenes(result: Result | None) -> dict[str, Result]:
    """The scenes that were played, by name."""
    return {name: row for name, row in (result or {"scenes": {}})["scenes"].items() if "refused" not in row}


def _live_row(name: str, row: Result) -> list[str]:
    receiver, stages = row.get("receiver"), row["stages_ms"]
    total = receiver["total_ms"] if receiver else row["latency_ms"]
    fps = receiver["fps"] if receiver else row["fps"]
    ages = [*ms(total, digits=0), *ms(stages["track"], "p50", digits=0), *ms(stages["draw"], "p50", digits=0)]
    return [
        name,
        f"{fps:.1f}",
        *(age if age == "-" else f"{age} ms" for age in ages),
        percent(drawn_share(row)),
        f"{row['tracked_fraction']:.3f}",
    ]


def network(folder: Path) -> str:
    """The time of each part of a picture, in sentences."""
    result = kept("network", folder)
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
    """The share of the machine's matrix peak that the fastest build reaches, in a sentence."""
    result, cell = kept("network", folder), best_cell(folder)
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
    result = kept("layers", folder)
    if result is None:
        return unmeasured("layers")
    rows = [(kind, percent(share)) for kind, share in result["shares"].items()]
    return table(("kind of operation", "of the time"), rows)


def budget(folder: Path) -> str:
    """The milliseconds of each stage, in the scene that asks for most pictures."""
    result = kept("live", folder)
    scenes = _scenes(result)
    if result is None or not scenes:
        return unmeasured("live")
    name, row = (SCENE, scenes[SCENE]) if SCENE in scenes else list(scenes.items())[-1]
    receiver = row.get("receiver")
    stages = {**row["stages_ms"], **({"receive": receiver["receive_ms"]} if receiver else {})}
    rows = [(stage, *ms(took)) for stage, took in stages.items() if took]
    whole = (
        ("captured to received", *ms(receiver["total_ms"]))
        if receiver
        else ("captured to sent", *ms(row["latency_ms"]))
    )
    head = table((f"{name}, milliseconds", *QUANTILES), [*rows, whole])
    return f"{head}\n\n{square(row['size'])}, steps {row['steps']}, {row['runtime']}, {_machine(result)}."


def growth(folder: Path) -> str:
    """A picture's cost by size, steps and number of characters, side by side."""
    result = kept("growth", folder)
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
    """The age of a picture at each receiver: plain, encrypted, and with a slow consumer."""
    result = kept("bridge", folder)
    if result is None:
        return unmeasured("bridge")
    cases: dict[str, Result] = result["cases"]
    named = (*(f"encrypted: {one}" for one in QUANTILES), *(f"slow consumer: {one}" for one in QUANTILES))
    head = ("receiver", *QUANTILES, *named)
    rows = []
    for name, title in RECEIVERS.items():
        if name in cases:
            encrypted = cases.get(f"{name}, CURVE", {}).get("arrival_ms")
            plain, slow = cases[name]["arrival_ms"], cases[name + SLOW]["used_ms"]
            rows.append([title, *ms(plain, digits=2), *ms(encrypted, digits=2), *ms(slow)])
    missed = sum(row["missed"] for row in cases.values())
    lost = f"{missed} pictures were lost" if missed else "nothing was lost"
    return f"{table(head, rows)}\n\n{_machine(result)}; {lost}."


def hostile(folder: Path) -> str:
    """The memory of each program that a peer floods, before and after it was bounded."""
    result = kept("hostile", folder)
    if result is None:
        return unmeasured("hostile")
    unbounded: dict[str, float] = result["unbounded_mib"]

    def cells(name: str, row: Result) -> list[str]:
        once = f"{unbounded[name]:.0f}" if name in unbounded else "-"
        received = str(row["received"]) if "received" in row else "-"
        return [RECEIVERS.get(name, name), once, f"{row['before_mib']:.0f}", f"{row['most_mib']:.0f}", received]

    head = ("attacked", "unbounded: most MiB", "now: before", "most", "pictures that another received")
    rows = [cells(name, row) for name, row in result["cases"].items()]
    return f"{table(head, rows)}\n\n{result['seconds']:.0f} s each; {_machine(result)}."


def soak_game(folder: Path) -> str:
    """What a controlled stream sent and its clients received, in sentences."""
    result = kept("soak_game", folder)
    if result is None:
        return unmeasured("soak_game")
    sender, resident, memory = result["sender"], result["resident"], result["memory"]["sender"]
    visits = ", ".join(
        f"{name} {row['came']} times ({row['killed']} killed)" for name, row in result["visitors"].items()
    )
    sent = ", ".join(f"{row['sent']} `{name}`" for name, row in result["commands"].items())
    faults = "; ".join(result["faults"]) or "none"
    return (
        f"In {result['minutes']:.0f} minutes, {sender['pictures']} pictures were drawn ({sender['fps']:.0f} a second), "
        f"{sender['failed']} failed. Requests: {sent}.\nClients: {visits}. "
        f"A receiver that stayed got {resident['received']} pictures and missed {resident['missed']} by their\n"
        f"numbers, of {sender['sent_pictures']} sent. The sender's memory: {memory['first_half_mib']:.0f} MiB in the "
        f"first half, {memory['second_half_mib']:.0f} in the second. Faults: {faults}.\n\n{_machine(result)}."
    )


def best_cell(folder: Path) -> Result | None:
    """The fastest build of the network with the quoted number of references."""
    cells = (kept("network", folder) or {}).get("cells", [])
    ran = [one for one in cells if one["part"] == "network" and "ms" in one and one["references"] == _REFERENCES]
    return min(ran, key=lambda one: float(one["ms"]["p50"]), default=None)


def _machine(result: Result) -> str:
    hardware = {**result["hardware"], "platform": "", "python": ""}
    return hardware_line(hardware).removesuffix(", Python ")


BLOCKS: dict[str, Render] = {
    "live": live,
    "network": network,
    "peak": peak,
    "budget": budget,
    "growth": growth,
    "bridge": bridge,
    "hostile": hostile,
    "soak_game": soak_game,
    "layers": layers,
    "smoothing": sections.smoothing_block,
    "voice": sections.voice_block,
    "live_bf16": lambda folder: live(folder / sections.BF16),
    "network_bf16": lambda folder: network(folder / sections.BF16),
    "photoreal_parity": sections.photoreal_parity,
    "photoreal_cost": sections.photoreal_cost,
    "goals": lambda folder: sections.asked_for(folder).partition("\n\n")[2],
}


def main() -> int:
    """Writes the documents; with --check, only returns 1 if one is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a document is stale")
    chosen = parser.parse_args()
    if not chosen.check:
        write()
        return 0
    for name in stale():
        print(f"{name} differs from the results: run python benchmarks/tables.py")
    return 1 if stale() else 0


if __name__ == "__main__":
    raise SystemExit(main())
