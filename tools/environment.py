"""The project's own environment in .venv, with its link folder; made once, and again when pyproject.toml changes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LINKS = ROOT / "build" / "omote"
STAMP = VENV / "made-from"
FOLDERS = ("bridge", "calibration", "engine", "studio")
OLDEST, NEWEST = (3, 11), (3, 13)

# The CPU build where the package index offers it under this version; CONTRIBUTING.md tells how to point pip at one.
TORCH = "torch==2.13.0" if sys.platform == "linux" else "torch"


def ensure() -> None:
    """Makes the environment unless it is there and made from this pyproject.toml by this Python."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SystemExit(f"this is Python {found}, Omote wants 3.11 to 3.13: run the command with such a python")
    link_folders()
    wanted = _made_from()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    venv.create(VENV, with_pip=True, clear=True)
    _pip("install", TORCH)
    _pip("install", "--editable", ".[dev,training,onnxruntime]")
    STAMP.write_text(wanted)


def run(arguments: Sequence[str]) -> int:
    """The exit code of the environment's Python with these arguments, run in the repository's root."""
    return subprocess.call([str(PYTHON), *arguments], cwd=ROOT, env=_with_utf8())


def capture(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """As `run`, with all that is printed in `stdout`."""
    return subprocess.run(
        [str(PYTHON), *arguments],
        cwd=ROOT,
        env=_with_utf8(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )


def _with_utf8() -> dict[str, str]:
    """UTF-8 on Windows too, where a check's ornaments would otherwise end it."""
    return {**os.environ, "PYTHONUTF8": "1"}


def link_folders() -> None:
    """Lets build/omote/engine lead to engine/ and so on, so that tools find `omote.engine` where its name says."""
    LINKS.mkdir(parents=True, exist_ok=True)
    for folder in FOLDERS:
        link = LINKS / folder
        if link.exists():
            continue
        if os.name == "nt":
            # A junction, because a symbolic link wants an administrator there.
            subprocess.check_call(["cmd", "/c", "mklink", "/J", str(link), str(ROOT / folder)])
        else:
            link.symlink_to(Path("..") / ".." / folder, target_is_directory=True)
    for file in ROOT.joinpath("package").iterdir():
        if file.is_file():
            shutil.copyfile(file, LINKS / file.name)  # a file's link would want an administrator on Windows


def _made_from() -> str:
    settings = (ROOT / "pyproject.toml").read_bytes()
    return f"python {sys.version.split()[0]}, {TORCH}, pyproject {hashlib.sha256(settings).hexdigest()}"


def _pip(*arguments: str) -> None:
    subprocess.check_call([str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments], cwd=ROOT)
