"""The machine, as results name it."""

from __future__ import annotations

from omote.engine.hardware import cpu_flags, this_machine

CPUINFO = """processor\t: 0
model name\t: AMD EPYC 9454
flags\t\t: fpu avx2 fma avx512f avx512_bf16 avx512_vnni
processor\t: 1
flags\t\t: fpu
"""


def test_only_the_flags_that_decide_how_fast_matrices_are_multiplied_are_told() -> None:
    assert cpu_flags(CPUINFO) == ("avx2", "avx512f", "avx512_bf16", "avx512_vnni")


def test_text_without_flags_tells_none() -> None:
    assert cpu_flags("Features : asimd") == ()


def test_this_machine_has_a_processor_cores_and_memory() -> None:
    machine = this_machine()
    assert machine.cpu and machine.cores >= 1
    assert machine.memory_gib is None or machine.memory_gib > 0.0
