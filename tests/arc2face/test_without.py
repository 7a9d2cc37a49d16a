"""Omote without the folder of this kind: everything else loads and says what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Everything is imported, a character of the open kind is loaded, and what asks for this kind is told that it lacks.
SCRIPT = """
import importlib, pkgutil, sys
# An editable installation would find the folder in the checkout.
sys.meta_path[:] = [one for one in sys.meta_path if "_EditableFinder" not in repr(one)]
import omote.bridge, omote.calibration, omote.engine, omote.studio
left_out = ("training", "weights", "pytorch", "denoiser", "pipeline", "ray_pool", "usd")  # what extras bring
for package in (omote.bridge, omote.calibration, omote.engine, omote.studio):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".", onerror=lambda name: None):
        if not any(word in module.name for word in left_out):
            importlib.import_module(module.name)
assert not any("arc2face" in name for name in sys.modules)
from omote.engine import load_character
assert load_character("hana").references
from omote.studio.cli.main import main
for arguments in (["models"], ["characters"], ["doctor", "--help"]):
    try:
        assert main(arguments) == 0
    except SystemExit as ended:
        assert ended.code == 0
assert main(["models", "get", "arc2face"]) == 2
assert main(["live", "--character", sys.argv[1]]) == 2
"""


def test_all_else_works_in_a_copy_without_this_folder(tmp_path: Path) -> None:
    package, home = tmp_path / "build" / "omote", tmp_path / "home"
    shutil.copytree(ROOT / "build" / "omote", package, ignore=shutil.ignore_patterns("__pycache__", "arc2face"))
    assert (ROOT / "engine" / "arc2face").is_dir() and not (package / "engine" / "arc2face").exists()
    from omote.engine.arc2face.character import save
    from tests.arc2face.flat import flat_character

    save(flat_character("me", 64), tmp_path / "me.omote")
    settings = {f"XDG_{name}_HOME": str(home) for name in ("CONFIG", "DATA", "CACHE")}
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "me.omote")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **settings, "OMOTE_MODELS": str(home), "PYTHONPATH": str(package.parent)},
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert ran.stderr.count("this Omote has no photoreal characters: its folder omote.engine.arc2face is missing") == 2
