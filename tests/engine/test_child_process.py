"""Modules that run in a child process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from omote.engine.child_process import ChildCancelled, run_child

PATIENCE_S = 60.0
ECHO = """
import sys
print("said", *sys.argv[1:], sys.stdin.read(), flush=True)
print("mistaken", file=sys.stderr)
sys.exit(3)
"""
SLEEP = """
import os, sys, time
from pathlib import Path
Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(600)
"""
PARENT = "import sys; from omote.engine.child_process import run_child; run_child(*sys.argv[1:], timeout_s=600.0)"


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules that every Python finds."""
    (tmp_path / "echo_module.py").write_text(ECHO)
    (tmp_path / "sleep_module.py").write_text(SLEEP)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)


def test_a_module_gets_its_words_and_its_stdin_and_says_how_it_ended() -> None:
    done = run_child("echo_module", "one", "two words", sent=b"sent", timeout_s=PATIENCE_S)
    assert (done.stdout.strip(), done.stderr.strip(), done.returncode) == (b"said one two words sent", b"mistaken", 3)


def test_a_child_ends_at_its_limit_and_when_it_is_cancelled(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with pytest.raises(subprocess.TimeoutExpired):
        run_child("sleep_module", str(pid), timeout_s=0.0)
    with pytest.raises(ChildCancelled, match="it was cancelled"):
        run_child("sleep_module", str(pid), timeout_s=PATIENCE_S, is_cancelled=pid.exists)
    assert not psutil.pid_exists(int(pid.read_text()))


def test_a_child_ends_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", PARENT, "sleep_module", str(pid)]) as parent:
        until_s = time.monotonic() + PATIENCE_S
        while not pid.exists() or not pid.read_text():
            assert time.monotonic() < until_s, "the child did not begin"
            time.sleep(0.01)
        child = psutil.Process(int(pid.read_text()))
        parent.kill()
    assert psutil.wait_procs([child], PATIENCE_S)[0] == [child]
