"""The environment in .venv and its link folder: made once, and again when pyproject.toml changes."""

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

# The CPU build, if the package index has it under this version. CONTRIBUTING.md says how to point pip at such an index.
TORCH = "torch==2.13.0" if sys.platform == "linux" else "torch"


def ensure() -> None:
    """Makes the environment, unless this Python made it from this pyproject.toml."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SystemExit(f"this is Python {found}, Omote needs 3.11 to 3.13: run the command with one of these")
    link_folders()
    wanted = _made_from()
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        return
    venv.create(VENV, with_pip=True, clear=True)
    _pip("install", TORCH)
    _pip("install", "--constraint", "constraints.txt", "--editable", ".[dev,training,onnxruntime]")
    STAMP.write_text(wanted)


def run(arguments: Sequence[str]) -> int:
    """Runs the environment's Python with these arguments in the root of the repository; returns the exit code."""
    return subprocess.call([str(PYTHON), *arguments], cwd=ROOT, env=_variables())


def capture(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """As `run`, with everything that is printed in `stdout`."""
    return subprocess.run(
        [str(PYTHON), *arguments],
        cwd=ROOT,
        env=_variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )


def _variables() -> dict[str, str]:
    """The environment variables of a run."""
    # UTF-8 on Windows too, where some characters that checks print would be an error.
    variables = {**os.environ, "PYTHONUTF8": "1"}
    # Tests start hundreds of processes: each module is compiled once for all of them.
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    return variables


def link_folders() -> None:
    """Links build/omote/engine to engine/ and so on, so that tools find `omote.engine` by its name."""
    LINKS.mkdir(parents=True, exist_ok=True)
    for folder in FOLDERS:
        link = LINKS / folder
        if link.exists():
            continue
        if os.name == "nt":
            # A junction, because a symbolic link needs an administrator.
            subprocess.check_call(["cmd", "/c", "mklink", "/J", str(link), str(ROOT / folder)])
        else:
            link.symlink_to(Path("..") / ".." / folder, target_is_directory=True)
    for file in ROOT.joinpath("package").iterdir():
        if file.is_file():
            shutil.copyfile(file, LINKS / file.name)  # a link to a file needs an administrator on Windows


def _made_from() -> str:
    settings = (ROOT / "pyproject.toml").read_bytes()
    return f"python {sys.version.split()[0]}, {TORCH}, pyproject {hashlib.sha256(settings).hexdigest()}"


def _pip(*arguments: str) -> None:
    subprocess.check_call([str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments], cwd=ROOT)
