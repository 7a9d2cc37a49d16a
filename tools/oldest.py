"""Tests photoreal characters with the oldest libraries that pyproject.toml allows: `make test-photoreal-oldest`.

The newest ones are in .venv, where `make check` runs the same tests. The environment lies in .venv-oldest and is made
again when pyproject.toml changes; on Linux it takes about 6 GB, because no old torch without CUDA is on pip's index.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tomllib
import venv

import environment

FOLDER = environment.ROOT / ".venv-oldest"
PYTHON = FOLDER / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
TESTS = ("tests/arc2face", "tests/benchmarks/test_photoreal_parity.py")
TOOLS = ("pytest", "pytest-xdist", "filelock", "hypothesis", "pillow")


def floors() -> list[str]:
    """The extra "photoreal" with each library pinned to the oldest version that it allows."""
    settings = tomllib.loads((environment.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [one.replace(">=", "==") for one in settings["project"]["optional-dependencies"]["photoreal"]]


def main() -> int:
    """Returns the exit code of pytest; arguments go to it."""
    environment.link_folders()
    pins = floors()
    made_from, stamp = hashlib.sha256("\n".join([sys.version, *pins]).encode()).hexdigest(), FOLDER / "made-from"
    if not stamp.exists() or stamp.read_text() != made_from:
        venv.create(FOLDER, with_pip=True, clear=True)
        _run("-m", "pip", "--disable-pip-version-check", "install", *pins, *TOOLS, "--editable", ".")
        stamp.write_text(made_from)
    return subprocess.call([PYTHON, "-m", "pytest", *(sys.argv[1:] or TESTS)], cwd=environment.ROOT)


def _run(*arguments: str) -> None:
    subprocess.check_call([str(PYTHON), *arguments], cwd=environment.ROOT)


if __name__ == "__main__":
    raise SystemExit(main())
