"""Runs the tests except the slow ones: no browser, no compiler, no photoreal network, no other processes."""

from __future__ import annotations

import sys

import check
import environment

SLOW = (
    *("packaging", "tools", "training", "unity", "unreal", "arc2face"),
    *(f"bridge/test_{name}.py" for name in ("control", "fuzz", "vtubestudio")),
    *(f"engine/capture/test_{name}.py" for name in ("landmarker_on_faces",)),
    *(f"engine/model/test_{name}.py" for name in ("drawings", "photos")),
    *("engine/test_ray_pool.py", "engine/test_worker_pool.py"),
    *(f"engine/offline/{name}.py" for name in ("test_render", "writers/test_sound", "writers/test_video")),
    "engine/runtime/test_tensorrt_rtx.py",
    "studio/page",
    *(f"studio/app/test_{name}.py" for name in ("characters", "jobs", "session")),
    *(f"studio/cli/test_{name}.py" for name in ("character", "interrupts", "live_failures")),
    *(f"studio/cli/test_{name}.py" for name in ("main", "monitor", "render")),
    *(f"studio/cli/test_{name}.py" for name in ("render_inputs", "render_resume", "sheet", "take")),
)


def main() -> int:
    """Returns the exit code of pytest."""
    environment.ensure()
    paths = [environment.ROOT / "tests" / name for name in SLOW]
    if missing := [str(path) for path in paths if not path.exists()]:
        raise SystemExit(f"tools/quick.py names tests that are missing: {', '.join(missing)}")
    ignored = [f"--ignore={path}" for path in paths]
    return environment.run(("-m", "pytest", *check.SIDE_BY_SIDE, *ignored, *sys.argv[1:]))


if __name__ == "__main__":
    raise SystemExit(main())
