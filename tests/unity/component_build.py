"""Compiles the Unity package as Unity would, against the stand-ins for Unity, and its tests with it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "unity_plugin"
NUNIT = Path("/usr/lib/cli/nunit.framework-2.6.3/nunit.framework.dll")
_TOOLS = ("mcs", "mono", "nunit-console")
# Fields that only Unity's serialiser assigns look unassigned; what is obsolete is NUnit's own.
_COMMON = ("-langversion:7.2", "-warn:4", "-warnaserror+", "-nowarn:0169,0414,0649,0618", "-debug")

_NOT_EMPTY = "no C# source stands there"


@dataclass(frozen=True)
class Assembly:
    """One assembly: where its sources stand, what it needs, and what is defined while it is compiled."""

    name: str
    sources: tuple[str, ...]
    references: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    is_program: bool = False

    @property
    def file(self) -> str:
        return self.name + (".exe" if self.is_program else ".dll")


_ENGINE = Assembly("UnityEngine", ("Tests~/Stubs/UnityEngine",))
_EDITOR = Assembly("UnityEditor", ("Tests~/Stubs/UnityEditor",), ("UnityEngine.dll",))
CORE = Assembly("Omote.Core", ("Runtime/Internal", "Runtime/Interop"))
_UNITY = ("UnityEngine.dll", "Omote.Core.dll")
_RUNTIME = Assembly(
    "Omote.Runtime",
    ("Runtime/Component",),
    (*_UNITY, "UnityEditor.dll"),
    ("-define:UNITY_EDITOR",),
)
PLAYER = Assembly("Omote.Runtime", ("Runtime/Component",), _UNITY)  # as a build of a game has it
_INSPECTORS = Assembly(
    "Omote.Editor",
    ("Editor",),
    (*_UNITY, "UnityEditor.dll", "Omote.Runtime.dll"),
    ("-define:UNITY_EDITOR",),
)
_VRM_STUBS = tuple(Assembly(name, (f"Tests~/Stubs/{name}",), ("UnityEngine.dll",)) for name in ("UniVRM10", "VRM"))
_VRM = tuple(
    Assembly(f"Omote.{name}", (f"Runtime/{name}",), (*_UNITY, "Omote.Runtime.dll", stub.file))
    for name, stub in zip(("Vrm10", "Vrm0"), _VRM_STUBS, strict=True)
)
SAMPLES = Assembly("Assembly-CSharp", ("Samples~",), (*_UNITY, "Omote.Runtime.dll"))
TESTS = Assembly(
    "Omote.Runtime.Tests",
    ("Tests~/Component",),
    (
        *(*_UNITY, "UnityEditor.dll", "Omote.Runtime.dll", "Omote.Editor.dll", str(NUNIT), "System.Core.dll"),
        *(assembly.file for assembly in (*_VRM_STUBS, *_VRM)),
    ),
    is_program=True,
)
USED_API = Assembly("usedapi", ("Tests~/Api",), ("System.Core.dll",), is_program=True)
STAND_INS = (_ENGINE, _EDITOR, *_VRM_STUBS)
PRODUCT = (_RUNTIME, _INSPECTORS, *_VRM)
ALL = (_ENGINE, _EDITOR, CORE, _RUNTIME, _INSPECTORS, *_VRM_STUBS, *_VRM, TESTS)


def missing_tool() -> str | None:
    """Which tool is not installed here, if one is not."""
    if not NUNIT.exists():
        return str(NUNIT)
    return next((tool for tool in _TOOLS if not shutil.which(tool)), None)


def compile_into(folder: Path, assembly: Assembly, package: Path = PACKAGE) -> Path:
    """The compiled file; the compiler's words in an AssertionError where it refuses. Warnings are refusals."""
    sources = [str(path) for root in assembly.sources for path in sorted((package / root).rglob("*.cs"))]
    assert sources, f"{assembly.sources}: {_NOT_EMPTY}"
    built = folder / assembly.file
    target = "-target:exe" if assembly.is_program else "-target:library"
    references = [f"-r:{name}" for name in assembly.references]
    command = ["mcs", *_COMMON, *assembly.options, target, f"-out:{built}", f"-lib:{folder}", *references, *sources]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"mcs refused {assembly.name}:\n{done.stdout}{done.stderr}"
    return built


def compile_all(folder: Path) -> Path:
    """The folder, with every assembly in it and what they need to run."""
    for assembly in ALL:
        compile_into(folder, assembly)
    shutil.copy(NUNIT, folder)
    return folder
