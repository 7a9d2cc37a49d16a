"""Ctrl-C, sent to a process of its own; bounds are generous, the point is that nothing hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PATIENCE_S = 30
HEAR_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # also under nohup
COMMAND = HEAR_CTRL_C + "import sys; from omote.studio.command import main; sys.exit(main())"
HERE = ("--params-endpoint", "tcp://127.0.0.1:*", "--video-endpoint", "tcp://127.0.0.1:*")

STUCK = (
    HEAR_CTRL_C
    + """
import sys, time
import numpy as np
from omote.engine.face.light import studio_light
from omote.engine.flat_artist import FlatArtist
from omote.engine.live import Live
from omote.engine.nouns import Actor, Character
from omote.studio.ending import leave

class HangingCamera:
    name, dropped = "hanging camera", 0
    def __enter__(self): return self
    def __exit__(self, *error): pass
    def read(self, timeout_s):
        print("reading", flush=True)
        while True: time.sleep(60)

nobody = Character("nobody", *(np.zeros((1,) * n, np.float32) for n in (1, 1, 3, 2)), "", "", "")
live = Live(HangingCamera(), FlatArtist(), nobody, Actor(), studio_light(), [])
try:
    live.run()
except KeyboardInterrupt:
    print("ended", flush=True)
    sys.exit(leave(0))
"""
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")


def started(script: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )


def test_ctrl_c_ends_a_loop_whose_source_hangs() -> None:
    with started(STUCK) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE_S)
    assert said == "ended\n"
    assert process.returncode == 0


def test_ctrl_c_ends_the_command_with_0_and_the_report_is_there(tmp_path: Path) -> None:
    if not (Path(__file__).parents[2] / "engine" / "weights" / "networks.json").exists():
        pytest.skip("no network is in engine/weights yet")
    report = tmp_path / "report.json"
    with started(COMMAND, "live", "--page-port", "0", *HERE, "--report", str(report)) as process:
        assert process.stdout is not None
        while "Ctrl-C ends" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert '"fps"' in report.read_text()
