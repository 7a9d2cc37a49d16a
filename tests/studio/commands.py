"""What tests of commands share: free ports, short takes, and the one line that an error prints."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike

from omote.bridge import arkit
from omote.engine.capture.take import Take
from omote.studio.cli.main import main

PORTS = tuple(f"--{name}-endpoint=tcp://127.0.0.1:*" for name in ("params", "video", "control"))  # any free ones
# Without the trial of all runtimes, and small.
OPENVINO = (*PORTS, "--runtime", "openvino", "--size", "256")


def error_line(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The error of a command: one line on stderr, exit code 2."""
    capsys.readouterr()
    try:
        code = main([str(word) for word in words])
    except SystemExit as error:  # of argparse
        code = int(error.code or 0)
    assert code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def short_take(count: int, fps: float = 30.0, confidence: ArrayLike = 1.0, **weights: ArrayLike) -> Take:
    """A still head with these ARKit weights, each a number or one for each picture."""
    rows, still = np.zeros((count, arkit.COUNT), np.float32), np.zeros((count, 3), np.float32)
    for name, values in weights.items():
        rows[:, arkit.INDEX[name]] = values
    seen = np.broadcast_to(np.asarray(confidence, np.float32), count).copy()
    return Take(fps, np.arange(count) / fps, rows, still, still, np.zeros((count, 2, 2), np.float32), seen)
