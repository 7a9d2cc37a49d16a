"""What the live path imports in a fresh process: a first start must not wait for what it does not use."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from omote.engine.models import WeightsError, shipped_networks

LIVE_PATH = (
    "omote.engine",
    "omote.engine.model.animator",
    "omote.engine.capture.sources",
    "omote.engine.live.loop",
    "omote.studio.cli.main",
    "omote.studio.cli.live",
    "omote.studio.page.server",
)
HEAVY = ("torch", "numba", "mediapipe", "matplotlib", "onnx", "openvino_telemetry")
UNUSED_WITHOUT_A_PAGE = (
    "omote.engine.offline",
    "omote.engine.arc2face",
    "omote.engine.training",
    "omote.studio.page",
    "starlette",
    "uvicorn",
)
MAX_MODULES = 180  # of Omote; a run loads about 110
# A real run, because much is imported only when it is used.
RUN = """
import sys
from omote.studio.cli.main import main

endpoints = [f"--{name}-endpoint=tcp://127.0.0.1:*" for name in ("params", "video", "control")]
assert main(["live", "--no-page", "--seconds", "0.1", "--size", "256", "--runtime", "openvino", *endpoints]) == 0
print("LOADED", *sys.modules)
"""


def stdout_of(script: str) -> str:
    """What a fresh Python process prints that runs this."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


@pytest.mark.parametrize("module", LIVE_PATH)
def test_live_path_imports_neither_torch_nor_the_tracker(module: str) -> None:
    script = f"import sys, {module}\nprint(*(name for name in {HEAVY!r} if sys.modules.get(name)))"
    assert stdout_of(script).split() == []


def test_run_without_a_page_loads_few_modules_and_no_web_server() -> None:
    try:
        shipped_networks()
    except WeightsError as error:
        pytest.skip(str(error))
    loaded = stdout_of(RUN).partition("LOADED ")[2].split()
    assert [name for name in loaded if name.startswith(UNUSED_WITHOUT_A_PAGE)] == []
    assert len([name for name in loaded if name.partition(".")[0] == "omote"]) <= MAX_MODULES
