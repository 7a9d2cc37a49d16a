"""Node and the packages of `clients/js`, where they are installed; nothing is fetched."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "js"
NODE = shutil.which("node")
PATIENCE_S = 120.0

needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")


def require_packages(*names: str) -> None:
    """Skips the test if one of these packages is missing."""
    missing = [name for name in names if not (CLIENT / "node_modules" / name / "package.json").is_file()]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}; npm install --prefix clients/js")


def run_node(*arguments: str | Path) -> str:
    """What node prints; fails if it ends with an error."""
    done = subprocess.run(
        [str(NODE), *map(str, arguments)], check=False, cwd=CLIENT, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
