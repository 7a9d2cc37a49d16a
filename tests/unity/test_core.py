"""The engine-free core of the Unity package compiles as Unity has it, and passes its own tests."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from . import component_build, core_build

DATA = Path(__file__).parents[1] / "data"
LEAST_TESTS = 118

pytestmark = pytest.mark.skipif(
    component_build.missing_tool() is not None, reason=f"not installed here: {component_build.missing_tool()}"
)


def test_tests_of_the_core_pass(tmp_path: Path) -> None:
    tests = core_build.compile_tests(tmp_path)
    command = ["nunit-console", "-nologo", "-noshadow", "-noresult", str(tests)]
    environment = os.environ | {"OMOTE_TEST_DATA": str(DATA)}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=600, cwd=tmp_path, env=environment
    )
    said = re.search(r"Tests run: (\d+), Errors: (\d+), Failures: (\d+)", done.stdout)
    assert said, done.stdout + done.stderr
    run, errors, failures = map(int, said.groups())
    assert (errors, failures) == (0, 0), done.stdout
    assert run >= LEAST_TESTS, "tests were lost on the way"


def test_core_compiles_with_netmq(tmp_path: Path) -> None:
    component_build.compile_into(tmp_path, core_build.NETMQ)
    component_build.compile_into(tmp_path, core_build.CORE_ON_NETMQ)
