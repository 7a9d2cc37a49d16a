"""constraints.txt names a version of every dependency that pyproject.toml allows."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
# The first version of each package without a vulnerability that was published by November 2026.
SAFE = {
    "cryptography": "50",  # CVE-2026-69247
    "diffusers": "0.38",  # CVE-2026-44513
    "msgpack": "1.2.1",  # CVE-2026-57585
    "onnx": "1.21",  # CVE-2026-27489
    "pillow": "12.3",  # PYSEC-2026-2253 to 2257
    "ray": "2.55",  # CVE-2026-32981
    "starlette": "1.3.1",  # CVE-2026-48710, CVE-2026-54283
    "transformers": "5.5",  # CVE-2026-5241
}
# Dependencies of dependencies.
SAFE_LOCKED = {
    "fonttools": "4.61",  # CVE-2025-66034
    "h11": "0.16",  # CVE-2025-43859
    "idna": "3.16",  # CVE-2026-45409
    "marshmallow": "3.26.2",  # CVE-2025-68480
    "pygments": "2.20",  # CVE-2026-4539
}


def locked() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(re.match(r"([^=]+)==(\S+)", line).groups() for line in lines if not line.startswith("#"))  # type: ignore[union-attr, misc]


def project() -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"])


def test_the_lock_file_has_an_allowed_version_of_each_dependency() -> None:
    versions = locked()
    for one in map(Requirement, project()["dependencies"]):
        version = versions.get(canonicalize_name(one.name))
        assert version is not None, f"{one.name} is missing: python tools/run.py tools/lock.py"
        assert one.specifier.contains(version), f"{one.name} {version} is locked, {one.specifier} is wanted"


def test_no_version_with_a_known_vulnerability_is_allowed_or_locked() -> None:
    extras = project()["optional-dependencies"].values()
    for one in map(Requirement, [*project()["dependencies"], *itertools.chain(*extras)]):
        if safe := SAFE.get(canonicalize_name(one.name)):
            (floor,) = (each.version for each in one.specifier if each.operator == ">=")
            assert Version(floor) >= Version(safe), f"{one.name} {floor} is allowed, and {safe} is the first safe one"
    versions = locked()
    for name, safe in {**SAFE, **SAFE_LOCKED}.items():
        if name in versions:
            assert Version(versions[name]) >= Version(safe), f"{name} {versions[name]} is locked"
