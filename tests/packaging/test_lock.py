"""constraints.txt names a version of every dependency that pyproject.toml allows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


def test_the_lock_file_has_an_allowed_version_of_each_dependency() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = dict(re.match(r"([^=]+)==(\S+)", line).groups() for line in lines if not line.startswith("#"))  # type: ignore[union-attr, misc]
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    for one in map(Requirement, wanted):
        version = locked.get(canonicalize_name(one.name))
        assert version is not None, f"{one.name} is missing: python tools/run.py tools/lock.py"
        assert one.specifier.contains(version), f"{one.name} {version} is locked, {one.specifier} is wanted"
