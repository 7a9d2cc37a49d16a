"""Speed and latency of the whole loop on this machine, from a source at 30 pictures a second to ZeroMQ."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from omote.bridge.endpoint import PARAMS_ENDPOINT, VIDEO_ENDPOINT
from omote.bridge.subscriber import Subscriber
from omote.engine.training.provenance import provenance

WARM_UP_S = 3


def main() -> None:
    """Runs `omote live` twice, to warm up and to measure, and prints the second report, the hardware first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="demo", help="as in `omote live` (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=20, help="how long to measure (default: %(default)s)")
    parser.add_argument("--save", type=Path, help="where to keep the report, for instance benchmarks/results/live.json")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        _live(chosen.source, WARM_UP_S, report)
        _live(chosen.source, chosen.seconds, report)
        measured = json.loads(report.read_text())
        if chosen.save:
            chosen.save.parent.mkdir(parents=True, exist_ok=True)
            kept = {**provenance(), **measured}
            chosen.save.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    print(_table(measured))


def _live(source: str, seconds: float, report: Path) -> None:
    arguments = ["--source", source, "--fps", "30", "--loop", "--no-page", "--seconds", str(seconds)]
    live = [sys.executable, "-m", "omote.studio.command", "live", *arguments, "--report", str(report)]
    # Somebody listens, as a game engine would: else nothing is encoded and the last stage costs nothing.
    with Subscriber(VIDEO_ENDPOINT), Subscriber(PARAMS_ENDPOINT):
        subprocess.run(live, check=True, stdout=subprocess.DEVNULL)


def _table(report: dict[str, Any]) -> str:
    lines = [
        f"hardware  {report['hardware']}",
        f"runtime   {report['runtime']}, {report['size']}x{report['size']}, steps: {report['steps']}",
        f"pictures  {report['pictures']}, {report['fps']:.1f} a second, dropped: {report['dropped']}",
        f"tracked   {report['tracked_fraction']:.3f}",
        "",
        f"{'milliseconds':14}{'p50':>8}{'p95':>8}{'p99':>8}",
    ]
    if report["latency_ms"] is None:
        return "\n".join([*lines[:4], "nothing was sent"])
    for name, took in {"all": report["latency_ms"], **report["stages_ms"]}.items():
        lines.append(f"{name:14}{took['p50']:8.1f}{took['p95']:8.1f}{took['p99']:8.1f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
