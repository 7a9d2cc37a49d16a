"""Omote's own network, by the runtime that shows pictures live: one step, or as many as a teacher takes."""

from __future__ import annotations

import numpy as np

from omote.engine.diffusion import sampler
from omote.engine.runtime.build import Build
from omote.engine.runtime.network import Array, Inputs, RuntimeUnavailable
from omote.engine.runtime.opening import open_network
from omote.engine.weights import NetworkFile, networks

from .measured import EXACT, Count, Measured, Refused
from .timing import Effort, timed

_SEED = 20261122


def random_inputs(file: NetworkFile, size: int) -> Inputs:
    """Of the right shapes: what a step costs does not depend on the numbers. From pure noise, as one step begins."""
    rng = np.random.default_rng(_SEED)
    arrays = {
        name: rng.standard_normal(shape).astype(np.float32) * np.float32(0.5)
        for name, shape in file.shapes(size).items()
    }
    whole = {"x": sampler.fixed_noise(size), "t": np.ones(1, np.float32), "present": np.ones((1, 1), np.float32)}
    return Inputs(**{**arrays, **whole})


def measured(size: int, precision: str, steps: int, effort: Effort) -> Measured:
    """One picture of the shipped network; `precision` "" is the best that keeps the picture."""
    file = networks()[-1]
    try:
        network = open_network(file, Build("openvino", precision, size))
    except RuntimeUnavailable as error:
        raise Refused(str(error)) from error
    if not network.name.endswith(precision):
        raise Refused(f"asked for {precision}, found {network.name}")
    inputs = random_inputs(file, size)

    def draw() -> Array:
        return sampler.sample(lambda x, t: network.run(inputs.at(x, t)), inputs.x, steps)

    took = timed({"denoiser": draw}, effort)
    return Measured(network.name, size, steps, took, {"denoiser": count(file, size)}, EXACT, _note(steps))


def _note(steps: int) -> str:
    if steps <= max(sampler.STEPS):
        return "the shipped student; tracking, maps and tone apart"
    return "the shipped student called as often as its teacher, which has the same shape and is not shipped"


def count(file: NetworkFile, size: int) -> Count:
    """Of the network in torch."""
    # Only now, so that torch is not there while OpenVINO is measured: both keep threads of their own.
    from .counting import counted
    from .eager import eager

    return counted(eager, tuple(file.shapes(size).values()))
