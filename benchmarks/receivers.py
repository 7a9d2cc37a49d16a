"""The receivers that are measured: the reference client in Python, and the plugins' cores in C# and C++, built here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILT = ROOT / "build" / "receiver-programs"
CORE_IN_C = ROOT / "unreal_plugin" / "Omote" / "Source" / "ThirdParty" / "OmoteCore"

PYTHON, CSHARP, CSHARP_LIBZMQ, C = NAMES = ("python", "c# managed", "c# libzmq", "c++")


@dataclass(frozen=True)
class Setting:
    """What is sent in every measurement."""

    picture: str = "512x512 rgba8"
    fps: float = 60.0


SETTING = Setting()


@dataclass(frozen=True)
class Receiver:
    """A program that receives, measures and says so; `probe.py` names the flags that all of them take."""

    command: tuple[str, ...]
    has_curve: bool


def build() -> dict[str, Receiver]:
    """Every receiver that this machine can build, by name, in the order of `NAMES`."""
    here = Path(__file__).resolve().parent
    found = {PYTHON: Receiver((sys.executable, str(here / "probe.py")), has_curve=True)}
    if not _missing("mcs", "mono"):
        probe = _csharp()
        found[CSHARP] = Receiver(("mono", probe, "--transport", "managed"), has_curve=False)
        found[CSHARP_LIBZMQ] = Receiver(("mono", probe, "--transport", "libzmq"), has_curve=True)
    if not _missing("cmake"):
        found[C] = Receiver((_c(), "--transport", "libzmq"), has_curve=True)
    return found


def why_missing(name: str) -> str:
    """What a receiver that `build` left out wants."""
    return f"not installed: {_missing('cmake') if name == C else _missing('mcs', 'mono')}"


def _missing(*tools: str) -> str:
    return ", ".join(tool for tool in tools if not shutil.which(tool))


def _csharp() -> str:
    folder = BUILT / "csharp"
    _make(sys.executable, "-m", "tests.unity.core_build", str(folder))
    return str(folder / "probe.exe")


def _c() -> str:
    folder = BUILT / "c"
    _make("cmake", "-S", str(CORE_IN_C), "-B", str(folder), "-DCMAKE_BUILD_TYPE=Release")
    _make("cmake", "--build", str(folder), "--config", "Release", "--target", "probe", "--parallel")
    return str(next(path for path in folder.rglob("probe*") if path.suffix in ("", ".exe") and path.is_file()))


def _make(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
