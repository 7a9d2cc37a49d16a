"""Writes constraints.txt: one version of each package that Omote needs, for all systems, as in the environment here.

It asks uv (`pip install uv`) to resolve pyproject.toml with the versions that are installed here, which the checks use.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "constraints.txt"
HEADING = """\
# One version of each package that Omote needs, with which its checks ran; written by tools/lock.py.
# pip install -c constraints.txt .        uv tool install -c constraints.txt .
# pipx install --pip-args="-c constraints.txt" .
"""


def main() -> int:
    uv = shutil.which("uv")
    if uv is None:
        print("uv is missing: pip install uv", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        installed = Path(folder) / "installed.txt"
        installed.write_text(
            "".join(
                f"{one.name}=={one.version.partition('+')[0]}\n"
                for one in metadata.distributions()
                if one.name != "omote"
            )
        )
        command = [uv, "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11", "--quiet"]
        options = ["--no-header", "--no-annotate", "--constraint", str(installed)]
        done = subprocess.run([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0:
        LOCK.write_text(HEADING + done.stdout, encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
