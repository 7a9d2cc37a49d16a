"""`make bench-gpu`: everything that a GPU changes, unattended, in under ten minutes, into one file.

Never run on a GPU so far; only the plan was tried, with `--device cpu`. A job that cannot run, or has no time left,
is a line with the reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from record import ROOT, keep, origin, program_of, result_parser, run_with_limit, timed

HERE = Path(__file__).resolve().parent
BUDGET_S = 570.0  # of the ten minutes; the rest is for starting and ending
SHORTEST_S = 5.0  # no job begins with less time left
PACKAGES = ("tensorrt-rtx-cu13", "tensorrt-rtx", "tensorrt", "torch", "cuda-bindings", "onnx", "openvino")
SIDES = {"cuda": (4096, 8192), "cpu": (256,)}
SAVE = "SAVE"  # stands for the result file in a command


@dataclass(frozen=True)
class GpuJob:
    """A program with a time limit; its result is the file that it saves, or the end of its output."""

    name: str
    command: tuple[str, ...]
    limit_s: float


def jobs(device: str) -> list[GpuJob]:
    """The plan, the most important jobs first; with toy counts on a CPU, which shows that it runs."""
    is_toy = device == "cpu"
    best = "openvino-f32" if is_toy else "tensorrt-rtx-f16"
    runtimes = _TOY_RUNTIMES if is_toy else _RUNTIMES
    sizes = ("256",) if is_toy else ("512", "1024")
    times = ("--times", "3", "--most-s", "0.5") if is_toy else ("--times", "500", "--most-s", "2")
    seconds = "2" if is_toy else "10"
    return [
        GpuJob("peak", (str(HERE / "gpu.py"), "--peak", "--device", device, "--save", SAVE), 60.0),
        *(_network(f"network, {name}", ("--runtime", name, *times)) for name in runtimes),
        _studio("compile", ("compile", "--runtime", best)),
        *(_live(f"live, {size}", ("--runtime", best, "--size", size, "--seconds", seconds)) for size in sizes),
        _program("jaw_code", ("--runtime", best, "--size", sizes[0], "--seconds", "6" if is_toy else "20"), 60.0),
        _program("growth", ("--only", "characters", "--runtime", best), 90.0),
        *_photoreal(device),
    ]


def _photoreal(device: str) -> list[GpuJob]:
    """Each runtime beside diffusers' pipeline; the first with TensorRT also exports, which takes minutes."""
    toy = ("--small", "--size", "64", "--times", "3", "--most-s", "0.5", "--steps", "1") if device == "cpu" else ()
    runtimes = ("pytorch-f32",) if device == "cpu" else ("pytorch-f16", "pytorch-compile-f16", "tensorrt-rtx")
    return [
        GpuJob(
            f"photoreal, {name}",
            (
                *(str(HERE / "photoreal.py"), "--device", device, "--runtime", "diffusers", "--runtime", name),
                *(*toy, "--save", SAVE),
            ),
            180.0,
        )
        for name in runtimes
    ]


_RUNTIMES = (
    *("tensorrt-rtx-f16", "pytorch-f16", "pytorch-compile-f16", "tensorrt-f16"),
    *("pytorch-bf16", "pytorch-f32", "pytorch-compile-bf16"),
)
_TOY_RUNTIMES = ("openvino-f32", "pytorch-f32", "tensorrt-rtx-f16")


def _program(name: str, arguments: tuple[str, ...], limit_s: float) -> GpuJob:
    return GpuJob(name, (str(HERE / program_of(name)[0]), *program_of(name)[1:], *arguments, "--save", SAVE), limit_s)


def _network(name: str, arguments: tuple[str, ...]) -> GpuJob:
    return GpuJob(name, (str(HERE / "network.py"), "--no-floor", *arguments, "--save", SAVE), 120.0)


def _live(name: str, arguments: tuple[str, ...]) -> GpuJob:
    scenes = ("--scene", "demo take", "--scene", "clip at 60 a second")
    return GpuJob(name, (str(HERE / "live.py"), *scenes, *arguments, "--save", SAVE), 120.0)


def _studio(name: str, arguments: tuple[str, ...]) -> GpuJob:
    return GpuJob(name, ("-m", "omote.studio.cli.main", *arguments), 120.0)


def run_job(job: GpuJob, left_s: float) -> dict[str, Any]:
    """The result of a job within its own limit and the time left."""
    if left_s < SHORTEST_S:
        return {"refused": "no time was left for it"}
    limit_s = min(job.limit_s, left_s)
    with tempfile.TemporaryDirectory() as folder:
        save = Path(folder) / "result.json"
        command = [sys.executable, *(str(save) if word == SAVE else word for word in job.command)]
        began_s = time.monotonic()
        try:
            ran = run_with_limit(command, limit_s, cwd=ROOT, is_captured=True)
        except subprocess.TimeoutExpired:
            return {"refused": f"took more than {limit_s:.0f} s"}
        took = {"seconds": round(time.monotonic() - began_s, 1)}
        if ran.returncode:
            return {**took, "refused": _last_line(ran.stderr) or f"ended with {ran.returncode}"}
        result = (
            json.loads(save.read_text(encoding="utf-8")) if save.is_file() else {"said": ran.stdout.splitlines()[-40:]}
        )
        return {**took, **{key: value for key, value in result.items() if key not in ("date", "commit", "hardware")}}


def run(plan: list[GpuJob], budget_s: float, clock: Callable[[], float] = time.monotonic) -> dict[str, Any]:
    """Runs every job in turn and prints a line as each ends."""
    began_s, found = clock(), {}
    for job in plan:
        found[job.name] = result = run_job(job, budget_s - (clock() - began_s))
        print(f"{job.name:38}{result.get('refused', str(result.get('seconds')) + ' s')}", flush=True)
    return found


def peak(device: str) -> dict[str, dict[str, float]]:
    """Billions of operations a second of PyTorch's matrix product in each precision, the best of all sizes."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    found: dict[str, dict[str, float]] = {}
    for name, kind in (("f16", torch.float16), ("bf16", torch.bfloat16), ("f32", torch.float32)):
        for side in SIDES[device]:
            left, right = (torch.randn(side, side, device=device, dtype=kind) for _ in range(2))

            def product(left: torch.Tensor = left, right: torch.Tensor = right) -> None:
                torch.matmul(left, right)
                if device == "cuda":
                    torch.cuda.synchronize()

            gops = 2.0 * side**3 / timed(product, 20, most_s=2.0)["p50"] / 1e6
            if gops > found.get(name, {}).get("gops", 0.0):
                found[name] = {"gops": round(gops, 1), "side": side}
    return found


def packages() -> dict[str, str]:
    """Versions of the packages that decide the figures."""
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


def main() -> None:
    parser = result_parser(__doc__.partition("\n")[0] if __doc__ else None, "gpu")
    parser.add_argument("--device", choices=tuple(SIDES), default="cuda", help="cpu: a dry run at toy counts")
    parser.add_argument("--peak", action="store_true", help="measure only how fast matrices are multiplied")
    parser.add_argument("--budget-s", type=float, default=BUDGET_S, help="for everything (default: %(default)s)")
    chosen = parser.parse_args()
    made = origin()
    if chosen.device == "cuda" and not made["hardware"]["gpus"]:
        parser.error("no NVIDIA GPU, or no driver for it, was found; --device cpu tries the plan at toy counts")
    if chosen.peak:
        keep({**made, "peaks": peak(chosen.device)}, chosen.save)
        return
    found = run(jobs(chosen.device), chosen.budget_s)
    keep({**made, "device": chosen.device, "packages": packages(), "jobs": found}, chosen.save)


if __name__ == "__main__":
    main()
