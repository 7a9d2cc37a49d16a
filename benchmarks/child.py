"""Runs a program of this folder to its end or its limit; what it started itself does not outlive it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil


def run(
    command: Sequence[str],
    limit_s: float,
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    is_heard: bool = True,
) -> subprocess.CompletedProcess[str]:
    """As `subprocess.run`: what it prints goes to the terminal, or, not `is_heard`, is given back.

    subprocess.TimeoutExpired at the limit, when all of its family has ended: an `omote live` that went on behind would
    slow down whatever is measured next.
    """
    pipe = None if is_heard else subprocess.PIPE
    with subprocess.Popen(command, cwd=cwd, env=env, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            out, said = process.communicate(timeout=limit_s)
        except BaseException:
            end(process.pid)
            raise
        return subprocess.CompletedProcess(list(command), process.returncode, out, said)


def end(pid: int) -> None:
    """The process and all that descend from it, while the one that knows them is still there."""
    try:
        parent = psutil.Process(pid)
        family = [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return
    for each in family:
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue
