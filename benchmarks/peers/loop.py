"""The same network as diffusers runs it: torch eager in the loop of a pipeline, with a flow-matching scheduler."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omote.engine.diffusion.denoiser import premultiplied
from omote.engine.diffusion.flat import Flat
from omote.engine.runtime.build import Build
from omote.engine.runtime.opening import open_network
from omote.engine.weights import networks

from .eager import loaded
from .measured import EXACT, Measured
from .ours import count, random_inputs
from .timing import Effort, timed


def measured(size: int, steps: int, effort: Effort) -> Measured:
    """One picture by `FlowMatchEulerDiscreteScheduler` and the shipped weights, in f32 as a pipeline begins."""
    file = networks()[-1]
    inputs = random_inputs(file, size)
    scheduler = importlib.import_module("diffusers").FlowMatchEulerDiscreteScheduler()
    denoiser, (noise, _, *told) = loaded(file), [torch.from_numpy(array) for array in vars(inputs).values()]
    took = timed({"denoiser": lambda: draw(denoiser, scheduler, noise, told, steps)}, effort)
    note = "the shipped weights"
    if steps == 1:
        theirs = draw(denoiser, scheduler, noise, told, steps)
        ours = open_network(file, Build("openvino", "f32", size)).run(inputs)
        apart = np.abs(theirs - _levels(premultiplied(torch.from_numpy(ours)))).max()
        note += f"; its picture and ours differ by {apart:.3f} of 255 levels at most"
    return Measured("diffusers, torch eager f32", size, steps, took, {"denoiser": count(file, size)}, EXACT, note)


@torch.inference_mode()
def draw(denoiser: Flat, scheduler: Any, noise: Tensor, told: list[Tensor], steps: int) -> NDArray[np.float32]:
    """[1,4,S,S] levels 0 to 255, premultiplied; `told` is everything that the denoiser is conditioned on."""
    scheduler.set_timesteps(steps)
    x = noise
    for t in scheduler.timesteps:
        sigma = (t / scheduler.config.num_train_timesteps).reshape(1)
        # The scheduler wants the velocity of x = (1 - t) clean + t noise, the network tells the clean picture.
        velocity = (x - premultiplied(denoiser(x, sigma, *told))) / sigma
        x = scheduler.step(velocity, t, x, return_dict=False)[0]
    return _levels(x)


def _levels(picture: Tensor) -> NDArray[np.float32]:
    return np.asarray((picture.clamp(-1, 1) * 127.5 + 127.5).numpy())
