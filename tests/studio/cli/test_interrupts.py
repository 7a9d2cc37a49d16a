"""Ctrl-C and its like, sent to a process of its own; bounds are generous, the point is that nothing hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.studio.commands import OPENVINO
from tests.studio.running import until

PATIENCE_S = 30
HEAR_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # also under nohup
COMMAND = HEAR_CTRL_C + "import sys; from omote.studio.cli.main import main; sys.exit(main())"

STUCK = (
    HEAR_CTRL_C
    + """
import sys, time
import numpy as np
from omote.engine.face.light import studio_light
from omote.engine.data import Actor
from omote.engine.live.loop import LiveLoop
from omote.engine.live.session import LiveSession
from omote.engine.testing.drawing import FlatRenderer, painted_character
from omote.studio.cli.interrupts import exit_process

class HangingCamera:
    name, dropped = "hanging camera", 0
    def __enter__(self): return self
    def __exit__(self, *error): pass
    def read(self, timeout_s):
        print("reading", flush=True)
        while True: time.sleep(60)

nobody = painted_character("nobody")
live = LiveLoop(HangingCamera(), LiveSession(FlatRenderer(), nobody))
try:
    live.run()
except KeyboardInterrupt:
    print("ended", flush=True)
    sys.exit(exit_process(0))
"""
)

BUSY = (
    HEAR_CTRL_C
    + """
import sys, threading
from omote.studio.cli.interrupts import exit_process, run_interruptibly

def work():
    print("busy", flush=True)
    threading.Event().wait()

try:
    run_interruptibly(work)
except KeyboardInterrupt:
    sys.exit(exit_process(130))
"""
)

# Its output is closed on the other side, so that the last words cannot be said.
UNHEARD = """
import sys, threading
from omote.studio.cli.interrupts import exit_within
sys.stdin.read()
print("unheard", end="")
exit_within(0.01, 3)
threading.Event().wait()
"""

ENDED = """
import os, signal, sys, time
from omote.studio.cli.interrupts import exit_code, signals_as_interrupts

number = getattr(signal, sys.argv[1])
signal.signal(number, signal.SIG_DFL)  # also under nohup
try:
    with signals_as_interrupts():
        os.kill(os.getpid(), number)
        time.sleep(5.0)
except KeyboardInterrupt as interrupt:
    after = "as before" if signal.getsignal(number) == signal.SIG_DFL else "otherwise"
    print(f"heard {exit_code(interrupt)}, {exit_code(KeyboardInterrupt())}, and {after}")
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")


@contextmanager
def started(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process that runs this, and does not outlive the test."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-c", script, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def test_ctrl_c_ends_a_loop_whose_source_hangs() -> None:
    with started(STUCK) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE_S)
    assert said == "ended\n"
    assert process.returncode == 0


def test_ctrl_c_ends_what_is_busy_at_the_start() -> None:
    with started(BUSY) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "busy\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129)])
def test_the_exit_code_says_which_signal_it_was(name: str, code: int) -> None:
    with started(ENDED, name) as process:
        assert process.communicate(timeout=PATIENCE_S)[0] == f"heard {code}, 130, and as before\n"


def test_the_process_ends_even_if_its_output_is_closed() -> None:
    with started(UNHEARD) as process:
        assert process.stdin and process.stdout
        process.stdout.close()
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 3


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_ended_command_returns_0_and_completes_report_and_take(tmp_path: Path, name: str) -> None:
    if not (Path(__file__).parents[3] / "engine" / "weights" / "networks.json").exists():
        pytest.skip("no network is in engine/weights yet")
    report, take = tmp_path / "report.json", tmp_path / "a.csv"
    kept = ("--report", str(report), "--record", str(take))
    with started(COMMAND, "live", "--page-port", "0", *OPENVINO, *kept) as process:
        assert process.stdout is not None
        while "Ctrl-C ends" not in process.stdout.readline():
            assert process.poll() is None
        until(lambda: take.stat().st_size > 10_000, "some rows")
        process.send_signal(getattr(signal, name))
        process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert '"fps"' in report.read_text()
    assert '"fps"' in take.with_suffix(".json").read_text()  # which its last line says


# Asked to end by itself, with what was set before: in a process of its own, since the tests' one is to live on.
ASKED = """
import signal, sys
from omote.studio.cli.interrupts import signals_as_interrupts
number, before = getattr(signal, sys.argv[1]), getattr(signal, sys.argv[2])
signal.signal(number, before)
try:
    with signals_as_interrupts():
        signal.raise_signal(number)
        print("lives on")
except KeyboardInterrupt:
    print("hears Ctrl-C")
assert signal.getsignal(number) == before
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_termination_signals_are_raised_as_ctrl_c(name: str) -> None:
    with started(ASKED, name, "SIG_DFL") as process:
        assert process.communicate(timeout=PATIENCE_S)[0] == "hears Ctrl-C\n"
    assert process.returncode == 0


def test_what_is_to_outlive_its_terminal_does() -> None:
    with started(ASKED, "SIGHUP", "SIG_IGN") as process:  # as nohup does
        assert process.communicate(timeout=PATIENCE_S)[0] == "lives on\n"
    assert process.returncode == 0
