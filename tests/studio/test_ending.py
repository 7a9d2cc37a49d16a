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

from tests.studio.running import until

PATIENCE_S = 30
HEAR_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # also under nohup
COMMAND = HEAR_CTRL_C + "import sys; from omote.studio.cli.main import main; sys.exit(main())"
PORTS = tuple(f"--{name}-endpoint=tcp://127.0.0.1:*" for name in ("params", "video", "control"))  # any that are free
HERE = (*PORTS, "--runtime", "openvino")  # which runtime is fastest here is no matter of these tests

STUCK = (
    HEAR_CTRL_C
    + """
import sys, time
import numpy as np
from omote.engine.face.light import studio_light
from omote.engine.testing.artist import FlatArtist
from omote.engine.live import Live
from omote.engine.nouns import Actor
from omote.engine.testing.characters import painted_character
from omote.studio.ending import leave

class HangingCamera:
    name, dropped = "hanging camera", 0
    def __enter__(self): return self
    def __exit__(self, *error): pass
    def read(self, timeout_s):
        print("reading", flush=True)
        while True: time.sleep(60)

nobody = painted_character("nobody")
live = Live(HangingCamera(), FlatArtist(), nobody, Actor(), studio_light(), [])
try:
    live.run()
except KeyboardInterrupt:
    print("ended", flush=True)
    sys.exit(leave(0))
"""
)

BUSY = (
    HEAR_CTRL_C
    + """
import sys, threading
from omote.studio.ending import interruptibly, leave

def work():
    print("busy", flush=True)
    threading.Event().wait()

try:
    interruptibly(work)
except KeyboardInterrupt:
    sys.exit(leave(130))
"""
)

# Its output is closed on the other side, so that the last words cannot be said.
UNHEARD = """
import sys, threading
from omote.studio.ending import end_within
sys.stdin.read()
print("unheard", end="")
end_within(0.01, 3)
threading.Event().wait()
"""

ENDED = """
import os, signal, sys, time
from omote.studio.ending import exit_code, stoppable

number = getattr(signal, sys.argv[1])
signal.signal(number, signal.SIG_DFL)  # also under nohup
try:
    with stoppable():
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


def test_the_process_ends_even_where_nobody_takes_its_last_words() -> None:
    with started(UNHEARD) as process:
        assert process.stdin and process.stdout
        process.stdout.close()
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 3


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_whoever_ends_the_command_it_ends_with_0_and_report_and_take_are_whole(tmp_path: Path, name: str) -> None:
    if not (Path(__file__).parents[2] / "engine" / "weights" / "networks.json").exists():
        pytest.skip("no network is in engine/weights yet")
    report, take = tmp_path / "report.json", tmp_path / "a.csv"
    kept = ("--report", str(report), "--record", str(take))
    with started(COMMAND, "live", "--page-port", "0", *HERE, *kept) as process:
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
from omote.studio.ending import stoppable
number, before = getattr(signal, sys.argv[1]), getattr(signal, sys.argv[2])
signal.signal(number, before)
try:
    with stoppable():
        signal.raise_signal(number)
        print("lives on")
except KeyboardInterrupt:
    print("hears Ctrl-C")
assert signal.getsignal(number) == before
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_who_is_asked_to_end_by_the_system_or_by_a_terminal_that_closes_hears_it_as_ctrl_c(name: str) -> None:
    with started(ASKED, name, "SIG_DFL") as process:
        assert process.communicate(timeout=PATIENCE_S)[0] == "hears Ctrl-C\n"
    assert process.returncode == 0


def test_what_is_to_outlive_its_terminal_does() -> None:
    with started(ASKED, "SIGHUP", "SIG_IGN") as process:  # as nohup does
        assert process.communicate(timeout=PATIENCE_S)[0] == "lives on\n"
    assert process.returncode == 0
