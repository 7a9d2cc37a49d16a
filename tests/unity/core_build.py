"""Compiles the engine-free core of the Unity package, its probe and its tests.

By hand, for the probe alone: python -m tests.unity.core_build FOLDER
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from .component_build import CORE, NUNIT, Assembly, compile_into

PROBE = Assembly("probe", ("Tests~/Probe",), ("Omote.Core.dll",), is_program=True)
TESTS = Assembly("Omote.Core.Tests", ("Tests~/Core",), ("Omote.Core.dll", str(NUNIT), "System.Core.dll"))
NETMQ = Assembly("NetMQ", ("Tests~/Stubs/NetMQ",))  # only the surface of NetMQ that is used
CORE_ON_NETMQ = Assembly(CORE.name, CORE.sources, ("NetMQ.dll",), (*CORE.options, "-define:OMOTE_NETMQ"))


TRANSPORTS = ("managed", "libzmq")  # of the probe


def compile_probe(folder: Path) -> Path:
    """The probe, as `mono` runs it."""
    compile_into(folder, CORE)
    return compile_into(folder, PROBE)


def compile_tests(folder: Path) -> Path:
    """The tests, as `nunit-console` runs them."""
    compile_into(folder, CORE)
    shutil.copy(NUNIT, folder)
    return compile_into(folder, TESTS)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    print(compile_probe(folder))


if __name__ == "__main__":
    main()
