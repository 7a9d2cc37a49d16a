"""A run's state on disk, and the weights that a run can begin from: another run's, a GPU's, the shipped ones."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from . import parts, shipped

FILE = "checkpoint.safetensors"


def save(run: Path, model: nn.Module, ema: nn.Module, optimiser: torch.optim.Optimizer, step: int) -> None:
    """Writes all of a run; an unfinished file never replaces a whole one."""
    state = {f"model.{k}": v.contiguous() for k, v in model.state_dict().items()}
    state |= {f"ema.{k}": v.contiguous() for k, v in ema.state_dict().items()}
    for k, slot in optimiser.state_dict()["state"].items():
        state |= {f"adam.{k}.{name}": value.contiguous() for name, value in slot.items()}
    unfinished = run / "checkpoint.part"
    save_file(state, unfinished, {"step": str(step)})
    unfinished.replace(run / FILE)


def resume(run: Path, model: nn.Module, ema: nn.Module, optimiser: torch.optim.Optimizer) -> int | None:
    """Goes on from a run's checkpoint: its step, or None where it has none."""
    path = run / FILE
    if not path.exists():
        return None
    state = load_file(path)
    for prefix, part in (("model.", model), ("ema.", ema)):
        part.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for key, value in state.items():
        if key.startswith("adam."):
            _, k, name = key.split(".")
            # The fused optimiser walks memory: its moments must lie as the parameter does, channels last.
            laid = torch.empty_like(parameters[int(k)]).copy_(value) if value.ndim else value
            moments.setdefault(int(k), {})[name] = laid
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    with safe_open(path, framework="pt") as file:
        return int(file.metadata()["step"])


def averaged(start: Path) -> dict[str, Tensor]:
    """Averaged weights of a run, of parts, or of the shipped model; FileNotFoundError where the folder has none."""
    if (start / FILE).exists():
        state = load_file(start / FILE)
        return {k.removeprefix("ema."): v for k, v in state.items() if k.startswith("ema.")}
    if (start / "networks.json").exists():
        return shipped.weights(start)
    return parts.read(start)


def take_over(model: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """Loads what fits by name and shape; returns the names of what keeps its beginning.

    ValueError where nothing fits: then these weights are of another model.
    """
    own = model.state_dict()
    fitting = {k: v for k, v in state.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise ValueError(f"none of the {len(state)} weights to begin from is one of this model's")
    model.load_state_dict(fitting, strict=False)
    return [k for k in own if k not in fitting]
