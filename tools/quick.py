"""The tests without those that take long: no browser, no compiler, no photoreal network, no other processes."""

from __future__ import annotations

import sys

import check
import environment

SLOW = (
    *("packaging", "tools", "training", "unity", "unreal", "engine/arc2face", "engine/photoreal"),
    *(f"bridge/test_{name}.py" for name in ("control", "fuzz", "gate", "peer", "vtubestudio")),
    *(f"engine/capture/test_{name}.py" for name in ("landmarker_on_faces", "two_people")),
    *(f"engine/model/test_{name}.py" for name in ("drawings", "photos")),
    *(f"engine/offline/{name}.py" for name in ("test_crew", "test_easel", "writing/test_sound", "writing/test_video")),
    "engine/runtime/test_tensorrt_rtx.py",
    *(f"studio/test_{name}.py" for name in ("casting", "character", "command", "compile_photoreal", "control_page")),
    *(f"studio/test_{name}.py" for name in ("desk", "doctor_photoreal", "ending", "live_photoreal", "monitor", "page")),
    *(f"studio/test_{name}.py" for name in ("page_api", "page_in_chromium", "render_command", "render_killed")),
    *(f"studio/test_{name}.py" for name in ("robustness", "sheet", "takes")),
)


def main() -> int:
    """pytest's exit code."""
    environment.ensure()
    paths = [environment.ROOT / "tests" / name for name in SLOW]
    if gone := [str(path) for path in paths if not path.exists()]:
        raise SystemExit(f"tools/quick.py names tests that are not there: {', '.join(gone)}")
    ignored = [f"--ignore={path}" for path in paths]
    return environment.run(("-m", "pytest", *check.SIDE_BY_SIDE, *ignored, *sys.argv[1:]))


if __name__ == "__main__":
    raise SystemExit(main())
