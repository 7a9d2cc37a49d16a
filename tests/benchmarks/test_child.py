"""A program that runs into its limit takes what it started with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import child
import psutil
import pytest

STARTS = """
import subprocess, sys, time
started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(started.pid, flush=True)
time.sleep(600)
"""


def test_what_a_program_started_ends_with_it() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTS], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout
        started = psutil.Process(int(program.stdout.readline()))
        child.end(program.pid)
        gone, _ = psutil.wait_procs([started], timeout=60.0)
    assert program.returncode
    assert gone == [started]


def test_program_that_runs_into_its_limit_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        child.run([sys.executable, "-c", "import time; time.sleep(600)"], 0.05, cwd=tmp_path)


def test_what_it_says_and_how_it_ends_is_given_back(tmp_path: Path) -> None:
    done = child.run([sys.executable, "-c", "print('a'); raise SystemExit(3)"], 60.0, cwd=tmp_path, is_heard=False)
    assert (done.returncode, done.stdout) == (3, "a\n")
