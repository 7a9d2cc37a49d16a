"""What the live path imports in a fresh process: a first start must not wait for what it does not use."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

LIVE_PATH = (
    "omote.engine",
    "omote.engine.model.animator",
    "omote.engine.capture.sources",
    "omote.engine.live.loop",
    "omote.studio.cli.main",
    "omote.studio.cli.main",  # which the command imports when it runs
    "omote.studio.page.server",
)
HEAVY = ("torch", "numba", "mediapipe", "matplotlib", "onnx", "openvino_telemetry")


@pytest.mark.parametrize("module", LIVE_PATH)
def test_live_path_imports_neither_torch_nor_the_tracker(module: str) -> None:
    script = f"import sys, {module}\nprint(*(name for name in {HEAVY!r} if sys.modules.get(name)))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout.split() == []
