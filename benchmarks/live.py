"""Speed and age of pictures from end to end, stage by stage, with a receiver in a process of its own."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from performance import Performance, PerformanceError, play
from record import ROOT, keep_rows, origin

CLIPS = ROOT.parent / "shared" / "media"
COLUMNS = ("p50", "p95", "p99")


@dataclass(frozen=True)
class Scene:
    """A performance by name; `clip` is a file in the folder of clips, or none."""

    name: str
    clip: str = ""
    fps: float = 30.0
    seconds: float = 20.0
    size: int | None = None
    budget_ms: float | None = None


# The first of those at 60 a second is the one that must show it: more pictures than two cores can draw, for a minute.
SCENES = (
    Scene("demo take"),
    Scene("clip, smile and gaze", "d0.mp4"),
    Scene("clip, talk", "d12.mp4"),
    Scene("clip, wide mouth", "d18.mp4"),
    Scene("clip at 60 a second", "d0.mp4", fps=60.0, seconds=60.0),
    Scene("clip at 60 a second, 1024x1024", "d0.mp4", fps=60.0, size=1024),
    Scene("clip at 60 a second, budget 100 ms", "d0.mp4", fps=60.0, seconds=90.0, budget_ms=100.0),
)


def measured(scene: Scene, clips: Path, seconds: float | None, runtime: str | None, size: int | None) -> dict[str, Any]:
    """What the loop and a receiver saw; or why there is nothing to see."""
    source = str(clips / scene.clip) if scene.clip else "demo"
    if scene.clip and not Path(source).is_file():
        return {"refused": f"no clip {scene.clip}: name the folder with --clips"}
    performance = Performance(
        source, scene.fps, seconds or scene.seconds, scene.size or size, runtime=runtime, budget_ms=scene.budget_ms
    )
    try:
        seen = play(performance)
    except PerformanceError as error:
        return {"refused": str(error)}
    report = {key: value for key, value in seen.report.items() if key != "hardware"}
    return {"asked_fps": scene.fps, **report, "receiver": seen.receivers[0]}


def table(name: str, told: dict[str, Any]) -> str:
    """One scene for the terminal."""
    if "refused" in told:
        return f"\n{name}: left out, {told['refused']}"
    receiver, stages = told["receiver"], {**told["stages_ms"], "receive": told["receiver"]["receive_ms"]}
    lines = [
        f"\n{name}: {told['runtime']}, {told['size']}x{told['size']}, steps {told['steps']}",
        f"  {told['fps']:.1f} pictures a second drawn, {receiver['fps']:.1f} received, {receiver['new']} new",
        f"  dropped {told['dropped']}, tracked {told['tracked_fraction']:.3f}",
        f"  {'milliseconds':20}" + "".join(f"{column:>8}" for column in COLUMNS),
    ]
    for stage, took in {"captured to received": receiver["total_ms"], **stages}.items():
        if took:
            lines.append(f"  {stage:20}" + "".join(f"{took[column]:8.1f}" for column in COLUMNS))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, default=CLIPS, help="folder of the video files (default: %(default)s)")
    parser.add_argument("--scene", action="append", choices=[scene.name for scene in SCENES], help="only this one")
    parser.add_argument("--seconds", type=float, help="of each scene, instead of its own")
    parser.add_argument("--runtime", help="as `omote live` takes it")
    parser.add_argument("--size", type=int, help="as `omote live` takes it")
    parser.add_argument("--save", type=Path, help="where to keep the result, as benchmarks/results/live.json")
    chosen = parser.parse_args()
    told, scenes = origin(), {}
    for scene in SCENES:
        if not chosen.scene or scene.name in chosen.scene:
            result = measured(scene, chosen.clips, chosen.seconds, chosen.runtime, chosen.size)
            print(table(scene.name, result), flush=True)
            scenes[scene.name] = {**told, **result}
    keep_rows(told, "scenes", scenes, chosen.save, is_whole=not chosen.scene)


if __name__ == "__main__":
    main()
