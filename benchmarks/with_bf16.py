"""Earlier results from a processor that has bf16, kept beside the present ones, because the processor decides most."""

from __future__ import annotations

from pathlib import Path

from typeset import QUANTILES, Result, ms, origin_line, part, section, square, table

FOLDER = "bf16"
_ABSENT = "Not measured yet: the results of such a processor belong into benchmarks/results/bf16.\n"


def section_of(folder: Path) -> str:
    """What an earlier commit did there, as a section of RESULTS.md."""
    live, network = (part(name, folder / FOLDER) for name in ("live", "network"))
    if live is None or network is None:
        return _ABSENT
    first = next(iter(live["scenes"].values()))
    return section(
        "Earlier, on a processor with bf16",
        f"{origin_line(first)} Two cores of another AMD EPYC, with AVX-512 and bf16, before tracking waited for its "
        "turn; sources at 30 a second, milliseconds from capture until the socket had the picture.",
        _scenes(live),
        f"The model alone ({origin_line(network)[:-1]}): {_steps(network)}.",
    )


def block(folder: Path) -> str:
    """The same in a sentence or two."""
    live, network = (part(name, folder / FOLDER) for name in ("live", "network"))
    if live is None or network is None:
        return _ABSENT
    fps = [scene["fps"] for scene in live["scenes"].values()]
    p50 = [scene["latency_ms"]["p50"] for scene in live["scenes"].values()]
    return (
        f"On two cores with AVX-512 and bf16 an earlier commit drew {min(fps):.1f} to {max(fps):.1f} pictures a second "
        f"from sources at 30,\n{min(p50):.0f} to {max(p50):.0f} ms old at the median when they were handed to the "
        f"network; one step took\n{_steps(network)} ([results/bf16](benchmarks/results/bf16))."
    )


def _scenes(live: Result) -> str:
    rows = [
        [name, f"{scene['fps']:.1f}", *ms(scene["latency_ms"]), f"{scene['runtime']}, {square(scene['size'])}"]
        for name, scene in live["scenes"].items()
    ]
    return table(("scene", "pictures a second", *QUANTILES, "runtime"), rows)


def _steps(network: Result) -> str:
    ran = [cell for cell in network["cells"] if "ms" in cell and cell["steps"] == 1]
    return ", ".join(f"{ms(cell['ms'], 'p50')[0]} ms in {cell['runtime']}" for cell in ran)
