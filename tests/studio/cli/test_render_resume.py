"""A rendering that is killed, or stopped, goes on where it was and becomes the very same files."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from omote.studio.cli.main import main

OUTS = ("smile", "smile.mp4")
# Fifty pictures: a chunk of 48 and one of 2.
ASKED = ("--from", "neutral", "--to", "smile", "--seconds", "2", "--fps", "25", "--size", "128", "--threads", "1")
# `omote` with a clock that stands still for ever as soon as the first chunk is there.
PAUSING = """
import sys, time
from pathlib import Path
from omote.studio.cli import main, render

run, last = render.run, Path(sys.argv[1])

def clock_s():
    if last.exists():
        print("paused", flush=True)
        time.sleep(3600.0)
    return 0.0

render.run = lambda order: run(order, clock_s)
if __name__ == "__main__":
    raise SystemExit(main.main(sys.argv[2:]))
"""


def words(folder: Path, *more: str) -> list[str]:
    return ["render", *ASKED, *(word for out in OUTS for word in ("--out", str(folder / out))), *more]


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What comes out where nothing happens."""
    folder = tmp_path_factory.mktemp("whole")
    assert main(words(folder)) == 0
    return files(folder)


def paused(folder: Path) -> subprocess.Popen[str]:
    """A rendering of which the first chunk is done and no more will be."""
    command = [sys.executable, "-c", PAUSING, str(folder / "smile" / "000047.png"), *words(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "paused\n", process.communicate()[1]
    return process


def test_a_killed_process_is_gone_on_with_to_the_same_bytes(tmp_path: Path, whole: dict[str, bytes]) -> None:
    process = paused(tmp_path)
    process.kill()
    process.communicate()
    assert len(list((tmp_path / "smile").glob("*.png"))) == 48
    first = (tmp_path / "smile" / "000000.png").stat().st_mtime_ns
    assert main(words(tmp_path, "--resume")) == 0
    assert files(tmp_path) == whole
    assert (tmp_path / "smile" / "000000.png").stat().st_mtime_ns == first


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signal to one process")
def test_a_stopped_rendering_prints_how_to_resume(tmp_path: Path, whole: dict[str, bytes]) -> None:
    process = paused(tmp_path)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1].splitlines()[-1]
    assert process.returncode == 130
    assert said.startswith(
        f"omote render: stopped; 48 pictures kept in {tmp_path / 'smile'}. Resume with: omote render "
    )
    again = shlex.split(said.split("Resume with: omote ")[1])
    assert main([word if word != "128" else "64" for word in again]) == 2
    assert main(again) == 0
    assert files(tmp_path) == whole
    assert all(name.split("/")[0] in OUTS for name in whole)
